# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a plugin's files before they are loaded, and decides by the user's policy.

All of this waits for disks: call it beside the control thread. As long as no file was touched, a
look at names, sizes and times is all that it takes.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from host.plugin_id import PluginFormat, PluginId
from host.store.content import sha256_of, stamp_of
from host.store.trust_store import TrustedBy, TrustEntry, TrustStore
from host.trust.settings import Policy, TrustSettings
from host.trust.signature import signed

# Their code is ours, or comes with our packages.
_EXEMPT = (PluginFormat.BUILTIN, PluginFormat.FAULT, PluginFormat.PEDALBOARD)


class Standing(StrEnum):
    UNKNOWN = "unknown"  # no file to look at: exempt, not there, or known once it is loaded
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

    @property
    def text(self) -> str:
        """What is to be told, as the rest of a sentence that begins with the plugin."""
        if self.standing is Standing.FORGED:
            return f"is not loaded: the signature of {self.forged} does not fit"
        since = self.before.since[:10] if self.before is not None else ""
        moved = self.entry and self.before and self.entry.path != self.before.path
        what = f"comes from {self.entry.path} now" if moved and self.entry else "has changed"
        return f"{what} since it was trusted ({since})"


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
        finding = self.examine(plugin)
        match finding.standing:
            case Standing.FORGED:
                return Admission(False, f"{finding.text}; its vendor should know")
            case Standing.CHANGED if self.policy is not Policy.WARN:
                return Admission(
                    False,
                    f"is not loaded: it {finding.text}; `isobooth trust accept '{plugin}'` "
                    "allows it",
                )
            case Standing.CHANGED:
                self._keep(finding, TrustedBy.WARNED)
                return Admission(True, finding.text)
            case Standing.FIRST:
                self._keep(finding, TrustedBy.FIRST_USE)
            case Standing.SIGNED:
                self._keep(finding, TrustedBy.SIGNATURE)
        return Admission(True)

    def accept(self, finding: Finding) -> None:
        """The user trusts it as it is now."""
        self._keep(finding, TrustedBy.USER)

    def loaded(self, plugin: str, path: str) -> str:
        """After it was loaded from `path`, which its id does not say: keeps what is new. Returns
        what is to be told, if it comes from elsewhere than before."""
        before = self._store.get(plugin)
        finding = self._compare(plugin, path or None, before)
        if finding.standing in (Standing.FIRST, Standing.SIGNED):
            self._keep(finding, TrustedBy.FIRST_USE)
        if finding.standing is Standing.CHANGED:
            self._keep(finding, TrustedBy.WARNED)
            return finding.text
        return ""

    def _compare(self, plugin: str, path: str | None, before: TrustEntry | None) -> Finding:
        if path is None:
            return Finding(plugin, Standing.UNKNOWN, before=before)
        place = Path(path)
        stamp = stamp_of(place)
        same_place = before is not None and before.path == path
        if before is not None and same_place and before.stamp == stamp:
            return Finding(plugin, Standing.SAME, before=before)
        content = sha256_of(place)
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
        return Finding(
            plugin, Standing.CHANGED if before is not None else Standing.FIRST, entry, before
        )

    def _keep(self, finding: Finding, by: TrustedBy) -> None:
        entry = finding.entry
        if entry is not None:
            self._store.put(
                TrustEntry(
                    plugin_id=entry.plugin_id,
                    path=entry.path,
                    sha256=entry.sha256,
                    stamp=entry.stamp,
                    by=by,
                    signer=entry.signer,
                )
            )
