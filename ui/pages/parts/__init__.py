# SPDX-License-Identifier: GPL-3.0-or-later
"""What pages and panels are put together from: words, marks, buttons, lists, lines of progress."""
