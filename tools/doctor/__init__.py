# SPDX-License-Identifier: GPL-3.0-or-later
"""What of Isobooth works on this machine, and what to do about what does not.

Each check looks at one thing a user can change, by trying it where that is harmless: limits and
versions only hint at what a container or a security module will allow.
"""
