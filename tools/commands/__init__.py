# SPDX-License-Identifier: GPL-3.0-or-later
"""One module a command. Each has `register(app)` and is named once in tools/cli.py."""
