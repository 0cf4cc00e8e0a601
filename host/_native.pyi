# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine (host/native). Python builds plans, sends commands and reads counters; it never runs
on the audio thread. Commands return False if the ring is full: try again later."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

from ipc._native import Geometry

LOGGED_STRIPS: int
BLOCK_LATE: int
BLOCK_MISSED: int
BLOCK_ALL_MISSED: int
BLOCK_NULL_CLOCK: int
RT_CHECKS: str
"""What the checked build traps on the audio thread; empty in the release build."""

class PluginSlot:
    """A plugin slot as the audio thread knows it, with counters that only grow. They count in
    blocks that the plugin is called with."""

    def __init__(
        self,
        id: int,
        sample_rate: float,
        max_frames: int,
        latency_capacity: int = 16384,
        keeps_standby: bool = False,
    ) -> None:
        """A slot that keeps a standby has two seats for workers, 0 and 1, the others one."""
    @property
    def id(self) -> int: ...
    @property
    def processed_blocks(self) -> int: ...
    @property
    def bypassed_blocks(self) -> int:
        """Blocks in which the plugin was not heard, whatever the cause."""
    @property
    def missed_blocks(self) -> int:
        """Deadlines it missed itself."""
    @property
    def repaired_samples(self) -> int: ...
    @property
    def dropped_events(self) -> int: ...
    @property
    def misses_in_a_row(self) -> int: ...
    @property
    def takeovers(self) -> int:
        """How often the standby became the one that plays."""
    @property
    def playing(self) -> int:
        """The seat of the worker that plays, or would if it could."""
    def stuck_since_ns(self, seat: int = 0) -> int:
        """Since when (CLOCK_MONOTONIC) it does not come back from a block; 0: it is not stuck."""
    def behind(self, seat: int) -> int:
        """How many blocks its worker has not been given yet that the slot has had."""
    def out_of_step(self, seat: int) -> bool:
        """It was so far behind that it cannot catch up, and takes no part any more."""
    @property
    def nonfinite(self) -> tuple[int, int, int]:
        """Blocks in a row with NaN or Inf: now, at most ever, and the block behind those."""
    @property
    def overlevel(self) -> tuple[int, int, int]:
        """The same of a level beyond any use."""
    @property
    def applied_edit(self) -> int:
        """The newest edit that reached the plugin, as its worker reports; unbounded."""
    @property
    def reported_latency_frames(self) -> int:
        """What its worker reports; -1: nothing yet since it was attached."""
    def generation(self, seat: int = 0) -> int:
        """The chain's block number of the last block it was given."""
    def recent_events(self, seat: int = 0) -> list[tuple[int, int, str, bytes, int, float]]:
        """(generation, offset, kind, MIDI bytes, index, value) of its last events, oldest first."""
    def recent_process_us(self, seat: int = 0) -> list[float]: ...
    def set_worker(self, thread_id: int, priority: int, process: int = 0, seat: int = 0) -> None:
        """The worker's audio thread, for the watchdog; 0: none. `process`: its process, not yet
        reaped, which may be stopped for a while; 0: it must not be."""

class Strip:
    def __init__(self, id: int, max_frames: int) -> None: ...
    @property
    def id(self) -> int: ...
    @property
    def peaks(self) -> tuple[float, float]:
        """Of the last block, behind the fader, linear."""
    def take_peaks(self) -> tuple[float, float]:
        """The highest since the last call."""

class DelayLine:
    def __init__(self, delay_frames: int, max_frames: int) -> None: ...
    @property
    def delay_frames(self) -> int: ...

class AudioClip:
    def __init__(
        self,
        samples: NDArray[np.float32],
        start_frame: int = 0,
        gain: float = 1.0,
        loop: bool = False,
    ) -> None:
        """`samples` is (2, frames) float32, C-contiguous, at the engine's rate; it is kept."""
    @property
    def frames(self) -> int: ...

class MidiClip:
    def __init__(self, frames: NDArray[np.int64], data: NDArray[np.uint8]) -> None:
        """Sorted song frames (n,) and messages (n, 3). Raises ValueError if unsorted."""

class OwnTime:
    """A time line for what is heard beside the song: from 0 on, from its first block on."""

    def __init__(self) -> None: ...
    @property
    def position_frames(self) -> int:
        """Where the next block begins."""
    def end(self) -> None:
        """Nothing is played from the next block on; notes that are held end there."""

class Chain:
    """The host's side of a chain's relay, on segments that Python created."""

    def __init__(
        self,
        id: int,
        geometry: Geometry,
        host: Buffer,
        activation: Buffer,
        outputs: Sequence[Buffer],
        semaphores: Sequence[str],
        end_semaphore: str,
    ) -> None: ...
    @property
    def id(self) -> int: ...
    @property
    def locked(self) -> bool:
        """Whether the kernel keeps all of the chain's shared memory in RAM."""
    def lost(self, record: int) -> bool:
        """The record's file was truncated under the host; zeros stand in its place."""
    @property
    def shared_lost(self) -> bool:
        """The same of what belongs to all records."""
    def retire(self, record: int) -> None:
        """The record's worker is dead or leaves. A host waiting for it is woken."""
    def is_stuck(self, record: int) -> bool:
        """Of a record that is in no block: its worker has not come back from one that was given up,
        or its word is none that the relay leaves there."""
    def is_in_block(self, record: int) -> bool:
        """Whether its worker has begun a block and not ended it, as it says itself."""
    def reset(self, record: int) -> None:
        """Makes a reaped record fit for the next worker."""

class Plan:
    """Which strips there are, what feeds them, in which order."""

    def __init__(self) -> None: ...
    def add_strip(
        self,
        strip: Strip,
        audio: AudioClip | None = None,
        midi: MidiClip | None = None,
        source_delay: int = 0,
        live_left: int = -1,
        live_right: int = -1,
    ) -> int:
        """Returns the strip's index in this plan."""
    def set_time(self, strip: int, time: OwnTime) -> None:
        """Its clips are played by this time, not by the song's."""
    def set_chain(
        self,
        strip: int,
        chain: Chain,
        slots: Sequence[PluginSlot],
        mode: str = "relayed",
    ) -> None:
        """`mode`: relayed, hosted or pipelined."""
    def add_feed(self, to: int, source: int, delay: DelayLine | None = None) -> None: ...
    def add_key(
        self, to: int, slot: int, source: int, delay: DelayLine | None, max_frames: int
    ) -> None: ...
    def finish(self, stages: Sequence[Sequence[int]], master: int) -> None:
        """Sets order and master; raises ValueError for a plan that cannot be rendered."""

class Engine:
    def __init__(
        self,
        sample_rate: float,
        block_frames: int,
        deadline_fraction: float = 0.7,
        offline: bool = False,
        hang_limit_s: float = 10.0,
        capture_s: float = 0.0,
        log_blocks: int = 65536,
        batch: int = 1,
    ) -> None:
        """`batch`: blocks that the plugins are called with in one of the engine's."""
    @property
    def sample_rate(self) -> float: ...
    @property
    def block_frames(self) -> int: ...
    @property
    def period_ns(self) -> int: ...
    @property
    def block_count(self) -> int: ...
    @property
    def plugin_block_count(self) -> int:
        """Blocks that plugins were called with: `batch` a block, fewer in a cut one."""
    @property
    def late_blocks(self) -> int:
        """Blocks whose processing took longer than their period."""
    @property
    def machine_late_blocks(self) -> int:
        """Blocks in which every chain missed: the machine's doing, not a plugin's."""
    @property
    def lost_capture_frames(self) -> int: ...
    @property
    def position_frames(self) -> int: ...
    @property
    def playing(self) -> bool: ...
    def adopt_slot(self, slot: PluginSlot) -> None: ...
    def adopt_strip(self, strip: Strip) -> None: ...
    def release_slot(self, slot: PluginSlot) -> None:
        """Two blocks after the last plan with it and the last command to it."""
    def release_strip(self, strip: Strip) -> None: ...
    def publish(self, plan: Plan) -> bool: ...
    def collect(self) -> int:
        """Frees plans that the audio thread has left. Returns how many."""
    def clear(self) -> None:
        """Lets go of every plan, once nobody renders any more: chains can be freed."""
    def set_gain(self, strip: Strip, linear: float, /) -> bool: ...
    def set_pan(self, strip: Strip, pan: float, /) -> bool: ...
    def set_mute(self, strip: Strip, mute: bool, /) -> bool: ...
    def settle(self, strip: Strip, /) -> bool:
        """The fader is where it should be at once, without a ramp: nothing was heard yet."""
    def attach(self, slot: PluginSlot, record: int, restarted: bool, seat: int = 0) -> bool:
        """The worker plays from the next block on; while another one does, it stands by."""
    def detach(self, slot: PluginSlot, seat: int = 0) -> bool:
        """Whoever stands by plays from the next block on."""
    def set_bypass(self, slot: PluginSlot, bypassed: bool, by_user: bool) -> bool:
        """A slot that the user bypassed is its plain input, whatever its policy on a miss."""
    def set_latency(self, slot: PluginSlot, frames: int, /) -> bool: ...
    def forget_parameter(self, slot: PluginSlot, index: int) -> bool:
        """A change that its plugin dies of waits no longer."""
    def forget_midi(self, slot: PluginSlot, message: bytes) -> bool:
        """Nor does this message, nor is it chased."""
    def set_policy(
        self,
        slot: PluginSlot,
        on_miss: str,
        is_instrument: bool,
        accepts_midi: bool,
        produces_midi: bool,
    ) -> bool: ...
    def set_parameter(
        self, slot: PluginSlot, index: int, value: float, edit: int, offset: int = 0
    ) -> bool: ...
    def live_midi(self, strip: Strip, message: bytes, /) -> bool:
        """From one thread other than the control thread: its own ring."""
    def play(self, playing: bool, /) -> bool: ...
    def locate(self, frame: int, /) -> bool: ...
    def set_loop(self, start: int, end: int, /) -> bool: ...
    def set_tempo(self, bpm: float, /) -> bool: ...
    def set_signature(self, numerator: int, denominator: int, /) -> bool: ...
    def render(self, blocks: int, cpu: int = -1, frames: int = 0) -> NDArray[np.float32]:
        """Renders on this thread, without a clock: (2, blocks * block_frames) float32. Meanwhile
        the thread runs on core `cpu` (-1: any). `frames`: of each block, where it is cut; 0: all
        of it."""
    def read_blocks(self) -> dict[str, NDArray[np.generic]]:
        """Block records since the last call: block, start_ns, entry_ns, duration_ns, flags,
        missed_slots (n,), peaks (n, LOGGED_STRIPS)."""
    def read_misses(self) -> list[tuple[int, int, int, int, int, str]]:
        """(block, time_ns, generation, slot id, record, cause) since the last call. The cause:
        overrun, unwoken, skipped, busy, offline or bypassed."""
    def read_capture(self, max_frames: int) -> NDArray[np.float32]:
        """What was played since the last call: (frames, 2)."""

class Driver:
    """Calls the engine in real time: an audio device, or the null clock where none calls."""

    def __init__(
        self, engine: Engine, priority: int, cpu: int = -1, prewake: bool = True
    ) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def add_stream(self, inputs: int, outputs: int) -> int:
        """The user data of a PortAudio stream of so many channels, interleaved float32."""
    def expect_device(self, stream: int) -> None:
        """The stream is about to start: from its first call on, it drives."""
    def device_lost(self) -> None:
        """The stream is dead: the null clock takes over, and is counted."""
    def no_device(self) -> None:
        """The stream is let go. What still calls is answered with silence."""
    @property
    def device_alive(self) -> bool:
        """A device has called within the last half second."""
    @property
    def realtime(self) -> bool:
        """The null clock runs at real-time priority."""
    @property
    def device_realtime(self) -> bool:
        """So does the device's thread."""
    @property
    def queue_latency_frames(self) -> int:
        """Added where the device's block is no multiple of the engine's."""
    @property
    def xruns(self) -> int: ...
    @property
    def clock_slips(self) -> int: ...
    @property
    def takeovers(self) -> int:
        """How often the null clock took over from a device."""
    @property
    def prewakes(self) -> int:
        """Blocks before which workers were woken."""
    @property
    def callbacks(self) -> int: ...
    @property
    def device_frames(self) -> int:
        """The size of the device's last block."""
    @property
    def repaired_inputs(self) -> int:
        """Samples from the device that were no numbers."""
    @property
    def callback_address(self) -> int:
        """PortAudio's stream callback."""

class Watchdog:
    def __init__(self, engine: Engine, priority: int) -> None: ...
    def stop(self) -> None: ...
    def watch(self, slot: PluginSlot) -> None: ...
    def forget(self, slot: PluginSlot) -> None:
        """Its workers have ended."""
    @property
    def demotions(self) -> int: ...
    @property
    def stops(self) -> int:
        """How often a stuck worker was stopped for the length of a block."""
    @property
    def fetches(self) -> int:
        """How often the audio thread was taken to another core, at normal priority."""

class CapturedThread:
    """A thread of a hung process; `note` says why there is no more than this."""

    @property
    def thread_id(self) -> int: ...
    @property
    def name(self) -> bytes: ...
    @property
    def note(self) -> str: ...
    @property
    def pc(self) -> int: ...
    @property
    def sp(self) -> int: ...
    @property
    def registers(self) -> list[int]:
        """By DWARF number; empty where they could not be read."""
    @property
    def stack_address(self) -> int: ...
    @property
    def stack(self) -> bytes: ...

class CapturedProcess:
    @property
    def maps(self) -> bytes: ...
    @property
    def threads(self) -> list[CapturedThread]:
        """The suspect first."""
    @property
    def samples(self) -> list[CapturedThread]:
        """Further looks at the suspect."""
    @property
    def error(self) -> str:
        """Why there is nothing at all."""

def capture_stacks(pid: int, suspect: int, limit_s: float) -> CapturedProcess:
    """The stacks of all threads of a process that is about to be killed, by ptrace; takes
    milliseconds, at most `limit_s`. `suspect`: the thread that hangs; 0: the first."""

def give_memory_back() -> None:
    """To the system, what the allocator keeps between the few things that are still in use."""
