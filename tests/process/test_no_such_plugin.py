# SPDX-License-Identifier: GPL-3.0-or-later
"""An id that names no plugin is the user's to mend: the slot says so, and nobody is reported."""

from pathlib import Path

import pytest

from host.config import HostConfig
from host.host import Host
from host.song import Master, Slot, Song
from host.store.crash_store import CrashStore
from host.store.database import Database
from ipc.status import SlotStatus

pytestmark = pytest.mark.process


def test_what_is_no_plugin_leaves_no_crash_report(tmp_path: Path) -> None:
    ids = (
        "builtin:gian",
        "builtin:latency?frames=1e9",
        "fault:sgv",
        "fault:segv?depth=3",
        "lv2:http://example.org/none",
        "pedalboard:Revreb",
        "ladspa:/usr/lib/ladspa/amp.so#nothing",
    )
    chain = tuple(Slot(id=f"s{number}", plugin=plugin) for number, plugin in enumerate(ids))
    song = Song(
        length_s=1.0, master=Master(chain=(*chain, Slot(id="bad", plugin="fault:load-segv")))
    )
    with Database(tmp_path / "isobooth.db") as database:
        with Host(HostConfig(offline=True), database) as host:
            host.load(song)
            for slot, plugin in zip(host.slots(), ids, strict=False):
                assert slot.status is SlotStatus.FAILED, slot
                assert slot.reason and slot.crashes == (), slot
                assert plugin.partition("?")[0].partition(":")[2].split("#")[0] in slot.reason
        assert [report.plugin_id for report in CrashStore(database).list()] == ["fault:load-segv"]
