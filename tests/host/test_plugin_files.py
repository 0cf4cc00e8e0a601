# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin path with a typing error is named with its place, and what it may have meant."""

from pathlib import Path

import pytest

from host.plugin_files import check_plugin_files
from host.song import Master, Slot, Song, Track
from ipc.errors import InputError


def _song(*plugins: str, master: str | None = None) -> Song:
    return Song(
        tracks=tuple(
            Track(id=f"t{i}", chain=(Slot(id=f"s{i}", plugin=plugin),))
            for i, plugin in enumerate(plugins)
        ),
        master=Master(chain=(Slot(id="last", plugin=master),) if master else ()),
    )


def _refusal(song: Song) -> str:
    with pytest.raises(InputError) as refused:
        check_plugin_files(song)
    return str(refused.value)


def test_track_slot_path_and_the_nearest_name_are_said(tmp_path: Path) -> None:
    (tmp_path / "ZamEQ2.vst3").mkdir()
    (tmp_path / "ZamEQ22.so").touch()
    assert _refusal(_song(f"vst3:{tmp_path}/ZamEQ2.vst3", f"vst3:{tmp_path}/ZamEQ22.vst3")) == (
        f"track t1, slot s1: the VST3 plugin {tmp_path}/ZamEQ22.vst3 does not exist; "
        'did you mean "ZamEQ2.vst3"?'
    )


def test_a_missing_file_of_the_master_is_found_too() -> None:
    said = _refusal(_song(master="ladspa:/nowhere/x.so#amp"))
    assert said == "master, slot last: the LADSPA file /nowhere/x.so does not exist"


def test_what_is_there_or_has_no_path_passes(tmp_path: Path) -> None:
    (tmp_path / "a.so").touch()
    check_plugin_files(_song(f"ladspa:{tmp_path}/a.so#amp", "builtin:gain", "lv2:urn:nowhere"))


def test_a_missing_clap_file_is_found_too(tmp_path: Path) -> None:
    for name in ("ZamEQ2.clap", "ZamGEQ31.clap"):
        (tmp_path / name).touch()
    assert _refusal(_song(f"clap:{tmp_path}/ZamEQ3.clap")) == (
        f"track t0, slot s0: the CLAP file {tmp_path}/ZamEQ3.clap does not exist; "
        'did you mean "ZamEQ2.clap"?'
    )
