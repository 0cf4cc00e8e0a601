# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads PortAudio through sounddevice, and once more when an instance had to be left behind.

sounddevice looks its library up by a module variable, so a second instance (a copy of the file,
which the loader takes for another library) can be put in the place of one that is stuck.
"""

import atexit
import contextlib
import ctypes
import os
from types import ModuleType
from typing import Any

from ipc.errors import MachineError

WITHOUT = "`--device null` plays without one"

# PortAudio keeps the pointer: it must live as long as the process.
_JACK_CLIENT_NAME = ctypes.c_char_p(b"isobooth")

_MFD_EXEC = 0x10  # since Linux 6.3; older kernels always allow it and refuse the flag

_copies: list[int] = []  # descriptors


def load_library() -> ModuleType:
    """sounddevice; MachineError says what is missing."""
    try:
        import sounddevice
    except ImportError:
        raise MachineError(
            f"the Python package sounddevice is not installed: `pip install sounddevice`; {WITHOUT}"
        ) from None
    except OSError as error:
        if "not found" in str(error):
            raise MachineError(
                f"the PortAudio library is not installed: `apt install libportaudio2`; {WITHOUT}"
            ) from None
        raise MachineError(f"PortAudio cannot be used: {error}; {WITHOUT}") from None
    except Exception as error:  # PortAudioError: it could not be initialized
        raise MachineError(f"PortAudio cannot be used: {error}; {WITHOUT}") from None
    # Its handler would call Pa_Terminate, and abort the process if a JACK server has gone.
    atexit.unregister(sounddevice._exit_handler)
    _name_jack_client(sounddevice._libname)
    module: ModuleType = sounddevice
    return module


def _name_jack_client(library: str) -> None:
    """How JACK's graph shows us, from the next initialization on."""
    with contextlib.suppress(OSError, AttributeError):  # built without JACK
        ctypes.CDLL(library).PaJack_SetClientName(_JACK_CLIENT_NAME)


def private_copy(sd: Any) -> Any:
    """The library once more, with variables of its own. OSError where that is not possible."""
    name = f"isobooth-portaudio-{len(_copies)}"
    with open(_path_of_library(), "rb") as original:
        code = original.read()
    try:
        copy = os.memfd_create(name, os.MFD_CLOEXEC | _MFD_EXEC)
    except OSError:
        copy = os.memfd_create(name)
    # The file stays open: the loader knows libraries by their paths.
    _copies.append(copy)
    with os.fdopen(os.dup(copy), "wb") as file:
        file.write(code)
    path = f"/proc/self/fd/{copy}"
    library = sd._ffi.dlopen(path)
    _name_jack_client(path)
    return library


def _path_of_library() -> str:
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        for line in maps:
            path = line.split(maxsplit=5)[-1].strip()
            if os.path.basename(path).startswith("libportaudio") and os.path.isfile(path):
                return path
    raise OSError("its file is not known")
