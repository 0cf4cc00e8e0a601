# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth demo` as a user runs it: short, but with every plugin, fault and file."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile
from PIL import Image

from host.song_file import load_song
from host.store.folder import DATA_VARIABLE
from ipc.names import SHM_DIR, owner_of_command
from ipc.processes import all_pids, children_of, command_line

pytestmark = [pytest.mark.process, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
SECONDS = 6.0


class Ran(NamedTuple):
    """One demo, shared by the tests that only look at what it left."""

    code: int
    out: str
    err: str
    folder: Path


@pytest.fixture
def demo(run_cli: Any, tmp_path: Path) -> Ran:
    folder = tmp_path / "out"
    ended = run_cli("demo", "--seconds", str(SECONDS), "--out", str(folder))
    return Ran(ended.code, ended.out, ended.err, folder)


def test_a_demo_tells_and_leaves_what_happened(demo: Ran, run_cli: Any) -> None:
    assert demo.code == 0, demo.out + demo.err
    _check_summary(demo.out)
    _check_wav(demo.folder / "isobooth-demo.wav")
    with Image.open(demo.folder / "isobooth-demo.png") as picture:
        assert picture.size == (1600, 1120)
        assert len(set(picture.convert("RGB").reduce(8).get_flattened_data())) > 100
    song = load_song(demo.folder / "isobooth-demo.json")
    for track in song.tracks:
        source = track.audio or track.midi
        assert source is not None and song.locate(source.file).exists()
    assert sorted(path.name for path in demo.folder.iterdir()) == [
        "isobooth-demo-media",
        "isobooth-demo.json",
        "isobooth-demo.png",
        "isobooth-demo.wav",
    ]
    crashes = json.loads(run_cli("crashes", "--json").out)["crashes"]
    assert sorted(crash["slot"] for crash in crashes) == ["drums-gain", "keys-piano", "lead-delay"]


def _check_summary(text: str) -> None:
    for words in (
        "ePiano on Keys",
        "killed (SIGKILL)",
        "ZamDelay on Lead",
        "frozen (SIGSTOP)",
        "Crashing gain on Drums",
        "crashed by itself (SIGSEGV)",
        "nothing clipped",
    ):
        assert words in text
    assert text.count("back with its settings") == 3


def _check_wav(path: Path) -> None:
    samples, rate = soundfile.read(path)
    assert rate == 48000
    assert samples.shape == (round(SECONDS * rate), 2)
    assert np.abs(samples).max() < 1.0
    tenths = samples[: len(samples) // 4800 * 4800].reshape(-1, 4800, 2)
    loudness = np.sqrt((tenths**2).mean(axis=(1, 2)))
    assert (loudness[:50] > 0.01).all(), "the mix fell silent"


def test_a_program_reads_the_demo_as_json(run_cli: Any, tmp_path: Path) -> None:
    ended = run_cli(
        "demo", "--seconds", "6.5", "--block", "512", "--json", "--out", str(tmp_path / "out")
    )
    told: dict[str, Any] = json.loads(ended.out)
    assert ended.code == 0, ended.err
    assert told["complete"] is True
    assert told["blocks"] == told["expected_blocks"] == -(-(round(6.5 * 48000) + 480) // 512)
    assert [fault["signal"] for fault in told["faults"]] == ["SIGKILL", "SIGSTOP", "SIGSEGV"]
    for fault in told["faults"]:
        assert fault["back"] and fault["settings_kept"]
        assert fault["covered_blocks"] > 0
        assert len(fault["crashes"]) == 1
    assert told["faults"][1]["covered_ms"] > 1000  # the hang limit
    assert {slot["status"] for slot in told["slots"]} == {"active"}


@pytest.fixture
def reaped(wait_until: Callable[..., None]) -> Iterator[None]:
    """Where an earlier test made this process a child subreaper, what outlives a command for a
    moment becomes ours: Python's resource tracker does."""
    before = set(children_of(os.getpid()))
    yield

    def none_left() -> bool:
        for pid in set(children_of(os.getpid())) - before:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        return set(children_of(os.getpid())) <= before

    wait_until(none_left)


@pytest.mark.usefixtures("reaped")
@pytest.mark.parametrize("after", ["loading", "is back"])
def test_an_interrupted_demo_leaves_nothing(tmp_path: Path, after: str) -> None:
    """Ctrl-C reaches the whole foreground group of a terminal."""
    command = [sys.executable, "-m", "tools.cli", "demo", "--seconds", "6", "-o", "out"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**os.environ, DATA_VARIABLE: str(tmp_path / "data"), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as process:
        assert process.stderr is not None
        said = ""
        while after not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        time.sleep(0.2)
        os.killpg(process.pid, signal.SIGINT)
        _, rest = process.communicate(timeout=20)
    assert process.returncode == 130
    told = [line for line in rest.splitlines() if " s  " not in line]
    assert told == ["isobooth: interrupted"]
    assert not (tmp_path / "out").exists()
    assert not [name for name in os.listdir(SHM_DIR) if f"-{process.pid}-" in name]
    owners = (owner_of_command(command_line(pid)) for pid in all_pids())
    assert process.pid not in [owner.pid for owner in owners if owner is not None]


def test_missing_plugins_are_one_line(
    run_cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LV2_PATH", str(tmp_path))
    ended = run_cli("demo", "--out", str(tmp_path / "out"))
    assert ended.code == 3
    assert ended.err == (
        "isobooth: the demo plays plugins that are not installed here: "
        "`sudo apt install mda-lv2 zam-plugins`\n"
    )
    assert not (tmp_path / "out").exists()
