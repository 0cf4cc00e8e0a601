# SPDX-License-Identifier: GPL-3.0-or-later
"""A song as it runs: its strips, chains and slots, and the plan that renders them."""

import asyncio
import contextlib
import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from math import inf

from host.chain_host import ChainHost
from host.commands import CommandQueue
from host.config import ChainMode, HostConfig
from host.engine_module import Engine, PluginSlot, Strip
from host.events import EventLog, HostEventKind
from host.fault_history import FaultHistory
from host.media import NO_MEDIA, TrackMedia, decibels, load_media
from host.placement import Placement
from host.planner import Beside, DelayLines, MixStrip, make_plan
from host.slot_context import SlotContext
from host.slot_standby import keeps_standby
from host.slot_supervisor import SlotSupervisor
from host.slot_watch import MAX_LATENCY_FRAMES
from host.solo import soloed_out
from host.song import DEFAULT_TAIL_LIMIT_S, MASTER, Master, Song, Track
from host.song import Slot as SongSlot
from host.song_routing import track_stages
from host.unheard_inputs import unheard_inputs
from ipc.errors import InputError, MachineError
from ipc.status import SlotStatus

LOUDEST_DB = 24.0  # as in a song file

_REPLAN_S = 0.5
# In which the audio thread takes all that the ring can hold: 8192 commands, 1024 a block.
_RING_BLOCKS = 16


def raise_first(results: Iterable[object]) -> None:
    """Raises the first exception among the results of tasks that have all ended."""
    for result in results:
        if isinstance(result, BaseException):
            raise result


class Mix:
    """Builds what a song needs, starts its plugins, publishes plans. One a host."""

    def __init__(
        self,
        song: Song,
        config: HostConfig,
        engine: Engine,
        commands: CommandQueue,
        events: EventLog,
    ) -> None:
        self.song = song
        self.strips: list[MixStrip] = []
        self.latency_frames = 0
        self.notes: list[str] = []
        self.beside: Beside | None = None  # what is heard over it (host/preview.py)
        self._config = config
        self._engine = engine
        self._commands = commands
        self._events = events
        self._damaged: set[ChainHost] = set()
        self._written_off: set[ChainHost] = set()
        self._damages: dict[str, FaultHistory] = {}  # by strip
        self._placement = Placement(config.pin_workers)
        self._delays = DelayLines(config.engine_frames)
        self._replan = False
        self._planned_at = 0.0
        self._stages = track_stages(song)
        self._soloed_out = soloed_out(song)
        self._left: list[tuple[PluginSlot | Strip, int]] = []  # and since which block
        self._strip_numbers = itertools.count()
        self._slot_numbers = itertools.count()

    # ------------------------------------------------------------------ building

    def load(self) -> None:
        """Reads media and creates strips. Raises InputError for files that cannot be used."""
        for track in self.song.tracks:
            media = load_media(self.song, track, self._config.sample_rate)
            self.strips.append(self.new_strip(track, media))
        self.strips.append(self.new_strip(self.song.master))
        self.set_faders()
        for strip in self.strips:
            self.settle(strip)

    def new_strip(self, track: Track | Master, media: TrackMedia = NO_MEDIA) -> MixStrip:
        """A strip that is in no plan yet."""
        native = Strip(next(self._strip_numbers), self._config.engine_frames)
        self._engine.adopt_strip(native)
        if isinstance(track, Master):
            return MixStrip(MASTER, native)
        strip = MixStrip(track.id, native, output=track.output)
        strip.audio, strip.midi, strip.media = media.audio, media.midi, media
        self.notes += [f"{track.label}: {note}" for note in media.notes]
        if track.input is not None and track.input.channels:
            channels = track.input.channels
            strip.live = (channels[0] - 1, channels[-1] - 1)
        return strip

    def new_beside(self, media: TrackMedia = NO_MEDIA) -> MixStrip:
        """A strip that is none of the song's, in no plan yet."""
        native = Strip(next(self._strip_numbers), self._config.engine_frames)
        self._engine.adopt_strip(native)
        return MixStrip("", native, media.audio, media.midi, media=media)

    async def start(self, context: SlotContext) -> None:
        """Creates chains, loads every plugin at the same time, publishes the first plan."""
        for strip, chain, mode in self.chain_specs():
            if not chain:
                continue
            strip.chain = self.new_chain(strip.id, chain, mode)
            strip.slots = [self.new_slot(slot, strip.chain, context) for slot in chain]
        # Ready workers use no processor: loading all at once uses every core.
        starts = (slot.start() for slot in self.slots())
        raise_first(await asyncio.gather(*starts, return_exceptions=True))
        while pending := [s.coming_back for s in self.slots() if s.coming_back is not None]:
            await asyncio.wait(pending)
        self.notes += unheard_inputs(self.song, {s.spec.id: s.description for s in self.slots()})
        self.publish()

    def new_chain(self, name: str, slots: Sequence[SongSlot], mode: ChainMode) -> ChainHost:
        """Raises InputError if it is too long, MachineError if memory is short."""
        core = self._placement.core_for_chain()
        return ChainHost(
            self._config,
            len(slots),
            mode,
            core,
            name,
            sum(keeps_standby(slot, self._config, mode) for slot in slots),
            self._placement.core_beside(core),
        )

    def new_slot(self, spec: SongSlot, chain: ChainHost, context: SlotContext) -> SlotSupervisor:
        """A slot that is in no plan yet, its plugin not loaded."""
        native = PluginSlot(
            next(self._slot_numbers),
            self._config.sample_rate,
            self._config.engine_frames,
            MAX_LATENCY_FRAMES - self._config.engine_frames,  # a ring of a power of two
            keeps_standby(spec, self._config, chain.mode),
        )
        self._engine.adopt_slot(native)
        if context.watchdog is not None:
            context.watchdog.watch(native)
        return SlotSupervisor(spec, native, chain, context)

    def chain_specs(self) -> Iterator[tuple[MixStrip, tuple[SongSlot, ...], ChainMode]]:
        """Each strip with what the song has on it."""
        for strip, track in zip(self.strips, self.song.tracks, strict=False):
            yield strip, track.chain, self.mode_of(track)
        yield self.strips[-1], self.song.master.chain, self.mode_of(None)

    def mode_of(self, track: Track | None) -> ChainMode:
        """Of its chain; None is the master."""
        return "pipelined" if track is not None and track.pipelined else self._config.mode

    def take_song(self, song: Song, strips: list[MixStrip]) -> None:
        """Another song, and the strips that play it, the master's last. Raises InputError, and
        changes nothing, if its tracks feed each other in a circle. The next plan is of this one."""
        self._stages = track_stages(song)
        self._soloed_out = soloed_out(song)
        self.song, self.strips = song, strips
        for strip, track in zip(strips, song.tracks, strict=False):
            strip.output = track.output

    def groupable(self) -> Iterator[tuple[str, SongSlot]]:
        """Slots whose plugins can share a process with others, with the strips they are on."""
        for strip, chain, mode in self.chain_specs():
            for slot in chain:
                if not keeps_standby(slot, self._config, mode):
                    yield strip.id, slot

    async def keep_states(self, slots: Collection[str]) -> None:
        """Before the host ends the workers of these slots: the next ones go on from here. Those
        that cannot say in time go on from what they said last."""
        keeping = [slot.keep_state() for slot in self.slots() if slot.spec.id in slots]
        # Plugins of one process are asked in turn; one that hangs is given up before.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * self._config.faults.save_limit_s):
                await asyncio.gather(*keeping)

    # ------------------------------------------------------------------ plans

    def publish(self) -> None:
        """Publishes a plan of the mix as it is now."""
        planned = make_plan(
            self.strips,
            self._stages,
            self._delays,
            self._config.engine_frames,
            self._placement.core_for_audio(True),
            self.beside,
        )
        self.latency_frames = planned.latency_frames
        self._replan = not self._engine.publish(planned.plan)

    def latency_changed(self) -> None:
        """A slot's latency is another: the next tick publishes a plan that compensates it."""
        self._replan = True

    def tick(self, now: float) -> None:
        """`now`: time.monotonic(). A plugin that reports another latency in every block must not
        empty everybody's delay lines as often."""
        for strip in self.strips:
            chain = strip.chain
            if chain is None or chain in self._written_off:
                continue
            if chain in self._damaged or chain.has_lost_pages:
                self._replace_chain(strip, chain, now)
        if self._replan and now - self._planned_at >= _REPLAN_S:
            self._planned_at = now
            self.publish()
        self._engine.collect()
        self._free_left()

    def release(self, native: PluginSlot | Strip) -> None:
        """It is in no plan any more. Freed when no command can point to it either, which may wait
        here or in the engine's ring; while the clock stands, not at all."""
        self._left.append((native, self._engine.block_count))

    def _free_left(self) -> None:
        now = self._engine.block_count
        if not self._left:
            return
        if len(self._commands):  # of whomever: they reach the ring only now
            self._left = [(native, now) for native, _ in self._left]
            return
        for native, since in self._left:
            if now < since + _RING_BLOCKS:
                continue
            if isinstance(native, Strip):
                self._engine.release_strip(native)
            else:
                self._engine.release_slot(native)
        self._left = [(native, since) for native, since in self._left if now < since + _RING_BLOCKS]

    # ------------------------------------------------------------------ damaged chains

    def chain_damaged(self, chain: ChainHost) -> None:
        """Some worker wrecked the files that all workers of the chain share: the next tick
        replaces them."""
        self._damaged.add(chain)

    def _replace_chain(self, strip: MixStrip, chain: ChainHost, now: float) -> None:
        """Gives the strip's plugins a fresh chain, and restarts them in it. Nobody knows which of
        them did it, so none is blamed, but a chain is not replaced without end."""
        self._damaged.discard(chain)
        history = self._damages.setdefault(strip.id, FaultHistory(self._config.faults))
        history.add(now)
        try:
            if self._config.offline or history.is_hopeless:
                raise MachineError("one of its plugins wrecked the memory that they share")
            strip.chain = ChainHost(
                self._config,
                len(strip.slots),
                chain.mode,
                chain.cpu,
                strip.id,
                chain.standbys,
                chain.standby_cpu,
            )
        except MachineError as error:
            self._written_off.add(chain)
            for slot in strip.slots:
                slot.fail(f"{strip.id}: its plugins cannot go on: {error}")
            return
        self._events.add(
            HostEventKind.NOTICE,
            f"{strip.id}: one of its plugins wrecked the memory that they share; all are restarted",
            block=self._engine.block_count,
        )
        for slot in strip.slots:
            slot.move(strip.chain, "the memory of its chain was damaged")
        self.publish()
        chain.close()

    # ------------------------------------------------------------------ finding and setting

    def slots(self) -> Iterator[SlotSupervisor]:
        for strip in self.strips:
            yield from strip.slots

    def slot(self, slot_id: str) -> SlotSupervisor:
        for slot in self.slots():
            if slot.spec.id == slot_id:
                return slot
        raise InputError(f"the song has no slot '{slot_id}'")

    def strip(self, strip_id: str) -> MixStrip:
        for strip in self.strips:
            if strip.id == strip_id:
                return strip
        raise InputError(f"the song has no track '{strip_id}'")

    def set_gain(self, strip_id: str, gain_db: float) -> None:
        if not -inf <= gain_db <= LOUDEST_DB:  # NaN neither
            raise InputError(f"{strip_id}: a gain is at most +{LOUDEST_DB:g} dB, not {gain_db:g}")
        native, gain = self.strip(strip_id).native, decibels(gain_db)
        self._commands.send((id(native), "gain"), lambda: self._engine.set_gain(native, gain))

    def set_pan(self, strip_id: str, pan: float) -> None:
        if not -1.0 <= pan <= 1.0:
            raise InputError(f"{strip_id}: a pan lies between -1 and 1, not {pan:g}")
        native = self.strip(strip_id).native
        self._commands.send((id(native), "pan"), lambda: self._engine.set_pan(native, pan))

    def set_mute(self, strip_id: str, mute: bool) -> None:
        """A track that others' solo silences stays silent when it is unmuted."""
        native = self.strip(strip_id).native
        silent = mute or strip_id in self._soloed_out
        self._commands.send((id(native), "mute"), lambda: self._engine.set_mute(native, silent))

    def set_faders(self) -> None:
        """All of them as the song has them."""
        for track in self.song.tracks:
            self.set_gain(track.id, track.gain_db)
            self.set_pan(track.id, track.pan)
            self.set_mute(track.id, track.mute)
        self.set_gain(MASTER, self.song.master.gain_db)

    def settle(self, strip: MixStrip) -> None:
        """Its fader is where it should be at once, because nothing of it was heard yet."""
        native = strip.native
        self._commands.send((id(native), "settle"), lambda: self._engine.settle(native))

    def tail_s(self) -> float:
        """How long the mix rings on after its content: the song's word, else the plugins'."""
        if self.song.tail_s is not None:
            return self.song.tail_s
        tails = [slot.tail_s for slot in self.slots() if slot.status is not SlotStatus.QUARANTINED]
        return min(DEFAULT_TAIL_LIMIT_S, max(tails, default=0.0))

    @property
    def content_end_frame(self) -> int:
        """Where the last file on a track ends."""
        return max((strip.media.end_frame for strip in self.strips), default=0)

    def length_frames(self) -> int:
        """Length of the rendered song, frames, without the mix's latency."""
        rate = self._config.sample_rate
        end = self.content_end_frame
        if self.song.length_s is not None:
            end = round(self.song.length_s * rate)
        return end + round(self.tail_s() * rate)

    def is_locked(self) -> bool:
        """Whether the kernel keeps all that the mix shares with workers in RAM."""
        return all(strip.chain.locked for strip in self.strips if strip.chain is not None)

    def close(self) -> None:
        for strip in self.strips:
            if strip.chain is not None:
                strip.chain.close()
