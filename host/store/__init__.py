# SPDX-License-Identifier: GPL-3.0-or-later
"""What outlives a run: crash reports and the blacklist, in one SQLite file of the user's."""
