# SPDX-License-Identifier: GPL-3.0-or-later
"""Real plugins whose files change between two sessions, and in the middle of one."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from host.store.crash_store import CrashStore
from host.store.database import Database
from host.store.trust_store import TrustStore
from host.trust.settings import Policy, TrustSettings
from tests.process.songs import (
    HostEventKind,
    Playing,
    Slot,
    SlotStatus,
    Song,
    Track,
    play,
)

ZAM_EQ2 = Path("/usr/lib/vst3/ZamEQ2.vst3")
MDA_DELAY = "lv2:http://drobilla.net/plugins/mda/Delay"

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not ZAM_EQ2.exists(), reason="package zam-plugins is not installed"),
]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ZAM_EQ2, tmp_path / "ZamEQ2.vst3"))


def change(bundle: Path) -> None:
    """Another binary that does the same."""
    [binary] = bundle.glob("Contents/*/*.so")
    binary.write_bytes(binary.read_bytes() + b"\0")


def session(plugin: str, database: Database, policy: Policy) -> Playing:
    song = Song(tracks=(Track(id="t", chain=(Slot(id="g", plugin=plugin),)),))
    return play(song, database=database, trust=TrustSettings(policy))


def notices(playing: Playing) -> list[str]:
    return [e.text for e in playing.events(HostEventKind.NOTICE) if "trusted" in e.text]


def test_a_plugin_that_changed_is_told_and_plays_or_is_not_loaded(
    bundle: Path, database: Database
) -> None:
    plugin = f"vst3:{bundle}"
    with session(plugin, database, Policy.REFUSE) as playing:
        playing.until_heard("g")
        assert notices(playing) == []
    change(bundle)
    with session(plugin, database, Policy.REFUSE) as playing:
        report = playing.slot("g")
        assert report.status is SlotStatus.FAILED
        assert f"isobooth trust accept '{plugin}'" in report.reason
        assert playing.host.worker_pid("g") is None
    assert not CrashStore(database).list()
    with session(plugin, database, Policy.WARN) as playing:
        playing.until_heard("g")
        assert len(notices(playing)) == 1
    with session(plugin, database, Policy.REFUSE) as playing:
        playing.until_heard("g")


def test_a_plugin_that_changes_while_it_plays_is_looked_at_before_its_restart(
    bundle: Path, database: Database
) -> None:
    with session(f"vst3:{bundle}", database, Policy.REFUSE) as playing:
        playing.until_heard("g")
        [binary] = bundle.glob("Contents/*/*.so")
        content = binary.read_bytes()
        binary.unlink()  # as package managers do: the old file stays mapped
        binary.write_bytes(content + b"\0")
        playing.kill("g")
        playing.until_status("g", SlotStatus.FAILED)


def test_a_standby_of_other_files_is_not_loaded_and_the_plugin_plays_on(
    bundle: Path, database: Database
) -> None:
    slot = Slot(id="g", plugin=f"vst3:{bundle}", standby=True)
    song = Song(tracks=(Track(id="t", chain=(slot,)),))
    with play(song, database=database, trust=TrustSettings(Policy.REFUSE)) as playing:
        playing.until_heard("g")
        [binary] = bundle.glob("Contents/*/*.so")
        content = binary.read_bytes()
        binary.unlink()
        binary.write_bytes(content + b"\0")
        playing.kill("g")
        playing.until(lambda: playing.host.supervisor_of("g").standby.is_given_up, "no other")  # type: ignore[union-attr]
        playing.until_heard("g", 20)
        assert playing.slot("g").status is SlotStatus.ACTIVE
        [text] = [e.text for e in playing.events(HostEventKind.NOTICE) if "standby" in e.text]
        assert "isobooth trust accept" in text


@pytest.mark.skipif(
    not Path("/usr/lib/lv2/mda.lv2").exists(), reason="package mda-lv2 is not installed"
)
def test_an_lv2_plugin_is_remembered_by_where_it_was_loaded_from(database: Database) -> None:
    with session(MDA_DELAY, database, Policy.REFUSE) as playing:
        playing.until_heard("g")
        playing.until(lambda: TrustStore(database).list(), "it is known")
    [entry] = TrustStore(database).list()
    assert entry.plugin_id == MDA_DELAY
    assert entry.path.startswith("/usr/lib/lv2/mda.lv2")
