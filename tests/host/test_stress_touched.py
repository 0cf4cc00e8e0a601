# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the files that a worker opens are told of its plugin."""

import sys
from pathlib import Path

from host.stress.touched import foreign_files


def test_only_files_of_others_are_told(tmp_path: Path) -> None:
    bundle = tmp_path / "Mine.vst3"
    other = tmp_path / "usr" / "Other.clap"
    for file in (bundle / "Contents" / "data", other):
        file.parent.mkdir(parents=True)
        file.touch()
    touched = [
        (str(bundle / "Contents" / "data"), False),
        (str(other), False),
        (str(other), True),
        (str(tmp_path), False),  # a folder
        (str(tmp_path / "none"), False),
        ("/etc/passwd", False),
        ("/etc/ld.so.cache", False),
        ("/usr/lib/locale/locale-archive", False),
        ("/proc/self/maps", False),
        (sys.executable, False),
        (__file__, False),
    ]
    told = foreign_files(touched, str(bundle))
    assert told == [("/etc/passwd", False), (str(other), False), (str(other), True)]
