# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns a running mix into a render plan: the order of strips, and the delays that align them.

Plugin delay compensation: every strip's input is aligned to its latest source. A track's clips are
played late by as much, what feeds a strip passes a delay line, and so does a side-chain key. The
mix as a whole then lags the time line by `Planned.latency_frames`.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from host.chain_host import ChainHost
from host.engine_module import AudioClip, DelayLine, MidiClip, OwnTime, Plan, Strip
from host.media import NO_MEDIA, TrackMedia
from host.slot_supervisor import SlotSupervisor


@dataclass
class MixStrip:
    """One strip of the mix: a track or the master."""

    id: str
    native: Strip
    audio: AudioClip | None = None
    midi: MidiClip | None = None
    live: tuple[int, int] = (-1, -1)  # device channels from 0
    chain: ChainHost | None = None
    slots: list[SlotSupervisor] = field(default_factory=list)
    media: TrackMedia = NO_MEDIA  # what `audio` and `midi` are made of
    output: str | None = None  # the strip it is sent to; None: the master itself

    @property
    def pipelined(self) -> bool:
        return self.chain is not None and self.chain.mode == "pipelined"


@dataclass(frozen=True)
class Beside:
    """What is heard over the mix at a time of its own; `sum` is the strip in which both meet."""

    voice: MixStrip
    sum: Strip
    time: OwnTime


@dataclass(frozen=True)
class Planned:
    plan: Plan
    latency_frames: int  # by which the mix lags the time line


class DelayLines:
    """Keeps delay lines from plan to plan, so that a swap does not empty those that stay."""

    def __init__(self, block_frames: int) -> None:
        self._block_frames = block_frames
        self._lines: dict[Hashable, DelayLine] = {}
        self._used: set[Hashable] = set()

    def forget_unused(self) -> None:
        """Lets go of those that were not asked for since the last call."""
        self._lines = {key: line for key, line in self._lines.items() if key in self._used}
        self._used = set()

    def get(self, key: Hashable, frames: int) -> DelayLine | None:
        """None for no delay."""
        if frames <= 0:
            return None
        self._used.add(key)
        line = self._lines.get(key)
        if line is None or line.delay_frames != frames:
            line = self._lines[key] = DelayLine(frames, self._block_frames)
        return line


def make_plan(
    strips: Sequence[MixStrip],
    stages: Sequence[Sequence[int]],
    delays: DelayLines,
    block_frames: int,
    audio_core: int = -1,
    beside: Beside | None = None,
) -> Planned:
    """`strips` in any order, the master last; `stages` are indices into it, the master excluded;
    `audio_core` is the audio thread's, -1 if it runs anywhere."""
    index = {strip.id: i for i, strip in enumerate(strips)}
    master = len(strips) - 1
    order = [i for stage in stages for i in stage] + [master]
    feeds: dict[int, list[int]] = {i: [] for i in range(len(strips))}
    for i, strip in enumerate(strips):
        if strip.output is not None:
            feeds[index[strip.output]].append(i)

    arrive: dict[int, int] = {}  # latency of a strip's input
    leave: dict[int, int] = {}  # latency of its output
    for i in order:
        strip = strips[i]
        before = _latencies_before(strip)
        wanted = [0, *(leave[source] for source in feeds[i])]
        wanted += [leave[index[key]] - before[slot] for slot, key in _keys(strip)]
        arrive[i] = max(wanted)
        leave[i] = arrive[i] + before[-1] + (block_frames if strip.pipelined else 0)

    plan = Plan()
    for i, strip in enumerate(strips):
        _add(plan, strip, arrive[i])
    for i, strip in enumerate(strips):
        for source in feeds[i]:
            line = delays.get((strips[source].id, strip.id), arrive[i] - leave[source])
            plan.add_feed(i, source, line)
        before = _latencies_before(strip)
        for slot, key in _keys(strip):
            late = arrive[i] + before[slot] - leave[index[key]]
            line = delays.get((key, strip.slots[slot].spec.id, "key"), late)
            plan.add_key(i, slot, index[key], line, block_frames)
    delays.forget_unused()
    order_in = [*[_begin_order(stage, strips, audio_core) for stage in stages if stage], [master]]
    last = master
    if beside is not None:
        # With the first to begin: no stage is added that would take time from the others.
        voice = _add(plan, beside.voice, 0)
        plan.set_time(voice, beside.time)
        order_in[0] = [*order_in[0], voice]
        last = plan.add_strip(beside.sum)
        plan.add_feed(last, master)  # the first is copied: the mix itself passes bit for bit
        plan.add_feed(last, voice)
        order_in.append([last])
    plan.finish(order_in, last)
    return Planned(plan, leave[master])


def _add(plan: Plan, strip: MixStrip, delay_frames: int) -> int:
    """Its place in the plan. `delay_frames`: by which its clips are late."""
    place = plan.add_strip(
        strip.native, strip.audio, strip.midi, delay_frames, strip.live[0], strip.live[1]
    )
    if strip.chain is not None and strip.chain.native is not None and strip.slots:
        slots = [slot.native for slot in strip.slots]
        plan.set_chain(place, strip.chain.native, slots, strip.chain.mode)
    return place


def _begin_order(stage: Sequence[int], strips: Sequence[MixStrip], audio_core: int) -> list[int]:
    """Chains on other cores first: a worker that is woken on the audio thread's own core may take
    it from the audio thread, and those that are to run meanwhile would not be woken before it is
    through."""

    def beside_audio(i: int) -> bool:
        chain = strips[i].chain
        return chain is not None and chain.cpu == audio_core != -1

    return sorted(stage, key=beside_audio)


def _keys(strip: MixStrip) -> list[tuple[int, str]]:
    """(slot, strip id) of the strip's side-chains."""
    return [
        (i, slot.spec.sidechain)
        for i, slot in enumerate(strip.slots)
        if slot.spec.sidechain is not None
    ]


def _latencies_before(strip: MixStrip) -> list[int]:
    """Latency of the signal before each slot, and after the last."""
    sums = [0]
    for slot in strip.slots:
        sums.append(sums[-1] + slot.latency_frames)
    return sums
