# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts songs whose plugins die all the time, for as long as wanted, and watches that the host does
not grow: what leaks a little each time ends a long session, and no short test sees it."""
