# SPDX-License-Identifier: GPL-3.0-or-later
"""A data folder that cannot be written costs what would have been kept, and no sound."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import soundfile

from host.store.blacklist import Blacklist
from host.store.database import Database
from host.store.folder import DATA_VARIABLE
from host.store.unkept import UnkeptDatabase
from ipc.errors import MachineError
from tests.tools.conftest import RunCli


@pytest.fixture
def unwritable(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody, not even root, makes a folder below a file."""
    data_folder.touch()
    monkeypatch.setenv(DATA_VARIABLE, str(data_folder / "below"))
    return data_folder / "below"


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "in.wav"
    soundfile.write(path, np.full((24000, 2), 0.25), 48000)
    return path


@pytest.fixture
def read_only(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """With a blacklisted plugin in it, as on a disk that was mounted read-only since."""
    with Database(data_folder) as database:
        Blacklist(database).add("builtin:gain", None, "for a test")
    stored = sorted(path.name for path in data_folder.iterdir())

    def refuse(*_: object, **__: object) -> NoReturn:
        raise MachineError(f"{data_folder}: cannot be written")

    monkeypatch.setattr("tools.commands.store.Database", refuse)
    yield data_folder
    assert sorted(path.name for path in data_folder.iterdir()) == stored


@pytest.mark.process
def test_render_goes_on_without_and_says_so_once(
    run_cli: RunCli, unwritable: Path, sound: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.wav"
    ended = run_cli("render", "--chain", "builtin:gain", str(sound), "-o", str(out))
    assert (ended.code, ended.err.count("\n"), out.exists()) == (0, 1, True)
    assert "warning: " in ended.err
    assert "crash reports and the blacklist are not kept" in ended.err


@pytest.mark.process
def test_play_goes_on_without_through_a_crash(
    run_cli: RunCli, unwritable: Path, sound: Path, tmp_path: Path
) -> None:
    track = {
        "id": "a",
        "audio": {"file": str(sound)},
        "chain": [{"id": "f", "plugin": "fault:segv?after=50&times=1"}],
    }
    song = tmp_path / "song.json"
    song.write_text(json.dumps({"format": "isobooth-song", "version": 1, "tracks": [track]}))
    ended = run_cli("play", str(song), "--device", "null")
    assert ended.code == 0
    assert ended.err.count("are not kept") == 1


@pytest.mark.parametrize("words", [("crashes",), ("blacklist",), ("trust",), ("grouping",)])
def test_who_only_looks_is_shown_that_there_is_nothing(
    words: tuple[str, ...], run_cli: RunCli, unwritable: Path
) -> None:
    ended = run_cli(*words, "--json")
    assert (ended.code, ended.err.count("\n")) == (0, 1)
    assert not any(json.loads(ended.out).values())


def test_an_empty_catalogue_is_shown(run_cli: RunCli, unwritable: Path) -> None:
    assert run_cli("plugins").code == 0


@pytest.mark.parametrize(
    "words",
    [("blacklist", "add"), ("trust", "forget"), ("grouping", "alone")],
    ids=lambda words: words[0],
)
def test_who_is_to_keep_something_says_that_it_cannot(
    words: tuple[str, ...], run_cli: RunCli, unwritable: Path
) -> None:
    ended = run_cli(*words, "builtin:gain")
    assert (ended.code, ended.out, ended.err.count("\n")) == (3, "", 1)
    assert "cannot make the data folder" in ended.err


def test_what_is_in_a_read_only_folder_is_shown(run_cli: RunCli, read_only: Path) -> None:
    [entry] = json.loads(run_cli("blacklist", "--json").out)["blacklist"]
    assert entry["plugin_id"] == "builtin:gain"


@pytest.mark.process
def test_what_is_in_a_read_only_folder_counts(
    run_cli: RunCli, read_only: Path, sound: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.wav"
    ended = run_cli("render", "--chain", "builtin:gain", str(sound), "-o", str(out))
    assert ended.code == 2
    assert "builtin:gain: is blacklisted (for a test)" in ended.err


def test_what_cannot_be_read_is_not_taken_for_trusted(
    run_cli: RunCli, data_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (data_folder / "isobooth.db").mkdir(parents=True)
    assert run_cli("blacklist").code == 0
    monkeypatch.setenv("ISOBOOTH_CONFIG", str(tmp_path))
    (tmp_path / "trust.toml").write_text('policy = "refuse"\n')
    assert run_cli("blacklist").code == 3


def test_a_damaged_file_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    with Database(tmp_path) as database:
        Blacklist(database).add("builtin:gain", None, "for a test")
        path = database.path
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 9000)
    with UnkeptDatabase(tmp_path, warn=lambda line: None) as copy:
        assert not copy.is_whole
    assert path.stat().st_size == 9100


def test_a_copy_is_gone_when_it_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, scratch = tmp_path / "data", tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    warnings: list[Any] = []
    with Database(folder) as database:
        Blacklist(database).add("builtin:gain", None, "first")  # still in its log
        with UnkeptDatabase(folder, warn=warnings.append) as copy:
            assert copy.is_whole
            assert Blacklist(copy).is_blacklisted("builtin:gain") is not None
            Blacklist(copy).add("builtin:tone", None, "second")
        assert Blacklist(database).is_blacklisted("builtin:tone") is None
    assert list(scratch.iterdir()) == []
    assert warnings == []
