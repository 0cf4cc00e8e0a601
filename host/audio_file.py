# SPDX-License-Identifier: GPL-3.0-or-later
"""Audio files: read whole into memory for the engine, written block by block from it.

Reading gives what the engine plays: two planar float32 channels at the engine's rate. Every way
in which a file can be bad ends in one line here, because a clip that is silently short or silent
makes a render that looks right. Writing does its own rounding (see `AudioWriter`), because
libsndfile's rounds down when it also clips, half a step of constant offset.
"""

import contextlib
import math
import os
import struct
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from host.audio_container import missing_audio
from host.user_file import AtomicFile, FilePath, file_error, open_input, path_text
from ipc.errors import InputError, IsoboothError, MachineError

Samples = NDArray[np.float32]

_EXPECTED = "an audio file (WAV, FLAC, AIFF or OGG)"
_SOURCE_RATES = range(1000, 768_001)  # a rate outside is a damaged header
_UNKNOWN_FRAMES = 2**62  # libsndfile's "no length in the header" is above


@dataclass(frozen=True, slots=True, eq=False)
class AudioClip:
    """An audio file as the engine plays it.

    `samples` are planar float32 of shape (2, frames), C-contiguous, at `sample_rate`; the
    `source_` fields tell what the file holds. `warnings` are lines for the user.
    """

    path: str
    samples: Samples
    sample_rate: int
    source_rate: int
    source_frames: int
    source_channels: int
    warnings: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        """Length at the engine's rate."""
        return int(self.samples.shape[1])


# Louder than any signal that is meant: no plugin is given more (ipc/native/repair.hpp).
MOST_INPUT_DB = 30.0


def read_audio(path: FilePath, sample_rate: int, most_s: float | None = None) -> AudioClip:
    """Read a whole audio file, converted to `sample_rate` (soxr, very high quality) if need be.
    `most_s`: no more of it than that.

    Mono is heard on both sides; of more than two channels the first two are kept, with a warning.
    Samples that are no numbers become silence, with a warning; some that are too loud for plugins
    are warned of. InputError for a file that is
    missing, no audio, empty, cut short or damaged; MachineError for one that does not fit into
    memory.
    """
    where = path_text(path)
    with open_input(path, _EXPECTED) as file:
        missing = missing_audio(file)
        if missing is not None:
            raise InputError(f"{where}: is cut short: {missing}; copy or export it again")
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        data, source_rate, source_frames = _decode(file.fileno(), where, sample_rate, most_s)
    channels = data.shape[1]
    warnings = []
    if channels > 2:
        warnings.append(f"{where}: has {channels} channels; the first two are played")
    samples = np.ascontiguousarray(data[:, :2].T)
    del data
    broken = ~np.isfinite(samples)
    if broken.any():
        samples[broken] = 0.0
        count = int(np.count_nonzero(broken))
        warnings.append(f"{where}: {count} samples are not numbers; they are played as silence")
    del broken
    loudest_db = 20.0 * math.log10(max(float(np.max(np.abs(samples))), 1e-9))
    if loudest_db > MOST_INPUT_DB:
        warnings.append(
            f"{where}: is as loud as {loudest_db:+.1f} dBFS; what reaches a plugin above "
            f"{MOST_INPUT_DB:+.0f} dBFS is cut there: lower the file, or its gain_db in the song"
        )
    if source_rate != sample_rate:
        converted = [soxr.resample(row, source_rate, sample_rate, "VHQ") for row in samples]
        samples = np.stack(converted).astype(np.float32, copy=False)
    if channels == 1:
        samples = np.repeat(samples, 2, axis=0)
    return AudioClip(
        path=where,
        samples=samples,
        sample_rate=sample_rate,
        source_rate=source_rate,
        source_frames=source_frames,
        source_channels=channels,
        warnings=tuple(warnings),
    )


def _decode(
    handle: int, where: str, sample_rate: int, most_s: float | None
) -> tuple[Samples, int, int]:
    """An open file's frames as (frames, channels), its sample rate, and how many it has."""
    try:
        with soundfile.SoundFile(handle, closefd=False) as source:
            frames, rate, channels = source.frames, source.samplerate, source.channels
            if frames == 0:
                raise InputError(f"{where}: holds no audio (0 frames)")
            if frames >= _UNKNOWN_FRAMES:
                raise InputError(
                    f"{where}: does not say how long it is, as when its recording broke off; "
                    "export it again"
                )
            if rate not in _SOURCE_RATES:
                raise InputError(f"{where}: is damaged: a sample rate of {rate} Hz")
            wanted = frames if most_s is None else min(frames, max(1, round(most_s * rate)))
            _check_memory(where, wanted, channels, sample_rate / rate)
            # One call: soundfile seeks after each read, which OGG answers by decoding anew.
            data: Samples = source.read(wanted, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        reason = error.error_string.strip().rstrip(".")
        if "not recognised" in reason or "regular file" in reason or "unimplemented" in reason:
            raise InputError(f"{where}: is not {_EXPECTED}") from None
        raise InputError(f"{where}: is damaged: {reason}") from None
    except MemoryError:
        raise MachineError(f"{where}: does not fit into memory") from None
    if len(data) != wanted:
        raise InputError(
            f"{where}: is cut short or damaged: {len(data)} of {frames} frames can be read"
        )
    return data, rate, frames


def _check_memory(where: str, frames: int, channels: int, ratio: float) -> None:
    """Refuse a clip that would push the whole machine into swapping, or its header is wrong."""
    # Interleaved and planar at once, or planar and converted, in float32.
    need = frames * 4 * max(channels + 2, 2 + 2 * ratio)
    have = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if need > have / 2:
        raise MachineError(
            f"{where}: {frames} frames of {channels} channels need {need / 1e9:.1f} GB of memory; "
            f"half of this machine's is {have / 2e9:.1f} GB; cut the file into parts"
        )


class SampleFormat(StrEnum):
    """How a sample is stored, by the word that commands take."""

    INT16 = "16"
    INT24 = "24"
    INT32 = "32"
    FLOAT32 = "float"


_SUBTYPES = {
    SampleFormat.INT16: "PCM_16",
    SampleFormat.INT24: "PCM_24",
    SampleFormat.INT32: "PCM_32",
    SampleFormat.FLOAT32: "FLOAT",
}
_SAMPLE_BYTES = {
    SampleFormat.INT16: 2,
    SampleFormat.INT24: 3,
    SampleFormat.INT32: 4,
    SampleFormat.FLOAT32: 4,
}
_CONTAINERS = {
    ".wav": ("WAV", tuple(SampleFormat)),
    ".flac": ("FLAC", (SampleFormat.INT16, SampleFormat.INT24)),
}
# Sizes in a WAV header have 32 bits; the margin is for the header itself.
_WAV_MAX_BYTES = 2**32 - 4096
# Handed to libsndfile in pieces of this size: soundfile asks for the length after each write.
_WRITE_FRAMES = 16384


def container_of(path: Path, sample_format: SampleFormat) -> str:
    """What a file of this name is written as: "WAV" or "FLAC". InputError if it is none of them
    or cannot hold such samples."""
    where, extension = path_text(path), path.suffix.lower()
    if extension not in _CONTAINERS:
        kind = f'"{path_text(extension)}" files' if extension else "a file without an extension"
        raise InputError(f"{where}: cannot write {kind}; use .wav or .flac")
    container, formats = _CONTAINERS[extension]
    if sample_format not in formats:
        stored = "float" if sample_format == "float" else f"{sample_format}-bit"
        known = " or ".join(formats)
        raise InputError(f"{where}: {container} cannot hold {stored} samples; use {known}, or .wav")
    return container


class AudioWriter:
    """Writes a WAV or FLAC file block by block; it stands under its name only when complete.

    Inside `with`, call `write`; an exception, `abort()` or no frames at all leave nothing
    behind, and what stood under the name before stays. To integers of n bits a sample x becomes
    round(x * 2^(n-1)), ties to even, limited to -2^(n-1) .. 2^(n-1)-1: an integer file that is
    read and written again is the same, bit for bit. Nothing is dithered. Samples beyond ±1 are
    counted in `clipped_samples`; +1.0 itself, one step above the highest integer, is not. Float
    files keep every value. NaN is never written: it becomes 0 and is counted in `nan_samples`.
    """

    def __init__(
        self,
        path: FilePath,
        sample_rate: int,
        sample_format: SampleFormat = SampleFormat.INT24,
        channels: int = 2,
    ) -> None:
        self.path = Path(path)
        self.sample_rate = sample_rate
        self.sample_format = SampleFormat(sample_format)
        self.channels = channels
        self.frames = 0
        self.clipped_samples = 0
        self.nan_samples = 0
        self._container = container_of(self.path, self.sample_format)
        self._output = AtomicFile(path)
        self._sound: soundfile.SoundFile | None = None
        self._pending: list[Samples] = []
        self._pending_frames = 0
        self._aborted = False

    def __enter__(self) -> "AudioWriter":
        self._output.__enter__()
        try:
            self._sound = soundfile.SoundFile(
                self._output.file.fileno(),
                "w",
                samplerate=self.sample_rate,
                channels=self.channels,
                subtype=_SUBTYPES[self.sample_format],
                format=self._container,
                closefd=False,
            )
        except (soundfile.SoundFileError, ValueError) as error:
            failure = self._failure(error)
            self._output.__exit__(type(failure), failure, None)
            raise failure from None
        return self

    def write(self, block: Samples) -> None:
        """Append a block of shape (channels, frames); it is copied."""
        if block.ndim != 2 or block.shape[0] != self.channels:
            raise ValueError(f"expected a block of ({self.channels}, frames), got {block.shape}")
        if self._aborted:
            return
        frame_bytes = self.channels * _SAMPLE_BYTES[self.sample_format]
        self.frames += block.shape[1]
        if self._container == "WAV" and self.frames * frame_bytes > _WAV_MAX_BYTES:
            hours = _WAV_MAX_BYTES / frame_bytes / self.sample_rate / 3600
            raise InputError(
                f"{path_text(self.path)}: a WAV file holds at most 4 GB, {hours:.1f} hours of "
                "this; write .flac or render less"
            )
        self._pending.append(np.array(block, dtype=np.float32))
        self._pending_frames += block.shape[1]
        if self._pending_frames >= _WRITE_FRAMES:
            self._flush()

    def abort(self) -> None:
        """Give up: nothing will stand under the name, and further blocks are ignored."""
        self._aborted = True
        self._pending.clear()
        self._output.discard()

    def _flush(self) -> None:
        if not self._pending or self._sound is None:
            return
        data = self._stored(np.concatenate(self._pending, axis=1))
        self._pending.clear()
        self._pending_frames = 0
        try:
            self._sound.write(data)
        except (soundfile.SoundFileError, AssertionError) as error:
            raise self._failure(error) from None

    def _stored(self, block: Samples) -> NDArray[np.float32] | NDArray[np.int32]:
        """The block interleaved, as float or as integers in the high bits of 32."""
        broken = np.isnan(block)
        if broken.any():
            self.nan_samples += int(np.count_nonzero(broken))
            block[broken] = 0.0
        if self.sample_format is SampleFormat.FLOAT32:
            return np.ascontiguousarray(block.T)
        bits = int(self.sample_format)
        full = 2.0 ** (bits - 1)
        self.clipped_samples += int(np.count_nonzero(np.abs(block) > 1.0))
        steps = np.rint(block.T.astype(np.float64) * full)  # 32 bits are exact in float64 only
        whole = np.clip(steps, -full, full - 1.0).astype(np.int64)
        return np.ascontiguousarray((whole << (32 - bits)).astype(np.int32))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and not self._aborted:
            try:
                self._flush()
                self._finish()
            except BaseException as failure:
                self._close_sound()
                self._output.__exit__(type(failure), failure, None)
                raise
        self._close_sound()
        self._output.__exit__(kind, error, trace)

    def _close_sound(self) -> None:
        with contextlib.suppress(soundfile.SoundFileError):
            if self._sound is not None:
                self._sound.close()

    def _finish(self) -> None:
        """Complete the header and look at the file as a reader would."""
        assert self._sound is not None
        if self.frames == 0:  # libsndfile leaves an empty FLAC file without even a header
            raise IsoboothError(f"{path_text(self.path)}: there is no audio to write (0 frames)")
        try:
            self._sound.close()
        except soundfile.SoundFileError as error:
            raise self._failure(error) from None
        handle = self._output.file.fileno()
        if self._container == "WAV" and self.sample_format is SampleFormat.FLOAT32:
            _clear_peak_time(handle)
        # libsndfile closes a FLAC file without a word when the disk is full for its last frames;
        # its header then lacks the length.
        os.lseek(handle, 0, os.SEEK_SET)
        try:
            with soundfile.SoundFile(handle, closefd=False) as check:
                written = check.frames
        except soundfile.SoundFileError as error:
            raise self._failure(error) from None
        if written != self.frames:
            raise self._failure(None)

    def _failure(self, error: Exception | None) -> IsoboothError:
        """Why writing failed. libsndfile keeps the reason to itself, so it is provoked again."""
        handle = self._output.file.fileno()
        try:
            os.pwrite(handle, bytes(65536), os.fstat(handle).st_size)
        except OSError as reason:
            return file_error(self.path, "written", reason)
        where = path_text(self.path)
        if error is None:
            return IsoboothError(f"{where}: cannot be written: the file came out incomplete")
        reason_text = getattr(error, "error_string", "") or str(error)
        return IsoboothError(f"{where}: cannot be written: {reason_text}")


def _clear_peak_time(handle: int) -> None:
    """Take the time of writing out of a float WAV, so that equal renders are equal files."""
    header = os.pread(handle, 512, 0)
    peak = header.find(b"PEAK", 12, max(header.find(b"data", 12), 0))
    if peak >= 0:
        os.pwrite(handle, struct.pack("<I", 0), peak + 12)  # after name, length and version
