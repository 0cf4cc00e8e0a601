# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands run as a user runs them, but in this process and with a data folder of their own."""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from host.store.folder import DATA_VARIABLE
from tools.cli import run


class Ended(NamedTuple):
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


RunCli = Callable[..., Ended]


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of this test, made by whoever first writes to it."""
    folder = tmp_path / "data"
    monkeypatch.setenv(DATA_VARIABLE, str(folder))
    return folder


@pytest.fixture
def run_cli(data_folder: Path, capfd: pytest.CaptureFixture[str]) -> RunCli:
    """Call with a command's words; what it wrote before is forgotten."""

    def call(*words: str) -> Ended:
        capfd.readouterr()
        code = run(words)
        gc.unfreeze()  # a command takes its process for its own
        written = capfd.readouterr()
        return Ended(code, written.out, written.err)

    return call
