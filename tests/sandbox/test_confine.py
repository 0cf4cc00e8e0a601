# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker is confined as far as the kernel goes, and says what is missing.

What confines a process does so for good, so each test is a process of its own.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox._native import landlock_abi

_HEAD = """
import errno, fcntl, json, os, socket, subprocess, sys
import msgspec
import sandbox.confine as confinement
from ipc.permissions import Confined, Permissions

def outcome(act, *arguments):
    try:
        act(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"

def confine(temporary, watched=False, **fields):
    ours, theirs = socket.socketpair()
    permissions = Permissions(temporary=temporary, **fields)
    confinement.confine(["builtin:gain"], permissions, theirs if watched else None)
    if not watched:
        return None
    data = ours.recv(1 << 20)
    return msgspec.msgpack.decode(data[4:], type=Confined)
"""


def run(script: str, tmp_path: Path) -> object:
    """What the script prints as JSON; `tmp` is a folder that it may use."""
    done = subprocess.run(
        [sys.executable, "-c", f"{_HEAD}\ntmp = {str(tmp_path)!r}\n{script}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_without_landlock_the_filter_still_holds_and_it_is_said(tmp_path: Path) -> None:
    found = run(
        """
confinement.landlock_abi = lambda: 0
confinement.install_filter = lambda network, abi, notify, disk, real=confinement.install_filter: (
    real(network, abi, False))
said = confine(tmp, watched=True)
print(json.dumps([
    said.missing, said.signals_scoped,
    outcome(os.kill, os.getppid(), 0), outcome(os.kill, os.getpid(), 0),
    outcome(socket.socket, socket.AF_INET), outcome(socket.socketpair),
    outcome(os.chmod, tmp, 0o700), outcome(os.truncate, tmp + "/x", 0),
]))
""",
        tmp_path,
    )
    assert found == [
        ["files (no Landlock)"],
        False,
        *("EPERM", "done", "EPERM", "done", "EPERM", "EPERM"),
    ]


@pytest.mark.skipif(landlock_abi() < 1, reason="this kernel has no Landlock")
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="calls have other numbers there")
@pytest.mark.parametrize("abi", [0, 1, 5])
def test_older_landlocks_leave_no_way_to_signal_others(tmp_path: Path, abi: int) -> None:
    found = run(
        f"""
import ctypes, signal, struct
library = ctypes.CDLL(None, use_errno=True)
other = os.getppid()

def call(*arguments):
    if library.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "")

confinement.landlock_abi = lambda: {abi}
ours, theirs = socket.socketpair()
room = ctypes.create_string_buffer(struct.pack("iii", 0, 0, -1), 128)  # SI_QUEUE
confine(tmp)
process = os.pidfd_open(other)
print(json.dumps([
    outcome(call, 62, other, 0),  # kill
    outcome(call, 62, -other, 0),
    outcome(call, 62, -1, 0),
    outcome(call, 200, other, 0),  # tkill
    outcome(call, 234, other, other, 0),  # tgkill
    outcome(call, 129, other, 0, room),  # rt_sigqueueinfo
    outcome(call, 297, other, other, 0, room),  # rt_tgsigqueueinfo
    outcome(signal.pidfd_send_signal, process, 0),
    outcome(fcntl.fcntl, ours, fcntl.F_SETOWN, other),
    outcome(fcntl.fcntl, ours, 15, struct.pack("ii", 1, other)),  # F_SETOWN_EX
    outcome(fcntl.fcntl, ours, fcntl.F_SETSIG, 9),
    outcome(fcntl.ioctl, ours, 0x8901, struct.pack("i", other)),  # FIOSETOWN
    outcome(fcntl.ioctl, ours, 0x8902, struct.pack("i", other)),  # SIOCSPGRP
    outcome(os.kill, os.getpid(), 0), outcome(signal.raise_signal, signal.SIGURG),
    outcome(signal.setitimer, signal.ITIMER_REAL, 100.0),
]))
""",
        tmp_path,
    )
    assert found == [*["EPERM"] * 13, *["done"] * 3]


@pytest.mark.skipif(landlock_abi() < 1, reason="this kernel has no Landlock")
@pytest.mark.parametrize("abi", [1, 2, 3, 4, 5])
def test_older_landlocks_are_used_for_what_they_can(tmp_path: Path, abi: int) -> None:
    if landlock_abi() < abi:
        pytest.skip(f"this kernel's Landlock is {landlock_abi()}")
    secret = tmp_path / "secret"
    secret.write_text("x")
    (tmp_path / "own").mkdir()
    found = run(
        f"""
confinement.landlock_abi = lambda: {abi}
ours, theirs = socket.socketpair()
confine(tmp + "/own")
print(json.dumps([
    outcome(open, tmp + "/secret"), outcome(open, tmp + "/new", "w"),
    outcome(open, tmp + "/own/new", "w"), outcome(os.truncate, tmp + "/secret", 0),
    outcome(os.kill, os.getppid(), 0),
    outcome(fcntl.fcntl, ours, fcntl.F_SETOWN, os.getppid()),
    outcome(fcntl.fcntl, ours, fcntl.F_SETFL, os.O_NONBLOCK),
    outcome(fcntl.ioctl, ours, 0x8901, os.getppid().to_bytes(4, "little")),
]))
""",
        tmp_path,
    )
    assert found[5:] == ["EPERM", "done", "EPERM"]  # type: ignore[index]
    assert found[:3] == ["EACCES", "EACCES", "done"]  # type: ignore[index]
    assert found[3] in ("EACCES", "EPERM")  # type: ignore[index]
    assert found[4] == "EPERM"  # type: ignore[index]
    assert secret.read_text() == "x"


def test_a_kernel_without_notification_refuses_by_itself(tmp_path: Path) -> None:
    found = run(
        """
def without(network, abi, notify, disk=False, real=confinement.install_filter):
    if notify:
        raise RuntimeError("no notification")  # as the binding does
    return real(network, abi, notify)
confinement.install_filter = without
said = confine(tmp, watched=True)
threads = __import__("threading").Thread(target=print, args=("",), kwargs={"end": ""})
threads.start(); threads.join()
print(json.dumps([said.missing, outcome(socket.socket, socket.AF_INET)]))
""",
        tmp_path,
    )
    assert found == [["telling of denials (no seccomp notification)"], "EPERM"]


def test_limits_hold_under_every_profile(tmp_path: Path) -> None:
    for profile in ("open", "default"):
        found = run(
            f"""
confine(tmp, profile={profile!r}, memory_mb=256)
def allocate():
    try:
        return len(bytearray(300 << 20))
    except MemoryError:
        return "refused"
print(json.dumps([allocate(), len(bytearray(64 << 20)), os.getcwd() == os.path.realpath(tmp)]))
""",
            tmp_path,
        )
        assert found == ["refused", 64 << 20, True]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="x32 is of x86-64")
def test_system_calls_of_another_kind_end_the_process(tmp_path: Path) -> None:
    found = run(
        """
child = os.fork()
if child == 0:
    import ctypes
    confine(tmp)
    ctypes.CDLL(None).syscall(0x40000000 + 39)  # getpid of x32
    os._exit(0)
print(json.dumps(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))
""",
        tmp_path,
    )
    assert found == -31  # SIGSYS
