# SPDX-License-Identifier: GPL-3.0-or-later
"""What has changed since a song was loaded, and the lines in which it is written.

Every entry sets one target to a value, so the last one of a target counts and nothing depends on
the order of different targets. A line carries its checksum: one that was torn by a crash, or
damaged on the disk, is left out and costs only itself.
"""

import re
import zlib
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta

Number = Annotated[int, Meta(ge=0, le=2**53)]
Frames = Annotated[int, Meta(ge=0, le=2**53)]
Name = Annotated[str, Meta(max_length=64)]
Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]

_LINE = re.compile(rb"([0-9a-f]{8}) (\{.*\})")


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="what"):
    """One line of the journal."""

    @property
    def target(self) -> tuple[Any, ...]:
        """What it is about; a later entry with the same target replaces it."""
        return (type(self), *(getattr(self, name) for name in self._targets()))

    @classmethod
    def _targets(cls) -> tuple[str, ...]:
        return tuple(name for name in ("slot", "track", "parameter") if hasattr(cls, name))


class Edit(Entry, frozen=True, tag="edit"):
    """A parameter of a slot; `number` counts the slot's edits."""

    slot: Name
    parameter: Number
    number: Number
    value: Annotated[float, Meta(ge=0.0, le=1.0)]


class Program(Entry, frozen=True, tag="program"):
    """Of a slot's plugin, chosen by the user: one of its edits."""

    slot: Name
    number: Number
    index: Number


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A snapshot: where it lies, the last edit that it holds, and whether the plugin played on for
    some blocks afterwards."""

    hash: Hash
    applied_edit: Number
    good: bool = True


class Snapshots(Entry, frozen=True, tag="snapshots"):
    """All that are kept of a slot, oldest first."""

    slot: Name
    kept: Annotated[tuple[Kept, ...], Meta(max_length=16)]


class Bypass(Entry, frozen=True, tag="bypass"):
    slot: Name
    bypassed: bool


class Gain(Entry, frozen=True, tag="gain"):
    track: Name
    gain_db: Annotated[float, Meta(ge=-120.0, le=24.0)]


class Pan(Entry, frozen=True, tag="pan"):
    track: Name
    pan: Annotated[float, Meta(ge=-1.0, le=1.0)]


class Mute(Entry, frozen=True, tag="mute"):
    track: Name
    mute: bool


class Position(Entry, frozen=True, tag="position"):
    """Of the transport."""

    frame: Frames


class Loop(Entry, frozen=True, tag="loop"):
    """Of the transport; an empty range: none."""

    start_frame: Frames
    end_frame: Frames


AnyEntry = Edit | Program | Snapshots | Bypass | Gain | Pan | Mute | Position | Loop

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEntry] = msgspec.json.Decoder(AnyEntry)


def encode_line(entry: Entry) -> bytes:
    body = _encoder.encode(entry)
    return b"%08x %s\n" % (zlib.crc32(body), body)


def decode_line(line: bytes) -> AnyEntry | None:
    """None for a line that is torn, damaged or of a newer version."""
    found = _LINE.fullmatch(line)
    if found is None or int(found[1], 16) != zlib.crc32(found[2]):
        return None
    try:
        return _decoder.decode(found[2])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


class Ledger:
    """The last entry of each target."""

    def __init__(self) -> None:
        self._entries: dict[tuple[Any, ...], AnyEntry] = {}
        self.damaged_lines = 0

    @classmethod
    def read(cls, data: bytes) -> "Ledger":
        """A journal's content, as far as it can be believed."""
        ledger = cls()
        for line in data.splitlines():
            entry = decode_line(line)
            if entry is not None:
                ledger.put(entry)
            elif line:
                ledger.damaged_lines += 1
        return ledger

    def put(self, entry: AnyEntry) -> None:
        self._entries[entry.target] = entry

    def forget_slot(self, slot: str) -> bool:
        """What was kept of it is of another plugin. Whether there was anything."""
        before = len(self._entries)
        self._entries = {
            target: entry
            for target, entry in self._entries.items()
            if not isinstance(entry, Edit | Program | Snapshots) or entry.slot != slot
        }
        return len(self._entries) != before

    def holds(self, entry: AnyEntry) -> bool:
        """Whether the entry would change nothing."""
        return self._entries.get(entry.target) == entry

    def __iter__(self) -> Iterator[AnyEntry]:
        return iter(tuple(self._entries.values()))

    def text(self) -> bytes:
        """The whole journal, a line for each target."""
        return b"".join(encode_line(entry) for entry in self)

    def hashes(self) -> set[str]:
        """Of all snapshots that are kept."""
        return {
            kept.hash
            for entry in self._entries.values()
            if isinstance(entry, Snapshots)
            for kept in entry.kept
        }
