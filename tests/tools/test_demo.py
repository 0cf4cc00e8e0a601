# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's material, song and sabotage fit each other at every length, without any process."""

from pathlib import Path

import numpy as np
import pytest

from host.audio_file import read_audio
from host.config import HostConfig
from host.midi_file import read_midi
from host.song_file import load_song, save_song
from ipc.errors import MachineError
from tools.demo import MAX_SECONDS, MIN_SECONDS
from tools.demo.machine import require_plugins
from tools.demo.material import DRUMS_FILE, DRUMS_PEAK, make_material, midi_file
from tools.demo.sabotage import crash_after_blocks, stage
from tools.demo.score import BEAT_S, PARTS, Form
from tools.demo.song import CRASHER, SAMPLE_RATE, build_song

LENGTHS = (MIN_SECONDS, 7.3, 8.3, 12.0, 26.0, 61.5, MAX_SECONDS)


@pytest.mark.parametrize("length_s", LENGTHS)
def test_every_part_plays_and_ends_within_the_song(tmp_path: Path, length_s: float) -> None:
    make_material(tmp_path, length_s, SAMPLE_RATE)
    for part in PARTS:
        clip = read_midi(tmp_path / midi_file(part), SAMPLE_RATE)
        assert len(clip.events) > 4, part
        assert clip.length_frames <= length_s * SAMPLE_RATE, part
        assert clip.closed_notes == 0, part
    drums = read_audio(tmp_path / DRUMS_FILE, SAMPLE_RATE)
    assert drums.frames == round(length_s * SAMPLE_RATE)
    assert np.abs(drums.samples).max() == pytest.approx(DRUMS_PEAK, abs=1e-3)


@pytest.mark.parametrize("length_s", LENGTHS)
def test_faults_come_in_order_and_leave_time_to_come_back(length_s: float) -> None:
    sabotages = stage(length_s)
    times = [sabotage.at_s for sabotage in sabotages]
    assert times == sorted(times)
    assert times[0] > 0.1
    assert times[-1] < length_s - 1.5
    frozen = next(s for s in sabotages if s.short == "SIGSTOP")
    assert frozen.at_s + HostConfig().faults.hang_limit_s < length_s - 1.5


@pytest.mark.parametrize("length_s", LENGTHS)
def test_the_crashing_plugin_crashes_only_once(length_s: float) -> None:
    """After a restart it counts its blocks anew."""
    config = HostConfig(block_frames=256)
    crash = next(sabotage for sabotage in stage(length_s) if sabotage.slot == CRASHER)
    blocks_left = (length_s - crash.at_s) / config.block_s
    assert blocks_left < crash_after_blocks(crash, config) - config.warm_up_blocks


def test_every_part_comes_in_before_the_shortest_song_ends() -> None:
    form = Form.of(MIN_SECONDS)
    assert all(form.entry(part) == 0 for part in PARTS)
    assert form.last_beat * BEAT_S < MIN_SECONDS


def test_the_song_that_is_left_has_nothing_that_crashes(tmp_path: Path) -> None:
    path = tmp_path / "song.json"
    save_song(build_song(tmp_path, 26.0, None), path)
    slots = [slot for _, slot in load_song(path).slots()]
    assert not [slot for slot in slots if slot.plugin.startswith("fault:")]
    played = [slot for _, slot in build_song(tmp_path, 26.0, 100).slots()]
    assert [slot.id for slot in slots] == [slot.id for slot in played]
    assert {s.slot for s in stage(26.0)} <= {slot.id for slot in slots}


def test_material_is_the_same_every_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        make_material(tmp_path / name, 7.0, SAMPLE_RATE)
    for file in (DRUMS_FILE, *map(midi_file, PARTS)):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    song = build_song(tmp_path, 26.0, None)
    monkeypatch.setenv("LV2_PATH", str(tmp_path))
    with pytest.raises(MachineError, match=r"apt install mda-lv2 zam-plugins`"):
        require_plugins(song)
    (tmp_path / "ZamEQ2.lv2").mkdir()
    (tmp_path / "ZamEQ2.lv2" / "manifest.ttl").touch()
    with pytest.raises(MachineError, match=r"apt install mda-lv2`"):
        require_plugins(song)
