# SPDX-License-Identifier: GPL-3.0-or-later
"""A written audio file is rounded as documented and stands under its name only when complete."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from host import audio_file
from host.audio_file import AudioWriter, SampleFormat, read_audio
from ipc.errors import InputError, IsoboothError, MachineError

RATE = 48000
KINDS = [
    ("a.wav", SampleFormat.INT16),
    ("a.wav", SampleFormat.INT24),
    ("a.wav", SampleFormat.INT32),
    ("a.wav", SampleFormat.FLOAT32),
    ("a.flac", SampleFormat.INT16),
    ("a.FLAC", SampleFormat.INT24),
]

Block = np.ndarray[Any, np.dtype[np.float32]]


def noise(frames: int, channels: int = 2) -> Block:
    generator = np.random.default_rng(2)
    return (generator.standard_normal((channels, frames)) * 0.2).astype(np.float32)


@contextmanager
def disk_limit(size: int) -> Iterator[None]:
    """No file grows beyond `size`, as on a full disk (the error differs in its name only)."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def write_in_blocks(path: Path, data: Block, kind: SampleFormat, block: int = 128) -> AudioWriter:
    with AudioWriter(path, RATE, kind) as writer:
        for start in range(0, data.shape[1], block):
            writer.write(data[:, start : start + block])
    return writer


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_samples_are_rounded_to_the_nearest_step(
    tmp_path: Path, name: str, kind: SampleFormat
) -> None:
    data = noise(40000)
    writer = write_in_blocks(tmp_path / name, data, kind)
    assert (writer.frames, writer.clipped_samples, writer.nan_samples) == (40000, 0, 0)
    assert os.listdir(tmp_path) == [name]
    info = soundfile.info(tmp_path / name)
    assert (info.samplerate, info.channels, info.frames) == (RATE, 2, 40000)
    assert info.format == name[2:].upper()
    assert info.subtype == ("FLOAT" if kind == "float" else f"PCM_{kind}")
    stored, _ = soundfile.read(tmp_path / name, dtype="float64")
    if kind is SampleFormat.FLOAT32:
        np.testing.assert_array_equal(stored.T, data)
    else:
        full = 2.0 ** (int(kind) - 1)
        np.testing.assert_array_equal(stored.T * full, np.rint(data.astype(np.float64) * full))


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_reading_and_writing_again_changes_no_bit(
    tmp_path: Path, name: str, kind: SampleFormat
) -> None:
    if kind is SampleFormat.INT32:
        pytest.skip("float32 cannot hold all 32-bit integers")
    write_in_blocks(tmp_path / name, noise(5000), kind)
    first = read_audio(tmp_path / name, RATE).samples
    write_in_blocks(tmp_path / f"b{name}", first, kind)
    np.testing.assert_array_equal(read_audio(tmp_path / f"b{name}", RATE).samples, first)
    assert (tmp_path / name).read_bytes() == (tmp_path / f"b{name}").read_bytes()


def test_halves_go_to_the_even_step(tmp_path: Path) -> None:
    halves = np.array([[0.5, 1.5, -0.5, -1.5, 2.5]], dtype=np.float32) / np.float32(2**15)
    with AudioWriter(tmp_path / "a.wav", RATE, SampleFormat.INT16, channels=1) as writer:
        writer.write(halves)
    stored, _ = soundfile.read(tmp_path / "a.wav", dtype="int16")
    assert stored.tolist() == [0, 2, 0, -2, 2]


@pytest.mark.parametrize("kind", [SampleFormat.INT16, SampleFormat.INT24, SampleFormat.INT32])
def test_overs_are_limited_and_counted(tmp_path: Path, kind: SampleFormat) -> None:
    data = np.array([[1.0, 1.001, np.inf, 0.0], [-1.0, -1.5, -np.inf, np.nan]], dtype=np.float32)
    with AudioWriter(tmp_path / "a.wav", RATE, kind) as writer:
        writer.write(data)
    assert (writer.clipped_samples, writer.nan_samples) == (4, 1)
    stored, _ = soundfile.read(tmp_path / "a.wav", dtype="int32")
    top = (2 ** (int(kind) - 1) - 1) << (32 - int(kind))
    assert stored.T.tolist() == [[top, top, top, 0], [-(2**31), -(2**31), -(2**31), 0]]


def test_float_files_keep_overs_but_no_nan(tmp_path: Path) -> None:
    data = np.array([[4.0, np.nan], [-4.0, 0.5]], dtype=np.float32)
    with AudioWriter(tmp_path / "a.wav", RATE, SampleFormat.FLOAT32) as writer:
        writer.write(data)
    assert (writer.clipped_samples, writer.nan_samples) == (0, 1)
    assert np.isnan(data[0, 1])  # the caller's block is not touched
    stored, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert stored.T.tolist() == [[4.0, 0.0], [-4.0, 0.5]]


def test_a_block_may_be_used_again_after_it_was_written(tmp_path: Path) -> None:
    block = np.full((2, 64), 0.25, dtype=np.float32)
    with AudioWriter(tmp_path / "a.wav", RATE) as writer:
        writer.write(block)
        block[:] = 0.0
    assert (read_audio(tmp_path / "a.wav", RATE).samples == 0.25).all()


def test_equal_renders_are_equal_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = noise(3000)
    write_in_blocks(tmp_path / "a.wav", data, SampleFormat.FLOAT32)
    header = (tmp_path / "a.wav").read_bytes()[:200]
    peak = header.index(b"PEAK")  # libsndfile writes the time of day behind the version
    assert header[peak + 12 : peak + 16] == bytes(4)
    write_in_blocks(tmp_path / "b.wav", data, SampleFormat.FLOAT32, block=1000)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_a_file_without_audio_is_not_written(tmp_path: Path, name: str, kind: SampleFormat) -> None:
    with (
        pytest.raises(IsoboothError, match="there is no audio to write"),
        AudioWriter(tmp_path / name, RATE, kind) as writer,
    ):
        writer.write(noise(0))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("name", "kind"), KINDS)
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_nothing_half_written_stands_under_the_name(
    tmp_path: Path, name: str, kind: SampleFormat, error: type[BaseException]
) -> None:
    (tmp_path / name).write_text("old")
    with pytest.raises(error), AudioWriter(tmp_path / name, RATE, kind) as writer:
        writer.write(noise(50000))
        assert (tmp_path / name).read_text() == "old"
        raise error
    assert (tmp_path / name).read_text() == "old"
    assert os.listdir(tmp_path) == [name]


def test_an_aborted_file_leaves_nothing(tmp_path: Path) -> None:
    with AudioWriter(tmp_path / "a.wav", RATE) as writer:
        writer.write(noise(50000))
        writer.abort()
        writer.write(noise(50000))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("name", "kind"), KINDS)
@pytest.mark.parametrize("missing", [1, 30, 2000, 60000])
def test_a_full_disk_is_told_at_every_point(
    tmp_path: Path, name: str, kind: SampleFormat, missing: int
) -> None:
    """The last frames of a FLAC file are the hard ones: libsndfile loses them without a word."""
    data = noise(50000)
    write_in_blocks(tmp_path / name, data, kind)
    size = (tmp_path / name).stat().st_size
    (tmp_path / name).unlink()
    with (
        pytest.raises(MachineError, match=f"{name}: cannot be written: the file would be larger"),
        disk_limit(size - missing),
    ):
        write_in_blocks(tmp_path / name, data, kind)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_a_disk_that_is_full_from_the_start_is_told(
    tmp_path: Path, name: str, kind: SampleFormat
) -> None:
    with pytest.raises(MachineError, match="cannot be written"), disk_limit(0):
        write_in_blocks(tmp_path / name, noise(100), kind)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("a.mp3", SampleFormat.INT16, 'a.mp3: cannot write ".mp3" files; use .wav or .flac'),
        ("a", SampleFormat.INT16, "a: cannot write a file without an extension; use .wav or"),
        ("a.flac", SampleFormat.FLOAT32, "a.flac: FLAC cannot hold float samples; use 16 or 24"),
        ("a.flac", SampleFormat.INT32, "a.flac: FLAC cannot hold 32-bit samples; use 16 or 24"),
    ],
)
def test_what_cannot_be_written_is_told_before_anything_is_opened(
    tmp_path: Path, name: str, kind: SampleFormat, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        AudioWriter(tmp_path / name, RATE, kind)
    assert message in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_missing_or_write_protected_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        pytest.raises(InputError, match=f"the folder {tmp_path}/no does not exist"),
        AudioWriter(tmp_path / "no" / "a.wav", RATE),
    ):
        pass

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", denied)  # root may write everywhere
    with (
        pytest.raises(InputError, match=r"a\.wav: cannot be written: permission denied"),
        AudioWriter(tmp_path / "a.wav", RATE),
    ):
        pass


def test_a_wav_file_that_would_outgrow_its_header_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio_file, "_WAV_MAX_BYTES", 6000)
    with (
        pytest.raises(InputError, match="a WAV file holds at most 4 GB"),
        AudioWriter(tmp_path / "a.wav", RATE) as writer,
    ):
        writer.write(noise(1000))
        writer.write(noise(1))
    assert os.listdir(tmp_path) == []


def test_a_block_of_the_wrong_shape_is_a_mistake_of_the_program(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match=r"expected a block of \(2, frames\)"),
        AudioWriter(tmp_path / "a.wav", RATE) as writer,
    ):
        writer.write(noise(100).T)


@pytest.mark.parametrize("rate", [0, 10_000_000])
def test_a_rate_that_the_format_cannot_hold_is_told(tmp_path: Path, rate: int) -> None:
    with (
        pytest.raises(Exception, match=r"a\.flac: cannot be written"),
        AudioWriter(tmp_path / "a.flac", rate, SampleFormat.INT16) as writer,
    ):
        writer.write(noise(100))
    assert os.listdir(tmp_path) == []
