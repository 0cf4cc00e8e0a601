# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a render that need no plugin: the excerpt, figures, progress, being interrupted."""

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from host.audio_file import AudioWriter, SampleFormat
from tools.foreground import Interrupted, Stop, in_foreground
from tools.render.batch_journal import NAME, BatchJournal
from tools.render.excerpt import Excerpt
from tools.render.progress import Bars
from tools.render.report import clock
from tools.render.song_render import counted_samples


@pytest.mark.parametrize("block", [1, 7, 64, 1000])
def test_an_excerpt_is_cut_at_both_ends_wherever_blocks_lie(tmp_path: Path, block: int) -> None:
    audio = np.arange(2 * 500, dtype=np.float32).reshape(2, 500) / 1000
    with AudioWriter(tmp_path / "out.wav", 48000, SampleFormat.FLOAT32) as writer:
        excerpt = Excerpt(writer, latency_frames=33, length_frames=400)
        written = 0
        for start in range(0, 500, block):
            assert excerpt.complete == (written == 400)
            assert excerpt.complete or excerpt.frames_to_render == 433 - start
            written += excerpt.write(audio[:, start : start + block])
    assert written == 400
    data, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    assert np.array_equal(data.T, audio[:, 33:433])
    assert excerpt.peak == pytest.approx(audio[1, 432])


def test_silence_has_no_peak_in_decibels(tmp_path: Path) -> None:
    with AudioWriter(tmp_path / "out.wav", 48000) as writer:
        excerpt = Excerpt(writer, 0, 10)
        excerpt.write(np.zeros((2, 10), np.float32))
        assert excerpt.peak_db is None


@pytest.mark.parametrize(
    ("time_s", "text"),
    [(0, "0:00.000"), (59.9996, "1:00.000"), (62.345, "1:02.345"), (3723.5, "1:02:03.500")],
)
def test_a_place_in_a_file_is_written_as_people_do(time_s: float, text: str) -> None:
    assert clock(time_s) == text


def test_work_in_the_foreground_gives_its_result_or_its_error() -> None:
    assert in_foreground(lambda stop: 3) == 3

    def fail(stop: Stop) -> None:
        raise TimeoutError("a plugin's")

    with pytest.raises(TimeoutError, match="a plugin's"):
        in_foreground(fail)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_work_end_where_it_can(number: int) -> None:
    cleaned: list[bool] = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def work(stop: Stop) -> None:
        os.kill(os.getpid(), number)
        try:
            while True:
                stop.pause(0.01)
        except Interrupted:
            time.sleep(0.05)
            cleaned.append(True)
            raise

    try:
        with pytest.raises(KeyboardInterrupt):
            in_foreground(work)
        assert cleaned == [True]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_signal_that_was_ignored_stays_ignored() -> None:
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def work(stop: Stop) -> bool:
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(0.02)
        return stop.requested

    try:
        assert in_foreground(work) is False
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(in_foreground(lambda stop: 5)))
    thread.start()
    thread.join()
    assert results == [5]


def test_progress_is_quiet_where_nobody_looks(capfd: pytest.CaptureFixture[str]) -> None:
    with Bars(2) as bars:
        bar = bars.file("a.wav")
        bar.begin(100)
        bar.advance(50)
        bar.close()
        bars.file_ended()
    assert capfd.readouterr() == ("", "")


def test_progress_is_shown_on_standard_error_and_taken_away(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with Bars(2, shown=True) as bars:
        bar = bars.file("a[b].wav")
        bar.begin(100)
        bar.advance(50)
        bar.begin(100)
        bar.close()
        bars.file_ended()
    assert capfd.readouterr().out == ""


def test_a_damaged_journal_line_costs_that_line_only(tmp_path: Path) -> None:
    source, first, second = tmp_path / "in.wav", tmp_path / "first.wav", tmp_path / "second.wav"
    for path in (source, first, second):
        path.write_bytes(b"audio")
    with BatchJournal(tmp_path, {}) as journal:
        journal.begin(source, first)
        journal.finish(first)
    with (tmp_path / NAME).open("ab") as file:
        file.write(
            b'\xff\n[1]\n{"version": 1}\n{"version": 2, "name": "second.wav"}\n{"version": 1, "na'
        )
    with BatchJournal(tmp_path, {}) as journal:
        assert journal.is_finished(source, first)
        assert not journal.knows(second)
        journal.begin(source, second)
        journal.finish(second)
    with BatchJournal(tmp_path, {}) as journal:
        assert journal.is_finished(source, first)
        assert journal.is_finished(source, second)
        assert not BatchJournal.is_finished(journal, second, first)


def test_an_input_that_changes_meanwhile_is_not_finished(tmp_path: Path) -> None:
    source, output = tmp_path / "in.wav", tmp_path / "out.wav"
    source.write_bytes(b"before")
    output.write_bytes(b"rendered")
    with BatchJournal(tmp_path, {}) as journal:
        journal.begin(source, output)
        source.write_bytes(b"after it was read")
        journal.finish(output)
        assert not journal.is_finished(source, output)


def test_a_single_sample_is_one() -> None:
    assert counted_samples(1, "was cut", "were cut") == "1 sample was cut"
    assert counted_samples(2, "was cut", "were cut") == "2 samples were cut"
