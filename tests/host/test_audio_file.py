# SPDX-License-Identifier: GPL-3.0-or-later
"""An audio file is read as the engine plays it, or refused in one line: never silently short."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host.audio_file import AudioClip, read_audio
from ipc.errors import InputError, IsoboothError, MachineError

RATE = 48000
FORMATS = [
    ("wav", "PCM_16", "WAV"),
    ("wav", "FLOAT", "WAV"),
    ("wav", "PCM_24", "RF64"),
    ("flac", "PCM_24", "FLAC"),
    ("aiff", "PCM_16", "AIFF"),
    ("ogg", "VORBIS", "OGG"),
]


def noise(frames: int, channels: int = 2) -> np.ndarray[Any, np.dtype[np.float32]]:
    generator = np.random.default_rng(1)
    return (generator.standard_normal((frames, channels)) * 0.1).astype(np.float32)


def tone(rate: int, seconds: float, hz: float = 1000.0) -> np.ndarray[Any, np.dtype[np.float64]]:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)


def refused(path: Path | str) -> str:
    with pytest.raises(InputError) as caught:
        read_audio(path, RATE)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def check_layout(clip: AudioClip) -> None:
    assert clip.samples.dtype == np.float32
    assert clip.samples.shape == (2, clip.frames)
    assert clip.samples.flags.c_contiguous
    assert clip.samples.flags.writeable


@pytest.mark.parametrize(("extension", "subtype", "container"), FORMATS)
def test_all_formats_are_read_as_planar_float(
    tmp_path: Path, extension: str, subtype: str, container: str
) -> None:
    path, data = tmp_path / f"a.{extension}", noise(30000)
    if subtype == "VORBIS":  # lossy, and noise is its worst case
        data = np.stack([tone(RATE, 0.625), tone(RATE, 0.625, 700.0)], axis=1).astype(np.float32)
    soundfile.write(path, data, RATE, subtype=subtype, format=container)
    clip = read_audio(path, RATE)
    check_layout(clip)
    assert (clip.frames, clip.source_rate, clip.source_frames, clip.source_channels) == (
        30000,
        RATE,
        30000,
        2,
    )
    assert clip.warnings == ()
    error = np.abs(clip.samples - data.T)
    if subtype == "VORBIS":  # its edges ring; a shift of one sample would be 0.06 throughout
        error = error[:, 3000:-3000]
    assert error.max() <= {"FLOAT": 0, "PCM_16": 2**-15, "PCM_24": 2**-23, "VORBIS": 0.02}[subtype]


def test_mono_is_heard_on_both_sides(tmp_path: Path) -> None:
    data = noise(1000, 1)
    soundfile.write(tmp_path / "a.wav", data, RATE, subtype="FLOAT")
    clip = read_audio(tmp_path / "a.wav", RATE)
    check_layout(clip)
    assert clip.source_channels == 1
    np.testing.assert_array_equal(clip.samples[0], data[:, 0])
    np.testing.assert_array_equal(clip.samples[1], data[:, 0])


def test_of_many_channels_the_first_two_are_played_and_the_user_is_told(tmp_path: Path) -> None:
    data = noise(1000, 6)
    soundfile.write(tmp_path / "a.wav", data, RATE, subtype="FLOAT")
    clip = read_audio(tmp_path / "a.wav", RATE)
    check_layout(clip)
    np.testing.assert_array_equal(clip.samples, data[:, :2].T)
    assert clip.source_channels == 6
    assert clip.warnings == (f"{tmp_path}/a.wav: has 6 channels; the first two are played",)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("source_rate", [44100, 96000, 8000])
def test_another_rate_is_converted_in_time_and_level(
    tmp_path: Path, source_rate: int, channels: int
) -> None:
    data = np.repeat(tone(source_rate, 1.0)[:, None], channels, axis=1)
    soundfile.write(tmp_path / "a.wav", data, source_rate, subtype="FLOAT")
    clip = read_audio(tmp_path / "a.wav", RATE)
    check_layout(clip)
    assert clip.sample_rate == RATE
    assert (clip.source_rate, clip.source_frames) == (source_rate, source_rate)
    assert clip.frames == RATE
    inner = slice(4000, 44000)  # away from the edges, where the tone is cut
    for row in clip.samples:
        residual = np.abs(row - tone(RATE, 1.0))[inner].max()
        assert residual < 0.5 * 10 ** (-120 / 20)  # -120 dB: level, time and images alike


def test_a_file_that_is_too_loud_for_plugins_is_told_of(tmp_path: Path) -> None:
    for level, told in ((31.0, ()), (40.0, ("+32.0 dBFS; what reaches a plugin above +30 dBFS",))):
        soundfile.write(tmp_path / "a.wav", np.full((100, 2), level), RATE, subtype="FLOAT")
        clip = read_audio(tmp_path / "a.wav", RATE)
        assert len(clip.warnings) == len(told)
        assert all(words in line for words, line in zip(told, clip.warnings, strict=True))
        assert clip.samples.max() == np.float32(level)


def test_samples_that_are_no_numbers_become_silence_and_the_user_is_told(tmp_path: Path) -> None:
    data = noise(100)
    data[10, 0], data[20, 1], data[30, 1] = np.nan, np.inf, -np.inf
    soundfile.write(tmp_path / "a.wav", data, RATE, subtype="FLOAT")
    clip = read_audio(tmp_path / "a.wav", RATE)
    assert np.isfinite(clip.samples).all()
    assert clip.samples[0, 10] == 0
    assert clip.warnings == (
        f"{tmp_path}/a.wav: 3 samples are not numbers; they are played as silence",
    )


def test_what_is_no_audio_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    assert refused(path) == "no such file"
    path.touch()
    assert refused(path) == "is empty, expected an audio file (WAV, FLAC, AIFF or OGG)"
    path.write_text("A letter, not a song.\n" * 100)
    assert refused(path) == "is not an audio file (WAV, FLAC, AIFF or OGG)"
    path.write_bytes(b"RIFF" + bytes(2000))
    assert refused(path).startswith("is ")
    assert refused(tmp_path) == "is a folder, expected an audio file (WAV, FLAC, AIFF or OGG)"
    soundfile.write(path, noise(0), RATE)
    assert refused(path) == "holds no audio (0 frames)"


@pytest.mark.parametrize(("extension", "subtype", "container"), FORMATS)
@pytest.mark.parametrize("share", [0.0005, 0.01, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_short_is_refused(
    tmp_path: Path, extension: str, subtype: str, container: str, share: float
) -> None:
    path = tmp_path / f"a.{extension}"
    soundfile.write(path, noise(30000), RATE, subtype=subtype, format=container)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert refused(path).startswith("is ")


def test_an_ogg_file_that_ends_between_two_pages_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, noise(30000), RATE)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rindex(b"OggS")])
    assert refused(path).startswith("is cut short: its last page is missing")


def test_one_missing_byte_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(1000), RATE, subtype="PCM_16")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert refused(path) == (
        "is cut short: the last 1 of its 4044 bytes are missing; copy or export it again"
    )


def test_a_missing_chunk_behind_the_audio_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(1000), RATE, subtype="PCM_16")
    path.write_bytes(path.read_bytes() + b"LIST" + struct.pack("<I", 1000) + b"INFO")
    assert read_audio(path, RATE).frames == 1000


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_that_was_written_to_a_pipe_is_read_to_its_end(tmp_path: Path, length: int) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(1000), RATE, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, 40, length)
    path.write_bytes(data)
    assert read_audio(path, RATE).frames == 1000


def test_a_recording_that_broke_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, noise(30000), RATE, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0  # the 36 bits of the length in the header
    data[22:26] = bytes(4)
    path.write_bytes(data)
    assert refused(path).startswith("does not say how long it is")


@pytest.mark.parametrize("extension", ["flac", "ogg"])
def test_a_file_damaged_in_the_middle_is_refused(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"a.{extension}"
    soundfile.write(path, noise(48000), RATE)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = bytes(255 - byte for byte in data[middle : middle + 200])
    path.write_bytes(data)
    assert "damaged" in refused(path)


def test_a_rate_that_no_file_has_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(100), RATE, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, 24, 7)
    path.write_bytes(data)
    assert refused(path) == "is damaged: a sample rate of 7 Hz"


def test_a_clip_that_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "a.wav", noise(1000), RATE)
    monkeypatch.setattr("host.audio_file.os.sysconf", lambda _: 100)
    with pytest.raises(MachineError, match="1000 frames of 2 channels need"):
        read_audio(tmp_path / "a.wav", RATE)


@pytest.fixture(scope="module")
def small_files(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("small")
    made = []
    for extension, subtype, container in FORMATS:
        path = folder / f"{container}-{subtype}.{extension}"
        soundfile.write(path, noise(300), RATE, subtype=subtype, format=container)
        made.append(path.read_bytes())
    return made


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_bytes_are_a_clip_or_an_error_of_one_line(
    small_files: list[bytes], tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(data.draw(st.sampled_from(small_files)))
    for position, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=6)
    ):
        content[position] = value
    path = tmp_path / "fuzzed"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        clip = read_audio(path, RATE)
    except IsoboothError as error:
        assert len(str(error).splitlines()) == 1
    else:
        check_layout(clip)
        assert np.isfinite(clip.samples).all()
