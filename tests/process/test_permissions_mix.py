# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin that tries while it plays what it may not: it is told, and nobody hears of it."""

import os
from pathlib import Path

import numpy as np
import pytest

from host.config import HostConfig
from host.permissions import PermissionRules, PluginRule
from host.store.crash_store import CrashStore
from host.store.database import Database
from sandbox._native import landlock_abi
from tests.fixtures.build import fixture_library
from tests.process.songs import HostEventKind, Song, audio_track, noise, play, write_clip

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(landlock_abi() < 6, reason="this kernel cannot confine files and signals"),
]

BLOCK = 2048
AFTER = 20  # blocks: those that warm it up, and some that are heard


def intruder(act: str) -> str:
    return f"ladspa:{fixture_library('intruder')}#{act}"


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "secret"
    path.write_text("secret")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ISOBOOTH_INTRUDER_FILE", str(path))
    monkeypatch.setenv("ISOBOOTH_INTRUDER_PID", str(os.getpid()))
    monkeypatch.setenv("ISOBOOTH_INTRUDER_PORT", "9")
    monkeypatch.setenv("ISOBOOTH_INTRUDER_AFTER", str(AFTER))
    return path


@pytest.mark.parametrize(
    "act", ["reads", "writes", "signals", "traces", "connects_inet", "rings", "moves_in", "bombs"]
)
def test_the_mix_plays_on_and_the_attempt_is_told(act: str, secret: Path, tmp_path: Path) -> None:
    clip = noise(60 * BLOCK)
    file = write_clip(tmp_path / "clip.wav", clip)
    song = Song(
        tracks=(
            audio_track("bad", file, intruder(act), mute=True),
            audio_track("good", file, "builtin:gain"),
        )
    )
    with play(song, block=BLOCK) as playing:
        playing.until(lambda: playing.events(HostEventKind.DENIED), "a denial")
        playing.run(24)
        heard = playing.stop()
        told = playing.events(HostEventKind.DENIED)
        assert all(event.slot == "bad0" and "tried to" in event.text for event in told)
        assert playing.slot("bad0").denials
        assert playing.slot("good0").missed_blocks <= 8  # of a busy machine's; not of each attempt
        assert playing.slot("good0").restarts == 0
    frames = min(heard.shape[1], clip.shape[1])
    assert np.array_equal(heard[:, :frames], clip[:, :frames])
    assert secret.read_text() == "secret"


def test_an_exception_lets_one_plugin_and_no_other(secret: Path, tmp_path: Path) -> None:
    file = write_clip(tmp_path / "clip.wav", noise(60 * BLOCK))
    song = Song(
        tracks=(
            audio_track("a", file, intruder("reads")),
            audio_track("b", file, intruder("truncates")),
        )
    )
    rules = PermissionRules(rules=(PluginRule(id="ladspa:*#reads", read=(str(secret),)),))
    with play(song, block=BLOCK, permissions=rules) as playing:
        playing.until(lambda: playing.events(HostEventKind.DENIED), "a denial")
        playing.run(10)
        playing.stop()
        assert playing.slot("a0").denials == ()
        assert playing.slot("b0").denials == (f"write to {secret}",)


def test_a_crash_report_tells_what_was_denied(
    secret: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISOBOOTH_INTRUDER_AFTER", "0")
    file = write_clip(tmp_path / "clip.wav", noise(60 * BLOCK))
    song = Song(tracks=(audio_track("a", file, intruder("reads")),))
    with Database(tmp_path / "isobooth.db") as database:
        with play(song, block=BLOCK, database=database) as playing:
            playing.kill_and_wait("a0")
            playing.stop()
        (found,) = CrashStore(database).list()
        assert CrashStore(database).get(found.id).denials == [f"read {secret}"]


def test_a_host_confines_by_default() -> None:
    assert HostConfig().permissions.of("vst3:/x.vst3").profile == "default"
