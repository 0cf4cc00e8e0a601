# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's native half. `Processor` subclasses (one a format) follow at the end."""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ipc._native import Geometry

class Processor:
    """A plugin instance as the block loop sees it; made by a backend."""

    @property
    def in_channels(self) -> int: ...
    @property
    def out_channels(self) -> int: ...
    @property
    def sidechain_channels(self) -> int: ...
    @property
    def accepts_midi(self) -> bool: ...
    @property
    def produces_midi(self) -> bool: ...
    @property
    def works_in_place(self) -> bool:
        """As far as it says."""
    def give_whole_blocks(self, whole: bool) -> bool:
        """Whether a block that parameters change in is not cut there, but given to the plugin with
        the frames of the changes. Returns what is done. Not while a block is processed."""
    def make_room(self, frames: int) -> None:
        """For blocks larger than the plugin was prepared for, which is not told. Not while one is
        processed."""
    def latency_frames(self) -> int: ...

class TooLarge(RuntimeError):
    """No slot can carry such a plugin, which may be all right."""

class Slot:
    """A plugin fitted to the stereo bus (rules in slot.hpp). Keeps its processors alive."""

    @staticmethod
    def is_dual_mono(in_channels: int, out_channels: int) -> bool: ...
    def __init__(self, processors: Sequence[Processor], max_frames: int) -> None: ...
    @property
    def accepts_midi(self) -> bool: ...
    @property
    def produces_midi(self) -> bool: ...
    def latency_frames(self) -> int: ...
    def process(
        self,
        audio: NDArray[np.float32],
        midi: Sequence[tuple[int, bytes]] = (),
        parameters: Sequence[tuple[int, int, float]] = (),
        sidechain: NDArray[np.float32] | None = None,
        position_frames: int = 0,
        tempo_bpm: float = 120.0,
        playing: bool = True,
        sample_rate: float = 48000.0,
    ) -> tuple[NDArray[np.float32], list[tuple[int, bytes]]]:
        """Processes one block in this process, on this thread, with denormals off.

        `audio` is (2, frames) float32, frames ≤ max_frames; midi is (offset, bytes), parameters
        (offset, index, normalized value), each sorted by offset. Returns the output (2, frames)
        and the MIDI sent. Raises ValueError for a wrong shape.
        """

class ChainPorts:
    """A worker's hold on its chain, attached by name before any plugin code is loaded."""

    def __init__(
        self,
        geometry: Geometry,
        host: str,
        activation: str,
        outputs: Sequence[str],
        semaphores: Sequence[str],
        end_semaphore: str,
        record: int,
    ) -> None:
        """`record` is this worker's. Raises RuntimeError naming what cannot be opened or fit."""

class BlockLoop:
    """The worker's audio thread: waits, claims, processes, hands on (relay.hpp). No GIL."""

    def __init__(self, slot: Slot, ports: ChainPorts) -> None: ...
    def warm_up(self, blocks: int) -> None:
        """Processes silence, so that the first real block finds caches and pages warm."""
    def start(self, priority: int, cpu: int) -> None:
        """Starts the thread: SCHED_FIFO at `priority` (0: normal) on core `cpu` (-1: any)."""
    def activate(self, applied_edit: int, tail_s: float) -> None:
        """OFFLINE → IDLE: from now on the host may link this record."""
    def stop(self) -> None:
        """Ends the thread after the block it is in."""
    @property
    def thread_id(self) -> int: ...
    @property
    def realtime(self) -> bool:
        """Whether the thread got the priority it asked for."""
    @property
    def applied_edit(self) -> int: ...
    @property
    def blocks(self) -> int: ...

def run_in_process(
    slots: Sequence[Slot],
    audio: NDArray[np.float32],
    block_frames: int,
    period_ns: int = 0,
    priority: int = 0,
    cpu: int = -1,
    sample_rate: float = 48000.0,
) -> tuple[NDArray[np.float32], NDArray[np.uint64]]:
    """Runs a chain of slots over `audio` (2, n) in this process, without the GIL: the reference
    for the bits and the cost of sandboxed rendering.

    `period_ns`: one block every so often, 0 as fast as it goes. Returns the output (2, whole
    blocks) and each block's time, ns.
    """

class Played:
    """What came of an exercise."""

    @property
    def peak(self) -> float:
        """Of the output, without what is no number."""
    @property
    def nonfinite(self) -> int:
        """Samples that are NaN or Inf."""
    @property
    def refused_blocks(self) -> int: ...
    @property
    def midi_out(self) -> int:
        """Messages sent."""
    @property
    def longest_ms(self) -> float:
        """Of a block."""
    @property
    def total_ms(self) -> float: ...

def exercise(slot: Slot, blocks: int, frames: int, sample_rate: float, noise: bool) -> Played:
    """Plays a plugin, with the GIL: `noise` is white noise of -12 dBFS and one note, held for the
    first half; without it, silence. `frames`: of a block, at most the slot's."""

def listen_for_activation(call: Callable[[], None] | None) -> None:
    """`call` is called whenever a LADSPA or CLAP processor is created and about to be activated."""

class RigTransport:
    """Where the transport stands at the first frame of a rig_run, and whether it runs."""

    def __init__(
        self,
        tempo_bpm: float = 120.0,
        position_frames: int = 0,
        playing: bool = True,
        sample_rate: float = 48000.0,
    ) -> None: ...

class FloatTrap(Enum):
    """Which numbers' making is to be found: INVALID: NaN, Inf, and what fits no integer; DENORMAL:
    those too small to be normal, unless the plugin flushes them to zero."""

    NONE = 0
    INVALID = 1
    DENORMAL = 2

class Violation:
    """Something that a plugin did inside process(), from one place."""

    @property
    def kind(self) -> Literal["allocation", "lock", "system-call", "invalid", "denormal"]: ...
    @property
    def what(self) -> str:
        """malloc; pthread_mutex_lock, pthread_mutex_lock (contended); futex; division by zero; …"""
    @property
    def count(self) -> int: ...
    @property
    def stack(self) -> list[tuple[bytes, int, bytes]]:
        """Innermost first, at most 32: a library's path, the offset as in its symbol table, and the
        function, demangled, if the library exports it. Without a library, the offset is the
        address. Only while the plugin is loaded."""

class FailingAllocation:
    """Between `begin` and `end` the so-manieth allocation fails that the plugin's code in `library`
    (a file's name) asks for on this thread; 0: none does. Nothing happens where it is not
    possible: sandbox/libisobooth_audit.so must be preloaded."""

    is_possible: ClassVar[bool]

    def __init__(self, library: str, failing: int) -> None: ...
    def begin(self) -> None: ...
    def end(self) -> None: ...
    @property
    def asked(self) -> int:
        """How many allocations the plugin has asked for so far."""

def audit_sees_calls() -> bool:
    """Allocation and locks: whether sandbox/libisobooth_audit.so is preloaded."""

def audit_sees_system_calls() -> bool:
    """Whether this machine has Syscall User Dispatch (x86-64, Linux 5.11)."""

def audit_sees_numbers() -> bool:
    """Whether this processor can trap bad numbers (x86-64)."""

class RigOptions:
    """`in_place`: outputs lie over the inputs. `guard`: every buffer ends at memory that nobody may
    touch, and inputs can be read only. `denormals`: as numbers; else as zero. `audit`: look at
    allocation, locks and system calls in process(), as far as they can be seen. `trap`: at
    numbers; in each block, the first place of each exception. Both from the frame `audit_from` on,
    and both make blocks slower."""

    def __init__(
        self,
        in_place: bool = False,
        guard: bool = False,
        denormals: bool = False,
        audit: bool = False,
        audit_from: int = 0,
        trap: FloatTrap = FloatTrap.NONE,
    ) -> None: ...

class RigPlayed:
    """What came of a rig_run; lists have one entry a block."""

    def sound(self, channels: int) -> NDArray[np.float32]:
        """(channels, frames); lives as long as this. `channels`: the processor's out_channels."""
    @property
    def wall_ns(self) -> list[int]: ...
    @property
    def cpu_ns(self) -> list[int]: ...
    @property
    def midi(self) -> list[tuple[int, bytes]]: ...
    @property
    def page_faults(self) -> int: ...
    @property
    def waits(self) -> int:
        """How often the thread gave its core up."""
    @property
    def blocks_with_faults(self) -> int: ...
    @property
    def blocks_with_waits(self) -> int: ...
    @property
    def refused_blocks(self) -> int: ...
    @property
    def nonfinite(self) -> int:
        """Samples that are NaN or Inf."""
    @property
    def subnormal(self) -> int: ...
    @property
    def peak(self) -> float:
        """Of the output, without what is no number."""
    @property
    def direct_calls(self) -> int:
        """Of the plugin, which met the rig's buffers past JUCE."""
    @property
    def changed_float_mode(self) -> bool: ...
    @property
    def violations(self) -> list[Violation]:
        """From 256 places at most, in the order in which they were seen first."""
    @property
    def violations_lost(self) -> int:
        """Those from further places."""

def rig_run(
    processor: Processor,
    audio: NDArray[np.float32],
    key: NDArray[np.float32] | None,
    frames: int,
    sizes: Sequence[int],
    max_frames: int,
    midi: Sequence[tuple[int, bytes]],
    changes: Sequence[tuple[int, int, float]],
    transport: RigTransport,
    options: RigOptions,
    tell: Callable[[int], None],
) -> RigPlayed:
    """Plays `frames` of `audio` (in_channels, frames), and of `key` (sidechain_channels, frames) to
    the side-chain, None for silence, on a thread of its own, without the GIL, in blocks of `sizes`,
    repeated. MIDI is (frame, 1 to 3 bytes), changes (frame, index, normalized
    value). `tell` hears on this thread, now and then, how many frames have been played, if that has
    changed. Raises ValueError for what does not fit, RuntimeError without memory."""

class FileAccess(Enum):
    READ = 0  # files and folders below, and running programs
    DEVICE = 1  # one device, both ways
    WRITE = 2  # read, write, make, rename, remove; no links and sockets, which fool others
    PRIVATE = 3  # all of it

LANDLOCK_NETWORK: int
LANDLOCK_SIGNALS: int
SANITIZED: bool

def landlock_abi(most: int = 65536) -> int:
    """The kernel's Landlock version, at most `most`; 0: none."""

def restrict_self(files: Sequence[tuple[str, FileAccess]], network: bool, abi: int) -> None:
    """Confines this thread and those it starts, for good. Raises OSError."""

def install_filter(network: bool, landlock_abi: int, notify: bool, disk: bool = False) -> int:
    """Filters the system calls of this thread and those it starts. Returns the descriptor on which
    the host answers, -1 without `notify`; with `disk` it is asked about writes to files, too.
    Raises OSError."""

def start_guard(control_fd: int) -> None:
    """Starts the thread that kills this process group when the socket's peer closes."""

def install_crash_handler(snapshot_fd: int) -> None:
    """Takes over the fatal signals: a crash leaves a snapshot in the file (ipc/crash_file.py),
    which may be closed afterwards. To be called by the main thread. Raises OSError."""

def rearm_crash_handler() -> None:
    """Takes the fatal signals back from whoever has them now."""

# Processors, one class a format: sandbox/backends makes them, a Slot plays them.

class Parameter:
    """A parameter that we scale ourselves; plain values, `initial` is the default."""

    def __init__(
        self,
        id: str,
        name: str,
        unit: str = "",
        minimum: float = 0.0,
        maximum: float = 1.0,
        initial: float = 0.0,
        logarithmic: bool = False,
        steps: int = 0,
        choices: Sequence[str] = (),
    ) -> None: ...
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def minimum(self) -> float: ...
    @property
    def maximum(self) -> float: ...
    @property
    def initial(self) -> float: ...
    @property
    def logarithmic(self) -> bool: ...
    @property
    def steps(self) -> int: ...
    @property
    def choices(self) -> list[str]: ...
    def to_normalized(self, plain: float) -> float: ...
    def to_plain(self, normalized: float) -> float: ...

class ParameterProcessor(Processor):
    """A processor whose parameters we keep; values are normalized and may be set at any time."""

    @property
    def parameters(self) -> list[Parameter]: ...
    def value(self, index: int) -> float: ...
    def set_value(self, index: int, normalized: float) -> bool:
        """False for a wrong index or what is no number."""

class MinihostLibrary:
    """minihost's C functions for the block loop. Raises RuntimeError if they are not there."""

    def __init__(self, path: str) -> None: ...
    @property
    def api_version(self) -> int: ...

class MinihostProcessor(Processor):
    """An open minihost plugin; owns and closes it."""

    def __init__(
        self,
        library: MinihostLibrary,
        plugin: int,
        sample_rate: float,
        max_frames: int,
        main_in: int,
        main_out: int,
        sidechain: int,
        main_keys: Sequence[int],
        accepts_midi: bool,
        produces_midi: bool,
    ) -> None: ...
    def set_program_order(self, order: Sequence[int]) -> None:
        """minihost's index of each of our programs, for program events."""
    @property
    def blocks(self) -> int:
        """Blocks processed, refused ones not counted."""
    def pause(self, timeout_s: float) -> None:
        """Refuses blocks until resume(). RuntimeError if the block in progress does not end."""
    def resume(self) -> None: ...
    def flush(self) -> None:
        """Paused: a few frames of silence, so that the plugin takes its new parameters."""
    def close(self) -> None: ...

class LadspaDescriptor:
    @property
    def label(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def maker(self) -> str: ...
    @property
    def unique_id(self) -> int: ...

class LadspaFile:
    """A loaded LADSPA file. Raises RuntimeError where it is none."""

    def __init__(self, path: str) -> None: ...
    @property
    def descriptors(self) -> list[LadspaDescriptor]: ...

class LadspaProcessor(ParameterProcessor):
    def __init__(
        self, file: LadspaFile, descriptor: LadspaDescriptor, sample_rate: float
    ) -> None: ...

class ClapDescriptor:
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def vendor(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def features(self) -> list[str]: ...

class ClapFile:
    """A loaded CLAP file. Raises RuntimeError where it is none."""

    def __init__(self, path: str) -> None: ...
    @property
    def descriptors(self) -> list[ClapDescriptor]: ...

class ClapParameter(Parameter):
    @property
    def read_only(self) -> bool: ...
    @property
    def hidden(self) -> bool: ...
    @property
    def automatable(self) -> bool: ...
    def plain(self, normalized: float) -> float:
        """What the plugin is sent for a normalized value."""

class ClapProcessor(Processor):
    """A CLAP plugin; this thread is its main thread. Raises RuntimeError if it refuses.

    All but close() raise RuntimeError once it is closed. Values are normalized.
    """

    def __init__(
        self,
        file: ClapFile,
        descriptor: ClapDescriptor,
        sample_rate: float,
        max_frames: int,
        sidechain: bool = False,
        offline: bool = False,
    ) -> None: ...
    @property
    def parameters(self) -> list[ClapParameter]: ...
    @property
    def key_channels(self) -> int:
        """Channels of its side-chain input, fed or not."""
    @property
    def unheard_output_ports(self) -> int: ...
    @property
    def needs_realtime(self) -> bool: ...
    @property
    def has_state(self) -> bool: ...
    def value(self, index: int) -> float: ...
    def set_value(self, index: int, normalized: float) -> bool:
        """False for a wrong index, what is no number, and what only the plugin changes."""
    def text_of(self, index: int, normalized: float) -> str:
        """Empty where the plugin has no words for it."""
    def value_of(self, index: int, text: str) -> float | None: ...
    def save(self) -> bytes: ...
    def load(self, state: bytes) -> None:
        """Blocks that meet this call are refused."""
    def tail_s(self) -> float:
        """Seconds; may be infinite."""
    def idle(self) -> None:
        """Does what the plugin has asked for. RuntimeError if it cannot go on."""
    def open_editor(self, window: int) -> None:
        """In a window of X11. Raises RuntimeError."""
    def resize_editor(self, width: int, height: int) -> None:
        """If the plugin takes it. Raises RuntimeError."""
    @property
    def editor_size(self) -> tuple[int, int]:
        """Width and height; the plugin may change it. Raises RuntimeError where it is not open."""
    def close_editor(self) -> None: ...
    @property
    def has_editor(self) -> bool:
        """One for a window of X11."""
    @property
    def editor_can_resize(self) -> bool: ...
    def take_edits(self) -> list[tuple[int, float]]:
        """What the plugin has changed by itself since they were last taken."""
    def close(self) -> None:
        """Every later block is refused. Repeatable."""

class Vst3Editor:
    """Of a second instance, which does not play. Main thread; methods raise RuntimeError with the
    plugin's reason."""

    def __init__(self, module: str, class_id: str) -> None:
        """`class_id` has 32 hexadecimal digits."""
    def open(self, window: int) -> None:
        """In a window of X11."""
    def close(self) -> None:
        """Repeatable; it can be opened again."""
    @property
    def size(self) -> tuple[int, int]: ...
    def resize(self, width: int, height: int) -> None: ...
    @property
    def can_resize(self) -> bool: ...
    def idle(self) -> None: ...
    def set_value(self, parameter: int, value: float) -> None:
        """By the plugin's number for it; normalized."""
    def take_edits(self) -> list[tuple[int, float]]: ...

class Lv2Tap:
    """Between JUCE and an LV2 plugin, for the life of the process. Main thread."""

    @staticmethod
    def of(library: str, uri: str) -> Lv2Tap:
        """One for each plugin. To be made before JUCE opens it; RuntimeError where its functions
        cannot be reached."""
    def lend_buffers(
        self, inputs: Sequence[int], keys: Sequence[int], outputs: Sequence[int]
    ) -> None:
        """From the next instance on it meets the buffers of a rig, at the audio ports of these
        numbers; `keys` are inputs that are a side-chain."""
    @property
    def handles(self) -> list[int]:
        """Of its instances, in the order of their creation."""

def tap_vst3(library: MinihostLibrary) -> None:
    """The VST3 plugins that it creates from now on meet the buffers of a rig. Main thread.
    RuntimeError where its functions cannot be reached."""

class Lv2Editor:
    """An X11 UI. Main thread; methods raise RuntimeError with the plugin's reason."""

    def __init__(
        self,
        library: str,
        uri: str,
        plugin_uri: str,
        bundle: str,
        symbols: Sequence[str],
        sample_rate: float,
        tap: Lv2Tap | None = None,
        instance: int = 0,
    ) -> None:
        """`bundle` ends in a slash; `symbols` are those of all ports, in their order;
        `instance`, of `tap`, is what a UI sees that wants to see the plugin itself, and has to
        outlive it."""
    def open(self, window: int) -> None:
        """In a window of X11."""
    def close(self) -> None:
        """Repeatable; it can be opened again."""
    @property
    def wanted_size(self) -> tuple[int, int] | None:
        """What it has asked for; most ask for nothing."""
    def resize(self, width: int, height: int) -> bool:
        """False where it is not resized by being told."""
    def idle(self) -> None: ...
    def set_value(self, port: int, value: float) -> None:
        """By the port's number; as the port has it."""
    def take_edits(self) -> list[tuple[int, float]]: ...

class Gain(ParameterProcessor):
    def __init__(self, sample_rate: float) -> None: ...

class Latency(ParameterProcessor):
    def __init__(self, sample_rate: float, frames: int) -> None: ...

class Passthrough(ParameterProcessor):
    def __init__(
        self, sample_rate: float, in_channels: int, out_channels: int, midi: bool
    ) -> None: ...

class KeyListen(ParameterProcessor):
    def __init__(self, sample_rate: float, key_channels: int) -> None: ...

class Tone(ParameterProcessor):
    def __init__(self, sample_rate: float) -> None: ...

class Synth(ParameterProcessor):
    def __init__(self, sample_rate: float) -> None: ...

class MidiTranspose(ParameterProcessor):
    def __init__(self, sample_rate: float) -> None: ...

def fault_kinds() -> list[str]: ...
def commit_fault(kind: str) -> None:
    """Does to this process, here and now, what the kind says."""

class FaultProcessor(ParameterProcessor):
    def __init__(
        self,
        sample_rate: float,
        kind: str,
        after: int,
        every: int,
        times: int,
        sleep_ms: int,
        leak_mb: int,
    ) -> None: ...

class PythonProcessor(ParameterProcessor):
    """Calls `callback(frames, [(parameter, plain value)]) -> latency` for each block."""

    def __init__(
        self,
        callback: Callable[[int, list[tuple[int, float]]], int],
        parameters: Sequence[Parameter],
        sample_rate: float,
        max_frames: int,
        channels: int,
        latency_frames: int,
    ) -> None: ...
    @property
    def input(self) -> NDArray[np.float32]: ...
    @property
    def output(self) -> NDArray[np.float32]: ...
    def close(self) -> None:
        """Lets go of the callback; every later block is refused."""
