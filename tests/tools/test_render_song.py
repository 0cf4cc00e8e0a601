# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth render SONG`: what stands in the file, what the report says, what is refused."""

import base64
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from host.config import HostConfig
from host.store.blacklist import Blacklist
from host.store.crash_store import CrashStore
from host.store.database import Database
from ipc.processes import children_of, command_line
from ipc.status import SlotStatus
from tools.render.report import RenderReport
from tools.render.settings import RenderSettings
from tools.render.summary import print_song

pytestmark = pytest.mark.process

RATE = 48000
SLOW = "fault:sleep?after=0&ms=2"  # each block takes its time, offline too
# The keys that programs rely on (docs/render-report.md).
KEYS = {
    *("schema", "result", "reason", "input", "output", "mode", "pipelined", "realtime"),
    *("attempts", "sample_rate", "block_frames", "sample_format", "duration_s", "elapsed_s"),
    *("latency_frames", "peak_db", "clipped_samples", "blocks", "late_blocks"),
    *("machine_late_blocks", "deadline_us", "slot_deadline_us", "block_us", "xruns"),
    *("clock_slips", "slots", "faults", "events", "warnings"),
}
SLOT_KEYS = {
    *("id", "plugin", "status", "reason", "restarts", "bypassed_blocks", "missed_blocks"),
    *(
        "processed_blocks",
        "repaired_samples",
        "latency_frames",
        "last_restart_ms",
        "crashes",
        "denials",
        "shares_with",
        "rejected",
    ),
}

Render = Callable[..., Any]


@pytest.fixture
def ramp(tmp_path: Path) -> NDArray[np.float32]:
    """The audio of in.wav, every sample different; 0.5 s and a bit."""
    audio = np.linspace(-0.5, 0.5, 2 * 24037, dtype=np.float32).reshape(2, -1)
    soundfile.write(tmp_path / "in.wav", audio.T, RATE, subtype="FLOAT")
    return audio


@pytest.fixture
def render(run_cli: Render, tmp_path: Path, ramp: object) -> Render:
    """Renders in.wav through `chain` to out.wav; more words and fields of the song at will."""

    def call(chain: list[str], *words: str, **fields: Any) -> Any:
        slots = [{"id": f"slot{i}", "plugin": plugin} for i, plugin in enumerate(chain)]
        track = {"id": "track", "audio": {"file": "in.wav"}, "chain": slots}
        song = {"format": "isobooth-song", "version": 1, "tracks": [track], **fields}
        path = tmp_path / "song.json"
        path.write_text(json.dumps(song))
        return run_cli("render", str(path), "-o", str(tmp_path / "out.wav"), *words)

    return call


@contextmanager
def _killing_a_worker(after_s: float = 0.3) -> Iterator[None]:
    """Kills one worker of this process some time after it was started, with SIGKILL."""

    def kill() -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            ours = [
                pid
                for pid in sorted(children_of(os.getpid()))
                if not any("resource_tracker" in word for word in command_line(pid))
            ]
            if len(ours) > 1:  # the first is the launcher
                time.sleep(after_s)
                os.kill(ours[-1], signal.SIGKILL)
                return
            time.sleep(0.005)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _read(path: Path) -> NDArray[np.float32]:
    audio, _ = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(audio.T)


def test_the_file_is_aligned_and_as_long_as_the_song(
    render: Render, tmp_path: Path, ramp: NDArray[np.float32]
) -> None:
    """Two plugins of 512 frames' latency each, whose delay is cut off the head."""
    ended = render(["builtin:latency", "builtin:latency"], "--format", "float", "--json", "-")
    assert (ended.code, ended.err) == (0, "")
    report = json.loads(ended.out)
    assert report["latency_frames"] == 1024
    assert report["duration_s"] == pytest.approx(ramp.shape[1] / RATE, abs=1e-6)
    assert np.array_equal(_read(tmp_path / "out.wav"), ramp)


def test_the_report_has_its_documented_keys(render: Render, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    ended = render(["builtin:gain"], "--json", str(file))
    report = json.loads(file.read_text())
    assert ended.code == 0
    assert set(report) == KEYS
    assert set(report["block_us"]) == {"median", "p99", "max"}
    (slot,) = report["slots"]
    assert set(slot) == SLOT_KEYS
    assert (slot["id"], slot["plugin"], slot["status"]) == ("slot0", "builtin:gain", "active")
    assert (slot["restarts"], slot["bypassed_blocks"], slot["crashes"]) == (0, 0, [])
    assert report["blocks"] == slot["processed_blocks"] == 188  # what holds the song, no more
    assert report["deadline_us"] == pytest.approx(2666.7)
    assert (report["mode"], report["slot_deadline_us"], report["attempts"]) == ("offline", None, 1)
    assert 0 < report["block_us"]["median"] <= report["block_us"]["p99"]


def test_people_are_told_what_was_written(render: Render, tmp_path: Path) -> None:
    ended = render(["builtin:gain"])
    first = ended.out.splitlines()[0]
    assert first.startswith(f"{tmp_path / 'out.wav'}: 0:00.501, 48000 Hz, 24-bit, peak -6.0 dBFS")
    assert "builtin:gain" in ended.out


@pytest.mark.parametrize(
    ("words", "rate", "subtype", "suffix"),
    [
        (["--format", "16"], 48000, "PCM_16", "wav"),
        (["--format", "float", "--rate", "96000"], 96000, "FLOAT", "wav"),
        ([], 48000, "PCM_24", "flac"),
    ],
)
def test_rate_and_format_are_what_was_asked_for(
    render: Render, tmp_path: Path, words: list[str], rate: int, subtype: str, suffix: str
) -> None:
    out = tmp_path / f"asked.{suffix}"
    assert render(["builtin:gain"], *words, "-o", str(out)).code == 0
    info = soundfile.info(out)
    assert (info.samplerate, info.subtype, info.channels) == (rate, subtype, 2)
    assert info.duration == pytest.approx(24037 / RATE, abs=1e-3)


@pytest.mark.parametrize(("length", "frames"), [({"length_s": 0.1}, 4800), ({}, 24037)])
def test_the_tail_comes_behind_the_length(
    render: Render, tmp_path: Path, length: dict[str, float], frames: int
) -> None:
    def rendered(*words: str, **fields: float) -> int:
        assert render(["builtin:gain"], "--force", *words, **length, **fields).code == 0
        return int(soundfile.info(tmp_path / "out.wav").frames)

    assert rendered() == frames
    assert rendered("--tail", "0.25") == frames + 12000
    assert rendered(tail_s=0.25) == frames + 12000
    assert rendered("--tail", "0", tail_s=0.25) == frames
    assert rendered("--realtime", tail_s=0.25) == frames + 12000


def test_a_crash_costs_one_retry(render: Render, tmp_path: Path, ramp: NDArray[np.float32]) -> None:
    with _killing_a_worker():
        ended = render([SLOW, "builtin:gain"], "--format", "float", "--json", "-", "--tail", "0.2")
    report = json.loads(ended.out)
    assert (ended.code, report["result"], report["attempts"]) == (0, "done", 2)
    (fault,) = report["faults"]
    assert "ended with SIGKILL" in fault["what"]
    assert fault["attempt"] == 1
    crashed = next(slot for slot in report["slots"] if slot["id"] == fault["slot"])
    assert crashed["crashes"] == [fault["report"]]
    assert (crashed["status"], crashed["bypassed_blocks"]) == ("active", 0)
    assert "rendered once more" in ended.err
    assert np.array_equal(_read(tmp_path / "out.wav")[:, : ramp.shape[1]], ramp)


@pytest.mark.parametrize(
    ("plugin", "what", "at"),
    [
        ("fault:segv?after=100", "ended with SIGSEGV", "0:00.267"),
        ("fault:exit?after=5", "ended with exit code 7", "0:00.013"),
        ("fault:abort?after=0", "ended with SIGABRT", "0:00.000"),
        ("fault:load-segv", "SIGSEGV (load)", "0:00.000"),
    ],
)
def test_a_plugin_that_fails_again_is_named_and_no_file_is_left(
    render: Render, run_cli: Render, tmp_path: Path, plugin: str, what: str, at: str
) -> None:
    ended = render(["builtin:gain", plugin, "builtin:gain"], "--json", "-")
    report = json.loads(ended.out)
    assert ended.code == 1
    assert ended.err.count("\n") == 1
    assert "failed 2 times: slot1" in ended.err and what in ended.err
    assert f"at {at}" in ended.err
    assert (report["result"], report["attempts"], report["duration_s"]) == ("failed", 2, 0.0)
    assert [fault["slot"] for fault in report["faults"]] == ["slot1", "slot1"]
    assert report["slots"][1]["status"] == SlotStatus.FAILED
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "in.wav", "song.json"]
    shown = [run_cli("crashes", "show", fault["report"], "--json") for fault in report["faults"]]
    assert [json.loads(one.out)["action"] for one in shown] == ["rendered again", "file failed"]


def test_what_stood_under_the_name_survives_a_failure(render: Render, tmp_path: Path) -> None:
    (tmp_path / "out.wav").write_bytes(b"precious")
    assert render(["fault:segv?after=3"], "--force").code == 1
    assert (tmp_path / "out.wav").read_bytes() == b"precious"


def test_keep_going_bypasses_from_the_fault_on_and_says_where(
    render: Render, tmp_path: Path, ramp: NDArray[np.float32]
) -> None:
    ended = render(
        ["fault:segv?after=100", "builtin:gain"], "--keep-going", "--format", "float", "--json", "-"
    )
    report = json.loads(ended.out)
    assert (ended.code, report["result"], report["attempts"]) == (0, "done", 2)
    assert "slot0 ended with SIGSEGV at 0:00.267" in ended.err
    assert "from there on slot0 is bypassed" in ended.err
    assert report["faults"][-1]["block"] == 100
    (event,) = [event for event in report["events"] if event["kind"] == "fault"]
    assert event["time_s"] == report["faults"][-1]["time_s"] == pytest.approx(0.2667)
    assert report["slots"][0]["bypassed_blocks"] == report["blocks"] - 100
    assert report["slots"][1]["status"] == "active"
    # A unity gain, bypassed: the same but for the block in which the crash is covered.
    audio = _read(tmp_path / "out.wav")
    assert np.array_equal(audio[:, : 100 * 128], ramp[:, : 100 * 128])
    assert np.allclose(audio, ramp, atol=0.01)


def test_a_first_attempt_says_between_where_it_failed(render: Render) -> None:
    """Several blocks are rendered at a time: which one it was is not known."""
    ended = render(["fault:segv?after=100"], "--keep-going", "--json", "-")
    first, second = json.loads(ended.out)["faults"]
    assert "slot0 ended with SIGSEGV between 0:00.171 and 0:00.341 (crash report" in ended.err
    assert first["time_s"] <= second["time_s"] <= first["until_s"]
    assert second["until_s"] is None


def test_a_file_that_failed_has_its_events_where_they_were(render: Render) -> None:
    report = json.loads(render(["fault:segv?after=100"], "--json", "-").out)
    times = [event["time_s"] for event in report["events"] if event["kind"] == "fault"]
    assert times == [report["faults"][-1]["time_s"]]


def test_keep_going_puts_in_a_failed_slot_s_place_what_its_policy_says(
    render: Render, tmp_path: Path, ramp: NDArray[np.float32]
) -> None:
    """A limiter that is gone must not be as loud as its input: live and offline alike."""
    chain = [{"id": "slot0", "plugin": "fault:segv?after=100", "on_miss": "silence"}]
    tracks = [{"id": "track", "audio": {"file": "in.wav"}, "chain": chain}]
    words = ("--keep-going", "--format", "float", "--json", "-")
    ended = render([], *words, tracks=tracks)
    report = json.loads(ended.out)
    assert (ended.code, report["faults"][-1]["block"]) == (0, 100)
    assert report["faults"][-1]["bypassed"] and not report["faults"][0]["bypassed"]
    audio = _read(tmp_path / "out.wav")
    assert np.array_equal(audio[:, : 100 * 128], ramp[:, : 100 * 128])
    assert ramp[:, 110 * 128 :].any()
    assert np.abs(audio[:, 110 * 128 :]).max() < 1e-3


@pytest.fixture
def song_with_a_refused_state() -> dict[str, Any]:
    state = base64.b64encode(b"nonsense").decode()
    slot = {"id": "eq", "plugin": "builtin:gain", "state": state, "parameters": {"Gain": "-6 dB"}}
    return {"tracks": [{"id": "track", "audio": {"file": "in.wav"}, "chain": [slot]}]}


def test_a_state_that_is_refused_fails_the_file(
    render: Render, tmp_path: Path, song_with_a_refused_state: dict[str, Any]
) -> None:
    ended = render([], "--json", "-", **song_with_a_refused_state)
    report = json.loads(ended.out)
    assert (ended.code, report["result"], report["attempts"]) == (1, "failed", 2)
    assert "eq refused the state saved in the song" in ended.err
    assert "eq refused the state saved in the song" in report["reason"]
    assert not (tmp_path / "out.wav").exists()


def test_keep_going_goes_on_without_a_state_that_is_refused(
    render: Render,
    tmp_path: Path,
    ramp: NDArray[np.float32],
    song_with_a_refused_state: dict[str, Any],
) -> None:
    words = ("--keep-going", "--format", "float", "--json", "-")
    ended = render([], *words, **song_with_a_refused_state)
    report = json.loads(ended.out)
    assert (ended.code, report["result"]) == (0, "done")
    assert "eq plays without it" in ended.err
    assert [fault["slot"] for fault in report["faults"]] == ["eq", "eq"]
    assert report["slots"][0]["status"] == "active"
    assert np.allclose(_read(tmp_path / "out.wav"), ramp * 10 ** (-6 / 20), atol=1e-4)


def test_real_time_plays_on_without_a_state_that_is_refused(
    render: Render, song_with_a_refused_state: dict[str, Any]
) -> None:
    ended = render([], "--realtime", **song_with_a_refused_state)
    assert ended.code == 0
    assert "; it is loaded without" in ended.err


def test_a_hang_ends_and_is_called_one(
    render: Render, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usual = RenderSettings.host_config

    def impatient(self: RenderSettings, *asked: Any, **named: Any) -> HostConfig:
        return replace(usual(self, *asked, **named), offline_hang_limit_s=0.5)

    monkeypatch.setattr(RenderSettings, "host_config", impatient)
    ended = render(["fault:deadlock?after=20"])
    assert ended.code == 1
    assert "hung and was stopped" in ended.err
    assert not (tmp_path / "out.wav").exists()


def test_slowness_is_no_fault(render: Render, tmp_path: Path, ramp: NDArray[np.float32]) -> None:
    ended = render(["fault:sleep?after=0&every=40&ms=60"], "--format", "float", "--json", "-")
    assert (ended.code, json.loads(ended.out)["attempts"]) == (0, 1)
    assert np.array_equal(_read(tmp_path / "out.wav"), ramp)


@pytest.mark.parametrize("block", [128, 100])
def test_a_plugin_is_given_no_block_that_the_file_does_not_need(
    render: Render, tmp_path: Path, ramp: NDArray[np.float32], block: int
) -> None:
    blocks = -(-ramp.shape[1] // block)
    ended = render(
        [f"fault:segv?after={blocks}"], "--block", str(block), "--format", "float", "--json", "-"
    )
    report = json.loads(ended.out)
    assert (ended.code, report["attempts"], report["blocks"]) == (0, 1, blocks)
    assert np.array_equal(_read(tmp_path / "out.wav"), ramp)
    assert render([f"fault:segv?after={blocks - 1}"], "--block", str(block), "--force").code == 1


def test_a_failed_render_shows_no_figures_of_a_file_that_is_not_there(render: Render) -> None:
    ended = render(["fault:segv?after=3"])
    assert (ended.code, ended.out) == (1, "")


@pytest.mark.parametrize(
    ("fault", "what", "at"),
    [
        ("nan?after=0", "kept sending NaN or Inf", "0:00.000"),
        ("inf?after=150", "kept sending NaN or Inf", "0:00.400"),
        ("nan?after=10&times=32", "kept sending NaN or Inf", "0:00.027"),
        ("loud?after=40", "kept sending a runaway level", "0:00.107"),
    ],
)
def test_what_a_plugin_spoils_for_long_is_no_file(
    render: Render, run_cli: Render, tmp_path: Path, fault: str, what: str, at: str
) -> None:
    ended = render(["builtin:gain", f"fault:{fault}", "builtin:gain"], "--json", "-")
    report = json.loads(ended.out)
    assert (ended.code, report["result"], report["attempts"]) == (1, "failed", 2)
    assert f"failed 2 times: slot1 {what} at {at}" in ended.err
    assert [(entry["slot"], entry["attempt"]) for entry in report["faults"]] == [
        ("slot1", 1),
        ("slot1", 2),
    ]
    assert not (tmp_path / "out.wav").exists()
    ended = render(["builtin:gain", f"fault:{fault}"], "--keep-going")
    assert ended.code == 0
    assert "from there on slot1 is bypassed" in ended.err
    assert np.isfinite(_read(tmp_path / "out.wav")).all()


def test_a_file_shorter_than_the_policy_is_spoiled_as_well(render: Render, tmp_path: Path) -> None:
    assert render(["fault:nan?after=0"], length_s=0.02).code == 1
    assert render(["fault:nan?after=1"], "--force", length_s=0.02).code == 0


def test_repaired_samples_are_told(render: Render) -> None:
    ended = render(["fault:nan?after=10&times=1"], "--json", "-")
    assert ended.code == 0
    assert json.loads(ended.out)["slots"][0]["repaired_samples"] == 256
    assert "slot0 sent 256 samples that are NaN, Inf or too loud" in ended.err


def test_clipping_is_told(render: Render) -> None:
    ended = render(["builtin:gain"], master={"gain_db": 12.0})
    assert "were beyond full scale and are clipped" in ended.err


def test_real_time_takes_its_time_and_plays_on_through_a_crash(
    render: Render, tmp_path: Path
) -> None:
    began = time.monotonic()
    ended = render(
        ["builtin:gain", "fault:segv?after=100"], "--realtime", "--block", "256", "--json", "-"
    )
    assert time.monotonic() - began > 0.5
    report = json.loads(ended.out)
    assert (ended.code, report["mode"], report["attempts"]) == (0, "realtime", 1)
    assert soundfile.info(tmp_path / "out.wav").frames == 24037
    assert report["blocks"] >= 94
    assert report["deadline_us"] == pytest.approx(5333.3)
    assert report["slot_deadline_us"] < report["deadline_us"]
    assert report["faults"] == []
    slot = report["slots"][1]
    assert slot["crashes"]
    assert slot["bypassed_blocks"] >= 1
    kinds = [event["kind"] for event in report["events"] if event["slot"] == "slot1"]
    assert "fault" in kinds


def test_pipelined_is_as_aligned_as_any(
    render: Render, tmp_path: Path, ramp: NDArray[np.float32]
) -> None:
    ended = render(["builtin:gain"], "--pipelined", "--format", "float", "--json", "-")
    assert json.loads(ended.out)["latency_frames"] == 128
    assert np.array_equal(_read(tmp_path / "out.wav"), ramp)


@pytest.mark.parametrize(
    ("plugin", "words"),
    [
        ("vst3:/nowhere/x.vst3", "/nowhere/x.vst3 does not exist"),
        ("lv2:http://example.org/none", "http://example.org/none"),
        ("ladspa:/usr/lib/ladspa/amp.so#none", "amp.so"),
        ("builtin:none", "there is no built-in device 'none'"),
        ("builtin:gain?x=1", "builtin:gain?x=1"),
        ("fault:nope", "fault:nope"),
        ("pedalboard:Reverbb", "pedalboard:Reverbb"),
    ],
)
def test_a_plugin_that_is_not_there_is_refused_at_once(
    render: Render, tmp_path: Path, plugin: str, words: str
) -> None:
    ended = render(["builtin:gain", plugin], "--keep-going", "--json", "-")
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert words in ended.err
    assert "song.json: tracks[0].chain[1].plugin: " in ended.err
    assert not (tmp_path / "out.wav").exists()


REJECTED = {"id": "g", "plugin": "builtin:gain", "program": 50}
REJECTED_LINES = [
    "chain[0].program: builtin:gain has no programs",
    "chain[0].parameters.Nope: builtin:gain has no parameter 'Nope'; it has 'Gain'",
    'chain[0].parameters["999"]: builtin:gain has parameters 0 to 0, not 999',
    "chain[0].parameters.Gain: builtin:gain: 'loud' is no value of 'Gain'; it is",
]


@pytest.fixture
def with_rejections(tmp_path: Path) -> dict[str, Any]:
    """A song whose plugin takes nothing of what is set."""
    values = {"Nope": 0.5, "999": 0.2, "Gain": "loud"}
    slot = {**REJECTED, "parameters": values}
    return {"tracks": [{"id": "t", "audio": {"file": "in.wav"}, "chain": [slot]}]}


def test_what_a_plugin_does_not_take_is_refused_with_its_field(
    render: Render, tmp_path: Path, with_rejections: dict[str, Any]
) -> None:
    ended = render([], **with_rejections)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert f"song.json: tracks[0].{REJECTED_LINES[0]} (and 3 more); --keep-going" in ended.err
    assert not (tmp_path / "out.wav").exists()


@pytest.mark.parametrize("word", ["--keep-going", "--realtime"])
def test_what_a_plugin_does_not_take_is_left_out_with_its_field(
    render: Render, with_rejections: dict[str, Any], word: str
) -> None:
    ended = render([], word, "--json", "-", **with_rejections)
    report = json.loads(ended.out)
    assert ended.code == 0
    assert len(report["warnings"]) == len(REJECTED_LINES) == len(report["slots"][0]["rejected"])
    for warning, line in zip(report["warnings"], REJECTED_LINES, strict=True):
        assert f"song.json: tracks[0].{line}" in warning


def test_a_path_with_a_typing_error_is_no_crash(render: Render, data_folder: Path) -> None:
    ended = render(["builtin:gain", "vst3:/nowhere/x.vst3"])
    assert "song.json: tracks[0].chain[1].plugin: the VST3 plugin /nowhere/x.v" in ended.err
    with Database() as database:
        assert CrashStore(database).list() == []


def test_a_blacklisted_plugin_is_refused_or_left_out(
    render: Render, data_folder: Path, tmp_path: Path
) -> None:
    with Database() as database:
        Blacklist(database).add("builtin:gain", None, "failed 3 times in 60 s", [])
    ended = render(["builtin:gain"])
    assert ended.code == 2
    assert "builtin:gain: is blacklisted (failed 3 times in 60 s)" in ended.err
    for word in ("--keep-going", "--realtime"):
        ended = render(["builtin:gain"], word, "--force", "--json", "-")
        report = json.loads(ended.out)
        assert (ended.code, report["attempts"], report["faults"]) == (0, 1, [])
        (warning,) = report["warnings"]
        assert warning.startswith("slot0 is bypassed: blacklisted")


def test_an_existing_file_is_replaced_only_if_asked(render: Render, tmp_path: Path) -> None:
    assert render(["builtin:gain"]).code == 0
    before = (tmp_path / "out.wav").stat().st_mtime_ns
    ended = render(["builtin:gain"])
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "exists already; --force replaces it" in ended.err
    assert (tmp_path / "out.wav").stat().st_mtime_ns == before
    assert render(["builtin:gain"], "--force").code == 0
    assert (tmp_path / "out.wav").stat().st_mtime_ns > before


@pytest.mark.parametrize("name", ["song.json", "in.wav", "out.wav", "link.json"])
def test_a_report_never_replaces_a_file_of_its_job(
    render: Render, tmp_path: Path, name: str
) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "song.json")
    for words in ([], ["--force"]):
        ended = render(["builtin:gain"], "--json", str(tmp_path / name), *words)
        assert (ended.code, ended.err.count("\n")) == (2, 1)
        assert "is an input or output of the same job" in ended.err
    assert not (tmp_path / "out.wav").exists()
    assert json.loads((tmp_path / "song.json").read_text())["format"] == "isobooth-song"


def test_a_report_replaces_a_report_only_if_not_asked_for_more(
    render: Render, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    for precious in ('{"schema": "mine"}', '{"schema": 1, "files": []}', "no JSON", ""):
        report.write_text(precious)
        ended = render(["builtin:gain"], "--json", str(report))
        assert (ended.code, ended.err.count("\n")) == (2, 1)
        assert "exists already and is no report" in ended.err
        assert report.read_text() == precious
    assert not (tmp_path / "out.wav").exists()
    for _ in range(2):  # the second time, what is there is a report
        assert render(["builtin:gain"], "--json", str(report), "--force").code == 0
    (tmp_path / "out.wav").unlink()
    assert render(["builtin:gain"], "--json", str(report)).code == 0


def test_a_side_chain_and_notes_that_nobody_hears_are_told(render: Render, tmp_path: Path) -> None:
    tune = mido.MidiFile()
    tune.tracks.append(mido.MidiTrack([mido.Message("note_on", note=69)]))
    tune.save(tmp_path / "tune.mid")
    deaf = {"id": "eq", "plugin": "builtin:gain", "sidechain": "keys"}
    synth = {"id": "synth", "plugin": "builtin:synth"}
    tracks = [
        {"id": "keys", "midi": {"file": "tune.mid"}, "chain": [synth]},
        {"id": "pad", "midi": {"file": "tune.mid"}, "chain": [deaf]},
    ]
    ended = render([], tracks=tracks, length_s=0.1)
    assert ended.code == 0
    assert ended.err.splitlines() == [
        "isobooth: warning: pad: the notes of tune.mid are not heard: no plugin of its chain takes "
        "MIDI",
        "isobooth: warning: pad, slot eq: builtin:gain has no side-chain input; keys is not heard "
        "there",
    ]


def test_media_of_the_song_are_never_replaced(render: Render, tmp_path: Path) -> None:
    before = (tmp_path / "in.wav").read_bytes()
    ended = render(["builtin:gain"], "--force", "-o", str(tmp_path / "in.wav"))
    assert ended.code == 2
    assert "is an input" in ended.err
    assert (tmp_path / "in.wav").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "out.mp3"], 'cannot write ".mp3" files'),
        (["-o", "nowhere/out.wav"], "the folder nowhere does not exist"),
        (["-o", "out.flac", "--format", "float"], "FLAC cannot hold float samples"),
        (["--block", "8"], "greater than or equal to 16"),
        (["--format", "8"], "Invalid value for '--format': '8' is not one of '16', '24'"),
        (["--json", "nowhere/r.json"], "nowhere does not exist"),
        (["--json", "/proc/r.json"], "--json /proc/r.json: cannot be written"),
        (["--resume"], "--resume is for many files"),
        (["-j", "2"], "-j is for many files"),
        (["--param", "1.x=1"], "--param belongs to --chain"),
        (["--type", "flac"], "--type flac is for the files in a folder OUT"),
        (["more.json"], "without --chain, render takes one song"),
    ],
)
def test_wrong_usage_is_one_line(
    render: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = render(["builtin:gain"], *words)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert said in ended.err
    assert not (tmp_path / "out.wav").exists()


def test_a_report_that_cannot_be_written_any_more_costs_only_itself(
    render: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()

    def print_and_remove(report: RenderReport) -> None:
        print_song(report)
        folder.rmdir()

    monkeypatch.setattr("tools.render.summary.print_song", print_and_remove)
    ended = render(["builtin:gain"], "--json", str(folder / "r.json"))
    assert (ended.code, ended.err.count("\n")) == (1, 1)
    assert "r.json: cannot be written" in ended.err
    assert "builtin:gain" in ended.out
    assert (tmp_path / "out.wav").exists()


def test_a_song_without_an_end_is_refused(render: Render) -> None:
    ended = render(["builtin:tone"], tracks=[{"id": "a", "chain": []}])
    assert ended.code == 2
    assert "there is nothing to render" in ended.err


def test_an_audio_file_without_a_chain_says_what_is_missing(
    run_cli: Render, tmp_path: Path, ramp: object
) -> None:
    ended = run_cli("render", str(tmp_path / "in.wav"), "-o", str(tmp_path / "out.wav"))
    assert ended.code == 2
    assert "--chain names plugins for audio files" in ended.err
