# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the plugin that is about to be loaded the one that was trusted?

The first time a plugin is seen, it is trusted and its content remembered, as ssh does with hosts.
If its files are others later, that is announced before they are loaded, or they are not loaded, as
the user's policy says; unless somebody whom the user trusts has signed them.
"""
