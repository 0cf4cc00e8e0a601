# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: a song that it composes, played in real time while three of its plugins fail.

`run.perform` is the whole of it; `isobooth demo` (tools/commands/demo.py) calls it.
"""
