// SPDX-License-Identifier: GPL-3.0-or-later
//
// The X11 UI of an LV2 plugin, in windows that somebody else has made. On the main thread.
//
// A UI is a library of its own and knows its plugin by the values of ports only, so it needs no
// instance of it. Values go from the one to the other by whoever holds both.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/native/editor_size.hpp"
#include "sandbox/native/lv2_ui_abi.hpp"

namespace isobooth::sandbox {

struct Lv2Ui {
    std::string library, uri, plugin_uri;
    std::string bundle;                // with a slash at its end
    std::vector<std::string> symbols;  // of the plugin's ports, in their order
    float sample_rate;
    // What a UI sees that wants to see the plugin itself; it outlives the UI.
    void* instance = nullptr;
    const void* (*extension_data)(const char* uri) = nullptr;
};

class Lv2Editor {
public:
    using Edit = std::pair<std::uint32_t, float>;  // port, value

    // Throws std::runtime_error if the library does not offer it.
    explicit Lv2Editor(Lv2Ui ui);
    ~Lv2Editor();
    Lv2Editor(const Lv2Editor&) = delete;
    Lv2Editor& operator=(const Lv2Editor&) = delete;

    // Throws std::runtime_error if it is open, or does not open.
    void open(unsigned long window);
    void close() noexcept;  // repeatable

    // What the UI has asked for; most ask for nothing, and their window is as large as they are.
    std::optional<EditorSize> wanted_size() const { return wanted_; }
    // False where it is not resized by being told.
    bool resize(EditorSize wanted);

    void idle();

    void set_value(std::uint32_t port, float value);
    std::vector<Edit> take_edits() { return std::exchange(edits_, {}); }

private:
    struct Offer;

    template <class T>
    const T* extension(const char* uri) const {
        return static_cast<const T*>(descriptor_->extension_data ? descriptor_->extension_data(uri)
                                                                 : nullptr);
    }
    static void write(void* self, std::uint32_t port, std::uint32_t bytes, lv2::Urid protocol,
                      const void* data);
    void want(int width, int height);

    const Lv2Ui ui_;
    const lv2::UiDescriptor* descriptor_ = nullptr;
    std::unique_ptr<Offer> offer_;  // before its instance
    void* instance_ = nullptr;
    bool has_ended_ = false;  // by itself: the user has closed it
    std::optional<EditorSize> wanted_;
    std::vector<Edit> edits_;
};

}  // namespace isobooth::sandbox
