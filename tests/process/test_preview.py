# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are heard over the song, and are no part of it."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import mido
import numpy as np
import pytest

import host.desk.preview
import host.preview
from host.audio_file import AudioClip as Clip
from host.audio_file import read_audio
from host.desk.preview import PreviewAnswers
from host.engine_module import AudioClip
from host.media import TrackMedia, midi_clip
from host.midi_file import read_midi
from host.song import Song
from host.song_file import save_song
from ipc.desk.meters import MeterReader
from ipc.desk.requests import AddTrack, Change, OpenSong, Play, Preview, Save, StopPreview
from ipc.errors import InputError
from tests.process.desks import Window, served
from tests.process.jack import until
from tests.process.songs import RATE, Audio, audio_track, noise, play, sine, write_clip, write_midi

pytestmark = pytest.mark.process

BLOCK = 1024
_LEVEL = 10 ** (-6 / 20)


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOBOOTH_DATA", str(tmp_path / "data"))


@pytest.fixture
def window() -> Iterator[Window]:
    with served() as desk:
        yield desk.window()


def media_of(samples: Audio) -> TrackMedia:
    return TrackMedia(AudioClip(samples), None, samples.shape[1], [], samples)


def longest_step(heard: Audio) -> float:
    return float(np.abs(np.diff(heard)).max())


# ---------------------------------------------------------------- what is heard


def test_a_file_is_heard_while_the_song_stands_and_fades_out() -> None:
    low = sine(60 * RATE, 100.0)
    with play(Song(), block=BLOCK, playing=False) as playing:
        playing.host.start(playing=False)
        playing.run(2)
        playing.host.preview("low", media_of(low))
        playing.run(8)
        assert playing.host.previewed is not None and not playing.host.engine.playing
        playing.host.stop_preview()
        assert playing.host.previewed is None
        playing.run(4)
        heard = playing.stop()
    assert np.abs(heard).max() == pytest.approx(0.5 * _LEVEL, rel=0.01)
    assert not heard[:, :BLOCK].any() and not heard[:, -BLOCK:].any()
    # A wave of 100 Hz at this level rises by 0.0033 a frame; a click would be a step of its own.
    assert longest_step(heard) < 0.01


def test_the_song_below_it_is_the_same_to_the_bit(tmp_path: Path) -> None:
    clip = noise(20 * RATE, level=0.3)
    file = write_clip(tmp_path / "clip.wav", clip)
    with play(Song(tracks=(audio_track("a", file),)), block=BLOCK) as playing:
        playing.run(2)
        for _ in range(2):  # what is heard of them is silence
            playing.host.preview("silence", media_of(np.zeros((2, 60 * RATE), np.float32)))
            playing.run(3)
        playing.host.stop_preview()
        playing.run(2)
        heard = playing.stop()
    assert np.array_equal(heard[:, : clip.shape[1]], clip[:, : heard.shape[1]])


def test_it_ends_by_itself_and_another_one_takes_its_place() -> None:
    with play(Song(), block=BLOCK, playing=False) as playing:
        playing.host.start(playing=False)
        playing.host.preview("short", media_of(noise(2 * BLOCK)))
        playing.until(lambda: playing.host.previewed is None, "it is over")
        playing.host.preview("one", media_of(sine(60 * RATE, 100.0)))
        playing.run(3)
        playing.host.preview("two", media_of(sine(60 * RATE, 100.0)))
        heard = playing.host.previewed
        assert heard is not None and heard.name == "two"
        playing.run(3)
        taken = playing.stop()  # the host ends while it is heard
    assert longest_step(taken[:, 8 * BLOCK :]) < 0.01


def test_notes_are_heard_and_none_sounds_on(tmp_path: Path) -> None:
    held = write_midi(
        tmp_path / "held.mid", [(0, bytes([0x90, 60, 100])), (9600000, b"\x80\x3c\0")]
    )
    clip = read_midi(held, RATE)
    media = TrackMedia(None, midi_clip(clip.events), clip.length_frames, [], events=clip.events)
    with play(Song(), block=BLOCK, playing=False) as playing:
        playing.host.start(playing=False)
        playing.host.preview("held", media)
        assert playing.host.slots() == []  # it is none of the song's
        playing.run(20)
        playing.host.stop_preview()
        playing.run(4)
        heard = playing.stop()
    assert np.abs(heard).max() > 0.05
    assert not heard[:, -BLOCK:].any()


def test_the_end_of_one_file_leaves_the_one_that_took_its_place() -> None:
    with play(Song(), block=BLOCK, playing=False) as playing:
        playing.host.start(playing=False)
        previews = playing.host._supervisor.previews
        assert previews is not None

        async def end_while_another_begins() -> None:
            await previews.start("short", media_of(noise(BLOCK)))
            assert previews._playing is not None
            while not previews._playing.is_over:
                time.sleep(0.001)  # nothing else may see it first
            beginning = asyncio.create_task(previews.start("long", media_of(sine(60 * RATE))))
            await asyncio.sleep(0)  # it fades the short one out
            previews.tick()
            await beginning
            assert previews._ending is not None
            await previews._ending

        playing.host._control.run(end_while_another_begins())
        heard = playing.host.previewed
        assert heard is not None and heard.name == "long"


def test_silence_does_not_wait_for_the_synth_of_what_is_to_be_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is that heard when its synth is there."""
    loads, may_load = threading.Event(), threading.Event()
    prepare = host.preview._Preview.prepare

    async def slow(preview: host.preview._Preview) -> None:
        loads.set()
        while preview.name == "notes" and not may_load.is_set():
            await asyncio.sleep(0.001)
        await prepare(preview)

    monkeypatch.setattr(host.preview._Preview, "prepare", slow)
    with play(Song(), block=BLOCK, playing=False) as playing:
        playing.host.start(playing=False)
        playing.host.preview("low", media_of(sine(60 * RATE, 100.0)))
        loads.clear()
        is_wanted = True

        def check() -> None:
            if not is_wanted:
                raise InputError("something else")

        def start() -> None:
            with pytest.raises(InputError, match="something else"):
                playing.host.preview("notes", media_of(sine(RATE)), check)

        starting = threading.Thread(target=start)
        starting.start()
        try:
            assert loads.wait(20)
            is_wanted = False
            playing.host.stop_preview()
            assert playing.host.previewed is None
        finally:
            may_load.set()
            starting.join()
        assert playing.host.previewed is None


# ---------------------------------------------------------------- as a window asks for it


def test_a_window_is_shown_what_it_hears(window: Window, tmp_path: Path) -> None:
    file = write_clip(tmp_path / "tone.wav", sine(44100 * 30, level=0.5, rate=44100), 44100)
    shown = window.ask(Preview(file, 100))
    assert (shown.sample_rate, shown.channels, shown.length_s) == (44100, 2, 30.0)
    assert shown.heard_frames == pytest.approx(30 * RATE, abs=2)
    assert len(shown.overview.low) == 100 and max(shown.overview.high) == pytest.approx(64, abs=1)
    state = window.ask_state()
    assert state.preview == file and not state.transport.playing
    meters = MeterReader(state.meters)
    until(lambda: int(meters.read()["preview_frames"]) > 0, "it goes on")
    # Nothing of the song has changed.
    assert not state.is_modified and not state.undo and state.tracks == ()
    window.ask(StopPreview())
    assert window.ask_state().preview == ""
    until(lambda: int(meters.read()["preview_frames"]) == -1, "it is over")
    meters.close()


def test_notes_are_shown(window: Window, tmp_path: Path) -> None:
    file = write_midi(tmp_path / "line.mid", [(0, b"\x90\x3c\x64"), (RATE, b"\x80\x3c\x00")])
    shown = window.ask(Preview(file))
    assert shown.overview.notes == ((0, RATE, 60, 100),) and shown.sample_rate == 0
    assert window.ask_state().preview == file


def test_a_song_changes_is_saved_and_left_while_a_file_is_heard(
    window: Window, tmp_path: Path
) -> None:
    file = write_clip(tmp_path / "tone.wav", sine(60 * RATE))
    window.ask(Preview(file))
    window.ask(Change((AddTrack(name="A", index=0, plugins=("builtin:gain",)),)))
    window.ask(Play(True))
    assert window.ask_state().preview == file
    window.ask(Save(str(tmp_path / "song.json")))
    assert "tone" not in (tmp_path / "song.json").read_text()
    window.ask(OpenSong(str(tmp_path / "song.json")))
    assert window.ask_state().preview == ""


@pytest.mark.parametrize("name", ["gone.wav", "text.wav", "cut.wav", "empty.mid", "text.mid", "."])
def test_what_cannot_be_heard_is_one_line_and_changes_nothing(
    window: Window, tmp_path: Path, name: str
) -> None:
    tone = write_clip(tmp_path / "tone.wav", sine(RATE * 30))
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "text.mid").write_text("no notes")
    (tmp_path / "cut.wav").write_bytes(Path(tone).read_bytes()[:100_000])
    mido.MidiFile().save(tmp_path / "empty.mid")
    window.ask(Preview(tone))
    with pytest.raises(InputError) as raised:
        window.ask(Preview(str(tmp_path / name)))
    assert "\n" not in str(raised.value) and str(tmp_path) in str(raised.value)
    assert window.ask_state().preview == tone


def test_of_a_long_file_the_beginning_is_heard(window: Window, tmp_path: Path) -> None:
    file = write_clip(tmp_path / "long.wav", np.zeros((1, 8000 * 700), np.float32), 8000)
    shown = window.ask(Preview(file))
    assert shown.length_s == 700.0 and shown.heard_frames == pytest.approx(600 * RATE, abs=2)
    assert "10 minutes" in shown.note


def test_who_asks_for_silence_meanwhile_has_it(tmp_path: Path) -> None:
    file = write_clip(tmp_path / "tone.wav", sine(RATE))
    with served() as desk:
        answers = PreviewAnswers(desk.desk)
        first, second = answers.next(), answers.next()
        second(StopPreview())
        with pytest.raises(InputError, match="something else was asked for"):
            first(Preview(file))
        assert desk.desk.host.previewed is None


# ---------------------------------------------------------------- while a file is read


class SlowReading:
    """Of files whose names begin with "long": it goes on when it is let."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self, path: str, rate: int, most_s: float | None = None) -> Clip:
        if Path(path).name.startswith("long"):
            self.begun.set()
            assert self.may_end.wait(20)
        return read_audio(path, rate, most_s)


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowReading]:
    slow = SlowReading()
    monkeypatch.setattr(host.desk.preview, "read_audio", slow)
    yield slow
    slow.may_end.set()


class Asking:
    """A window that waits for a file to be heard. `error`: why it is not."""

    def __init__(self, window: Window, file: str) -> None:
        self.error = ""
        self._thread = threading.Thread(target=lambda: self._ask(window, file))
        self._thread.start()

    def _ask(self, window: Window, file: str) -> None:
        try:
            window.ask(Preview(file))
        except (InputError, EOFError, OSError) as error:
            self.error = str(error)

    def end(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive()


def test_silence_does_not_wait_for_a_file_that_is_read(
    reading: SlowReading, tmp_path: Path
) -> None:
    tone = write_clip(tmp_path / "tone.wav", sine(60 * RATE))
    long = write_clip(tmp_path / "long.wav", sine(60 * RATE))
    with served() as desk:
        window, other = desk.window(), desk.window()
        window.ask(Preview(tone))
        asking = Asking(other, long)
        assert reading.begun.wait(20)
        window.ask(StopPreview())
        assert window.ask_state().preview == ""
        reading.may_end.set()
        asking.end()
        assert "something else was asked for" in asking.error
        assert window.ask_state().preview == ""


def test_the_end_does_not_wait_for_a_file_that_is_read(
    reading: SlowReading, tmp_path: Path
) -> None:
    long = write_clip(tmp_path / "long.wav", sine(60 * RATE))
    with served() as desk:
        asking = Asking(desk.window(), long)
        assert reading.begun.wait(20)
    assert _is_reading()
    reading.may_end.set()
    until(lambda: not _is_reading(), "it is read")
    asking.end()


def _is_reading() -> bool:
    return any(thread.name.startswith("isb-preview") for thread in threading.enumerate())


@pytest.mark.parametrize("rate", [RATE, 44100])
def test_a_file_is_heard_over_the_song_that_was_opened_while_it_was_read(
    reading: SlowReading, tmp_path: Path, rate: int
) -> None:
    long = write_clip(tmp_path / "long.wav", sine(60 * RATE))
    save_song(Song(sample_rate=rate), str(tmp_path / "song.json"))
    with served() as desk:
        window, other = desk.window(), desk.window()
        asking = Asking(other, long)
        assert reading.begun.wait(20)
        window.ask(OpenSong(str(tmp_path / "song.json")))
        reading.may_end.set()
        asking.end()
        assert asking.error == ""
        assert window.ask_state().preview == long
        assert desk.desk.host.config.sample_rate == rate
        previews = desk.desk.host._supervisor.previews
        assert previews is not None and previews._playing is not None
        assert previews._playing._end_frame == pytest.approx(60 * rate, abs=2)
