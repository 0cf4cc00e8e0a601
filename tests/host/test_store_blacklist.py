# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin stays blacklisted exactly as long as its code is the code that crashed."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from host.store.blacklist import LIFTED_BY_CHANGE, LIFTED_BY_USER, Blacklist
from host.store.content import sha256_of
from host.store.database import Database
from ipc.errors import InputError

ELF = b"\x7fELF"


@pytest.fixture
def blacklist(tmp_path: Path) -> Iterator[Blacklist]:
    with Database(tmp_path / "data") as database:
        yield Blacklist(database)


@pytest.fixture
def binary(tmp_path: Path) -> Path:
    path = tmp_path / "amp.so"
    path.write_bytes(ELF + b"first")
    return path


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "Eq.vst3"
    (path / "Contents" / "x86_64-linux").mkdir(parents=True)
    (path / "Contents" / "Resources").mkdir()
    (path / "Contents" / "x86_64-linux" / "Eq.so").write_bytes(ELF + b"first")
    (path / "Contents" / "moduleinfo.json").write_text("{}")
    (path / "Contents" / "Resources" / "skin.png").write_bytes(b"PNG")
    return path


def _replace(path: Path, content: bytes) -> None:
    """Replace a file as a package manager does: same size, same modification time."""
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_plugin_never_added_is_not_blacklisted(blacklist: Blacklist) -> None:
    assert blacklist.is_blacklisted("lv2:urn:x") is None
    assert blacklist.list() == []


def test_an_added_plugin_is_blacklisted_with_its_reason(blacklist: Blacklist, binary: Path) -> None:
    plugin_id = f"ladspa:{binary}#amp"
    blacklist.add(plugin_id, None, "crashed 3 times in 60 s", ["aa-1", "bb-2"])
    entry = blacklist.is_blacklisted(plugin_id)
    assert entry is not None
    assert (entry.path, entry.reason) == (str(binary), "crashed 3 times in 60 s")
    assert (entry.reports, entry.count, entry.active) == (["aa-1", "bb-2"], 1, True)
    assert blacklist.is_blacklisted(f"ladspa:{binary}#other") is None


def test_adding_again_counts_and_gathers_reports(blacklist: Blacklist) -> None:
    blacklist.add("lv2:urn:x", None, "first", ["a"])
    entry = blacklist.add("lv2:urn:x", None, "second", ["a", "b"])
    assert (entry.count, entry.reason, entry.reports) == (2, "second", ["a", "b"])
    assert len(blacklist.list(history=True)) == 1


def test_a_changed_file_lifts_the_entry(blacklist: Blacklist, binary: Path) -> None:
    plugin_id = f"ladspa:{binary}#amp"
    blacklist.add(plugin_id, None, "crashed")
    _replace(binary, ELF + b"fixed")
    assert blacklist.is_blacklisted(plugin_id) is None
    assert blacklist.list() == []
    (past,) = blacklist.list(history=True)
    assert (past.active, past.lifted_why) == (False, LIFTED_BY_CHANGE)


def test_a_list_shows_no_entry_whose_file_has_changed(blacklist: Blacklist, binary: Path) -> None:
    blacklist.add(f"ladspa:{binary}#amp", None, "crashed")
    _replace(binary, ELF + b"fixed")
    assert blacklist.list() == []


def test_a_touched_file_lifts_nothing(blacklist: Blacklist, binary: Path) -> None:
    plugin_id = f"ladspa:{binary}#amp"
    blacklist.add(plugin_id, None, "crashed")
    os.utime(binary, (0, 0))
    assert blacklist.is_blacklisted(plugin_id) is not None


def test_an_untouched_file_is_not_read_again(
    blacklist: Blacklist, binary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin_id = f"ladspa:{binary}#amp"
    blacklist.add(plugin_id, None, "crashed")
    os.utime(binary, (0, 0))
    blacklist.is_blacklisted(plugin_id)  # takes the new stamp
    monkeypatch.setattr("host.store.blacklist.sha256_of", lambda path: pytest.fail("was read"))
    assert blacklist.is_blacklisted(plugin_id) is not None


def test_a_missing_file_lifts_nothing_until_another_one_comes(
    blacklist: Blacklist, binary: Path
) -> None:
    plugin_id = f"ladspa:{binary}#amp"
    blacklist.add(plugin_id, None, "crashed")
    binary.unlink()
    assert blacklist.is_blacklisted(plugin_id) is not None
    binary.write_bytes(ELF + b"first")
    assert blacklist.is_blacklisted(plugin_id) is not None
    binary.write_bytes(ELF + b"fixed")
    assert blacklist.is_blacklisted(plugin_id) is None


def test_a_plugin_that_is_updated_and_still_crashes_is_a_new_entry(
    blacklist: Blacklist, binary: Path
) -> None:
    plugin_id = f"ladspa:{binary}#amp"
    blacklist.add(plugin_id, None, "crashed")
    _replace(binary, ELF + b"fixed")
    entry = blacklist.add(plugin_id, None, "crashed again")
    assert entry.count == 1
    assert [past.active for past in blacklist.list(history=True)] == [False, True]


@pytest.mark.parametrize("changed", ["Contents/x86_64-linux/Eq.so", "Contents/moduleinfo.json"])
def test_code_or_description_replaced_inside_a_bundle_lifts_the_entry(
    blacklist: Blacklist, bundle: Path, changed: str
) -> None:
    plugin_id = f"vst3:{bundle}"
    blacklist.add(plugin_id, None, "crashed")
    old = (bundle / changed).read_bytes()
    _replace(bundle / changed, old[:4] + b"other"[: len(old) - 4] or b"[]")
    assert blacklist.is_blacklisted(plugin_id) is None


def test_other_files_of_a_bundle_lift_nothing(blacklist: Blacklist, bundle: Path) -> None:
    plugin_id = f"vst3:{bundle}"
    blacklist.add(plugin_id, None, "crashed")
    (bundle / "Contents" / "Resources" / "skin.png").write_bytes(b"another skin")
    (bundle / "Contents" / "Resources" / "new.txt").write_text("new")
    assert blacklist.is_blacklisted(plugin_id) is not None


def test_code_added_to_a_bundle_lifts_the_entry(blacklist: Blacklist, bundle: Path) -> None:
    blacklist.add(f"vst3:{bundle}", None, "crashed")
    (bundle / "Contents" / "helper").write_bytes(ELF)
    assert blacklist.is_blacklisted(f"vst3:{bundle}") is None


def test_an_lv2_plugin_follows_the_bundle_that_it_was_given(
    blacklist: Blacklist, tmp_path: Path
) -> None:
    folder = tmp_path / "x.lv2"
    folder.mkdir()
    (folder / "manifest.ttl").write_text("first")
    blacklist.add("lv2:urn:x", folder, "crashed")
    assert blacklist.is_blacklisted("lv2:urn:x") is not None
    (folder / "manifest.ttl").write_text("other")
    assert blacklist.is_blacklisted("lv2:urn:x") is None


def test_a_bundle_of_links_is_followed_without_end(bundle: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "Contents").symlink_to(bundle / "Contents")
    (bundle / "Contents" / "loop").symlink_to(bundle)
    (bundle / "Contents" / "dangling").symlink_to("nowhere")
    assert sha256_of(linked) is not None
    before = sha256_of(bundle)
    _replace(bundle / "Contents" / "x86_64-linux" / "Eq.so", ELF + b"other")
    assert sha256_of(bundle) != before


@pytest.mark.parametrize("named_by", ["plugin id", "number"])
def test_the_user_lifts_an_entry(blacklist: Blacklist, named_by: str) -> None:
    entry = blacklist.add("lv2:urn:x", None, "crashed")
    lifted = blacklist.remove("lv2:urn:x" if named_by == "plugin id" else entry.id)
    assert (lifted.active, lifted.lifted_why) == (False, LIFTED_BY_USER)
    assert blacklist.is_blacklisted("lv2:urn:x") is None
    assert [past.id for past in blacklist.list(history=True)] == [entry.id]


@pytest.mark.parametrize("wrong", ["lv2:urn:y", "7", "9" * 40, "", "²"])
def test_lifting_what_is_not_there_is_said_so(blacklist: Blacklist, wrong: str) -> None:
    blacklist.add("lv2:urn:x", None, "crashed")
    with pytest.raises(InputError, match="is not blacklisted: `isobooth blacklist`"):
        blacklist.remove(wrong)


def test_a_lifted_entry_cannot_be_lifted_again(blacklist: Blacklist) -> None:
    entry = blacklist.add("lv2:urn:x", None, "crashed")
    blacklist.remove(entry.id)
    with pytest.raises(InputError):
        blacklist.remove(entry.id)


def test_a_path_that_is_no_unicode_leaves_the_id_alone_to_count(
    blacklist: Blacklist, tmp_path: Path
) -> None:
    bundle = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.lv2"))
    bundle.mkdir()
    (bundle / "manifest.ttl").write_text("first")
    blacklist.add("lv2:urn:x", bundle, "crashed")
    assert blacklist.is_blacklisted("lv2:urn:x") is not None


@pytest.mark.parametrize("plugin_id", ["builtin:gain", "pedalboard:Reverb", "fault:segv?after=3"])
def test_what_has_no_file_stays_until_the_user_lifts_it(
    blacklist: Blacklist, plugin_id: str
) -> None:
    assert blacklist.add(plugin_id, None, "crashed").path is None
    assert blacklist.is_blacklisted(plugin_id) is not None
    blacklist.remove(plugin_id)
    assert blacklist.is_blacklisted(plugin_id) is None


def test_what_is_no_plugin_id_is_not_added(blacklist: Blacklist) -> None:
    with pytest.raises(InputError, match="expected an id"):
        blacklist.add("ZamEQ2", None, "crashed")
