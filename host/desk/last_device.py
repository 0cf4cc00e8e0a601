# SPDX-License-Identifier: GPL-3.0-or-later
"""The audio device that was chosen last in a window, for the next time."""

import contextlib
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from host.store.folder import data_folder, made_data_folder
from host.user_file import AtomicFile
from ipc.errors import IsoboothError

_FILE = "device.json"
_MOST_BYTES = 10_000


class LastDevice(Struct, frozen=True, kw_only=True):
    """`device`: None is the default one, "null" none."""

    device: Annotated[str, Meta(max_length=1000)] | None = None
    block_frames: Annotated[int, Meta(ge=16, le=4096)] = 128


def last_device() -> LastDevice:
    """Nothing is worth a word here: without it, the default device is used."""
    with contextlib.suppress(OSError, msgspec.MsgspecError), open(_path(), "rb") as file:
        return msgspec.json.decode(file.read(_MOST_BYTES), type=LastDevice)
    return LastDevice()


def keep_device(chosen: LastDevice) -> None:
    """Where it can be kept."""
    with contextlib.suppress(IsoboothError, OSError):
        made_data_folder()
        with AtomicFile(_path()) as output:
            output.file.write(msgspec.json.encode(chosen) + b"\n")


def _path() -> Path:
    return data_folder() / _FILE
