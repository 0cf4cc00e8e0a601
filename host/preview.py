# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that is heard over the mix, as in a browser of files, and is no part of the song.

It has a strip of its own behind the master's, and a time line of its own, so it is heard whether
the song plays or not, and touches nothing of it: it is in no song file, no undo, no session and no
render. Notes are played by the built-in synth, in a worker like any plugin's.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from host.engine_module import OwnTime, Strip
from host.media import TrackMedia, decibels
from host.mix import Mix
from host.next_blocks import next_blocks, plan_left
from host.planner import Beside
from host.slot_context import SlotContext
from host.slot_supervisor import SlotSupervisor
from host.song import Slot
from ipc.errors import MachineError
from ipc.status import SlotStatus

# Over a mix that is near full scale already.
_LEVEL_DB = -6.0
_SYNTH = Slot(id="preview:synth", plugin="builtin:synth", name="the synth for previews")
_FADE_STEPS = 8  # a block and 5 ms each, at least: some 40 ms
_RING_OUT_S = 1.0  # of the synth, behind the last note


@dataclass(frozen=True)
class Heard:
    """What is heard, and how far it is."""

    name: str
    position_frames: int


class _Preview:
    """One file, from its first block to its last."""

    def __init__(self, mix: Mix, context: SlotContext, name: str, media: TrackMedia) -> None:
        self.name = name
        self._mix = mix
        # Nothing of it is kept for a later session.
        self._context = replace(context, session=None)
        self._voice = mix.new_beside(media)
        self._sum: Strip = mix.new_beside().native
        self._time = OwnTime()
        self._end_frame = media.end_frame
        if media.midi is not None:
            self._end_frame += round(_RING_OUT_S * context.config.sample_rate)
        self.beside = Beside(self._voice, self._sum, self._time)

    @property
    def slots(self) -> list[SlotSupervisor]:
        return self._voice.slots

    @property
    def position_frames(self) -> int:
        return self._time.position_frames

    @property
    def is_over(self) -> bool:
        return self.position_frames >= self._end_frame

    async def prepare(self) -> None:
        """What plays it. Raises MachineError if it cannot be had."""
        if self._voice.midi is None:
            return
        chain = self._voice.chain = self._mix.new_chain("preview", (_SYNTH,), "relayed")
        slot = self._mix.new_slot(_SYNTH, chain, self._context)
        slot.joins = True
        self._voice.slots = [slot]
        await slot.start()
        if slot.status in (SlotStatus.FAILED, SlotStatus.QUARANTINED):
            raise MachineError(f"notes cannot be heard: the built-in synth: {slot.reason}")

    def begin(self) -> None:
        """From silence; the mix must publish a plan with it next, and call `rise` then."""
        self._gain(_LEVEL_DB)
        self._mute(True)
        native, engine = self._voice.native, self._context.engine
        self._context.commands.send((id(native), "settle"), lambda: engine.settle(native))

    def rise(self) -> None:
        self._mute(False)

    async def fade_out(self) -> None:
        """Until it is silent."""
        if self._voice.midi is not None:
            self._time.end()  # notes end, whatever comes
        for step in range(1, _FADE_STEPS + 1):
            self._gain(_LEVEL_DB - 60.0 * step / _FADE_STEPS)
            await next_blocks(self._context.engine, 1)
        self._mute(True)
        await next_blocks(self._context.engine, 1)

    async def leave(self) -> None:
        """Waits until the audio thread has left it: it is in no plan that will be published."""
        await plan_left(self._context.engine)
        await self.close()

    async def close(self) -> None:
        """It is in no plan that is played."""
        for slot in self.slots:
            await slot.close()
            if self._context.watchdog is not None:
                self._context.watchdog.forget(slot.native)
            self._mix.release(slot.native)
        self._mix.release(self._voice.native)
        self._mix.release(self._sum)
        if self._voice.chain is not None:
            self._voice.chain.close()

    def _gain(self, gain_db: float) -> None:
        native, gain, engine = self._voice.native, decibels(gain_db), self._context.engine
        self._context.commands.send((id(native), "gain"), lambda: engine.set_gain(native, gain))

    def _mute(self, mute: bool) -> None:
        native, engine = self._voice.native, self._context.engine
        self._context.commands.send((id(native), "mute"), lambda: engine.set_mute(native, mute))


class Previews:
    """One at a time. Belongs to the control thread; `heard` may be asked from any."""

    def __init__(self, mix: Mix, context: SlotContext) -> None:
        self._mix = mix
        self._context = context
        self._playing: _Preview | None = None
        # Two, so that silence does not wait for the synth of what is about to be heard.
        self._starting = asyncio.Lock()
        self._changing = asyncio.Lock()  # of what is heard
        self._ending: asyncio.Task[None] | None = None

    @property
    def heard(self) -> Heard | None:
        """None: nothing is."""
        playing = self._playing
        return Heard(playing.name, playing.position_frames) if playing is not None else None

    @property
    def slots(self) -> list[SlotSupervisor]:
        """To be looked after like the song's."""
        return self._playing.slots if self._playing is not None else []

    async def start(
        self, name: str, media: TrackMedia, check: Callable[[], None] = lambda: None
    ) -> None:
        """Plays it; what played before is faded out first. `check` raises if it is not wanted any
        more. Raises MachineError, and what `check` does."""
        async with self._starting:
            new = _Preview(self._mix, self._context, name, media)
            try:
                await new.prepare()
                check()  # who stops it from now on waits for it
            except BaseException:
                await new.close()
                raise
            async with self._changing:
                old = self._playing
                if old is not None:
                    await old.fade_out()
                new.begin()
                self._show(new)
                new.rise()
                if old is not None:
                    await old.leave()

    async def stop(self) -> None:
        """Fades it out, if there is one."""
        async with self._changing:
            if self._playing is not None:
                await self._end(self._playing)

    def tick(self) -> None:
        """Ends what is over."""
        ending = self._ending is not None and not self._ending.done()
        if self._playing is not None and self._playing.is_over and not ending:
            over = self._end_if_playing(self._playing)
            self._ending = asyncio.get_running_loop().create_task(over)

    async def close(self) -> None:
        """For the host's end, when no block is rendered any more."""
        if self._ending is not None:
            await asyncio.wait([self._ending])
        async with self._starting, self._changing:
            if self._playing is not None:
                playing, self._playing = self._playing, None
                await playing.close()

    async def _end_if_playing(self, old: _Preview) -> None:
        """Another one may have taken its place while it was waited for."""
        async with self._changing:
            if self._playing is old:
                await self._end(old)

    async def _end(self, old: _Preview) -> None:
        await old.fade_out()
        self._show(None)
        await old.leave()

    def _show(self, preview: _Preview | None) -> None:
        self._playing = preview
        self._mix.beside = preview.beside if preview is not None else None
        self._mix.publish()
