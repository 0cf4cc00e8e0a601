# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a running mix that of another song, without stopping it.

What both songs have plays on: a strip by its id, a plugin by its slot's id as long as it stays on
its strip and is loaded the same way. All else is made, or let go, around it. Nothing that goes is
cut off: it is faded out first, by the ramps of faders and of covers, and what comes is faded in.
"""

import asyncio
from collections.abc import Mapping

from host.chain_host import SPARE_RECORDS, ChainHost
from host.config import ChainMode
from host.engine_module import Engine
from host.events import HostEventKind
from host.media import TrackMedia
from host.mix import Mix
from host.next_blocks import fades_ended, plan_left
from host.planner import MixStrip
from host.slot_context import SlotContext
from host.slot_standby import keeps_standby
from host.slot_supervisor import SlotSupervisor
from host.song import MASTER, Slot, Song, Track
from host.song_routing import check_routing
from ipc._native import MAX_RECORDS


def is_same_plugin(old: Slot, new: Slot) -> bool:
    """Whether the one that runs can go on as the other."""

    def loading(slot: Slot) -> tuple[object, ...]:
        return (
            slot.plugin,
            slot.on_miss,
            slot.sidechain is None,
            slot.standby,
            slot.alone,
        )

    return old.id == new.id and loading(old) == loading(new)


class MixChange:
    """One change; `apply` it on the control thread. The slots that it makes are in `made`."""

    def __init__(
        self, mix: Mix, song: Song, media: Mapping[str, TrackMedia], context: SlotContext
    ) -> None:
        """`media`: of the tracks that are new or play something else."""
        self.made: list[SlotSupervisor] = []
        self._mix = mix
        self._song = song
        self._media = media
        self._context = context
        self._engine: Engine = context.engine
        self._old_strips = {strip.id: strip for strip in mix.strips}
        self._slots: dict[str, list[SlotSupervisor]] = {}  # of the new song, by strip
        self._new_strips: list[MixStrip] = []
        self._new_chains: dict[str, ChainHost] = {}  # by strip
        self._moved: list[tuple[SlotSupervisor, ChainHost]] = []

    async def apply(self) -> None:
        """Returns when what stays plays on and what goes is gone; the plugins that are `made` are
        still being loaded. Raises InputError or MachineError, and changes
        nothing, if it cannot be done."""
        check_routing(self._song, "song")
        strips = self._strips()
        try:
            self._prepare(strips)
        except BaseException:
            self._undo()
            raise
        gone = self._leaving(strips)
        await self._keep_states(gone)
        await self._fade_out(gone)
        old_strips = list(self._mix.strips)
        replaced = self._commit(strips)
        await plan_left(self._engine)
        ends = await asyncio.gather(*(slot.close() for slot in gone), return_exceptions=True)
        for slot in gone:
            if self._context.watchdog is not None:
                self._context.watchdog.forget(slot.native)
            self._mix.release(slot.native)
        for strip in old_strips:
            if strip not in strips:
                self._mix.release(strip.native)
        for chain in replaced:
            chain.close()
        for slot in self.made:
            slot.start_soon()
        for end in ends:
            if isinstance(end, Exception):
                text = f"a plugin that was taken away did not end in order: {end}"
                self._context.events.add(HostEventKind.NOTICE, text)

    # ------------------------------------------------------------------ what there will be

    def _strips(self) -> list[MixStrip]:
        strips = []
        for track in self._song.tracks:
            strip = self._old_strips.get(track.id)
            if strip is None:
                strip = self._mix.new_strip(track, self._media[track.id])
                self._new_strips.append(strip)
            strips.append(strip)
        return [*strips, self._old_strips[MASTER]]

    def _prepare(self, strips: list[MixStrip]) -> None:
        """Makes all that may fail."""
        tracks: list[Track | None] = [*self._song.tracks, None]
        for strip, track in zip(strips, tracks, strict=True):
            wanted = track.chain if track is not None else self._song.master.chain
            chain = self._chain_for(strip, wanted, self._mix.mode_of(track))
            running = {slot.spec.id: slot for slot in strip.slots}
            slots: list[SlotSupervisor] = []
            for spec in wanted:
                slot = running.get(spec.id)
                assert chain is not None
                if slot is None or not is_same_plugin(slot.spec, spec):
                    slot = self._mix.new_slot(spec, chain, self._context)
                    slot.joins = True
                    self.made.append(slot)
                elif slot.chain is not chain:
                    self._moved.append((slot, chain))
                slots.append(slot)
            self._slots[strip.id] = slots

    def _chain_for(
        self, strip: MixStrip, wanted: tuple[Slot, ...], mode: ChainMode
    ) -> ChainHost | None:
        """The strip's own if it can carry them; else another."""
        chain = strip.chain
        if not wanted:
            return chain
        config = self._context.config
        places = len(wanted) + sum(keeps_standby(slot, config, mode) for slot in wanted)
        if chain is not None and chain.mode == mode:
            # Restarts need room too, and more of it where a chain cannot grow any more.
            records = chain.geometry.records
            if places <= records - (SPARE_RECORDS if records == MAX_RECORDS else 2):
                return chain
        made = self._mix.new_chain(strip.id, wanted, mode)
        self._new_chains[strip.id] = made
        return made

    def _undo(self) -> None:
        for slot in self.made:
            if self._context.watchdog is not None:
                self._context.watchdog.forget(slot.native)
            self._mix.release(slot.native)
        for strip in self._new_strips:
            self._mix.release(strip.native)
        for chain in self._new_chains.values():
            chain.close()
        if self._context.session is not None:
            self._context.session.drop_staged()

    def _leaving(self, strips: list[MixStrip]) -> list[SlotSupervisor]:
        staying = {id(slot) for strip in strips for slot in self._slots[strip.id]}
        return [slot for slot in self._mix.slots() if id(slot) not in staying]

    # ------------------------------------------------------------------ the change

    async def _keep_states(self, gone: list[SlotSupervisor]) -> None:
        """Of what stays, and whose worker ends: its chain is another, or its neighbour goes."""
        moved = [slot for slot, _ in self._moved]
        neighbours = {other for slot in (*gone, *moved) for other in slot.shares_with}
        ending = neighbours | {slot.spec.id for slot in moved}
        await self._mix.keep_states(ending - {slot.spec.id for slot in gone})

    async def _fade_out(self, gone: list[SlotSupervisor]) -> None:
        staying = {track.id for track in self._song.tracks} | {MASTER}
        leaving = [strip.id for strip in self._mix.strips if strip.id not in staying]
        for strip_id in leaving:
            self._mix.set_mute(strip_id, True)
        for slot in gone:
            slot.fade_out()
        if not leaving and not gone:
            return
        await fades_ended(self._engine, self._context.config.block_s)

    def _commit(self, strips: list[MixStrip]) -> list[ChainHost]:
        """From here on the mix is the new one. Returns the chains that are not needed any more."""
        mix = self._mix
        replaced = [
            strip.chain
            for strip in mix.strips
            if strip.chain is not None and (strip not in strips or strip.id in self._new_chains)
        ]
        for slot, chain in self._moved:
            slot.move(chain, "its chain has grown")
        specs = {slot.id: slot for _, slot in self._song.slots()}
        for strip in strips:
            strip.slots = self._slots[strip.id]
            strip.chain = self._new_chains.get(strip.id, strip.chain)
            for slot in strip.slots:
                if slot in self.made and strip.chain is not None:
                    slot.chain = strip.chain  # it may have been replaced meanwhile
                slot.take_spec(specs[slot.spec.id])
            media = self._media.get(strip.id)
            if media is not None:
                strip.audio, strip.midi, strip.media = media.audio, media.midi, media
        mix.take_song(self._song, strips)
        for strip in self._new_strips:  # from silence
            mix.set_mute(strip.id, True)
            mix.settle(strip)
        mix.set_faders()
        mix.publish()
        if self._context.session is not None:
            self._context.session.rebase(self._song)
        return replaced
