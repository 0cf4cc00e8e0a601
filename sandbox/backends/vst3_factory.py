# SPDX-License-Identifier: GPL-3.0-or-later
"""Which plugins a VST3 module offers: the little of its factory that says so.

JUCE tells of a bundle's first plugin only. The layout is that of VST 3's pluginterfaces/base
(FUnknown, IPluginFactory and IPluginFactory2, PClassInfo), which is fixed for ever.
"""

import ctypes
import os
import struct
from collections.abc import Callable, Iterator
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    byref,
    c_char,
    c_char_p,
    c_int32,
    c_uint32,
    c_void_p,
)
from typing import Any, NamedTuple

from ipc.errors import WorkerError
from sandbox.backends.minihost_library import text_of

_AUDIO = "Audio Module Class"
_QUERY, _RELEASE, _COUNT, _CLASS_INFO, _CLASS_INFO_2 = 0, 2, 4, 5, 7  # places in its table
_FACTORY_2 = bytes.fromhex("0007B650F24B4C0BA464EDB9F00B2ABB")
_MOST_CLASSES = 4096


class VstClass(NamedTuple):
    """What the factory says of a plugin; what is not said is empty."""

    class_id: str  # 32 hexadecimal digits
    name: str
    categories: str = ""  # such as Fx|Reverb
    vendor: str = ""
    version: str = ""

    @property
    def juce_id(self) -> int:
        """The number by which JUCE knows the class: of its four words, each 31 times the sum
        before it."""
        value = 0
        for word in struct.unpack(">4I", bytes.fromhex(self.class_id)):
            value = (value * 31 + word) & 0xFFFFFFFF
        return value


class _PClassInfo(Structure):
    _fields_ = (
        ("cid", c_char * 16),
        ("cardinality", c_int32),
        ("category", c_char * 32),
        ("name", c_char * 64),
    )


class _PClassInfo2(Structure):
    _fields_ = (
        *_PClassInfo._fields_,
        ("flags", c_uint32),
        ("categories", c_char * 128),
        ("vendor", c_char * 64),
        ("version", c_char * 64),
        ("sdk_version", c_char * 64),
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
    count = _function(factory, _COUNT, c_int32)
    read = _function(factory, _CLASS_INFO, c_int32, c_int32, POINTER(_PClassInfo))
    more = _more_about(factory)
    for index in range(min(count(factory), _MOST_CLASSES)):
        info = _PClassInfo()
        if read(factory, index, byref(info)) != 0 or text_of(info.category) != _AUDIO:
            continue
        class_id = ctypes.string_at(ctypes.addressof(info), 16).hex().upper()
        extra = more(index)
        yield VstClass(
            class_id,
            text_of(info.name),
            text_of(extra.categories),
            text_of(extra.vendor),
            text_of(extra.version),
        )
    more(-1)


def _more_about(factory: int) -> Callable[[int], _PClassInfo2]:
    """Reads what newer factories say; -1 lets go of it."""
    newer = c_void_p()
    query = _function(factory, _QUERY, c_int32, c_char_p, POINTER(c_void_p))
    if query(factory, _FACTORY_2, byref(newer)) != 0 or not newer.value:
        return lambda index: _PClassInfo2()
    at = newer.value
    read = _function(at, _CLASS_INFO_2, c_int32, c_int32, POINTER(_PClassInfo2))
    release = _function(at, _RELEASE, c_uint32)

    def ask(index: int) -> _PClassInfo2:
        info = _PClassInfo2()
        if index < 0:
            release(at)
        elif read(at, index, byref(info)) != 0:
            return _PClassInfo2()
        return info

    return ask


def _function(interface: int, place: int, result: Any, *arguments: Any) -> Any:
    table = ctypes.cast(interface, POINTER(POINTER(c_void_p))).contents
    return CFUNCTYPE(result, c_void_p, *arguments)(table[place] or 0)
