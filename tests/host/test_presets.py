# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets on disk: what cannot be done is one line, and loses nothing."""

from pathlib import Path

import pytest

from host.desk.presets import (
    delete_preset,
    deleted_preset,
    load_preset,
    preset_names,
    rename_preset,
    restore_preset,
    save_preset,
)
from host.song import Slot
from ipc.errors import InputError, IsoboothError

PLUGIN = "builtin:gain"
SLOT = Slot(id="g", plugin=PLUGIN, parameters={"gain": 0.5})


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOBOOTH_DATA", str(tmp_path / "data"))


def test_to_delete_what_is_not_there_leaves_what_can_be_brought_back() -> None:
    save_preset(SLOT, "One")
    delete_preset(PLUGIN, "One")
    for name in ("One", "Two"):
        with pytest.raises(InputError, match="no such file"):
            delete_preset(PLUGIN, name)
    assert deleted_preset(PLUGIN) == "One" and restore_preset(PLUGIN) == "One"


def test_only_the_last_that_was_deleted_can_be_brought_back() -> None:
    for name in ("One", "Two", "One"):
        save_preset(SLOT, name)
        delete_preset(PLUGIN, name)
        assert deleted_preset(PLUGIN) == name
    restore_preset(PLUGIN)
    assert preset_names(PLUGIN) == ("One",) and deleted_preset(PLUGIN) == ""


@pytest.mark.parametrize("letter", ["x", "é", "音", "🎛"])
def test_a_name_fits_or_is_refused_before_anything_is_done(letter: str) -> None:
    """A hundred letters may be four hundred bytes."""
    save_preset(SLOT, "One")
    fitting = letter * min(100, 236 // len(letter.encode()))
    rename_preset(PLUGIN, "One", fitting)
    delete_preset(PLUGIN, fitting)
    restore_preset(PLUGIN)
    assert load_preset(PLUGIN, fitting).name == fitting
    for too_long in (fitting + letter, letter * 100 + "x"):
        with pytest.raises(InputError, match="name for a preset"):
            rename_preset(PLUGIN, fitting, too_long)
        with pytest.raises(InputError, match="name for a preset"):
            save_preset(SLOT, too_long)
    assert preset_names(PLUGIN) == (fitting,)


def test_a_preset_that_cannot_be_renamed_has_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    save_preset(SLOT, "One")
    unlink = Path.unlink

    def refusing(path: Path, missing_ok: bool = False) -> None:
        if path.stem == "One":
            raise PermissionError(13, "Permission denied")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refusing)
    with pytest.raises(IsoboothError, match="cannot be renamed: permission denied"):
        rename_preset(PLUGIN, "One", "Two")
    assert preset_names(PLUGIN) == ("One",)


def test_a_folder_that_cannot_be_looked_into_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    save_preset(SLOT, "One")

    def refused(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "exists", refused)
    with pytest.raises(IsoboothError, match="permission denied"):
        rename_preset(PLUGIN, "One", "Two")
