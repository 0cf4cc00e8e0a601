# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's side of the unwinder: evidence in, backtrace out, in bounded time.

To be called on a thread that may wait; a crash report is worth a second, no more.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

import host
from host.backtrace.frames import (
    Backtrace,
    CodePlace,
    CodePlaces,
    Frame,
    StackEvidence,
    ThreadStack,
)
from ipc._native import CrashSnapshot

if TYPE_CHECKING:
    from host._native import CapturedProcess, CapturedThread

T = TypeVar("T")

_LIMIT_S = 10.0
_BOOT = "import sys; sys.path[:] = sys.argv[1:]; from host.backtrace.helper import main; main()"


def evidence_of(snapshot: CrashSnapshot) -> StackEvidence:
    """What a crashing worker left, for the unwinder."""
    return StackEvidence(
        maps=snapshot.maps,
        threads=[
            ThreadStack(
                thread_id=max(0, snapshot.thread_id),
                name=snapshot.thread_name.decode(errors="replace"),
                pc=snapshot.pc,
                sp=snapshot.sp,
                registers=snapshot.registers,
                stack_address=snapshot.stack_address,
                stack=snapshot.stack,
            )
        ],
    )


def evidence_of_hang(taken: "CapturedProcess") -> StackEvidence | str:
    """What was taken from a hung worker, for the unwinder, or why there is nothing."""
    if not taken.threads:
        if not taken.error:
            return "its stacks could not be taken: it had ended"
        return (
            f"its stacks could not be taken: {taken.error}; ptrace is forbidden here, a container "
            f"can allow it (--cap-add SYS_PTRACE)"
        )

    def plain(thread: "CapturedThread") -> ThreadStack:
        return ThreadStack(
            thread_id=thread.thread_id,
            name=thread.name.decode(errors="replace"),
            pc=thread.pc,
            sp=thread.sp,
            registers=thread.registers,
            stack_address=thread.stack_address,
            stack=thread.stack,
            note=thread.note,
        )

    return StackEvidence(
        maps=taken.maps,
        threads=[plain(thread) for thread in taken.threads],
        samples=[plain(thread) for thread in taken.samples],
    )


def explain(evidence: StackEvidence) -> Backtrace:
    """A failure becomes the backtrace's note."""
    try:
        return _ask(evidence, Backtrace)
    except _Unanswered as error:
        return Backtrace(note=str(error))


def name_places(places: Sequence[CodePlace]) -> list[Frame]:
    """The function of each, or, after a failure, as the places have it."""
    if places:
        with contextlib.suppress(_Unanswered):
            return _ask(CodePlaces(list(places)), list[Frame])
    return [place.as_frame() for place in places]


class _Unanswered(Exception):
    """Why nothing is known."""


def _ask(evidence: StackEvidence | CodePlaces, answer: type[T]) -> T:
    """The helper, in a process of its own."""
    root = str(Path(host.__file__).resolve().parents[1])
    paths = [root, *(path for path in sys.path if path and path != root)]
    # No question to a server on the network: a crash is nobody else's business.
    environment = {
        k: v for k, v in os.environ.items() if k not in ("DEBUGINFOD_URLS", "LD_PRELOAD")
    }
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _BOOT, *paths],
            input=msgspec.msgpack.encode(evidence),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            timeout=_LIMIT_S,
            check=True,
            start_new_session=True,
        )
        return msgspec.msgpack.decode(done.stdout, type=answer)
    except subprocess.TimeoutExpired:
        raise _Unanswered(f"not unwound within {_LIMIT_S:.0f} s") from None
    except (OSError, subprocess.CalledProcessError, msgspec.DecodeError) as error:
        raise _Unanswered(f"could not be unwound: {error.__class__.__name__}") from None
