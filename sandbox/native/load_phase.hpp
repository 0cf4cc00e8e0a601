// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who loads a plugin may want to know when its creation is done and its activation begins, which
// for our own formats is one call of a constructor.
#pragma once

namespace isobooth::sandbox {

// Called by the constructors of processors just before the plugin's `activate`; nullptr: nobody
// wants to know.
inline void (*on_activation)() = nullptr;

inline void announce_activation() {
    if (on_activation) on_activation();
}

}  // namespace isobooth::sandbox
