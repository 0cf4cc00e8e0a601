# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: a song that it composes, played in real time while three of its plugins fail.

`run.perform` is the whole of it; `isobooth demo` (tools/commands/demo.py) calls it. Only this
module is imported for the command's help, so it holds its limits and nothing heavy.
"""

DEFAULT_SECONDS = 26.0
MIN_SECONDS = 6.0  # two bars and a last chord, and time for a frozen plugin to come back
MAX_SECONDS = 120.0  # what was played is kept in memory
DEFAULT_BLOCK_FRAMES = 256
