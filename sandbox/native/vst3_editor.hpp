// SPDX-License-Identifier: GPL-3.0-or-later
//
// The editor of a VST3 plugin, in windows of X11 that somebody else has made. On the main thread.
//
// What plays is minihost's, which gives no editor and keeps the plugin's controller to itself. So
// this makes one more instance, which never plays: its processor tells its controller its state, as
// hosts have them do, and its controller makes the view. Values go from the one to the other by
// whoever holds both.
#pragma once

#include <string>

#include "sandbox/native/vst3_host.hpp"

namespace isobooth::sandbox {

class Vst3Editor {
public:
    // `module`: the library in the bundle; `class_id`: 32 hexadecimal digits. Throws
    // std::runtime_error if there is no such plugin, or none with an editor's half.
    Vst3Editor(const std::string& module, const std::string& class_id);
    ~Vst3Editor();
    Vst3Editor(const Vst3Editor&) = delete;
    Vst3Editor& operator=(const Vst3Editor&) = delete;

    // Throws std::runtime_error if there is none for such a window, or if it cannot be opened.
    void open(unsigned long window);
    void close() noexcept;  // repeatable

    // As long as it is open; else 0 × 0.
    EditorSize size() const { return frame_.size(); }
    // The plugin may take another size, or stay as it is.
    void resize(EditorSize wanted);
    bool can_resize() const { return view_ && view_->can_resize() == vst3::kOk; }

    // Timers and descriptors, while it is open.
    void idle() { frame_.turn(); }

    // What the controller shows, and what the user has changed in it; normalized.
    void set_value(std::uint32_t parameter, double value);
    std::vector<Vst3Handler::Edit> take_edits() { return handler_.take_edits(); }

private:
    void create(vst3::Factory& factory, const vst3::ClassId& class_id);
    void connect();
    void end() noexcept;
    void note_size();
    void let_go() noexcept;

    // Before what holds them.
    Vst3Application application_;
    Vst3Handler handler_;
    Vst3Frame frame_;
    vst3::Held<vst3::Component> component_;
    vst3::Held<vst3::Controller> controller_;
    vst3::Held<vst3::ConnectionPoint> processor_end_, controller_end_;
    bool separate_ = false;  // the controller is an object of its own
    vst3::Held<vst3::View> view_;
};

}  // namespace isobooth::sandbox
