# SPDX-License-Identifier: GPL-3.0-or-later
"""A Dask cluster on this machine, for tests."""

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Cluster:
    """A scheduler and two workers on this machine."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._file = folder / "scheduler.json"
        quiet = ["--no-dashboard", "--no-show"]
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", *quiet)
        self._wait(lambda: self._file.exists() and self._file.stat().st_size > 0)
        self.address: str = json.loads(self._file.read_text())["address"]
        one = ["--nthreads", "1", "--no-nanny", "--no-dashboard"]
        self.workers = [
            self._start("worker", *one, "--local-directory", str(folder / f"worker{number}"))
            for number in range(2)
        ]

    def _start(self, *words: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *words, "--scheduler-file", str(self._file)],
            cwd=ROOT,
            env={**os.environ, "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "10s"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process

    @staticmethod
    def _wait(ready: object) -> None:
        deadline = time.monotonic() + 30
        while not ready():  # type: ignore[operator]
            assert time.monotonic() < deadline
            time.sleep(0.05)
