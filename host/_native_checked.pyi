# SPDX-License-Identifier: GPL-3.0-or-later
"""The same engine with its traps armed."""

from host._native import *  # noqa: F403
