# SPDX-License-Identifier: GPL-3.0-or-later
"""Which plugins a VST3 module offers: the little of its factory that says so.

JUCE tells of a bundle's first plugin only. The layout is that of VST 3's pluginterfaces/base
(FUnknown, IPluginFactory, PClassInfo), which is fixed for ever.
"""

import ctypes
import os
from collections.abc import Iterator
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char, c_int32, c_void_p
from typing import NamedTuple

from ipc.errors import WorkerError
from sandbox.backends.minihost_library import text_of

_AUDIO = "Audio Module Class"
_COUNT, _CLASS_INFO = 4, 5  # places in the factory's table of functions
_MOST_CLASSES = 4096


class VstClass(NamedTuple):
    cid: str  # 32 hexadecimal digits
    name: str


class _PClassInfo(Structure):
    _fields_ = (
        ("cid", c_char * 16),
        ("cardinality", c_int32),
        ("category", c_char * 32),
        ("name", c_char * 64),
    )


def audio_classes(module: str) -> list[VstClass]:
    """`module`: the shared library inside a bundle. It stays loaded. Raises WorkerError."""
    try:
        library = ctypes.CDLL(module, mode=os.RTLD_NOW | os.RTLD_LOCAL)
    except OSError as error:
        raise WorkerError(f"it cannot be loaded: {error}") from None
    entry = getattr(library, "ModuleEntry", None)
    if entry is None or not hasattr(library, "GetPluginFactory"):
        raise WorkerError(f"{module} is no VST3 module: it lacks its entry points")
    entry.restype, entry.argtypes = ctypes.c_bool, (c_void_p,)
    if not entry(c_void_p(library._handle)):
        raise WorkerError(f"{module} refused to be initialized")
    library.GetPluginFactory.restype = c_void_p
    factory = library.GetPluginFactory()
    if not factory:
        raise WorkerError(f"{module} gives no plugin factory")
    return list(_classes(factory))


def _classes(factory: int) -> Iterator[VstClass]:
    table = ctypes.cast(factory, POINTER(POINTER(c_void_p))).contents
    count = CFUNCTYPE(c_int32, c_void_p)(table[_COUNT] or 0)
    read = CFUNCTYPE(c_int32, c_void_p, c_int32, POINTER(_PClassInfo))(table[_CLASS_INFO] or 0)
    for index in range(min(count(factory), _MOST_CLASSES)):
        info = _PClassInfo()
        if read(factory, index, byref(info)) != 0:
            continue
        if text_of(info.category) == _AUDIO:
            cid = ctypes.string_at(ctypes.addressof(info), 16).hex().upper()
            yield VstClass(cid, text_of(info.name))
