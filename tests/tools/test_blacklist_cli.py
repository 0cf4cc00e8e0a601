# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth blacklist`: the user sees what is kept from loading, and decides otherwise."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from host.store.blacklist import Blacklist
from host.store.database import Database


@pytest.fixture
def binary(data_folder: Path, tmp_path: Path) -> Path:
    """A blacklisted LADSPA file; beside it an LV2 plugin that only the user can lift."""
    path = tmp_path / "amp.so"
    path.write_bytes(b"\x7fELF first")
    with Database(data_folder) as database:
        blacklist = Blacklist(database)
        blacklist.add(f"ladspa:{path}#amp", None, "crashed 3 times in 60 s", ["aa-1", "bb-2"])
        blacklist.add("lv2:urn:x", None, "hung")
    return path


def test_an_empty_list_says_so(run_cli: Any) -> None:
    assert run_cli("blacklist") == (0, "no plugin is blacklisted\n", "")
    assert run_cli("blacklist", "list", "--all").out == "no plugin was ever blacklisted\n"
    assert json.loads(run_cli("blacklist", "--json").out) == {"blacklist": []}


def test_the_list_says_what_since_when_and_why(run_cli: Any, binary: Path) -> None:
    ended = run_cli("blacklist")
    _, first, second = ended.out.splitlines()
    for part in ("1 ", f"ladspa:{binary}#amp", "crashed 3 times in 60 s", "aa-1, bb-2"):
        assert part in first
    assert "lv2:urn:x" in second
    assert run_cli("blacklist", "list") == ended


@pytest.mark.parametrize("words", [["--json"], ["--json", "list"], ["list", "--json"]])
def test_the_json_list_has_all_that_is_known(run_cli: Any, binary: Path, words: list[str]) -> None:
    listed = json.loads(run_cli("blacklist", *words).out)["blacklist"]
    assert [entry["id"] for entry in listed] == [1, 2]
    assert set(listed[0]) == {
        "id", "rule", "plugin_id", "signature", "path", "sha256", "reason", "count",
        "reports",        "added_at", "last_at", "lifted_at", "lifted_why",
    }  # fmt: skip


@pytest.mark.parametrize("named", ["2", "lv2:urn:x"])
def test_the_user_lifts_an_entry(run_cli: Any, binary: Path, named: str) -> None:
    assert run_cli("blacklist", "remove", named) == (0, "lv2:urn:x is no longer blacklisted\n", "")
    assert "lv2:urn:x" not in run_cli("blacklist").out
    history = run_cli("blacklist", "list", "--all").out
    assert "removed by the user" in history


def test_a_lifted_entry_is_told_to_programs(run_cli: Any, binary: Path) -> None:
    entry = json.loads(run_cli("blacklist", "remove", "2", "--json").out)
    assert (entry["plugin_id"], entry["lifted_why"]) == ("lv2:urn:x", "removed by the user")


def test_an_updated_plugin_is_gone_from_the_list(run_cli: Any, binary: Path) -> None:
    binary.write_bytes(b"\x7fELF fixed")
    assert "ladspa:" not in run_cli("blacklist").out
    assert "its file changed" in run_cli("blacklist", "list", "--all").out


def test_lifting_what_is_not_there_is_refused(run_cli: Any, binary: Path) -> None:
    ended = run_cli("blacklist", "remove", "7")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("isobooth: '7' is not blacklisted")


def test_the_user_blacklists_a_plugin_a_file_and_a_bug(
    run_cli: Any, data_folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "new.so"
    file.write_bytes(b"\x7fELF new")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    for words, told in (
        (["lv2:urn:y"], "lv2:urn:y"),
        (["--hash", str(file)], f"sha256 {digest} ({file})"),
        (["--signature", "0123456789AB"], "signature 0123456789ab"),
    ):
        assert run_cli("blacklist", "add", *words, "--reason", "known") == (
            0,
            f"{told} is blacklisted\n",
            "",
        )
        assert told in run_cli("blacklist").out
    for subject in ("lv2:urn:y", digest, "0123456789ab"):
        assert run_cli("blacklist", "remove", subject).code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "name one of"),
        (["lv2:urn:y", "--signature", "0123456789ab"], "name one of"),
        (["--signature", "xyz"], "12 hexadecimal digits"),
        (["--hash", "/nowhere"], "64 hexadecimal digits"),
        (["nonsense"], "expected an id"),
    ],
)
def test_what_cannot_be_blacklisted_costs_one_line(
    run_cli: Any, words: list[str], told: str
) -> None:
    ended = run_cli("blacklist", "add", *words)
    assert ended.code == 2
    assert told in ended.err
    assert ended.err.count("\n") == 1
