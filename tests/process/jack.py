# SPDX-License-Identifier: GPL-3.0-or-later
"""A JACK server of the test's own, with the dummy driver: an audio device that can be pulled out,
frozen and put back."""

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

_START_LIMIT_S = 20.0
# JACK knows at most eight servers on a machine, and keeps the name of one that was killed until a
# server of that name starts again. So tests share a few names; a lock says who has which.
_NAMES = 4
_SHM = Path("/dev/shm")


class JackServer:
    """Use as a context manager. Inside, this process's JACK clients, and those of its children,
    find this server, under a name that no other test uses meanwhile."""

    def __init__(self, period: int = 128, rate: int = 48000) -> None:
        if shutil.which("jackd") is None:
            pytest.skip("jackd is not installed")
        self.name, self._lock = _take_name()
        self.period = period
        self.rate = rate
        self._process: subprocess.Popen[bytes] | None = None
        self._before = os.environ.get("JACK_DEFAULT_SERVER")

    def __enter__(self) -> "JackServer":
        os.environ["JACK_DEFAULT_SERVER"] = self.name
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.stop()
        if self._before is None:
            os.environ.pop("JACK_DEFAULT_SERVER", None)
        else:
            os.environ["JACK_DEFAULT_SERVER"] = self._before
        for pattern in (f"jack_{self.name}_*", f"jack_sem.*_{self.name}_*"):
            for leftover in _SHM.glob(pattern):  # what a killed server cannot remove
                leftover.unlink(missing_ok=True)
        self._lock.close()

    def start(self, period: int | None = None, rate: int | None = None) -> None:
        """Starts the server, and returns when it answers."""
        self.period, self.rate = period or self.period, rate or self.rate
        deadline = time.monotonic() + _START_LIMIT_S
        while True:
            driver = ["-d", "dummy", "-r", str(self.rate), "-p", str(self.period)]
            self._process = subprocess.Popen(
                ["jackd", "-n", self.name, "-r", *driver],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            while self._process.poll() is None:
                if "system:playback_1" in self.ports():
                    return
                assert time.monotonic() < deadline, "jackd does not answer"
                time.sleep(0.02)
            # Another server of the machine may be starting at the same time.
            assert time.monotonic() < deadline, f"jackd ends with {self._process.returncode}"
            time.sleep(0.2)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """The device is pulled out."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.send_signal(signal.SIGCONT)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    # ------------------------------------------------------------------ the graph

    def ports(self) -> list[str]:
        return self._run("jack_lsp").split()

    def connections(self, port: str) -> list[str]:
        lines = self._run("jack_lsp", "-c", port).splitlines()
        return [line.strip() for line in lines if line.startswith(" ")]

    def connect(self, source: str, destination: str) -> None:
        self._run("jack_connect", source, destination)

    def disconnect(self, source: str, destination: str) -> None:
        self._run("jack_disconnect", source, destination)

    def play_sine(self) -> "subprocess.Popen[bytes]":
        """A program that sends a sine of rate/200 Hz from sine:output1. The caller
        kills it."""
        return subprocess.Popen(
            ["jack_simple_client", "sine", self.name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        return done.stdout


def _take_name() -> tuple[str, IO[str]]:
    """A name that is ours until the lock is closed."""
    deadline = time.monotonic() + 60
    while True:
        for number in range(_NAMES):
            name = f"isobooth-test-{number}"
            path = Path(tempfile.gettempdir(), f"{name}-{os.getuid()}.lock")
            lock = path.open("a")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return name, lock
            except BlockingIOError:
                lock.close()
        assert time.monotonic() < deadline, "all names for JACK servers are taken"
        time.sleep(0.1)


def until(condition: Callable[[], object], what: str, timeout_s: float = 30.0) -> None:
    """Waits for what a busy machine may take long for."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.01)
