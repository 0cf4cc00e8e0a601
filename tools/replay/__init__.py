# SPDX-License-Identifier: GPL-3.0-or-later
"""Does again what a plugin failed of, from its crash report alone, and says whether it fails the
same way."""
