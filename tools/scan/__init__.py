# SPDX-License-Identifier: GPL-3.0-or-later
"""What `isobooth scan` and `isobooth plugins` show."""
