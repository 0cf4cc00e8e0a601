# SPDX-License-Identifier: GPL-3.0-or-later
"""The window: a process of its own, which shows a host and asks it for changes.

It holds nothing that is worth keeping: what is shown comes from the host whole (ipc/desk/), what
the user does goes there as requests. So it may die at any moment, and the music plays on.
"""
