# SPDX-License-Identifier: GPL-3.0-or-later
"""Between a host and the window that shows it: what is shown, what is asked, what moves."""
