# SPDX-License-Identifier: GPL-3.0-or-later
"""What a window shows of a host, whole: sent anew whenever it has changed.

What moves all the time (levels, the playhead, block times) is not in here but in shared memory
(ipc/desk/meters.py). Texts are for people and come from the host: the window decides how a thing
looks, never what is true of it.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ipc.description import PluginDescription
from ipc.status import SlotStatus

MASTER = "master"
_MOST = 8192
TrackKind = Literal["audio", "midi", "live", "group", "empty", "master"]
Text = Annotated[str, Meta(max_length=_MOST)]


def told(text: str) -> str:
    """A text of somebody else's, as it may be told: not too long, and nothing that is no UTF-8."""
    return text[:_MOST].encode("utf-8", "replace").decode()


class _Shown(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the state."""


class SlotState(_Shown, frozen=True):
    """One plugin's place in a chain. `report`: the id of its last crash report."""

    id: Text
    plugin: Text  # its id, such as "vst3:/usr/lib/vst3/X.vst3"
    name: Text  # what to call it
    status: SlotStatus
    reason: Text = ""  # why it is not active
    bypassed: bool = False  # by the user
    standby: bool = False  # it shall keep one
    alone: bool = False  # it shares its process with nobody
    is_instrument: bool = False
    latency_frames: int = 0
    restarts: int = 0
    # Its own: "none" where the plugin has none, as far as is known.
    window: Literal["none", "shut", "opening", "open"] = "none"
    may_open_windows: bool = False  # the user has allowed it
    report: Text | None = None
    pid: int | None = None  # of its worker
    shares_with: tuple[Text, ...] = ()  # slots in the same process


class TrackState(_Shown, frozen=True):
    """A strip of the mixer: a track, a group of tracks, or the master."""

    id: Text
    name: Text
    kind: TrackKind
    colour: Text = ""  # "#rrggbb"; "": none was chosen
    gain_db: float = 0.0
    pan: float = 0.0
    mute: bool = False
    solo: bool = False
    silenced: bool = False  # by the solo of others
    output: Text = MASTER
    pipelined: bool = False
    file: Text = ""  # what it plays
    start_frame: int = 0  # where on the time line that begins
    end_frame: int = 0
    slots: tuple[SlotState, ...] = ()


class TransportState(_Shown, frozen=True):
    """How the song is played; where it is, is in the meters."""

    playing: bool = False
    loop: tuple[int, int] | None = None  # frames, the end excluded
    tempo: float = 120.0  # beats a minute
    time_signature: tuple[int, int] = (4, 4)
    length_frames: int = 0  # of the song, tail included; 0: it has no end
    latency_frames: int = 0  # by which what is heard lags the time line


class DeviceState(_Shown, frozen=True):
    """Where it is heard. `problem`: why it is not, though it should be."""

    device: Text = "null"
    label: Text = ""
    sample_rate: int = 48000
    block_frames: int = 128
    latency_s: float = 0.0
    realtime: bool = False  # at real-time priority
    problem: Text = ""


class DeskState(_Shown, frozen=True):
    """The whole of it. `undo` and `redo` name what would be undone, "" if nothing can be."""

    song: Text = ""  # its name
    path: Text = ""  # of its file; "": it was never saved
    is_modified: bool = False
    undo: Text = ""
    redo: Text = ""
    tracks: tuple[TrackState, ...] = ()
    master: TrackState = TrackState(id=MASTER, name="Master", kind="master")
    transport: TransportState = TransportState()
    device: DeviceState = DeviceState()
    grouping: Text = "plugin"
    preview: Text = ""  # the file that is heard over the song; "": none is
    meters: Text = ""  # the name of the meters' shared memory
    revision: int = 0  # of tracks and slots: what the meters' places mean
    busy: Text = ""  # what takes long just now, such as "loading ZamEQ2"
    command: tuple[Text, ...] = ()  # of this Isobooth: "scan", "stress" and so on may follow it
    restart: tuple[Text, ...] = ()  # the command that goes on with this song when the host has died


class Notice(_Shown, frozen=True):
    """Something happened: an entry of the host's log. `number` counts from 0."""

    number: int
    kind: Text  # host/events.py
    text: Text
    slot: Text | None = None
    report: Text | None = None
    time_s: float = 0.0  # since the epoch
    song_frame: int = 0  # where the song was
    playing: bool = True  # whether it was heard there


class TwoSets(_Shown, frozen=True):
    """Two settings of a plugin to compare. `active` is heard; `other` are the values of the other
    one, None: as the one that is heard."""

    active: Literal["A", "B"] = "A"
    other: Annotated[tuple[float, ...], Meta(max_length=65536)] | None = None


class SlotDetails(_Shown, frozen=True):
    """All of one plugin: what its editor shows. Values are normalized, by parameter index."""

    slot: Text
    description: PluginDescription | None = None  # None: it was never loaded, or not asked for
    values: tuple[float, ...] = ()
    texts: tuple[Text, ...] = ()  # the plugin's words for the values
    presets: tuple[Text, ...] = ()  # that the user has kept for this plugin
    program: int | None = None  # of its own: the one that was chosen last
    deleted_preset: Text = ""  # the one that was deleted last, which can be brought back
    sets: TwoSets | None = None  # None: nothing is compared
    snapshots: int = 0  # good states that it can be restarted with


class CatalogueEntry(_Shown, frozen=True):
    """A plugin of the catalogue, as far as a list shows it."""

    id: Text
    name: Text
    vendor: Text = ""
    format: Text = ""
    kind: Text = ""  # "instrument" or "effect"
    category: Text = ""
    status: Text = ""  # what the scan found: "ok", "crash", …
    note: Text = ""


class DeviceChoice(_Shown, frozen=True):
    """A device that could be opened; `device` is what to ask for."""

    device: Text
    label: Text
    sample_rates: tuple[int, ...] = ()


class CrashEntry(_Shown, frozen=True):
    """A crash report, as far as a list shows it."""

    id: Text
    time: Text
    plugin: Text
    slot: Text
    kind: Text
    signature: Text = ""
    summary: Text = ""
    blacklisted: bool = False
