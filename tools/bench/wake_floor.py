# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiles and runs wake_floor.c, the cost of waking processes with nothing to do."""

import subprocess
import tempfile
from pathlib import Path

from ipc.errors import MachineError

_SOURCE = Path(__file__).with_name("wake_floor.c")


class WakeFloor:
    """Use as a context manager; raises MachineError where there is no C compiler."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="isobooth-bench-")
        self._program = Path(self._folder.name) / "wake_floor"
        command = ["cc", "-O2", str(_SOURCE), "-o", str(self._program), "-lpthread"]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            self._folder.cleanup()
            raise MachineError(
                f"the bench needs a C compiler to measure the wake floor ({error}); "
                f"install build-essential"
            ) from None

    def __enter__(self) -> "WakeFloor":
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def block_us(
        self, count: int, mode: str, worker_cpu: int, host_cpu: int, priority: int, blocks: int
    ) -> dict[str, float]:
        """Median and p99 of a block of `count` wakes, paced as audio is."""
        words = [str(x) for x in (count, mode, worker_cpu, host_cpu, priority, blocks)]
        output = subprocess.run(
            [str(self._program), *words], check=True, capture_output=True, text=True, timeout=300
        ).stdout
        median, p99 = (float(word) for word in output.split())
        return {"median": median, "p99": p99}
