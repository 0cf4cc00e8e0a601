# SPDX-License-Identifier: GPL-3.0-or-later
"""minihost's C functions, for all that happens outside a block: opening, describing, state.

minihost brings JUCE's VST3 and LV2 hosts in one extension module that also exports a C interface.
Its Python class is not used: it would carry each block through Python, and it reads every
installed LV2 manifest anew for each plugin. Here one session is made per launcher, before any
fork, and the workers inherit it.

JUCE wants one thread for everything but audio. MINIHOST_MESSAGE_THREAD=0 makes that the calling
thread, so the launcher stays single-threaded and a worker's main thread is JUCE's message thread.
"""

import ctypes
import os
import tempfile
from ctypes import POINTER, c_char, c_char_p, c_double, c_float, c_int, c_size_t, c_void_p
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ipc.errors import MachineError
from sandbox._native import MinihostLibrary

_TEXT_BYTES = 512


class PluginFileInfo(ctypes.Structure):
    """What minihost tells of a plugin file (MH_PluginDesc)."""

    _fields_ = (
        ("name", c_char * 256),
        ("vendor", c_char * 256),
        ("version", c_char * 64),
        ("format", c_char * 16),
        ("unique_id", c_char * 64),
        ("path", c_char * 1024),
        ("is_instrument", c_int),  # documented as "accepts MIDI, guessed": it is isInstrument
        ("produces_midi", c_int),
        ("inputs", c_int),
        ("outputs", c_int),
    )


class InstanceInfo(ctypes.Structure):
    """What minihost tells of an open plugin (MH_Info)."""

    _fields_ = (
        ("parameters", c_int),
        ("inputs", c_int),  # of the main bus
        ("outputs", c_int),
        ("latency_frames", c_int),
        ("accepts_midi", c_int),
        ("produces_midi", c_int),
        ("is_midi_effect", c_int),
        ("supports_mpe", c_int),
    )


class ParameterInfo(ctypes.Structure):
    """One parameter (MH_ParamInfo)."""

    _fields_ = (
        ("name", c_char * 128),
        ("id", c_char * 128),
        ("unit", c_char * 128),
        ("text", c_char * 128),
        ("minimum", c_float),
        ("maximum", c_float),
        ("default", c_float),
        ("steps", c_int),
        ("automatable", c_int),
        ("boolean", c_int),
        ("category", c_int),
    )


class BusInfo(ctypes.Structure):
    """One bus (MH_BusInfo)."""

    _fields_ = (
        ("name", c_char * 64),
        ("channels", c_int),
        ("is_main", c_int),
        ("is_enabled", c_int),
    )


# name: (result, arguments). A plugin or a session is a pointer that only minihost looks into.
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "mh_session_create": (c_void_p, (c_char_p, c_size_t)),
    "mh_session_open": (
        c_void_p,
        (c_void_p, c_char_p, c_double, c_int, c_int, c_int, c_int, c_char_p, c_size_t),
    ),
    "mh_session_open_desc": (
        c_void_p,
        (c_void_p, c_char_p, c_double, c_int, c_int, c_int, c_char_p, c_size_t),
    ),
    "mh_session_probe": (
        c_int,
        (c_void_p, c_char_p, POINTER(PluginFileInfo), c_char_p, c_size_t),
    ),
    "mh_get_info": (c_int, (c_void_p, POINTER(InstanceInfo))),
    "mh_get_sidechain_channels": (c_int, (c_void_p,)),
    "mh_get_num_buses": (c_int, (c_void_p, c_int)),
    "mh_get_bus_info": (c_int, (c_void_p, c_int, c_int, POINTER(BusInfo))),
    "mh_get_tail_seconds": (c_double, (c_void_p,)),
    "mh_get_param_info": (c_int, (c_void_p, c_int, POINTER(ParameterInfo))),
    "mh_get_param": (c_float, (c_void_p, c_int)),
    "mh_set_param": (c_int, (c_void_p, c_int, c_float)),
    "mh_param_to_text": (c_int, (c_void_p, c_int, c_float, c_char_p, c_size_t)),
    "mh_param_from_text": (c_int, (c_void_p, c_int, c_char_p, POINTER(c_float))),
    "mh_get_num_programs": (c_int, (c_void_p,)),
    "mh_get_program_name": (c_int, (c_void_p, c_int, c_char_p, c_size_t)),
    "mh_set_program": (c_int, (c_void_p, c_int)),
    "mh_get_state_size": (c_int, (c_void_p,)),
    "mh_get_state": (c_int, (c_void_p, c_void_p, c_int)),
    "mh_set_state": (c_int, (c_void_p, c_char_p, c_int)),
    "mh_set_non_realtime": (c_int, (c_void_p, c_int)),
    "mh_message_thread_poll": (c_int, ()),
}


def text_of(raw: bytes) -> str:
    """Text from a plugin: it may be in any encoding, and hold anything."""
    return " ".join(raw.decode("utf-8", "replace").split())


class Minihost:
    """The library and its one session in this process (and in those forked from it)."""

    def __init__(self) -> None:
        path = _module_path()
        os.environ["MINIHOST_MESSAGE_THREAD"] = "0"
        if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
            # Some plugins start Qt when they are loaded, and Qt ends the process without a display.
            os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        try:
            self.native = MinihostLibrary(path)
        except RuntimeError as error:
            raise MachineError(str(error)) from None
        self.path = path
        self.c = ctypes.CDLL(path, mode=os.RTLD_NOW | os.RTLD_LOCAL)
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(self.c, name, None)
            if function is None:
                raise MachineError(
                    f"minihost at {path} lacks {name}; install the version that the project pins"
                )
            function.restype = result
            function.argtypes = arguments
        self._session = self._create_session()

    def _create_session(self) -> int:
        # JUCE unpacks LV2's core vocabulary into a folder of TMPDIR, reads it at once, and leaves
        # the folder behind when the process is killed. In a folder of ours it goes right away.
        error = ctypes.create_string_buffer(_TEXT_BYTES)
        before = os.environ.get("TMPDIR")
        with tempfile.TemporaryDirectory(prefix="isobooth-") as folder:
            os.environ["TMPDIR"] = folder
            try:
                session = self.c.mh_session_create(error, len(error))
            finally:
                if before is None:
                    del os.environ["TMPDIR"]
                else:
                    os.environ["TMPDIR"] = before
        if not session:
            raise MachineError(f"minihost cannot start: {text_of(error.value)}")
        return int(session)

    def open_file(
        self, path: str, sample_rate: float, max_frames: int, sidechain_channels: int
    ) -> int:
        """Opens the (first) plugin of a file, asking for stereo. Returns its handle.

        Raises RuntimeError with the plugin's reason."""
        error = ctypes.create_string_buffer(_TEXT_BYTES)
        handle = self.c.mh_session_open(
            self._session,
            os.fsencode(path),
            sample_rate,
            max_frames,
            2,
            2,
            sidechain_channels,
            error,
            len(error),
        )
        return self._checked(handle, error)

    def open_lv2(self, uri: str, sample_rate: float, max_frames: int) -> int:
        """As open_file, for an installed LV2 plugin."""
        descriptor = (
            f'<?xml version="1.0"?><PLUGIN name="" format="LV2" file="{_quoted(uri)}" '
            'uniqueId="0" isInstrument="0" numInputs="2" numOutputs="2"/>'
        )
        return self._open_described(descriptor, sample_rate, max_frames)

    def open_vst3_class(
        self, path: str, name: str, juce_id: int, sample_rate: float, max_frames: int
    ) -> int:
        """As open_file, for one plugin of several: by its name, which must be its factory's, and
        JUCE's number for it."""
        descriptor = (
            f'<?xml version="1.0" encoding="UTF-8"?><PLUGIN name="{_quoted(name)}" format="VST3" '
            f'file="{_quoted(path)}" uniqueId="{juce_id:x}" uid="0" isInstrument="0" '
            'numInputs="2" numOutputs="2"/>'
        )
        return self._open_described(descriptor, sample_rate, max_frames)

    def _open_described(self, descriptor: str, sample_rate: float, max_frames: int) -> int:
        error = ctypes.create_string_buffer(_TEXT_BYTES)
        handle = self.c.mh_session_open_desc(
            self._session,
            descriptor.encode(errors="surrogateescape"),
            sample_rate,
            max_frames,
            2,
            2,
            error,
            len(error),
        )
        return self._checked(handle, error)

    @staticmethod
    def _checked(handle: int | None, error: Any) -> int:
        if not handle:
            raise RuntimeError(text_of(error.value) or "the plugin does not say why it failed")
        return handle

    def bus_channels(self, handle: int, is_input: bool) -> int:
        """Channels of all inputs or outputs of an open plugin, main and others."""
        bus = BusInfo()
        total = 0
        for index in range(self.c.mh_get_num_buses(handle, is_input)):
            if self.c.mh_get_bus_info(handle, is_input, index, ctypes.byref(bus)):
                total += bus.channels
        return total

    def probe(self, path: str) -> PluginFileInfo:
        """Name, vendor, version of the file's first plugin; all empty if it does not say."""
        info = PluginFileInfo()
        error = ctypes.create_string_buffer(_TEXT_BYTES)
        self.c.mh_session_probe(
            self._session, os.fsencode(path), ctypes.byref(info), error, len(error)
        )
        return info


def _quoted(text: str) -> str:
    """For an attribute in XML."""
    for character, entity in (("&", "amp"), ("<", "lt"), (">", "gt"), ('"', "quot")):
        text = text.replace(character, f"&{entity};")
    return text


@cache
def minihost() -> Minihost:
    """The library, loaded and started when first asked for: in the launcher, if it is warm."""
    return Minihost()


def _module_path() -> str:
    # Found without importing the package, which would import numpy and more.
    spec = find_spec("minihost")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for module in sorted(Path(folder).glob("_core*.so")):
            return str(module)
    raise MachineError("the Python package minihost is not installed here; run 'make setup'")
