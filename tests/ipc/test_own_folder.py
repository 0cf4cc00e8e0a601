# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder belongs to the plugin that it was made for, and to nobody who only says so."""

import os
from pathlib import Path

import pytest

from ipc.own_folder import make_own_folder, was_made_for

PLUGIN = "/usr/lib/vst3/Verb.vst3"


def test_a_folder_is_the_plugins_that_it_was_made_for(tmp_path: Path) -> None:
    folder = str(tmp_path / "Verb")
    make_own_folder(folder, PLUGIN)
    assert was_made_for(folder, PLUGIN)
    for other in ("", "/usr/lib/vst3/Verb", f"{PLUGIN}/", "/usr/lib/vst3/Hall.vst3"):
        assert not was_made_for(folder, other)


def test_what_is_there_is_never_taken_over(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("there", "link"):
        with pytest.raises(FileExistsError):
            make_own_folder(str(tmp_path / name), PLUGIN)
        assert not was_made_for(str(tmp_path / name), PLUGIN)


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_looks_like_an_owner_is_none(tmp_path: Path, kind: str) -> None:
    make_own_folder(str(tmp_path / "Verb"), PLUGIN)
    (written,) = (tmp_path / "Verb").iterdir()
    other = tmp_path / "Other"
    other.mkdir()
    if kind == "link":
        (other / written.name).symlink_to(written)
    elif kind == "pipe":
        os.mkfifo(other / written.name)
    else:
        (other / written.name).mkdir()
    assert not was_made_for(str(other), PLUGIN)
