# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a plugin's files before they are loaded, and decides by the user's policy.

All of this waits for disks: call it beside the control thread. As long as no file was touched, a
look at names, sizes and times is all that it takes.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

from host.plugin_id import PluginFormat, PluginId
from host.store.content import sha256_of, stamp_of
from host.store.trust_store import TrustedBy, TrustEntry, TrustStore
from host.trust.settings import Policy, TrustSettings
from host.trust.signature import SUFFIX, signed

# Their code is ours, or comes with our packages.
_EXEMPT = (PluginFormat.BUILTIN, PluginFormat.FAULT, PluginFormat.PEDALBOARD)


class Standing(StrEnum):
    UNKNOWN = "unknown"  # no file to look at: exempt, not there, or known once it is loaded
    UNREADABLE = "unreadable"  # there is something, which was trusted when it could be read
    FIRST = "first"
    SAME = "same"
    SIGNED = "signed"  # new or changed, and signed by a trusted key
    CHANGED = "changed"
    FORGED = "forged"  # a signature does not fit: refused under every policy


@dataclass(frozen=True)
class Finding:
    """`entry` is how the plugin's files are now, not yet kept; `before` how they were."""

    plugin: str
    standing: Standing
    entry: TrustEntry | None = None
    before: TrustEntry | None = None
    forged: str | None = None
    stranger: str | None = None  # the id of an unknown key that signed it

    @property
    def text(self) -> str:
        """What is to be told, as the rest of a sentence that begins with the plugin."""
        if self.standing is Standing.FIRST:
            return (
                f"is signed with a key that you do not trust ({self.stranger}): that says nothing"
                if self.stranger
                else ""
            )
        if self.standing is Standing.UNREADABLE:
            return "cannot be read any more, so whether it has changed is not known"
        if self.standing is Standing.FORGED:
            return f"is not loaded: the signature of {self.forged} does not fit"
        since = self.before.since[:10] if self.before is not None else ""
        moved = self.entry and self.before and self.entry.path != self.before.path
        what = f"comes from {self.entry.path} now" if moved and self.entry else "has changed"
        by = f", signed with a key that you do not trust ({self.stranger})" if self.stranger else ""
        return f"{what} since it was trusted ({since}){by}"

    @property
    def is_doubtful(self) -> bool:
        """It is the policy's to decide."""
        return self.standing in (Standing.CHANGED, Standing.UNREADABLE)


@dataclass(frozen=True)
class Admission:
    """`told`: what the user should read; empty: nothing."""

    allowed: bool
    told: str = ""


class TrustGate:
    def __init__(self, store: TrustStore, settings: TrustSettings) -> None:
        self._store = store
        self._settings = settings

    @property
    def policy(self) -> Policy:
        return self._settings.policy

    def examine(self, plugin: str) -> Finding:
        """Compares the plugin's files, as far as they are known before it is loaded."""
        parsed = PluginId.parse(plugin)
        if parsed.format in _EXEMPT:
            return Finding(plugin, Standing.UNKNOWN)
        before = self._store.get(plugin)
        path = parsed.path or (before.path if before is not None else None)
        return self._compare(plugin, path, before)

    def admit(self, plugin: str) -> Admission:
        """Whether it may be loaded. What is new or tolerated is kept."""
        return self._decide(self.examine(plugin))

    def accept(self, finding: Finding) -> None:
        """The user trusts it as it is now."""
        self._keep(finding, TrustedBy.USER)

    def loaded(self, plugin: str, path: str) -> Admission:
        """After it was loaded from `path`, which its id may not say, and where it may have been
        replaced since it was looked at: whether it may stay."""
        if PluginId.parse(plugin).format in _EXEMPT:
            return Admission(True)
        finding = self._compare(plugin, path or None, self._store.get(plugin))
        admission = self._decide(finding)
        if finding.standing is Standing.FORGED and finding.before is None and finding.entry:
            # Where it is is known from now on: the next time it is not even loaded.
            self._store.put(_replace(finding.entry, sha256="", stamp=""))
        return admission

    def _decide(self, finding: Finding) -> Admission:
        if finding.standing is Standing.FORGED:
            return Admission(False, f"{finding.text}; its vendor should know")
        if finding.is_doubtful and self.policy is not Policy.WARN:
            return Admission(
                False,
                f"is not loaded: it {finding.text}; `isobooth trust accept '{finding.plugin}'` "
                "allows it",
            )
        match finding.standing:
            case Standing.CHANGED:
                self._keep(finding, TrustedBy.WARNED)
                return Admission(True, finding.text)
            case Standing.UNREADABLE:
                return Admission(True, finding.text)
            case Standing.FIRST:
                self._keep(finding, TrustedBy.FIRST_USE)
                return Admission(True, finding.text)
            case Standing.SIGNED:
                self._keep(finding, TrustedBy.SIGNATURE)
        return Admission(True)

    def _compare(self, plugin: str, path: str | None, before: TrustEntry | None) -> Finding:
        if path is None:
            return Finding(plugin, Standing.UNKNOWN, before=before)
        place = Path(path)
        stamp = self._stamp(place)
        same_place = before is not None and before.path == path
        if before is not None and same_place and before.stamp == stamp:
            return Finding(plugin, Standing.SAME, before=before)
        content = sha256_of(place)
        if stamp is not None and content is None and before is not None:
            return Finding(plugin, Standing.UNREADABLE, before=before)
        if stamp is None or content is None:  # not there: loading says so
            return Finding(plugin, Standing.UNKNOWN, before=before)
        found = signed(place, self._settings.keys)
        entry = TrustEntry(
            plugin_id=plugin,
            path=path,
            sha256=content,
            stamp=stamp,
            by=before.by if before is not None else TrustedBy.FIRST_USE,
            signer=", ".join(found.by) or None,
        )
        if found.forged is not None:
            return Finding(plugin, Standing.FORGED, entry, before, found.forged)
        if before is not None and before.sha256 == content and same_place:
            self._store.put(entry)  # only times have changed
            return Finding(plugin, Standing.SAME, entry, before)
        if found.by:
            return Finding(plugin, Standing.SIGNED, entry, before)
        standing = Standing.CHANGED if before is not None else Standing.FIRST
        return Finding(plugin, standing, entry, before, stranger=found.stranger)

    def _stamp(self, place: Path) -> str | None:
        """Of the files, of a signature beside them, and of whom signatures are believed: what is
        still the same need not be read again."""
        files = stamp_of(place)
        if files is None:
            return None
        signature = stamp_of(Path(f"{place}{SUFFIX}"))
        keys = sorted(key.key for key in self._settings.keys)
        return hashlib.sha256(repr((files, signature, keys)).encode()).hexdigest()

    def _keep(self, finding: Finding, by: TrustedBy) -> None:
        if finding.entry is not None:
            self._store.put(_replace(finding.entry, by=by))


_replace = msgspec.structs.replace
