# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds plugins, and finds out what they are without trusting any of them."""
