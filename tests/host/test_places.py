# SPDX-License-Identifier: GPL-3.0-or-later
"""Places in files are named as far as the files are there."""

import os
import sysconfig
from pathlib import Path

import pytest

from host.backtrace.frames import CodePlace
from host.backtrace.places import frames_of


def test_a_library_that_is_taken_away_meanwhile_costs_its_names_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an update, between the look whether it is there and the next."""
    gone = str(tmp_path / "gone.so")
    monkeypatch.setattr(os.path, "isfile", lambda path: True)
    there = Path(sysconfig.get_paths()["stdlib"]) / "os.py"  # a file, and no library
    [frame, other] = frames_of([CodePlace(gone, 0x10, "known"), CodePlace(str(there), 0x20)])
    assert (frame.module, frame.offset, frame.function) == (gone, 0x10, "known")
    assert other.module == str(there)
