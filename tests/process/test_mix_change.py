# SPDX-License-Identifier: GPL-3.0-or-later
"""A song is changed while it plays: what stays plays on, what comes and goes does not click."""

import os
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from host.config import HostConfig
from host.host import Host
from host.session.folder import Playing as PlayingSettings
from host.session.folder import claim
from host.session.recovery import recover
from host.session.session import Session
from host.song import AudioSource, Slot, Song, Track
from ipc.errors import InputError
from ipc.status import SlotStatus
from tests.process.jack import until
from tests.process.songs import Playing, chain, sine, write_clip

pytestmark = pytest.mark.process

CONFIG = HostConfig(block_frames=512, capture_s=10.0)
replace = msgspec.structs.replace


@pytest.fixture
def tone(tmp_path: Path) -> str:
    return write_clip(tmp_path / "tone.wav", sine(48000, level=0.25))


def track(name: str, tone: str, *plugins: str) -> Track:
    source = AudioSource(file=tone, loop=True)
    return Track(id=name, audio=source, chain=chain(*plugins, prefix=name))


def largest_step(playing: Playing) -> float:
    """Between two frames, once the first tone has begun."""
    heard = playing.heard()[:, 4096:]
    assert heard.shape[1] > 20000
    assert np.isfinite(heard).all()
    return float(np.abs(np.diff(heard, axis=1)).max())


def with_slots(song: Song, number: int, *slots: Slot) -> Song:
    tracks = list(song.tracks)
    tracks[number] = replace(tracks[number], chain=slots)
    return replace(song, tracks=tuple(tracks))


def statuses(host: Host) -> dict[str, SlotStatus]:
    return {slot.id: slot.status for slot in host.slots()}


def test_plugins_are_added_reordered_and_removed(tone: str) -> None:
    song = Song(tracks=(track("a", tone, "builtin:gain", "builtin:gain"),))
    with Playing(song, CONFIG, None, playing=True) as playing:
        host = playing.host
        playing.run(30)
        pids = {slot: host.worker_pid(slot) for slot in ("a0", "a1")}
        a0, a1 = song.tracks[0].chain
        new = Slot(id="new", plugin="builtin:gain")
        for slots in ((a0, new, a1), (new, a1, a0), (new,), (a0,), (), (a1, a0)):
            host.change(with_slots(song, 0, *slots))
            playing.run(20)
            assert statuses(host) == {slot.id: SlotStatus.ACTIVE for slot in slots}
            if slots in ((a0, new, a1), (new, a1, a0)):
                assert {slot: host.worker_pid(slot) for slot in pids} == pids
            processed = [slot.processed_blocks for slot in host.slots()]
            playing.run(10)
            now = [slot.processed_blocks for slot in host.slots()]
            assert all(b > a for a, b in zip(processed, now, strict=True))
        # A sine of 440 Hz at a quarter moves by 0.0144 a frame.
        assert largest_step(playing) < 0.03
        assert host.engine.late_blocks == 0 or host.engine.block_count > 100


def test_tracks_come_and_go(tone: str) -> None:
    a, b = track("a", tone, "builtin:gain"), track("b", tone, "builtin:gain")
    both = Song(tracks=(a, b))
    with Playing(Song(tracks=(a,)), CONFIG, None, playing=True) as playing:
        host = playing.host
        playing.run(30)
        pid = host.worker_pid("a0")
        for tracks in ((a, b), (b, a), (a,), (a, b)):
            host.change(replace(both, tracks=tracks))
            playing.run(20)
            assert host.worker_pid("a0") == pid
            assert [strip.id for strip in host.mix.strips] == [t.id for t in tracks] + ["master"]
            assert max(host.mix.strip("a").native.peaks) > 0.2
        # Two tones, and b begins and ends by a ramp of a block.
        assert largest_step(playing) < 0.1
        host.change(replace(both, tracks=()))
        playing.run(20)
        assert not host.slots()
        assert max(host.mix.strip("master").native.peaks) == 0.0


def test_a_chain_grows_beyond_its_records(tone: str) -> None:
    config = HostConfig(block_frames=1024, records=10)
    song = Song(tracks=(track("a", tone, "builtin:gain"),))
    with Playing(song, config, None, playing=True) as playing:
        many = tuple(Slot(id=f"s{i}", plugin="builtin:gain") for i in range(14))
        host = playing.host
        host.set_parameter("a0", 0, 0.25)
        playing.run(5)
        host.change(with_slots(song, 0, *song.tracks[0].chain, *many))
        until(lambda: set(statuses(host).values()) == {SlotStatus.ACTIVE}, "all active")
        assert len(host.slots()) == 15
        assert host.parameters("a0")[0] == pytest.approx(0.25)


def test_faders_solo_and_bypass_follow_the_song(tone: str) -> None:
    song = Song(tracks=(track("a", tone, "builtin:gain"), track("b", tone)))
    with Playing(song, CONFIG, None, playing=True) as playing:
        host = playing.host
        a, b = song.tracks
        bypassed = (replace(a.chain[0], bypassed=True),)
        host.change(
            replace(song, tracks=(replace(a, solo=True, gain_db=-6.0206, chain=bypassed), b))
        )
        playing.run(20)
        assert max(host.mix.strip("a").native.peaks) == pytest.approx(0.125, rel=0.01)
        assert max(host.mix.strip("b").native.peaks) == 0.0
        assert statuses(host) == {"a0": SlotStatus.BYPASSED}
        host.change(song)
        playing.run(20)
        assert max(host.mix.strip("b").native.peaks) == pytest.approx(0.25, rel=0.01)
        assert statuses(host) == {"a0": SlotStatus.ACTIVE}


def test_another_plugin_takes_the_place_of_one(tone: str) -> None:
    song = Song(tracks=(track("a", tone, "builtin:gain"),))
    with Playing(song, CONFIG, None, playing=True) as playing:
        host = playing.host
        pid = host.worker_pid("a0")
        host.change(with_slots(song, 0, Slot(id="a0", plugin="pedalboard:Gain")))
        playing.run(10)
        [slot] = host.slots()
        assert slot.plugin == "pedalboard:Gain"
        assert host.worker_pid("a0") not in (None, pid)
        # One that is not there fails alone, and goes again.
        host.change(with_slots(song, 0, Slot(id="x", plugin="lv2:http://nobody/has/this")))
        assert statuses(host) == {"x": SlotStatus.FAILED}
        host.change(song)
        playing.run(10)
        assert statuses(host) == {"a0": SlotStatus.ACTIVE}


def test_what_cannot_be_changes_nothing(tone: str, tmp_path: Path) -> None:
    song = Song(tracks=(track("a", tone, "builtin:gain"),))
    with Playing(song, CONFIG, None, playing=True) as playing:
        host = playing.host
        pid = host.worker_pid("a0")
        a = song.tracks[0]
        circle = (replace(a, output="b"), Track(id="b", output="a"))
        missing = Track(id="b", audio=AudioSource(file=str(tmp_path / "missing.wav")))
        too_long = replace(
            a, chain=tuple(Slot(id=f"s{i}", plugin="builtin:gain") for i in range(200))
        )
        for tracks in (circle, (a, missing), (a, a), (too_long,)):
            with pytest.raises(InputError):
                host.change(replace(song, tracks=tracks))
        with pytest.raises(InputError, match="sample rate"):
            host.change(replace(song, sample_rate=44100))
        playing.run(10)
        assert statuses(host) == {"a0": SlotStatus.ACTIVE}
        assert host.worker_pid("a0") == pid
        assert host.mix.song == song


def test_many_changes_leave_nothing(tone: str) -> None:
    """Neither segments nor processes; the fixture that looks for leaks sees the rest."""
    a, b = track("a", tone, "builtin:gain"), track("b", tone, "builtin:gain")

    def shared() -> int:  # of this host: other tests may run beside
        return len(list(Path("/dev/shm").glob(f"*isobooth-{os.getpid()}-*")))

    with Playing(Song(tracks=(a,)), CONFIG, None, playing=True) as playing:
        before = shared()
        assert before > 0
        for _ in range(10):
            playing.host.change(Song(tracks=(a, b)))
            playing.host.change(Song(tracks=(a,)))
        assert shared() == before


def test_the_changed_song_is_what_a_session_recovers(tone: str, tmp_path: Path) -> None:
    song = Song(tracks=(track("a", tone, "builtin:gain"),))
    session = Session("song", PlayingSettings(), within=tmp_path / "sessions")
    with Host(CONFIG, session=session) as host:
        host.load(song)
        host.start()
        host.set_parameter("a0", 0, 0.25)
        host.set_gain("a", -20.0)
        new = Slot(id="new", plugin="builtin:gain")
        moved = Slot(id="a0", plugin="builtin:tone")
        host.change(
            replace(song, tracks=(replace(song.tracks[0], gain_db=-3.0, chain=(new, moved)),))
        )
        host.set_parameter("new", 0, 0.75)
        time.sleep(1.0)
        session.keep()
        identity = session.id
    recovered = recover(claim(identity, tmp_path / "sessions"))
    [track_] = recovered.song.tracks
    assert [slot.plugin for slot in track_.chain] == ["builtin:gain", "builtin:tone"]
    assert track_.gain_db == -3.0
    assert [(e.parameter, e.value) for e in recovered.journals["new"].edits] == [(0, 0.75)]
    assert not recovered.journals["a0"].edits if "a0" in recovered.journals else True
    recovered.folder.close()
