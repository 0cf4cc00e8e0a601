# SPDX-License-Identifier: GPL-3.0-or-later
"""What a window may ask of a host, and what the host tells it unasked.

Frames and rules are those of ipc/channel.py and ipc/messages.py. What the host tells unasked has
the number 0. A fault in one request is answered with Failed and changes nothing.
"""

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ipc.desk.state import (
    CatalogueEntry,
    CrashEntry,
    DeskState,
    DeviceChoice,
    Notice,
    SlotDetails,
    Text,
    TwoSets,
)
from ipc.messages import LARGE_FRAME_BYTES, Failed, Message, Request

# 2: previews; presets are renamed and deleted; what editors compare;
#    programs; overviews of a range; plugins' own windows
DESK_PROTOCOL = 2

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Label = Annotated[str, Meta(max_length=200)]
Path = Annotated[str, Meta(min_length=1, max_length=4096)]
PresetName = Annotated[str, Meta(min_length=1, max_length=100)]
PluginId = Annotated[str, Meta(min_length=1, max_length=4096)]
Decibels = Annotated[float, Meta(ge=-120.0, le=24.0)]
Pan = Annotated[float, Meta(ge=-1.0, le=1.0)]
Normalized = Annotated[float, Meta(ge=0.0, le=1.0)]
Frame = Annotated[int, Meta(ge=0, le=2**53)]
Index = Annotated[int, Meta(ge=0, le=65535)]
Colour = Annotated[str, Meta(pattern=r"^(#[0-9a-f]{6})?$")]


# -- replies ------------------------------------------------------------------------------------


class Done(Message, tag="done"):
    """It was done. `text`: what came of it, for people; mostly empty."""

    text: Text = ""


class Shown(Message, tag="shown"):
    """The whole state; also told unasked, whenever it has changed."""

    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    protocol: int
    pid: int
    state: DeskState


class Details(Message, tag="details"):
    """Of one slot."""

    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    details: SlotDetails


class ValueText(Message, tag="value-text"):
    text: Text


class Overview(Message, tag="overview"):
    """A track's content against time. `low`, `high`: int8 pairs a bucket of `frames_per_bucket`
    (an audio file), 127 is full scale. `notes`: (start, end, key, velocity), frames."""

    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    start_frame: int = 0
    frames_per_bucket: int = 0
    low: bytes = b""
    high: bytes = b""
    notes: tuple[tuple[int, int, int, int], ...] = ()


class Previewed(Message, tag="previewed"):
    """A file that is heard, and how it looks: frames at the host's rate, from the file's start."""

    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    overview: Overview
    length_s: float  # of the whole file
    heard_frames: int  # a long file is not heard to its end
    sample_rate: int = 0  # the file's own; 0: it holds notes
    channels: int = 0
    note: Text = ""  # what to know of it, for people


class Catalogue(Message, tag="catalogue"):
    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    entries: tuple[CatalogueEntry, ...]


class Devices(Message, tag="devices"):
    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    devices: tuple[DeviceChoice, ...]


class Crashes(Message, tag="crashes"):
    """Newest first."""

    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    crashes: tuple[CrashEntry, ...]


class CrashText(Message, tag="crash-text"):
    """A report in full, as `isobooth crashes show` prints it."""

    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    text: Annotated[str, Meta(max_length=4_000_000)]


# -- told unasked -------------------------------------------------------------------------------


class Happened(Message, tag="happened"):
    """New entries of the host's log."""

    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    notices: tuple[Notice, ...]


# -- the song -----------------------------------------------------------------------------------


class Edit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="what"):
    """One change of the song. What is UNSET stays as it is."""


class SetTrack(Edit, frozen=True, tag="set-track"):
    """`track` may be "master", which has a gain only."""

    track: Name
    name: Label | UnsetType = UNSET
    colour: Colour | UnsetType = UNSET
    gain_db: Decibels | UnsetType = UNSET
    pan: Pan | UnsetType = UNSET
    mute: bool | UnsetType = UNSET
    solo: bool | UnsetType = UNSET
    output: Name | UnsetType = UNSET


class AddTrack(Edit, frozen=True, tag="add-track"):
    """`file`: an audio or MIDI file to play; "": none. `plugins`: its chain."""

    name: Label
    index: Index
    file: Annotated[str, Meta(max_length=4096)] = ""
    plugins: Annotated[tuple[PluginId, ...], Meta(max_length=64)] = ()
    colour: Colour = ""


class SetSource(Edit, frozen=True, tag="set-source"):
    """The audio or MIDI file is what the track plays, in the place of the one before."""

    track: Name
    file: Path


class RemoveTrack(Edit, frozen=True, tag="remove-track"):
    track: Name


class MoveTrack(Edit, frozen=True, tag="move-track"):
    """To `index` among those that remain."""

    track: Name
    index: Index


class AddSlot(Edit, frozen=True, tag="add-slot"):
    track: Name
    index: Index
    plugin: PluginId


class RemoveSlot(Edit, frozen=True, tag="remove-slot"):
    slot: Name


class MoveSlot(Edit, frozen=True, tag="move-slot"):
    """To `index` among the slots that remain on `track`."""

    slot: Name
    track: Name
    index: Index


class SetSlot(Edit, frozen=True, tag="set-slot"):
    """Another `plugin` takes the place, with its own defaults."""

    slot: Name
    plugin: PluginId | UnsetType = UNSET
    bypassed: bool | UnsetType = UNSET
    standby: bool | UnsetType = UNSET
    alone: bool | UnsetType = UNSET


class SetParameter(Edit, frozen=True, tag="set-parameter"):
    """Of the plugin in a slot, by its index."""

    slot: Name
    parameter: Index
    value: Normalized


class SetProgram(Edit, frozen=True, tag="set-program"):
    """One of the plugin's own, by its place in the description. It sets parameters too, and what
    they were before comes back by undo."""

    slot: Name
    program: Index


class SetSong(Edit, frozen=True, tag="set-song"):
    name: Label | UnsetType = UNSET
    tempo: Annotated[float, Meta(ge=10.0, le=999.0)] | UnsetType = UNSET
    time_signature: tuple[int, int] | UnsetType = UNSET
    grouping: Literal["plugin", "chain", "vendor", "all", "auto"] | UnsetType = UNSET


AnyEdit = (
    SetTrack
    | AddTrack
    | SetSource
    | RemoveTrack
    | MoveTrack
    | AddSlot
    | RemoveSlot
    | MoveSlot
    | SetSlot
    | SetParameter
    | SetProgram
    | SetSong
)


class Change(Request[Done], tag="change"):
    """All of the edits or none; one step of undo. Changes with the same `gesture` (a fader that is
    dragged; 0: none) make one step together."""

    max_frame_bytes: ClassVar[int] = LARGE_FRAME_BYTES
    edits: Annotated[tuple[AnyEdit, ...], Meta(max_length=4096)]
    gesture: Frame = 0


class Undo(Request[Done], tag="undo"):
    pass


class Redo(Request[Done], tag="redo"):
    pass


class Save(Request[Done], tag="save"):
    """To the song's own file; `path`: to another, which is its own from then on."""

    path: Annotated[str, Meta(max_length=4096)] = ""


class OpenSong(Request[Done], tag="open-song"):
    """Another song takes the place of this one; "": an empty one."""

    path: Annotated[str, Meta(max_length=4096)] = ""


# -- the transport ------------------------------------------------------------------------------


class Play(Request[Done], tag="play"):
    playing: bool


class Locate(Request[Done], tag="locate"):
    frame: Frame


class SetLoop(Request[Done], tag="set-loop"):
    """An empty range ends looping."""

    start_frame: Frame
    end_frame: Frame


class SetDevice(Request[Done], tag="set-device"):
    """Plays on there. `device`: a name, "null", or "" for the default one."""

    device: Label
    sample_rate: Annotated[int, Meta(ge=8000, le=192000)]
    block_frames: Annotated[int, Meta(ge=16, le=4096)]


# -- slots --------------------------------------------------------------------------------------


class RestartSlot(Request[Done], tag="restart-slot"):
    """With its state; also one that was quarantined or has failed, whose plugin is then taken off
    the blacklist. `snapshot`: which good state, 0 is the newest."""

    slot: Name
    snapshot: Annotated[int, Meta(ge=0, le=15)] = 0


class QuarantineSlot(Request[Done], tag="quarantine-slot"):
    """It is not tried again in this session, until it is restarted."""

    slot: Name


class AskSlot(Request[Details], tag="ask-slot"):
    """All of one plugin, as it is now. An editor asks again while it is open, without the
    description, which stays."""

    slot: Name
    with_description: bool = True


class AskText(Request[ValueText], tag="ask-text"):
    """The plugin's words for a value."""

    slot: Name
    parameter: Index
    value: Normalized


class SavePreset(Request[Done], tag="save-preset"):
    """The plugin's state as it is now, for this plugin wherever it is used."""

    slot: Name
    name: PresetName


class RenamePreset(Request[Done], tag="rename-preset"):
    """Of the plugin in the slot. Refused if there is one of the new name."""

    slot: Name
    name: PresetName
    new_name: PresetName


class DeletePreset(Request[Done], tag="delete-preset"):
    """It can be brought back until another one of the plugin's is deleted."""

    slot: Name
    name: PresetName


class RestorePreset(Request[Done], tag="restore-preset"):
    """The one of the plugin's that was deleted last comes back; `text` is its name."""

    slot: Name


class KeepSets(Request[Done], tag="keep-sets"):
    """What the slot's editor compares: every window's editor of it shows the same."""

    slot: Name
    sets: TwoSets


class LoadPreset(Request[Done], tag="load-preset"):
    """The plugin is loaded anew with it, in a slot of another id in the same place; `text` is that
    id. It can be undone."""

    slot: Name
    name: PresetName


class AllowWindows(Request[Done], tag="allow-windows"):
    """The plugin in this slot may open windows from now on, wherever it is used: it is put down in
    the user's permissions. Who asks has told the user that it can then read every key pressed."""

    slot: Name


class ForbidWindows(Request[Done], tag="forbid-windows"):
    """The plugin in this slot may open no windows any more, wherever it is used; those that are
    open close, because it is loaded anew."""

    slot: Name


class OpenOwnWindow(Request[Done], tag="open-own-window"):
    """The plugin's own window, in its worker; one that is open comes to the front. `above`: a
    window of X11 that it shall stay above of; 0: none."""

    slot: Name
    above: Frame = 0


class CloseOwnWindow(Request[Done], tag="close-own-window"):
    slot: Name


# -- looking ------------------------------------------------------------------------------------


class Attach(Request[Shown], tag="attach"):
    """The first request: whoever asks is told of all changes from then on."""

    protocol: int


class AskOverview(Request[Overview], tag="ask-overview"):
    """What a track plays, in about `buckets` parts; with an end, what it plays from `start_frame`
    to there on the time line (of notes, all)."""

    track: Name
    buckets: Annotated[int, Meta(ge=1, le=65536)] = 4096
    start_frame: Frame = 0
    end_frame: Frame = 0


class Preview(Request[Previewed], tag="preview"):
    """The file is heard over the song, from its start to its end or until another is; it is no part
    of the song. Its picture has about `buckets` parts."""

    path: Path
    buckets: Annotated[int, Meta(ge=1, le=65536)] = 1024


class StopPreview(Request[Done], tag="stop-preview"):
    """Nothing is heard over the song any more; a preview that was asked for does not begin."""


class AskCatalogue(Request[Catalogue], tag="ask-catalogue"):
    """All plugins that were found by scans."""


class AskDevices(Request[Devices], tag="ask-devices"):
    pass


class AskCrashes(Request[Crashes], tag="ask-crashes"):
    pass


class ShowCrash(Request[CrashText], tag="show-crash"):
    id: Label


class Forgive(Request[Done], tag="forgive"):
    """Takes a plugin off the blacklist."""

    plugin: PluginId


class Quit(Request[Done], tag="quit"):
    """The host ends, in order: nothing is left to resume."""


AnyRequest = (
    Attach
    | Change
    | Undo
    | Redo
    | Save
    | OpenSong
    | Play
    | Locate
    | SetLoop
    | SetDevice
    | RestartSlot
    | QuarantineSlot
    | AskSlot
    | AskText
    | SavePreset
    | LoadPreset
    | RenamePreset
    | DeletePreset
    | RestorePreset
    | KeepSets
    | AllowWindows
    | ForbidWindows
    | OpenOwnWindow
    | CloseOwnWindow
    | AskOverview
    | Preview
    | StopPreview
    | AskCatalogue
    | AskDevices
    | AskCrashes
    | ShowCrash
    | Forgive
    | Quit
)

AnyReply = (
    Failed
    | Done
    | Shown
    | Details
    | ValueText
    | Overview
    | Previewed
    | Catalogue
    | Devices
    | Crashes
    | CrashText
    | Happened
)
