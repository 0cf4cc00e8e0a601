# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of all plugins, kept where it can be searched."""
