// SPDX-License-Identifier: GPL-3.0-or-later
//
// A CLAP plugin's editor, in a window of X11 that somebody else has made. On the main thread.
#pragma once

#include "sandbox/native/clap_abi.hpp"
#include "sandbox/native/editor_size.hpp"

namespace isobooth::sandbox {

class ClapEditor {
public:
    // Throws std::runtime_error if there is none for such a window, or if it cannot be opened.
    ClapEditor(const clap::Plugin& plugin, unsigned long window);
    ~ClapEditor();
    ClapEditor(const ClapEditor&) = delete;
    ClapEditor& operator=(const ClapEditor&) = delete;

    EditorSize size() const noexcept { return size_; }
    bool can_resize() const;
    // What the plugin makes of a wish; the same as before where it cannot be resized.
    EditorSize resize(EditorSize wanted);
    // The plugin wants to be that large, and was told that it may.
    void follow(EditorSize wanted);

private:
    const clap::Plugin& plugin_;
    const clap::Gui* gui_;
    EditorSize size_{};
};

}  // namespace isobooth::sandbox
