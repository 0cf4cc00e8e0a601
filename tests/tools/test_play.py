# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth play`: what it tells people and programs, when it ends, and that Ctrl-C leaves
nothing."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from host.events import HostEvent, HostEventKind
from host.store.folder import DATA_VARIABLE
from ipc.names import SHM_DIR
from ipc.processes import children_of
from tests.process.jack import JackServer, until
from tests.tools.conftest import RunCli
from tools.play.screen import Screen, notice

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
TONE = {"id": "tone", "plugin": "builtin:tone"}

# The keys that docs/cli.md promises.
KEYS = {
    "schema", "result", "song", "sample_rate", "block_frames", "pipelined", "realtime", "device",
    "midi_ports", "midi_messages", "midi_sysex", "midi_lost", "played_s", "latency_frames",
    "blocks", "late_blocks", "machine_late_blocks", "deadline_us", "slot_deadline_us", "block_us",
    "xruns", "clock_slips", "takeovers", "slots", "events",
}  # fmt: skip


class SongFile:
    """Writes songs of one track, or of `tracks`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "song.json"

    def write(self, *chain: dict[str, Any], **fields: Any) -> str:
        track = {"id": "a", "chain": list(chain)} | fields.pop("track", {})
        song = {"format": "isobooth-song", "version": 1, "tracks": [track]} | fields
        self.path.write_text(json.dumps(song))
        return str(self.path)


@pytest.fixture
def song(tmp_path: Path) -> SongFile:
    return SongFile(tmp_path)


@pytest.fixture
def jack() -> Iterator[JackServer]:
    with JackServer() as server:
        yield server


def test_a_song_plays_to_its_end(song: SongFile, run_cli: RunCli, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.full((24000, 2), 0.1), 48000)
    file = song.write(track={"audio": {"file": "a.wav"}}, tail_s=0.1)
    ended = run_cli("play", file, "--device", "null", "--json")
    assert ended.code == 0, ended.err
    report = json.loads(ended.out)
    assert set(report) == KEYS
    assert report["result"] == "done"
    assert report["device"] is None
    assert report["played_s"] >= 0.6
    assert report["blocks"] * 128 >= 0.6 * 48000
    assert "playing to nowhere (null device), 48000 Hz, blocks of 128 (2.7 ms)" in ended.err


def test_people_get_a_summary(song: SongFile, run_cli: RunCli) -> None:
    ended = run_cli("play", song.write(TONE), "--device", "null", "--seconds", "0.3")
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert lines[0].startswith("played 0:00.3")
    assert lines[0].endswith(" to nowhere (null device): " + lines[0].split(": ")[-1])
    assert lines[1].startswith("a block took ")
    assert lines[-1].split() == ["tone", "builtin:tone", "active"]


@pytest.mark.parametrize(
    ("options", "key", "value"),
    [
        (["--block", "512"], "block_frames", 512),
        (["--rate", "44100"], "sample_rate", 44100),
        (["--pipelined"], "pipelined", True),
    ],
    ids=["block", "rate", "pipelined"],
)
def test_options_reach_the_host(
    song: SongFile, run_cli: RunCli, options: list[str], key: str, value: object
) -> None:
    file = song.write(TONE)
    ended = run_cli("play", file, "--device", "null", "--seconds", "0.2", "--json", *options)
    assert ended.code == 0, ended.err
    report = json.loads(ended.out)
    assert report[key] == value
    assert report["slots"][0]["status"] == "active"
    assert report["latency_frames"] == (128 if key == "pipelined" else 0)


def test_it_ends_behind_the_tail_or_when_it_was_told_to(song: SongFile, run_cli: RunCli) -> None:
    file = song.write(TONE, length_s=0.2, tail_s=0.3)
    for words, played_s in (([], 0.5), (["--seconds", "0.9"], 0.9)):
        ended = run_cli("play", file, "--device", "null", "--json", *words)
        assert ended.code == 0, ended.err
        assert json.loads(ended.out)["played_s"] >= played_s


def test_a_loop_goes_on_after_the_end(song: SongFile, run_cli: RunCli) -> None:
    file = song.write(TONE, length_s=0.1)
    ended = run_cli("play", file, "--device", "null", "--loop", "--seconds", "0.5", "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["played_s"] >= 0.5


def test_faults_are_told_as_they_come(song: SongFile, run_cli: RunCli) -> None:
    file = song.write(TONE, {"id": "bad", "plugin": "fault:segv?after=50&times=1"})
    ended = run_cli("play", file, "--device", "null", "--seconds", "3", "--json")
    report = json.loads(ended.out)
    bad = report["slots"][1]
    assert bad["crashes"]
    lines = [line for line in ended.err.splitlines() if line.startswith("[0:")]
    assert any(f"bad ended with SIGSEGV (crash report {bad['crashes'][0]})" in x for x in lines)
    assert [event["text"] in ended.err for event in report["events"]] == [True] * len(lines)
    # What is heard at the end decides.
    assert ended.code == (0 if bad["status"] == "active" else 1)


def test_a_plugin_that_is_not_there_is_named_at_the_end(song: SongFile, run_cli: RunCli) -> None:
    file = song.write(TONE, {"id": "lost", "plugin": "builtin:theremin"})
    ended = run_cli("play", file, "--device", "null", "--seconds", "0.2")
    assert ended.code == 1
    assert "isobooth: lost ended without its plugin (failed): " in ended.err
    assert "theremin" in ended.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        ([], 2, "which song? `isobooth play SONG.json`, or `--device list`"),
        (["{song}", "--device", "null"], 2, "there is nothing to play: "),
        (["{song}.not", "--device", "null"], 2, "song.json.not: "),
        (["{song}", "--block", "8"], 2, "Invalid value for '--block': "),
    ],
    ids=["no song", "empty song", "missing song", "block"],
)
def test_what_cannot_be_played_is_one_line(
    song: SongFile, run_cli: RunCli, words: list[str], code: int, line: str
) -> None:
    file = song.write()
    ended = run_cli("play", *(word.format(song=file) for word in words))
    assert ended.code == code
    assert ended.out == ""
    assert len(ended.err.splitlines()) == 1
    assert line in ended.err


def test_devices_are_listed(jack: JackServer, run_cli: RunCli) -> None:
    listing = json.loads(run_cli("play", "--device", "list", "--json").out)
    assert set(listing) == {"devices", "midi_ports"}
    found = [device for device in listing["devices"] if device["api"] == "JACK"]
    assert [(d["name"], d["inputs"], d["outputs"], d["sample_rate"]) for d in found] == [
        ("system", 2, 2, 48000)
    ]
    lines = run_cli("play", "--device", "list").out.splitlines()
    assert lines[0].split() == ["NO", "DEVICE", "DRIVER", "IN", "OUT", "HZ"]
    assert any(line.split()[1:6] == ["system", "JACK", "2", "2", "48000"] for line in lines)


def test_a_song_plays_on_a_device(jack: JackServer, song: SongFile, run_cli: RunCli) -> None:
    file = song.write(TONE, track={"input": {"channels": [2]}})
    ended = run_cli("play", file, "--device", "system (JACK)", "--seconds", "0.5", "--json")
    assert ended.code == 0, ended.err
    report = json.loads(ended.out)
    device = report["device"]
    assert (device["name"], device["api"], device["state"]) == ("system", "JACK", "playing")
    assert device["block_frames"] == 128
    assert device["losses"] == 0
    assert "playing on system (JACK), 48000 Hz" in ended.err


def test_a_device_of_another_rate_or_name_is_refused(
    jack: JackServer, song: SongFile, run_cli: RunCli
) -> None:
    file = song.write(TONE)
    rate = run_cli("play", file, "--device", "system (JACK)", "--rate", "44100")
    assert (rate.code, rate.out) == (3, "")
    assert rate.err == (
        "isobooth: system (JACK): does not run at 44100 Hz; use `--rate 48000`, or set the device "
        "to 44100 Hz\n"
    )
    unknown = run_cli("play", file, "--device", "trumpet")
    assert (unknown.code, unknown.out) == (2, "")
    assert unknown.err.startswith("isobooth: there is no output device 'trumpet'; choose one of ")
    assert len(unknown.err.splitlines()) == 1


def test_blocks_larger_than_the_device_s_are_warned_of(
    jack: JackServer, song: SongFile, run_cli: RunCli
) -> None:
    ended = run_cli(
        "play", song.write(TONE), "--device", "system (JACK)", "--block", "512", "--seconds", "0.2"
    )
    assert ended.code == 0, ended.err
    assert "warning: the device asks for 128 frames at a time, blocks have 512" in ended.err


def test_without_portaudio_the_package_is_named(song: SongFile, tmp_path: Path) -> None:
    # sounddevice looks the library up with this function.
    missing = tmp_path / "usercustomize.py"
    missing.write_text("import ctypes.util\nctypes.util.find_library = lambda name: None\n")
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            f"exec(open({str(missing)!r}).read()); from tools.cli import main; main()",
            "play",
            song.write(TONE),
        ],
        cwd=ROOT,
        env=os.environ | {DATA_VARIABLE: str(tmp_path / "data")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 3
    assert ended.stderr == (
        "isobooth: the PortAudio library is not installed: `apt install libportaudio2`; "
        "`--device null` plays without one\n"
    )


@pytest.mark.parametrize("plugin", ["builtin:tone", "fault:stop?after=20", "fault:spin?after=20"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["int", "term"])
def test_an_interrupt_ends_it_cleanly(
    song: SongFile, tmp_path: Path, plugin: str, number: signal.Signals
) -> None:
    file = song.write({"id": "x", "plugin": plugin})
    with Playing(tmp_path, file, "--device", "null", "--json", "--seconds", "3600") as playing:
        playing.until_playing()
        out, err = playing.interrupt(number)
    assert playing.code == 130, err
    assert json.loads(out)["result"] == "interrupted"
    assert err.splitlines()[-1] == "isobooth: interrupted"
    playing.assert_nothing_left()


def test_an_interrupt_while_plugins_load_ends_it_cleanly(song: SongFile, tmp_path: Path) -> None:
    file = song.write({"id": "x", "plugin": "fault:load-hang"})
    with Playing(tmp_path, file, "--device", "null") as playing:
        until(lambda: list(children_of(playing.pid)), "the launcher")
        out, err = playing.interrupt(signal.SIGINT)
    assert (playing.code, out) == (130, ""), err
    playing.assert_nothing_left()


def test_an_interrupt_ends_it_though_the_device_is_frozen(
    jack: JackServer, song: SongFile, tmp_path: Path
) -> None:
    file = song.write(TONE)
    with Playing(tmp_path, file, "--device", "system (JACK)", "--seconds", "3600") as playing:
        playing.until_playing()
        jack.freeze()
        playing.until_line("system (JACK) has stopped calling; the mix goes on")
        _, err = playing.interrupt(signal.SIGINT)
    assert playing.code == 130, err
    playing.assert_nothing_left()


def test_a_device_may_be_pulled_out_and_put_back(
    jack: JackServer, song: SongFile, tmp_path: Path
) -> None:
    file = song.write(TONE, length_s=1)
    with Playing(tmp_path, file, "--device", "system (JACK)", "--json", "--loop") as playing:
        playing.until_playing()
        jack.stop(signal.SIGKILL)
        playing.until_line("system (JACK) is gone")
        jack.start()
        playing.until_line("system (JACK) is back")
        out, err = playing.interrupt(signal.SIGINT)
    assert playing.code == 130, err
    report = json.loads(out)
    assert report["device"]["losses"] == 1
    assert report["takeovers"] >= 1
    assert report["slots"][0]["restarts"] == 0
    # Only our own words: no library may write on the user's terminal.
    assert all(line.startswith(("[0:", "playing ", "isobooth: ")) for line in err.splitlines()), err


def test_the_status_line_is_written_anew_and_notices_stay() -> None:
    terminal = io.StringIO()
    with Screen(terminal, live=True) as screen:
        screen.show("one\x1b[2J")
        screen.say("a notice")
        screen.show("x" * 1000)
    text = terminal.getvalue()
    assert "\x1b[2J" not in text  # what plugins call themselves is not for the terminal to obey
    written = text.split("\r\x1b[K")
    assert written[2].startswith("a notice\none")
    assert len(written[3]) < 1000
    assert written[4] == ""  # a clean line for whoever comes next


def test_a_log_gets_notices_only() -> None:
    log = io.StringIO()
    with Screen(log, live=False) as screen:
        screen.show("a status")
        screen.say("a notice")
    assert log.getvalue() == "a notice\n"


def test_a_notice_names_the_crash_report() -> None:
    event = HostEvent(HostEventKind.FAULT, "bad ended with SIGSEGV", "bad", "1a2b", 0, 0)
    assert notice(event, 62.5) == "[1:02.500] bad ended with SIGSEGV (crash report 1a2b)"


class Playing:
    """`isobooth play` in a process of its own."""

    def __init__(self, folder: Path, *words: str) -> None:
        self._err = folder / "stderr"
        with self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tools.cli", "play", *words],
                cwd=ROOT,
                env=os.environ | {DATA_VARIABLE: str(folder / "data")},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=err,
                text=True,
            )
        self.pid = self._process.pid
        self.code: int | None = None

    def __enter__(self) -> "Playing":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def until_playing(self) -> None:
        self.until_line("; Ctrl-C ends")

    def until_line(self, part: str) -> None:
        def said() -> bool:
            assert self._process.poll() is None, self._err.read_text()
            return part in self._err.read_text()

        until(said, part)

    def interrupt(self, number: signal.Signals) -> tuple[str, str]:
        """Ends it; standard output and error."""
        self._process.send_signal(number)
        out, _ = self._process.communicate(timeout=30)
        self.code = self._process.returncode
        return out, self._err.read_text()

    def assert_nothing_left(self) -> None:
        """No segment; processes are looked for after every test."""
        assert not [name for name in os.listdir(SHM_DIR) if f"isobooth-{self.pid}-" in name]
