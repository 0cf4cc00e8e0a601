# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that is steered by windows: its song with undo, its server, its meters."""
