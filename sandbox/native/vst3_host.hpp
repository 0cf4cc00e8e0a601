// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a VST3 plugin sees of its host when only its editor is of interest: whom it may ask for
// messages between its two halves, tell that the user has turned a knob, and have its timers and
// descriptors watched by. Of the main thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sandbox/native/editor_size.hpp"
#include "sandbox/native/event_loop.hpp"
#include "sandbox/native/vst3_held.hpp"

namespace isobooth::sandbox {

// A state on its way from the processor to the controller.
class Vst3Stream final : public vst3::Standing<vst3::Stream> {
public:
    vst3::Result read(void* to, std::int32_t bytes, std::int32_t* done) override;
    vst3::Result write(void* from, std::int32_t bytes, std::int32_t* done) override;
    vst3::Result seek(std::int64_t position, std::int32_t whence, std::int64_t* result) override;
    vst3::Result tell(std::int64_t* position) override;

private:
    // One that writes more is broken, not rich.
    static constexpr std::size_t kMost = 32u << 20;
    std::string data_;
    std::size_t at_ = 0;
};

class Vst3Application final : public vst3::Standing<vst3::HostApplication> {
public:
    vst3::Result name(char16_t* to) override;
    vst3::Result create(const char* class_id, const char* interface, void** out) override;
};

// Edits are kept until somebody takes them.
class Vst3Handler final : public vst3::Standing<vst3::ComponentHandler> {
public:
    using Edit = std::pair<std::uint32_t, double>;  // parameter, normalized

    vst3::Result begin_edit(std::uint32_t) override { return vst3::kOk; }
    vst3::Result perform_edit(std::uint32_t parameter, double normalized) override;
    vst3::Result end_edit(std::uint32_t) override { return vst3::kOk; }
    vst3::Result restart(std::int32_t) override { return vst3::kOk; }

    std::vector<Edit> take_edits() { return std::exchange(edits_, {}); }

private:
    static constexpr std::size_t kMost = 4096;  // between two looks at them
    std::vector<Edit> edits_;
};

// Of one view at a time: how large it wants to be, and what it waits for. It outlives the views, for
// plugins that keep a reference.
class Vst3Frame final : public vst3::Standing<vst3::Frame>, private EventLoop::Client {
public:
    vst3::Result query(const char* id, void** out) override;
    vst3::Result resize(vst3::View* view, vst3::Rectangle* wanted) override;

    void turn() { loop_.turn(*this); }
    void forget();  // whatever a view has left behind
    void set_size(EditorSize size) { size_ = size; }
    EditorSize size() const { return size_; }

private:
    class Loop final : public vst3::Standing<vst3::RunLoop> {
    public:
        explicit Loop(Vst3Frame& frame) : frame_(frame) {}
        vst3::Result add_descriptor(vst3::EventHandler* handler, int descriptor) override;
        vst3::Result remove_descriptor(vst3::EventHandler* handler) override;
        vst3::Result add_timer(vst3::TimerHandler* handler, std::uint64_t period_ms) override;
        vst3::Result remove_timer(vst3::TimerHandler* handler) override;

    private:
        Vst3Frame& frame_;
    };
    struct Watch {
        EventLoop::Key key;
        vst3::EventHandler* handler;
    };

    void on_timer(EventLoop::Key key) override;
    void on_ready(EventLoop::Key key, int descriptor, short events) override;

    EventLoop loop_;
    Loop run_loop_{*this};
    std::vector<Watch> watches_;  // one handler may have several
    EventLoop::Key next_ = 1;
    EditorSize size_{};
};

// What a view says of its size. Turned around or empty, it is 0.
EditorSize vst3_size_of(const vst3::Rectangle& rectangle);

}  // namespace isobooth::sandbox
