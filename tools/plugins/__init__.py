# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugins as commands see them: named on a command line, described by a worker."""
