# SPDX-License-Identifier: GPL-3.0-or-later
"""The crash centre: which plugins failed, of what, and what can be done about each."""
