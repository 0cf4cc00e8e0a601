# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth render`: songs and audio files into files, through sandboxed plugins.

The rule of this package: a file stands under its name only if every plugin was heard in every
block of it, or the user asked for less (`--keep-going`, `--realtime`) and was told where.
"""
