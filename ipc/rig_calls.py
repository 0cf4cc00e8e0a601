# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host does to a plugin on a test rig: one struct a call, and what came of it.

A list of calls is all that it takes to do the same again, so logs, replays and the messages to a
worker hold these very structs. Sound is not carried along: a source and its seed say what the
plugin hears, the same on every machine.
"""

from pathlib import PurePath
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

MAX_CALLS = 4096  # of one request
MAX_RENDER_FRAMES = 1 << 22
MAX_CHANNELS = 64
MAX_STATE_BYTES = 32 * 1024 * 1024
MAX_EDITOR_SIDE = 8192  # pixels

Normalized = Annotated[float, Meta(ge=0.0, le=1.0)]
Frames = Annotated[int, Meta(ge=0, le=MAX_RENDER_FRAMES)]
SampleRate = Annotated[float, Meta(ge=8000.0, le=768000.0)]
MaxFrames = Annotated[int, Meta(ge=1, le=8192)]  # of one block

# What a plugin hears, of peak 1 before `gain`: uniform white noise; a unit impulse in the first
# frame; a sine of 997 Hz; a constant; numbers too small to be normal; NaN, Inf and huge numbers
# among noise; noise of a fifth that is loud, from 90 to 5,600 Hz, as loud in each octave, which is
# the same at all rates and repeats each second.
Source = Literal["silence", "noise", "impulse", "sine", "dc", "denormal", "wild", "band"]


class Call(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="call"
):
    """One call of a host."""


class Midi(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """A message of 1 to 3 bytes at a frame of a render."""

    frame: Frames
    data: Annotated[bytes, Meta(min_length=1, max_length=3)]


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """A parameter that is automated to a value at a frame of a render."""

    frame: Frames
    index: Annotated[int, Meta(ge=0, le=1 << 20)]
    value: Normalized


class Render(Call, frozen=True, tag="render", kw_only=True):
    """Plays `frames` in blocks of the sizes in `blocks`, over and over; empty: as large as the
    plugin was prepared for. Not all may be 0."""

    frames: Annotated[int, Meta(ge=1, le=MAX_RENDER_FRAMES)]
    blocks: Annotated[list[Annotated[int, Meta(ge=0, le=8192)]], Meta(max_length=256)] = []
    oversized: bool = False  # blocks may be larger than the plugin was prepared for
    source: Source = "silence"
    key: Source = "silence"  # of the side-chain, if there is one: as loud, but another noise
    gain: Annotated[float, Meta(ge=0.0, le=1e6)] = 0.25
    seed: Annotated[int, Meta(ge=0, lt=1 << 32)] = 1
    midi: Annotated[list[Midi], Meta(max_length=8192)] = []
    changes: Annotated[list[Change], Meta(max_length=8192)] = []
    tempo: Annotated[float, Meta(ge=1.0, le=1000.0)] = 120.0
    position: Annotated[int, Meta(ge=0, le=1 << 40)] = 0  # frames, where the transport begins
    playing: bool = True
    whole: bool = False  # blocks are not cut at changes, where the format can tell of their frames
    keep: bool = False  # send the sound back
    # Of VST3 and LV2 plugins, only those that are `direct` meet what these two say.
    in_place: bool = False  # outputs are written over the inputs
    guard: bool = False  # every buffer ends at memory that nobody may touch
    audit: bool = False  # look at what is done inside the calls
    audit_from: Frames = 0  # frame
    denormals: bool = False  # as numbers, not as zero
    trap: Literal["", "invalid", "denormal"] = ""  # find the instruction that makes such numbers


class SetParameter(Call, frozen=True, tag="set_parameter"):
    index: Annotated[int, Meta(ge=0, le=1 << 20)]
    value: Normalized


class SetProgram(Call, frozen=True, tag="set_program"):
    index: Annotated[int, Meta(ge=0, le=1 << 20)]


class SetState(Call, frozen=True, tag="set_state"):
    data: Annotated[bytes, Meta(max_length=MAX_STATE_BYTES)]


class SaveState(Call, frozen=True, tag="save_state"):
    """Saves; the result has the `data`."""


class ReadParameters(Call, frozen=True, tag="read_parameters"):
    """The result has the `values`, normalized."""


class ShowText(Call, frozen=True, tag="show_text"):
    """The plugin's words for a value."""

    index: Annotated[int, Meta(ge=0, le=1 << 20)]
    value: Normalized


class ReadText(Call, frozen=True, tag="read_text"):
    """The value that a text means."""

    index: Annotated[int, Meta(ge=0, le=1 << 20)]
    text: Annotated[str, Meta(max_length=4096)]


class Idle(Call, frozen=True, tag="idle"):
    """A turn on the main thread."""


class Recreate(Call, frozen=True, tag="recreate"):
    """Destroys the plugin and creates it anew."""

    sample_rate: SampleRate
    max_frames: MaxFrames


class AddInstances(Call, frozen=True, tag="add_instances"):
    """Creates so many more of it, which play a moment of noise."""

    count: Annotated[int, Meta(ge=1, le=256)]


class DropInstances(Call, frozen=True, tag="drop_instances"):
    """Destroys all that were added."""


class OpenEditor(Call, frozen=True, tag="open_editor"):
    """On the display that the rig was given. The result has its width and height as `values`. A
    turn on the main thread is its turn, too."""


class ResizeEditor(Call, frozen=True, tag="resize_editor"):
    """The result has the width and height that it has then as `values`."""

    width: Annotated[int, Meta(ge=1, le=MAX_EDITOR_SIDE)]
    height: Annotated[int, Meta(ge=1, le=MAX_EDITOR_SIDE)]


class CloseEditor(Call, frozen=True, tag="close_editor"):
    """Does nothing where none is open."""


class InjectFaults(Call, frozen=True, tag="inject_faults"):
    """What the plugin asks for in the calls that follow fails, until this is called again. Raised
    to the plugin as the C library and the kernel do it: null, and errno."""

    # In each call but renders, the so-manieth that it asks for on the main thread; 0: none, and
    # they are not counted.
    allocation: Annotated[int, Meta(ge=0, le=1 << 32)] = 0
    # No file can be written any more: ENOSPC where the host is asked (`disk_watched`), else EFBIG.
    disk_full: bool = False
    # Each write to a file, and each wait for a disk, takes so long at least, ms; not for ever, so
    # that who writes much does not hang. Only where the host is asked.
    write_ms: Annotated[int, Meta(ge=0, le=10_000)] = 0
    # The same of each read, and of each 128 KiB of a file that is mapped.
    read_ms: Annotated[int, Meta(ge=0, le=10_000)] = 0
    read_only: bool = False  # no file can be opened for writing any more; cannot be taken back


AnyCall = (
    Render
    | SetParameter
    | SetProgram
    | SetState
    | SaveState
    | ReadParameters
    | ShowText
    | ReadText
    | Idle
    | Recreate
    | AddInstances
    | DropInstances
    | InjectFaults
    | OpenEditor
    | ResizeEditor
    | CloseEditor
)


class BlockTimes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the blocks of a render, in order: how long each took on the clock and on the processor,
    ns, and what the kernel counted meanwhile."""

    wall_ns: Annotated[list[int], Meta(max_length=1 << 18)] = []
    cpu_ns: Annotated[list[int], Meta(max_length=1 << 18)] = []
    page_faults: int = 0
    waits: int = 0  # the thread gave its core up
    blocks_with_faults: int = 0
    blocks_with_waits: int = 0


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """In somebody's code."""

    library: Annotated[str, Meta(max_length=4096)]  # its path; empty: in none
    offset: Annotated[int, Meta(ge=0)]  # as in the library's symbol table; else the address
    function: Annotated[str, Meta(max_length=600)] = ""  # if the library exports it; demangled

    @property
    def file(self) -> str:
        """The library's name."""
        return PurePath(self.library).name

    def __str__(self) -> str:
        into = f"{self.function} in " if self.function else ""
        return f"{into}{self.file}+{self.offset:#x}" if self.library else f"{self.offset:#x}"


class Violation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that was done inside process(), from one place, `count` times."""

    kind: Literal["allocation", "lock", "system-call", "invalid", "denormal"]
    what: Annotated[str, Meta(max_length=80)]  # malloc, pthread_mutex_lock, futex, …
    count: int
    stack: Annotated[list[Place], Meta(max_length=32)]  # innermost first


class CallResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What came of a call. `refused`: in the plugin's words, why it did not do it."""

    refused: Annotated[str, Meta(max_length=1000)] = ""
    digest: Annotated[str, Meta(max_length=32)] = ""  # of all that it sent, state or sound
    data: Annotated[bytes, Meta(max_length=MAX_STATE_BYTES)] = b""  # state; or planes of float32
    channels: Annotated[int, Meta(ge=0, le=MAX_CHANNELS)] = 0  # of `data`, if that is sound
    values: list[float] = []
    text: Annotated[str, Meta(max_length=4096)] = ""
    midi: Annotated[list[Midi], Meta(max_length=1 << 17)] = []  # that it sent
    peak: float = 0.0
    nonfinite: int = 0
    subnormal: int = 0
    refused_blocks: int = 0
    times: BlockTimes | None = None
    violations: Annotated[list[Violation], Meta(max_length=256)] = []
    # What could not be looked at with this plugin or on this machine, or had no room.
    unseen: Annotated[list[Annotated[str, Meta(max_length=80)]], Meta(max_length=8)] = []
    changed: Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=32)] = []
    # Of the process, after the call.
    memory_bytes: int = 0
    threads: int = 0
    files: int = 0
    maps: int = 0
    latency_frames: int = 0
    tail_s: float = 0.0
    allocations: int = 0  # that the plugin asked for, while they are counted
