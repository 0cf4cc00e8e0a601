# SPDX-License-Identifier: GPL-3.0-or-later
"""Stress suites: checks that tell whether a plugin is safe to ship, or to use."""
