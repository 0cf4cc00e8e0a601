# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures what the sandbox costs and what it withstands. Figures are compared within one run: a
shared machine drifts from run to run, and the report names machine, rate and block size."""
