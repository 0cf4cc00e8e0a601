# SPDX-License-Identifier: GPL-3.0-or-later
"""How stress runs are shown: on terminals, and as JSON, JUnit XML and HTML."""
