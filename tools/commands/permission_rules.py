# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's permissions, as every command that loads plugins takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools import console

if TYPE_CHECKING:
    from host.permissions import PermissionRules
    from ipc.permissions import Profile


def permission_rules(profile: Profile | None = None) -> PermissionRules:
    """Of the user's file; `profile`, where given, for all plugins. A file with a mistake is told
    and counts for nothing."""
    from host.permission_file import load_permissions
    from host.permissions import PermissionRules
    from ipc.errors import IsoboothError

    try:
        rules = load_permissions()
    except IsoboothError as error:
        console.warn(f"{error}; the whole file is left out, and profile 'default' holds")
        rules = PermissionRules()
    return rules.forcing(profile)
