# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told names the file, the field and the range, and is true."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import soundfile

from tools.console import counted
from tools.render.missing import remarks_on_missing
from tools.render.report import RenderReport, SlotEntry
from tools.render.summary import print_song

Cli = Callable[..., Any]


def _song(folder: Path, *tracks: dict[str, Any], **fields: Any) -> str:
    song = {"format": "isobooth-song", "version": 1, "tracks": tracks} | fields
    (folder / "song.json").write_text(json.dumps(song))
    return str(folder / "song.json")


@pytest.mark.process
def test_a_medium_that_cannot_be_used_is_named_with_its_field(run_cli: Cli, tmp_path: Path) -> None:
    mido.MidiFile(tracks=[mido.MidiTrack()]).save(tmp_path / "one.mid")
    (tmp_path / "text.mid").write_text("no notes")
    for track, said in (
        ({"audio": {"file": "/x/nix.wav"}}, "audio.file: /x/nix.wav: no such file"),
        ({"midi": {"file": "one.mid", "track": 7}}, f"midi.file: {tmp_path}/one.mid: has no track"),
        ({"midi": {"file": "text.mid"}}, f"midi.file: {tmp_path}/text.mid: is not a MIDI file"),
    ):
        file = _song(tmp_path, {"id": "a"}, {"id": "b", **track})
        output = str(tmp_path / "o.wav")
        for words in (("render", file, "-o", output), ("play", file, "--device", "null")):
            ended = run_cli(*words)
            assert ended.code == 2
            line = ended.err.splitlines()[-1]
            assert line.startswith(f"isobooth: {file}: tracks[1].{said}"), ended.err


@pytest.mark.process
def test_a_song_shorter_than_a_frame_is_told_so(run_cli: Cli, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((480, 2)), 48000)
    file = _song(tmp_path, {"id": "a", "audio": {"file": "a.wav"}}, length_s=1e-9, tail_s=0)
    ended = run_cli("render", file, "-o", str(tmp_path / "o.wav"))
    assert ended.code == 2
    assert "length_s is 1e-09, less than a frame" in ended.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("render", "", "-o", "e.wav"), "expected a file name, got ''"),
        (("play", ""), "expected a file name, got ''"),
        (("render", "s.json", "-o", "e.wav", "--tail", "nan"), "number from 0 to 3600, got 'nan'"),
        (("play", "s.json", "--seconds", "1e9"), "number from 0 to 86400, got '1e9'"),
        (("plugin", "info", "builtin:gain", "--limit", "inf"), "from 0.1 to 600, got 'inf'"),
        (("demo", "--seconds", "x"), "expected a number from 6 to 120, got 'x'"),
    ],
)
def test_wrong_arguments_are_told_what_is_expected(
    run_cli: Cli, words: tuple[str, ...], said: str
) -> None:
    ended = run_cli(*words)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert said in ended.err


def test_lists_take_their_options_without_the_word(run_cli: Cli) -> None:
    assert run_cli("crashes", "-n", "3", "--plugin", "builtin:gain").code == 0
    assert run_cli("blacklist", "--all").out == "no plugin was ever blacklisted\n"
    for words in (("crashes", "-n", "3", "list"), ("blacklist", "--all", "list")):
        ended = run_cli(*words)
        assert ended.code == 2
        assert "behind the word list" in ended.err


def test_help_breaks_its_lines_only_where_the_terminal_does(
    run_cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("TERMINAL_WIDTH", "300")
    assert "while the mix plays on, and so is a device that is unplugged." in " ".join(
        run_cli("play", "--help").out.split()
    )
    lines = [line.strip() for line in run_cli("bench", "--help").out.splitlines()]
    (paragraph,) = [line for line in lines if line.startswith("Takes about")]
    assert paragraph.endswith("what it must be.")


def _slot(missed: int, bypassed: int) -> SlotEntry:
    return SlotEntry(
        id="eq",
        plugin="builtin:gain",
        status="active",
        reason="",
        restarts=0,
        bypassed_blocks=bypassed,
        missed_blocks=missed,
        processed_blocks=10,
        repaired_samples=1,
        latency_frames=0,
        last_restart_ms=None,
        crashes=[],
    )


def test_what_missing_means_is_said_where_it_stands() -> None:
    assert list(remarks_on_missing([_slot(0, 0)])) == []
    deadline, meaning = remarks_on_missing([_slot(1, 1), _slot(0, 0)])
    assert deadline == (
        "plugins missed 1 deadline; a larger --block or --pipelined gives them more time"
    )
    assert meaning.startswith("MISSING counts the blocks in which a plugin was not heard")


def test_figures_are_written_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert (counted(1, "block"), counted(0, "block")) == ("1 block", "0 blocks")
    print_song(
        RenderReport(
            output="o.wav",
            sample_rate=48000,
            block_frames=128,
            sample_format="24",
            duration_s=1530.0,
            elapsed_s=1.0,
            blocks=1,
            slots=[_slot(0, 0)],
        )
    )
    out = capsys.readouterr().out
    assert "1 block of 128 in 1.00 s, 1,530 times real time" in out
    assert "1 sample\n" in out
