# SPDX-License-Identifier: GPL-3.0-or-later
"""What a song is: tracks with media, chains of plugin slots, levels and routing.

The structs below are the song file's format: each field's type, range, default and the words of
its error stand here and nowhere else (docs/song-format.md explains them to users). They are
frozen; an edit makes a new song with `msgspec.structs.replace`. A struct made by a program is not
checked until it is saved or given to `song_file.parse_song`.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from host.plugin_id import PluginId

FORMAT: Final = "isobooth-song"
VERSION: Final = 1
MASTER = "master"
DAY_S = 86400.0
DEFAULT_TAIL_LIMIT_S = 10.0  # reported tails beyond this are cut, unless the song says `tail_s`

Identifier = Annotated[
    str,
    Meta(
        pattern=r"[a-z0-9_-]{1,64}",
        description='an id of 1 to 64 characters a-z, 0-9, _ and -, such as "drums"',
    ),
]
Label = Annotated[str, Meta(max_length=200, description="text of at most 200 characters")]
FilePathText = Annotated[
    str, Meta(min_length=1, max_length=4096, description='the path of a file, such as "drums.wav"')
]
PluginIdText = Annotated[
    str,
    Meta(
        max_length=4096,
        description='an id such as "vst3:/usr/lib/vst3/X.vst3"',
        extra={"check": PluginId.parse},
    ),
]
SampleRate = Annotated[
    int, Meta(ge=8000, le=192000, description="a sample rate from 8000 to 192000 Hz")
]
SILENCE_DB: Final = -120.0
Decibels = Annotated[float, Meta(ge=SILENCE_DB, le=24.0, description="a level from -120 to +24 dB")]
StartSeconds = Annotated[
    float, Meta(ge=0.0, le=DAY_S, description="a time from 0 to 86400 seconds")
]
LengthSeconds = Annotated[
    float, Meta(gt=0.0, le=DAY_S, description="a time above 0 and at most 86400 seconds")
]
TailSeconds = Annotated[float, Meta(ge=0.0, le=3600.0, description="a time from 0 to 3600 seconds")]
BeatsPerBar = Annotated[int, Meta(ge=1, le=64, description="a whole number of beats from 1 to 64")]
Position = Annotated[float, Meta(ge=0.0, le=1.0, description="a number from 0 to 1")]
ValueText = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        description='the value as the plugin writes it, such as "2500 Hz"',
    ),
]
ParameterName = Annotated[
    str,
    Meta(min_length=1, max_length=200, description="a parameter's name or index"),
]


Colour = Annotated[str, Meta(pattern=r"^#[0-9a-f]{6}$", description='a colour such as "#3fa7d6"')]


class OnMiss(StrEnum):
    """What is heard in a slot's place while its plugin is late or gone."""

    AUTO = "auto"  # silence for instruments and for plugins that attenuate a lot, else dry
    DRY = "dry"
    SILENCE = "silence"


class Grouping(StrEnum):
    """Which plugins share a process."""

    PLUGIN = "plugin"  # none: each runs alone
    CHAIN = "chain"
    VENDOR = "vendor"
    ALL = "all"
    AUTO = "auto"  # those of a chain that have proved themselves


class Slot(Struct, frozen=True, kw_only=True):
    """One plugin's place in a chain. Its state is restored first, then program and parameters."""

    id: Identifier
    plugin: PluginIdText
    name: Label | None = None
    parameters: Annotated[
        dict[ParameterName, Position | ValueText],
        Meta(description="an object of parameters by name or index"),
    ] = {}
    state: bytes | None = None
    program: (
        Annotated[int, Meta(ge=0, le=65535, description="a program's index from 0 to 65535")] | None
    ) = None
    bypassed: bool = False
    on_miss: OnMiss = OnMiss.AUTO
    sidechain: Identifier | None = None
    standby: bool = False
    alone: bool = False

    @property
    def plugin_id(self) -> PluginId:
        """The plugin id in its parts."""
        return PluginId.parse(self.plugin)

    @property
    def label(self) -> str:
        """What to call the slot on a screen."""
        return self.name or self.id


Chain = Annotated[tuple[Slot, ...], Meta(description="a list of slots")]


class AudioSource(Struct, frozen=True, kw_only=True):
    """An audio file on a track."""

    file: FilePathText
    start_s: StartSeconds = 0.0
    gain_db: Decibels = 0.0
    loop: bool = False


class MidiSource(Struct, frozen=True, kw_only=True):
    """A MIDI file on a track; the filters pick one of its tracks, one channel, or both."""

    file: FilePathText
    start_s: StartSeconds = 0.0
    track: Annotated[int, Meta(ge=0, le=65535, description="a track's index from 0")] | None = None
    channel: Annotated[int, Meta(ge=1, le=16, description="a MIDI channel from 1 to 16")] | None = (
        None
    )


class LiveInput(Struct, frozen=True, kw_only=True):
    """Device channels (counted from 1; one is heard on both sides) and a MIDI port."""

    channels: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=1024, description="a device channel from 1")], ...],
        Meta(max_length=2, description="a list of at most two device channels, such as [1, 2]"),
    ] = (1, 2)
    midi: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class Track(Struct, frozen=True, kw_only=True):
    """One strip of the mix: its sources are summed, run through the chain and sent on.

    A track to which others are sent is a group; it may have sources of its own as well.
    """

    id: Identifier
    name: Label = ""
    audio: AudioSource | None = None
    midi: MidiSource | None = None
    input: LiveInput | None = None
    chain: Chain = ()
    gain_db: Decibels = 0.0
    pan: Annotated[
        float, Meta(ge=-1.0, le=1.0, description="a position from -1 (left) to 1 (right)")
    ] = 0.0
    mute: bool = False
    solo: bool = False
    output: Identifier = MASTER
    pipelined: bool = False
    colour: Colour | None = None

    @property
    def label(self) -> str:
        """What to call the track on a screen."""
        return self.name or self.id


class Master(Struct, frozen=True, kw_only=True):
    """The strip that everything ends in."""

    chain: Chain = ()
    gain_db: Decibels = 0.0


class LoopRange(Struct, frozen=True, kw_only=True):
    """What is played again and again while one works on a song."""

    start_s: StartSeconds
    end_s: LengthSeconds

    def frames(self, sample_rate: int) -> tuple[int, int]:
        """The end excluded."""
        return round(self.start_s * sample_rate), round(self.end_s * sample_rate)


class Song(Struct, frozen=True, kw_only=True):
    """A whole song. `folder` is where its relative file names start, `source`
    what its own file is called in messages; neither is in the file."""

    format: Literal["isobooth-song"] = FORMAT
    version: Literal[1] = VERSION
    name: Label = ""
    sample_rate: SampleRate = 48000
    tempo: Annotated[
        float, Meta(ge=10.0, le=999.0, description="a tempo from 10 to 999 beats a minute")
    ] = 120.0
    time_signature: Annotated[
        tuple[BeatsPerBar, Literal[1, 2, 4, 8, 16, 32, 64]],
        Meta(description="a list of two numbers, such as [4, 4]"),
    ] = (4, 4)
    length_s: LengthSeconds | None = None
    tail_s: TailSeconds | None = None
    loop: LoopRange | None = None
    grouping: Grouping = Grouping.PLUGIN
    tracks: Annotated[tuple[Track, ...], Meta(description="a list of tracks")] = ()
    master: Master = Master()
    folder: Annotated[str, Meta(extra={"in_file": False})] = ""
    source: Annotated[str, Meta(extra={"in_file": False})] = ""

    def locate(self, file: str) -> Path:
        """The path of a media file that the song names."""
        return Path(self.folder) / file

    def slots(self) -> Iterator[tuple[str, Slot]]:
        """Every slot with its path in the file, in the order of the signal."""
        for track_index, track in enumerate(self.tracks):
            for index, slot in enumerate(track.chain):
                yield f"tracks[{track_index}].chain[{index}]", slot
        for index, slot in enumerate(self.master.chain):
            yield f"master.chain[{index}]", slot


def with_slots(song: Song, by_id: Mapping[str, Slot]) -> Song:
    """The song with other slots in the places of those with the same ids."""

    def chain(slots: tuple[Slot, ...]) -> tuple[Slot, ...]:
        return tuple(by_id.get(slot.id, slot) for slot in slots)

    tracks = tuple(replace(track, chain=chain(track.chain)) for track in song.tracks)
    master = replace(song.master, chain=chain(song.master.chain))
    return replace(song, tracks=tracks, master=master)
