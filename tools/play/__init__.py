# SPDX-License-Identifier: GPL-3.0-or-later
"""Playing a song, as `isobooth play` does it."""
