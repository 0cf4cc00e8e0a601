# SPDX-License-Identifier: GPL-3.0-or-later
"""The warm process that workers are forked from.

It imports what every worker needs, once, and never loads a plugin: whatever a plugin leaves
behind (threads, descriptors, broken memory) would be in all later workers. It has one thread,
because a fork copies only the thread that forks, and the locks that others hold for ever.

Started by ipc/launcher.py; ends when the host closes its socket.
"""

import gc
import os
import signal
import socket
import sys
import time
from importlib import import_module
from typing import NoReturn

from ipc.channel import Channel, MalformedMessage
from ipc.errors import ProtocolError
from ipc.handshake import check_versions, own_welcome
from ipc.messages import (
    RIG,
    Failed,
    Hello,
    Inspect,
    LauncherRequest,
    Message,
    Spawn,
    Spawned,
    Warm,
    Warmed,
)
from ipc.processes import set_process_name
from sandbox import worker
from sandbox.inspection import inspect, thread_names
from sandbox.profiles import programs_need


def main() -> NoReturn:
    """`sys.argv[2]` is the descriptor of the control socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_process_name("isb-launcher")
    control = socket.socket(fileno=int(sys.argv[2]))
    control.set_inheritable(False)
    # Forked workers share all pages that nobody writes to. A collection writes to every object,
    # so there is none, and what exists at a fork is left out of the worker's collections.
    gc.disable()
    programs_need()
    _settle()
    try:
        _serve(Channel(control, LauncherRequest))
    except EOFError:
        pass  # the host has closed its end
    except ProtocolError as error:
        print(f"launcher: the host sent {error}", file=sys.stderr)
    os._exit(0)


def _serve(channel: Channel[LauncherRequest]) -> NoReturn:
    while True:
        try:
            number, request = channel.receive()
        except MalformedMessage as error:
            channel.close_descriptors()
            channel.send(error.number, Failed(phase="protocol", message=str(error)))
            continue
        if isinstance(request, Spawn):
            _spawn(channel, number)
        else:
            channel.send(number, _answer(request))
        channel.close_descriptors()


def _answer(request: Hello | Warm | Inspect) -> Message:
    try:
        match request:
            case Hello():
                check_versions(request, "the host")
                return own_welcome()
            case Warm(format=format):
                return _warm(format)
            case Inspect():
                return inspect()
    except Exception as error:
        return Failed(phase="launcher", message=f"{type(error).__name__}: {error}")


def _warm(format: str) -> Warmed:
    from sandbox import backends

    started = time.perf_counter()
    if format == RIG:
        import_module("sandbox.rig")  # and numpy, which takes longer than most plugins
    else:
        backends.warm(format)
    _settle()
    return Warmed(duration_ms=(time.perf_counter() - started) * 1000)


def _settle() -> None:
    gc.collect()
    gc.freeze()


def _spawn(channel: Channel[LauncherRequest], number: int) -> None:
    descriptors = channel.take_descriptors()
    try:
        refusal = _refusal(descriptors)
        if refusal is None:
            refusal = _fork_worker(channel, number, *descriptors)
        if refusal is not None:
            channel.send(number, Failed(phase="spawn", message=refusal))
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _refusal(descriptors: list[int]) -> str | None:
    if len(descriptors) != 3:
        return (
            f"a spawn takes 3 descriptors (control socket, output pipe, crash file), "
            f"not {len(descriptors)}"
        )
    threads = thread_names()
    if len(threads) != 1:
        return (
            f"the launcher has {len(threads)} threads ({', '.join(threads)}), so it cannot fork "
            f"safely; a library that was imported for a plugin format started them"
        )
    return None


def _fork_worker(
    channel: Channel[LauncherRequest], number: int, control: int, output: int, crash_file: int
) -> str | None:
    """Forks twice, so that the worker becomes the child of the host. Returns why it failed.

    The process in the middle sends the reply: if the launcher is killed meanwhile, the host still
    learns of its new child.
    """
    try:
        middle = os.fork()
    except OSError as error:
        return f"cannot fork: {error.strerror}; too many processes?"
    if middle == 0:
        code = 1
        try:
            pid = os.fork()
            if pid == 0:
                _become_worker(channel, control, output, crash_file)
            channel.send(number, Spawned(pid=pid))
            code = 0
        except OSError as error:
            channel.send(number, Failed(phase="spawn", message=f"cannot fork: {error.strerror}"))
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(middle, 0)
    return None if status == 0 else "the process that was to fork the worker was killed"


def _become_worker(
    channel: Channel[LauncherRequest], control: int, output: int, crash_file: int
) -> NoReturn:
    try:
        channel.abandon()
        worker.run(control, output, crash_file)
    finally:
        os._exit(1)  # never back into the launcher's code


if __name__ == "__main__":
    main()
