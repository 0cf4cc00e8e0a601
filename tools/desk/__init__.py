# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth open`: a host and the window that shows it."""
