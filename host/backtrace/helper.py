# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that unwinds: it reads files of a plugin and stacks that a plugin broke, with a
library in C, so it is none that anything depends on.

StackEvidence on standard input, Backtrace on standard output, both MessagePack; or CodePlaces, and
a Frame for each.
"""

import os
import resource
import sys

import msgspec

from host.backtrace.frames import CodePlaces, StackEvidence
from host.backtrace.places import frames_of
from host.backtrace.unwinder import unwind

_MEMORY_BYTES = 4 << 30
_CPU_S = 20


def main() -> None:
    os.nice(19)  # nothing waits for it but a report
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    asked = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=StackEvidence | CodePlaces)
    told = unwind(asked) if isinstance(asked, StackEvidence) else frames_of(asked.places)
    sys.stdout.buffer.write(msgspec.msgpack.encode(told))
