# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth render --chain … IN… -o FOLDER`: each file is rendered or named, and runs resume."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import soundfile

from host.store.blacklist import Blacklist
from host.store.database import Database
from ipc.names import SHM_DIR
from ipc.processes import children_of, command_line, process_stat
from tools.render.batch_journal import NAME as JOURNAL

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
RATE = 48000
SLOW = "fault:sleep?after=0&ms=2"

Cli = Callable[..., Any]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Four files of different length and rate, in a folder of their own."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number, rate in enumerate([48000, 44100, 96000, 48000]):
        audio = 0.1 * np.random.default_rng(number).standard_normal((12000 + number, 2))
        soundfile.write(folder / f"file{number}.wav", audio, rate, subtype="PCM_24")
    return sorted(str(path) for path in folder.iterdir())


@pytest.fixture
def batch(run_cli: Cli, tmp_path: Path) -> Cli:
    """Renders files through a gain (or `chain`) into the folder out, which need not exist."""

    def call(files: list[str], *words: str, chain: tuple[str, ...] = ("builtin:gain",)) -> Any:
        named = [word for plugin in chain for word in ("--chain", plugin)]
        return run_cli("render", *named, *files, "-o", f"{tmp_path / 'out'}/", *words)

    return call


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != JOURNAL)


def _rendered(json_text: str) -> dict[str, str]:
    return {Path(f["output"]).name: f["result"] for f in json.loads(json_text)["files"]}


def test_every_file_keeps_its_rate_and_length(batch: Cli, files: list[str], tmp_path: Path) -> None:
    ended = batch(files)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("4 files in ")
    assert ended.out.strip().endswith("4 done, 0 failed")
    for name in files:
        before, after = soundfile.info(name), soundfile.info(tmp_path / "out" / Path(name).name)
        assert (after.frames, after.samplerate) == (before.frames, before.samplerate)
        assert np.array_equal(soundfile.read(name)[0], soundfile.read(after.name)[0])


def test_several_at_a_time_give_the_same_files(
    batch: Cli, files: list[str], tmp_path: Path
) -> None:
    batch(files, "--json", str(tmp_path / "one.json"))
    one = {name: (tmp_path / "out" / name).read_bytes() for name in _names(tmp_path / "out")}
    ended = batch(files, "-j", "3", "--force", "--json", "-")
    assert ended.code == 0
    assert [file["input"] for file in json.loads(ended.out)["files"]] == files
    three = {name: (tmp_path / "out" / name).read_bytes() for name in _names(tmp_path / "out")}
    assert one == three


def test_a_bad_file_is_named_and_the_others_are_rendered(
    batch: Cli, files: list[str], tmp_path: Path
) -> None:
    Path(files[1]).write_bytes(b"RIFF, but no more")
    ended = batch([*files, str(tmp_path / "missing.wav")], "--json", "-")
    assert ended.code == 1
    report = json.loads(ended.out)
    assert [file["result"] for file in report["files"]] == [
        *("done", "failed", "done", "done", "failed")
    ]
    summary = report["summary"]
    assert (summary["files"], summary["done"], summary["failed"]) == (5, 3, 2)
    assert (summary["retried"], summary["skipped"]) == (0, 0)
    lines = ended.err.splitlines()
    assert lines[0].startswith(f"isobooth: {files[1]}: is not an audio file")
    assert lines[1] == f"isobooth: {tmp_path / 'missing.wav'}: no such file"
    assert _names(tmp_path / "out") == ["file0.wav", "file2.wav", "file3.wav"]


def test_a_plugin_that_always_fails_costs_no_other_file(
    batch: Cli, files: list[str], tmp_path: Path
) -> None:
    """The longest file only has enough blocks for the fault to come."""
    soundfile.write(files[2], np.full((48000, 2), 0.1), RATE)
    ended = batch(files, chain=("fault:segv?after=200",))
    assert ended.code == 1
    assert f"{files[2]}: failed 2 times: segv ended with SIGSEGV at 0:00.533" in ended.err
    assert "3 done, 1 failed" in ended.out
    assert f"failed: {files[2]}" in ended.out
    assert _names(tmp_path / "out") == ["file0.wav", "file1.wav", "file3.wav"]


def test_every_file_begins_with_a_fresh_plugin(
    batch: Cli, files: list[str], tmp_path: Path
) -> None:
    """The fault would come in the second file if a worker were used again."""
    ended = batch(files, chain=("fault:segv?after=100",))  # a file has 94 blocks
    assert (ended.code, ended.err) == (0, "")
    assert len(_names(tmp_path / "out")) == 4


def test_a_plugin_that_is_not_there_is_refused_before_anything(
    batch: Cli, files: list[str], tmp_path: Path
) -> None:
    ended = batch(files, chain=("builtin:gain", "vst3:/nowhere/x.vst3"))
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert _names(tmp_path / "out") == []


def test_a_parameter_that_is_not_there_is_refused_before_anything(
    batch: Cli, files: list[str], tmp_path: Path
) -> None:
    ended = batch(files, "--param", "1.Cowbell=1")
    assert ended.code == 2
    assert "--param: gain: Cowbell" in ended.err
    assert _names(tmp_path / "out") == []


def test_parameters_are_heard(batch: Cli, files: list[str], tmp_path: Path) -> None:
    assert batch(files[:1], "--param", "gain.Gain=-6 dB", "--format", "float").code == 0
    before, _ = soundfile.read(files[0])
    after, _ = soundfile.read(tmp_path / "out" / "file0.wav")
    assert np.allclose(after, before * 10 ** (-6 / 20), rtol=1e-4, atol=1e-7)


def test_midi_files_are_played(batch: Cli, tmp_path: Path) -> None:
    file = mido.MidiFile()
    track = mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.Message("note_on", note=69, velocity=100))
    track.append(mido.Message("note_off", note=69, time=240))
    file.save(tmp_path / "tune.mid")
    ended = batch([str(tmp_path / "tune.mid")], "--tail", "0.1", chain=("builtin:synth",))
    assert ended.code == 0
    audio, rate = soundfile.read(tmp_path / "out" / "tune.wav")
    assert rate == 48000
    assert len(audio) == round(0.35 * rate)
    assert np.abs(audio).max() > 0.01


def test_a_resumed_run_does_what_is_missing_only(
    batch: Cli, files: list[str], tmp_path: Path
) -> None:
    assert batch(files[:2]).code == 0
    ended = batch(files, "--resume", "--json", "-")
    assert ended.code == 0
    assert _rendered(ended.out) == {
        "file0.wav": "skipped",
        "file1.wav": "skipped",
        "file2.wav": "done",
        "file3.wav": "done",
    }
    assert json.loads(ended.out)["summary"]["skipped"] == 2


@pytest.mark.parametrize("changed", ["input", "settings", "gone"])
def test_what_has_changed_is_rendered_again(
    batch: Cli, files: list[str], tmp_path: Path, changed: str
) -> None:
    assert batch(files).code == 0
    words: list[str] = []
    if changed == "input":
        soundfile.write(files[1], np.zeros((500, 2)), RATE)
    elif changed == "settings":
        words = ["--param", "1.Gain=-3 dB"]
    else:
        (tmp_path / "out" / "file1.wav").unlink()
    ended = batch(files, "--resume", "--json", "-", *words)
    results = _rendered(ended.out)
    assert results.pop("file1.wav") == "done"
    assert set(results.values()) == {"done" if changed == "settings" else "skipped"}


def test_an_output_that_was_changed_since_is_not_replaced_unasked(
    batch: Cli, files: list[str], tmp_path: Path
) -> None:
    assert batch(files).code == 0
    (tmp_path / "out" / "file1.wav").write_bytes(b"edited")
    for words in ([], ["--param", "1.Gain=-3 dB"]):
        ended = batch(files, "--resume", *words)
        assert (ended.code, ended.err.count("\n")) == (2, 1)
        assert "file1.wav: was changed since the render" in ended.err
    assert (tmp_path / "out" / "file1.wav").read_bytes() == b"edited"
    ended = batch(files, "--resume", "--force", "--json", "-")
    assert _rendered(ended.out).pop("file1.wav") == "done"


def test_a_resumed_run_with_other_options_says_what_it_does_again(
    batch: Cli, files: list[str]
) -> None:
    assert batch(files[:3]).code == 0
    ended = batch(files, "--resume", "--param", "1.Gain=-3 dB")
    assert ended.err == (
        "isobooth: warning: the chain is not what it was in the run before: 3 files are rendered "
        "again\n"
    )
    ended = batch(files[:1], "--resume", "--format", "16", "--block", "256")
    assert "the chain, --block, --format are not what they were" in ended.err


def test_files_with_warnings_are_counted(batch: Cli, files: list[str]) -> None:
    ended = batch(files, chain=("fault:nan?after=10&times=2",))
    assert ended.out.strip().endswith("4 done, 0 failed, 4 files with warnings")
    ended = batch(files, "--force", "--json", "-", chain=("fault:nan?after=10&times=2",))
    assert json.loads(ended.out)["summary"]["warned"] == 4
    assert json.loads(batch(files, "--force", "--json", "-").out)["summary"]["warned"] == 0


def test_a_blacklisted_plugin_is_left_out_at_once(
    batch: Cli, files: list[str], data_folder: Path
) -> None:
    with Database() as database:
        Blacklist(database).add("builtin:gain", None, "failed 3 times in 60 s", [])
    ended = batch(files[:2], "--keep-going", "--json", "-")
    assert [file["attempts"] for file in json.loads(ended.out)["files"]] == [1, 1]
    assert ended.err.count("gain is bypassed: blacklisted") == ended.err.count("\n") == 2


def test_a_failed_file_is_tried_again(batch: Cli, files: list[str]) -> None:
    good = Path(files[1]).read_bytes()
    Path(files[1]).write_bytes(b"no audio")
    assert batch(files).code == 1
    Path(files[1]).write_bytes(good)
    ended = batch(files, "--resume", "--json", "-")
    assert ended.code == 0
    assert _rendered(ended.out)["file1.wav"] == "done"


def test_files_of_others_are_never_replaced_unasked(
    batch: Cli, files: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "file1.wav").write_bytes(b"precious")
    for words in ([], ["--resume"]):
        ended = batch(files, *words)
        assert (ended.code, ended.err.count("\n")) == (2, 1)
        assert "file1.wav: exist" in ended.err
    assert _names(out) == ["file1.wav"]
    assert (out / "file1.wav").read_bytes() == b"precious"
    assert batch(files, "--force").code == 0


def test_without_resume_a_finished_run_says_how_to_go_on(batch: Cli, files: list[str]) -> None:
    assert batch(files).code == 0
    ended = batch(files)
    assert ended.code == 2
    assert "--resume leaves out what is finished, --force replaces them" in ended.err


def test_two_inputs_never_become_one_file(batch: Cli, files: list[str], tmp_path: Path) -> None:
    other = tmp_path / "file0.flac"
    soundfile.write(other, np.zeros((500, 2)), RATE)
    ended = batch([*files, str(other)])
    assert ended.code == 2
    assert "would both become" in ended.err


def test_an_input_is_never_an_output(run_cli: Cli, files: list[str]) -> None:
    folder = str(Path(files[0]).parent)
    ended = run_cli("render", "--chain", "builtin:gain", *files, "-o", folder, "--force")
    assert ended.code == 2
    assert "is an input" in ended.err


def test_many_files_need_a_folder(run_cli: Cli, files: list[str], tmp_path: Path) -> None:
    target = tmp_path / "file.wav"
    target.write_bytes(b"")
    ended = run_cli("render", "--chain", "builtin:gain", *files, "-o", str(target))
    assert ended.code == 2
    assert "many files need a folder" in ended.err


@pytest.mark.parametrize(
    ("count", "out", "words", "said"),
    [
        (2, "p3.wav", [], "2 files need a folder; if it is to be called that, end it with /"),
        (1, "nodir", [], "use .wav or .flac, or nodir/ for a folder"),
        (1, "s7.wav", ["--type", "flac"], "s7.wav says by its name what it is"),
        (4, "out/", ["--type", "flac", "--format", "float"], "FLAC cannot hold float samples"),
        (4, "out/", ["--json", "out/file0.wav"], "is an input or output of the same job"),
        (4, "out/", ["--json", "in/file0.wav", "--force"], "is an input or output of the same"),
    ],
)
def test_wrong_usage_is_one_line_before_anything(
    run_cli: Cli,
    files: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    count: int,
    out: str,
    words: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    ended = run_cli("render", "--chain", "builtin:gain", *files[:count], "-o", out, *words)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert said in ended.err
    assert {path.name for path in tmp_path.iterdir()} <= {"in", "out", "data"}
    assert _names(tmp_path / "out") == []


def test_two_renders_into_one_folder_are_kept_apart(
    batch: Cli, files: list[str], tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    with open(tmp_path / "out" / JOURNAL, "w") as journal:
        fcntl.flock(journal, fcntl.LOCK_EX)
        ended = batch(files)
    assert ended.code == 2
    assert "another render writes into this folder" in ended.err


def _start(files: list[str], folder: Path, data: Path, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tools.cli", "render", "--chain", SLOW, *files]
    return subprocess.Popen(
        [*command, "-o", f"{folder}/", *words],
        cwd=ROOT,
        env=os.environ | {"ISOBOOTH_DATA": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _processes_of(render: "subprocess.Popen[str]") -> list[int]:
    """Its launcher, then its workers."""
    return [
        pid
        for pid in sorted(children_of(render.pid))
        if not any("resource_tracker" in word for word in command_line(pid))
    ]


def _reap(pids: list[int]) -> None:
    """They may have become children of this process, if a test before made it a subreaper."""
    for pid in pids:
        while process_stat(pid) is not None:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            time.sleep(0.005)


def _wait_for_first_file(folder: Path) -> None:
    deadline = time.monotonic() + 20
    while not list(folder.glob("*.wav")):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_batch_leaves_whole_files_only_and_resumes(
    files: list[str], tmp_path: Path, number: int
) -> None:
    out = tmp_path / "out"
    render = _start(files, out, tmp_path / "data")
    _wait_for_first_file(out)
    render.send_signal(number)
    printed, told = render.communicate(timeout=10)
    assert render.returncode == 130
    assert printed == ""
    assert told.splitlines()[-1] == "isobooth: interrupted"
    assert "--resume goes on" in told
    assert 1 <= len(_names(out)) < 4
    assert not list(out.glob("*.part"))
    assert not [name for name in os.listdir(SHM_DIR) if f"isobooth-{render.pid}-" in name]
    again = _start(files, out, tmp_path / "data", "--resume", "--json", "-")
    printed, _ = again.communicate(timeout=60)
    assert again.returncode == 0
    assert json.loads(printed)["summary"]["skipped"] >= 1
    for name in files:
        assert soundfile.info(out / Path(name).name).frames == soundfile.info(name).frames


def test_a_killed_batch_resumes_and_its_remains_go(files: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    render = _start(files, out, tmp_path / "data")
    _wait_for_first_file(out)
    while not list(out.glob("*.part")):
        assert render.poll() is None
    left = _processes_of(render)
    render.kill()
    render.communicate()
    _reap(left)
    assert list(out.glob("*.part"))
    again = _start(files, out, tmp_path / "data", "--resume")
    assert again.wait(timeout=60) == 0
    again.communicate()
    assert _names(out) == [f"file{number}.wav" for number in range(4)]


def test_a_killed_worker_costs_its_file_one_retry(files: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    render = _start(files, out, tmp_path / "data", "--json", "-")
    _wait_for_first_file(out)
    seen = _processes_of(render)
    while not (fresh := [pid for pid in _processes_of(render) if pid not in seen]):
        assert render.poll() is None
    time.sleep(0.07)  # it has been greeted, and plays for 0.2 s
    os.kill(fresh[0], signal.SIGKILL)
    printed, told = render.communicate(timeout=60)
    report = json.loads(printed)
    assert render.returncode == 0
    assert report["summary"]["done"] == 4
    assert report["summary"]["retried"] == 1
    (retried,) = [file for file in report["files"] if file["attempts"] == 2]
    assert len(retried["slots"][0]["crashes"]) == 1
    assert "SIGKILL" in told
    assert "rendered once more" in told
