# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds audio files that are cut short, which the decoder plays without a word.

A download that broke off or a disk that was full leaves a file whose header promises more than is
there; libsndfile reads WAV, AIFF and OGG up to the cut and calls that the length. A render would
then be complete, on time and wrong. (FLAC is not looked at here: its decoder does complain.)
"""

import os
import struct
from typing import BinaryIO

_BYTE_ORDER = {b"RIFF": "<", b"RF64": "<", b"BW64": "<", b"RIFX": ">", b"FORM": ">"}
_AUDIO_CHUNKS = (b"data", b"SSND")
_MAX_CHUNKS = 10_000  # no real file has so many; ends the walk through a file of zeros
_OGG_MAX_PAGE = 65307  # header 27, 255 segments of 255 bytes, and their table
_OGG_HEADER = struct.Struct("<4sBBqIIIB")


def missing_audio(file: BinaryIO) -> str | None:
    """What is missing at the end of an open file, in words, or None. Moves the file position."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    magic = file.read(4)
    if magic in _BYTE_ORDER:
        missing = _missing_chunk_bytes(file, size, _BYTE_ORDER[magic])
        if missing > 0:
            return f"the last {missing} of its {size + missing} bytes are missing"
    if magic == b"OggS" and not _ogg_is_finished(file, size):
        return "its last page is missing"
    return None


def _missing_chunk_bytes(file: BinaryIO, size: int, order: str) -> int:
    """By how much the audio chunk of a WAV or AIFF file is longer than the file."""
    long_size = 0  # RF64: 64 bits, in a chunk of its own
    position = 12
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        header = file.read(8)
        if len(header) < 8:
            return 0  # no audio at all: the decoder says so
        name, length = struct.unpack(f"{order}4sI", header)
        if name == b"ds64":
            long_size = int.from_bytes(file.read(16)[8:], "little")
        if name in _AUDIO_CHUNKS:
            if length == 0xFFFFFFFF and long_size:
                length = long_size
            elif _is_streamed(length):
                return 0
            return position + 8 + int(length) - size
        position += 8 + int(length) + (int(length) & 1)
    return 0


def _is_streamed(length: int) -> bool:
    # Written to a pipe, the length was not known: ffmpeg writes the first, sox the others.
    return length >= 0xFFFFF000 or 0x7FFFF000 <= length <= 0x80000000 or length == 0


def _ogg_is_finished(file: BinaryIO, size: int) -> bool:
    """Whether the file ends with a whole page that is marked as its stream's last."""
    file.seek(max(0, size - _OGG_MAX_PAGE))
    tail = file.read(_OGG_MAX_PAGE)
    start = tail.rfind(b"OggS")
    while start >= 0:  # the four letters may stand inside a page as well
        page = tail[start:]
        if len(page) >= _OGG_HEADER.size:
            _, version, flags, _, _, _, _, segments = _OGG_HEADER.unpack_from(page)
            table = page[_OGG_HEADER.size : _OGG_HEADER.size + segments]
            length = _OGG_HEADER.size + segments + sum(table)
            if version == 0 and len(page) == length:
                return bool(flags & 4)
        start = tail.rfind(b"OggS", 0, start)
    return False
