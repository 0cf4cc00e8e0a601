# SPDX-License-Identifier: GPL-3.0-or-later
"""From the registers and the stack of a dead worker to the functions it died in."""
