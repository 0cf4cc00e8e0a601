# SPDX-License-Identifier: GPL-3.0-or-later
"""What a song can be made of: the plugins of the catalogue, and files of sound and notes."""
