# SPDX-License-Identifier: GPL-3.0-or-later
"""Where memory may not be locked, the mix plays and the user is told."""

import subprocess
import sys

import pytest

_SESSION = """
import ctypes, os, resource, sys
resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, 65536))
libc = ctypes.CDLL(None, use_errno=True)
class Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]
class Data(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32),
                ("inheritable", ctypes.c_uint32)]
libc.capset(ctypes.byref(Header(0x20080522, 0)), (Data * 2)())  # root may lock without limit
from host.config import HostConfig
from host.host import Host
from host.song import Slot, Song, Track
song = Song(tracks=(Track(id="a", chain=(Slot(id="tone", plugin="builtin:tone"),)),))
with Host(HostConfig()) as host:
    host.load(song)
    host.start()
    while host.engine.block_count < 20:
        pass
    print([event.text for event in host.events_since(0)])
"""


@pytest.mark.process
def test_memory_that_cannot_be_locked_is_told_and_plays_on() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _SESSION], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "could not be locked" in ended.stdout
