# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages that run commands beside the window: a scan, a stress run, a look at the machine."""
