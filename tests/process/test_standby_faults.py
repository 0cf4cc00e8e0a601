# SPDX-License-Identifier: GPL-3.0-or-later
"""What a standby makes of every kind of fault, and what it does not change."""

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from host.host import Host
from host.song import Slot, Song, Track
from ipc.errors import InputError
from ipc.names import segment_path
from ipc.status import SlotStatus
from tests.fixtures.build import fixture_library
from tests.process.songs import (
    QUICK,
    AudioSource,
    HostEventKind,
    chain,
    noise,
    offline,
    play,
    write_clip,
)
from tests.process.standing_by import BLOCK, FADE, Pair, pair
from tests.process.stepping import NEVER, SOON

pytestmark = pytest.mark.process


def events(pair: Pair, kind: HostEventKind) -> list[str]:
    return [event.text for event in pair.host.events_since(0) if event.kind is kind]


def one_slot(plugin: str, **fields: object) -> Song:
    slot = Slot(id="t0", plugin=plugin, standby=True, **fields)  # type: ignore[arg-type]
    return Song(tracks=(Track(id="t", chain=(slot,)),))


def test_a_plugin_that_hangs_is_reported_and_replaced_behind_the_standby(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "noise.wav", noise(BLOCK * 400))
    track = Track(
        id="t",
        audio=AudioSource(file=clip),
        chain=chain("fault:sleep?after=12&times=1&ms=100", prefix="t", standby=True),
    )
    faults = replace(SOON, hang_limit_s=0.3)
    with pair(Song(tracks=(track,)), "t0", faults, warm_up_blocks=0) as played:
        heard = [played.render(12)]
        pid = played.host.worker_pid("t0")
        assert pid is not None
        striker = threading.Timer(0.03, os.kill, (pid, signal.SIGSTOP))
        striker.start()
        heard.append(played.render(8))
        striker.join()
        played.until(lambda: events(played, HostEventKind.FAULT), "the hang is seen")
        assert "hung" in events(played, HostEventKind.FAULT)[0]
        played.until_ready()
        heard.append(played.render(30))
        assert (played.takeovers, played.covered) == (1, 1)
        everything = np.concatenate(heard, axis=1)
        after = 13 * BLOCK + FADE
        expected = noise(BLOCK * 400)[:, : everything.shape[1]]
        assert np.array_equal(everything[:, after:], expected[:, after:])


def test_a_note_that_kills_is_kept_from_the_standby() -> None:
    song = one_slot(f"clap:{fixture_library('clap_fixture')}#crash-note")
    with pair(song, "t0") as played:
        played.render(10)
        pid = played.host.worker_pid("t0")
        played.host.send_midi("t", bytes((0x90, 61, 100)))
        played.render(1)
        played.until(lambda: played.host.worker_pid("t0") != pid, "the other one plays")
        played.render(20)
        played.until_ready()
        played.render(20)
        assert (played.takeovers, played.covered) == (1, 1)
        assert len(events(played, HostEventKind.FAULT)) == 1
        assert not events(played, HostEventKind.POISON)


def test_an_edit_that_kills_both_is_named_and_given_to_nobody_else() -> None:
    song = one_slot(f"ladspa:{fixture_library('crash_fixture')}#null")
    with pair(song, "t0") as played:
        played.render(10)
        played.host.set_parameter("t0", 0, 1.0)
        played.render(1)
        played.until(lambda: len(events(played, HostEventKind.FAULT)) == 2, "both are gone")
        [poison] = events(played, HostEventKind.POISON)
        assert "parameter 0 = 1" in poison
        played.until_ready()
        played.render(60)
        assert played.slot("t0").status is SlotStatus.ACTIVE
        assert len(events(played, HostEventKind.FAULT)) == 2
        assert played.host.parameters("t0")[0] == 0.0


def test_a_standby_that_fails_too_often_is_given_up_and_the_plugin_plays_on() -> None:
    faults = replace(SOON, crash_limit=3)
    with pair(one_slot("builtin:tone"), "t0", faults) as played:
        standby = played.host.supervisor_of("t0").standby
        assert standby is not None
        for attempt in range(3):
            played.until_ready()
            played.render(5)
            pid = played.host.standby_pid("t0")
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            faults_so_far = attempt + 1
            played.until(
                lambda n=faults_so_far: len(events(played, HostEventKind.FAULT)) == n, "told"
            )
        played.until(lambda: standby.is_given_up, "given up")
        played.render(20)
        assert played.slot("t0").status is SlotStatus.ACTIVE
        assert played.covered == 0
        assert any("without a standby" in text for text in events(played, HostEventKind.NOTICE))
        # The plugin itself is blamed for nothing: it still has all its tries.
        played.lose("t0")
        played.regain("t0")


def test_rubbish_of_one_is_no_reason_not_to_hear_the_other() -> None:
    """Both may send it, being the same: then the second is as bad, and both are replaced."""
    with play(one_slot("fault:nan?after=200&times=40"), block=256, faults=QUICK) as playing:
        # On a busy machine the standby may have played before, for one that was merely late.
        playing.until(lambda: playing.events(HostEventKind.FAULT), "one is given up")
        assert "NaN" in playing.events(HostEventKind.FAULT)[0].text
        playing.until(lambda: playing.events(HostEventKind.TAKEOVER), "the standby plays")
        playing.until_heard("t0", 50)


def test_the_key_reaches_the_standby_too(tmp_path: Path) -> None:
    key, rest = noise(BLOCK * 200, 1), noise(BLOCK * 200, 2)
    slot = Slot(
        id="t0", plugin="builtin:key-listen", parameters={"0": 1.0}, sidechain="key", standby=True
    )
    song = Song(
        tracks=(
            Track(
                id="key",
                audio=AudioSource(file=write_clip(tmp_path / "key.wav", key)),
                mute=True,
            ),
            Track(
                id="t",
                audio=AudioSource(file=write_clip(tmp_path / "t.wav", rest)),
                chain=(slot,),
            ),
        )
    )
    with pair(song, "t0") as played:
        played.render(20)
        played.lose_one()
        heard = played.render(40)
        expected = key[:, 20 * BLOCK : 60 * BLOCK]
        assert np.array_equal(heard[:, FADE:], expected[:, FADE:])
        assert (played.takeovers, played.covered) == (1, 0)


def test_midi_of_the_plugin_before_reaches_the_standby_too() -> None:
    before = Slot(id="up", plugin="builtin:midi-transpose", parameters={"Semitones": "12"})
    steady = {"Waveform": "sine", "Sustain": "100 %", "Release": "0.005 s"}
    synth = Slot(id="t0", plugin="builtin:synth", parameters=steady, standby=True)
    song = Song(tracks=(Track(id="t", chain=(before, synth)),))
    with pair(song, "t0") as played:
        played.render(5)
        played.host.send_midi("t", bytes((0x90, 69, 100)))
        played.render(30)
        loud = np.abs(played.render(10)).max()
        played.lose_one()
        assert np.abs(played.render(20)[:, FADE:]).max() == pytest.approx(loud, rel=0.05)
        played.host.send_midi("t", bytes((0x80, 69, 0)))
        played.render(400)
        assert np.abs(played.render(10)).max() < 0.01 * loud


def test_a_plugin_that_sends_midi_leaves_no_note_hanging() -> None:
    up = Slot(
        id="t0", plugin="builtin:midi-transpose", parameters={"Semitones": "12"}, standby=True
    )
    quick = {"Waveform": "sine", "Sustain": "100 %", "Release": "0.005 s"}
    synth = Slot(id="synth", plugin="builtin:synth", parameters=quick)
    with pair(Song(tracks=(Track(id="t", chain=(up, synth)),)), "t0", NEVER) as played:
        played.render(5)
        played.host.send_midi("t", bytes((0x90, 69, 100)))
        loud = np.abs(played.render(30)).max()
        pid = played.stop("t0")
        played.host.send_midi("t", bytes((0x80, 69, 0)))  # in the very block that is lost
        played.render(60)
        assert (played.takeovers, played.covered) == (1, 1)
        assert np.abs(played.render(10)).max() < 0.01 * loud
        played.host.send_midi("t", bytes((0x90, 71, 100)))
        assert np.abs(played.render(30)).max() > 0.5 * loud
        played.host.send_midi("t", bytes((0x80, 71, 0)))
        played.render(60)
        assert np.abs(played.render(10)).max() < 0.01 * loud
        assert played.host.worker_pid("t0") != pid


def test_a_bypassed_slot_and_its_standby_miss_the_same(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "noise.wav", noise(BLOCK * 400))
    track = Track(
        id="t",
        audio=AudioSource(file=clip),
        chain=chain("lv2:urn:zamaudio:ZamDelay", prefix="t", standby=True),
    )
    song = Song(tracks=(track,))

    def run(strikes: bool) -> np.ndarray:
        with pair(song, "t0") as played:
            played.render(30)
            played.host.set_bypass("t0", True)
            played.render(10)
            played.host.set_bypass("t0", False)
            played.render(30)
            if strikes:
                played.lose_one()
            played.render(60)
            assert played.takeovers == strikes
            return played.heard()

    expected, heard = run(False), run(True)
    after = 70 * BLOCK + FADE
    assert np.array_equal(heard[:, after:], expected[:, after:])


def test_wrecked_memory_gives_both_a_fresh_chain() -> None:
    with pair(one_slot("builtin:tone"), "t0") as played:
        played.render(10)
        chain_before = played.host.supervisor_of("t0").chain
        os.truncate(segment_path(chain_before.segments.names.activation), 0)
        os.kill(played.host.worker_pid("t0") or 0, signal.SIGKILL)
        played.until(lambda: played.host.supervisor_of("t0").chain is not chain_before, "fresh")
        for _ in range(10):
            Host.render(played.host, 1)
        played.until_ready()
        before = played.slot("t0").processed_blocks
        played.render(20)
        assert played.slot("t0").processed_blocks > before


def test_a_pipelined_track_says_that_it_has_no_standby() -> None:
    song = one_slot("builtin:tone")
    pipelined = msgspec.structs.replace(song.tracks[0], pipelined=True)
    with play(Song(tracks=(pipelined,))) as playing:
        assert playing.host.standby_pid("t0") is None
        [notice] = [e.text for e in playing.events(HostEventKind.NOTICE) if "standby" in e.text]
        assert "pipelined" in notice


def test_a_render_keeps_no_standby() -> None:
    with offline(one_slot("builtin:tone")) as host:
        assert host.standby_pid("t0") is None
        host.render(4)
        assert host.slots()[0].processed_blocks >= 4


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP])
def test_live_a_failure_costs_a_block_or_two(number: signal.Signals) -> None:
    """At the block rate: the standby has what is left of the block for catching up."""
    with play(one_slot("builtin:tone"), block=1024, faults=QUICK) as playing:
        playing.until_heard("t0", 10)
        playing.until(lambda: playing.host.standby_pid("t0") is not None, "a standby")
        playing.run(5)
        native = playing.host.supervisor_of("t0").native
        machine = playing.host.engine.machine_late_blocks
        before, takeovers = native.bypassed_blocks, native.takeovers
        pid = playing.pid("t0")
        os.kill(pid, number)
        playing.until(lambda: native.takeovers > takeovers, "taken over")
        playing.run(10)
        late = playing.host.engine.machine_late_blocks - machine
        assert native.bypassed_blocks - before <= 2 + late
        playing.until(lambda: playing.host.standby_pid("t0") is not None, "another standby")


def test_two_that_spin_are_both_held_back_and_replaced(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "noise.wav", noise(48000))
    track = Track(
        id="t",
        audio=AudioSource(file=clip, loop=True),
        chain=chain("fault:spin?after=60", prefix="t", standby=True),
    )
    with play(Song(tracks=(track,)), block=512, faults=QUICK) as playing:
        # The first spins; the standby, given the same, does so too.
        playing.until(lambda: playing.host.watchdog_demotions >= 2, "both are held back")
        playing.until(lambda: len(playing.events(HostEventKind.FAULT)) >= 2, "both are ended")
        told = [event.text for event in playing.events(HostEventKind.FAULT)]
        assert all("hung" in text for text in told)
        playing.until_heard("t0", 20)


def test_too_many_standbys_for_a_chain_are_refused_before_anything_is_loaded() -> None:
    slots = chain(*["builtin:gain"] * 30, prefix="t", standby=True)
    with (
        pytest.raises(InputError, match="30 plugins and 30 standbys"),
        play(Song(tracks=(Track(id="t", chain=slots),))),
    ):
        pass


def test_where_a_worker_runs_follows_its_part() -> None:
    with pair(one_slot("builtin:tone"), "t0") as played:
        slot = played.host.supervisor_of("t0")
        if slot.chain.cpu < 0:
            pytest.skip("workers are pinned to a core only where there are two")
        played.render(5)

        def core_of(seat: int) -> set[int]:
            [tenure] = [tenure for tenure in slot.seats.all() if tenure.seat == seat]
            return os.sched_getaffinity(tenure.thread_id)

        assert (core_of(0), core_of(1)) == ({slot.chain.cpu}, {slot.chain.standby_cpu})
        assert slot.chain.cpu != slot.chain.standby_cpu
        played.lose_one()
        played.render(5)
        assert core_of(1) == {slot.chain.cpu}
        played.until_ready()
        assert core_of(0) == {slot.chain.standby_cpu}
