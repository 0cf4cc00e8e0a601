# SPDX-License-Identifier: GPL-3.0-or-later
"""Which plugin gets which permissions: a profile for all, and the exceptions that a user has made.

Exceptions are looked up by plugin id, because that is what a user has when a plugin is denied
something. Several may fit (`*` in an id stands for anything, `[*]` for a star): they add up in the
order of the file, and the last one that says something of profile, network, display or memory wins.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from ipc.permissions import Permissions, Profile

_STAR = "[*]"
# All but `*` means itself, in an id as in a rule; fnmatch knows more.
_LITERAL = re.compile(r"\[\*\]|[\[?]")


@dataclass(frozen=True, kw_only=True)
class PluginRule:
    """One exception. None leaves a thing as it is; `read` and `write` are paths, `~` allowed."""

    id: str
    profile: Profile | None = None
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    network: bool | None = None
    display: bool | None = None
    memory_mb: int | None = None

    def fits(self, plugin: str) -> bool:
        pattern = _LITERAL.sub(lambda m: m[0] if m[0] == _STAR else f"[{m[0]}]", self.id)
        return fnmatchcase(plugin, pattern)


@dataclass(frozen=True)
class PermissionRules:
    """`profile` is for plugins that no rule gives another; `forced`, for one run, for all."""

    profile: Profile = "default"
    rules: tuple[PluginRule, ...] = ()
    forced: Profile | None = None

    def of(self, plugin: str) -> Permissions:
        """What the plugin with this id may do."""
        made = Permissions(profile=self.profile)
        profile = made.profile
        read: list[str] = []
        write: list[str] = []
        network, display, memory_mb = made.network, made.display, made.memory_mb
        for rule in self.fitting(plugin):
            profile = rule.profile or profile
            read += rule.read
            write += rule.write
            network = network if rule.network is None else rule.network
            display = display if rule.display is None else rule.display
            memory_mb = memory_mb if rule.memory_mb is None else rule.memory_mb
        return Permissions(
            profile=self.forced or profile,
            read=_absolute(read),
            write=_absolute(write),
            network=network,
            display=display or (self.forced or profile) == "open",
            memory_mb=memory_mb,
        )

    def fitting(self, plugin: str) -> Iterator[PluginRule]:
        return (rule for rule in self.rules if rule.fits(plugin))

    def forcing(self, profile: Profile | None) -> "PermissionRules":
        """The same with one profile for all plugins, whatever the rules say of it."""
        return replace(self, forced=profile)


def rule_id(plugin: str) -> str:
    """Of a rule for this plugin and no other: plugins choose their ids, and may write `*` there."""
    return plugin.replace("*", _STAR)


def _absolute(paths: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(os.path.abspath(os.path.expanduser(path)) for path in paths))
