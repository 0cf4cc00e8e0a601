# SPDX-License-Identifier: GPL-3.0-or-later
"""The crash centre with a real host: a plugin is killed, and brought back from there."""

import json
import os
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace as replaced
from pytestqt.qtbot import QtBot

from ipc.desk.state import CrashEntry, SlotState
from ipc.status import SlotStatus
from tests.ui.panel_host import PanelHost, panel_host
from tests.ui.tone_song import tone_song
from ui.crashes.actions import CrashActions
from ui.crashes.crash_centre import CrashCentre
from ui.crashes.faults import plugin_title, time_text
from ui.desk import Desk
from ui.theme.theme import Theme

pytestmark = pytest.mark.process

_S = 20_000  # ms that a busy machine may take


@pytest.fixture
def hosted(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PanelHost]:
    monkeypatch.setenv("ISOBOOTH_DATA", str(tmp_path / "data"))
    with panel_host(str(tone_song(tmp_path))) as hosted:
        qtbot.waitUntil(lambda: hosted.desk.state.tracks != (), timeout=_S)
        yield hosted


@pytest.fixture
def centre(hosted: PanelHost, theme: Theme, qtbot: QtBot) -> Iterator[CrashCentre]:
    centre = CrashCentre(hosted.desk, theme)
    qtbot.addWidget(centre)
    centre.show()
    yield centre
    centre.close_commands()


def gain(desk: Desk) -> SlotState:
    found = desk.slot("gain")
    assert found is not None
    return found[1]


def kill(desk: Desk, qtbot: QtBot, by: signal.Signals = signal.SIGKILL) -> None:
    """The worker of the gain, and waits until the host has seen it."""
    qtbot.waitUntil(
        lambda: gain(desk).status is SlotStatus.ACTIVE and gain(desk).pid is not None, timeout=_S
    )
    pid = gain(desk).pid
    assert pid is not None
    os.kill(pid, by)
    qtbot.waitUntil(lambda: gain(desk).pid != pid, timeout=_S)


def test_nothing_has_crashed(centre: CrashCentre, hosted: PanelHost, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not hosted.desk._link._asked, timeout=_S)
    assert "Nothing has crashed" in centre.hint.text and centre.model.rowCount() == 0


def test_a_killed_plugin_is_reported_given_up_and_restarted_from_there(
    centre: CrashCentre, hosted: PanelHost, qtbot: QtBot, tmp_path: Path
) -> None:
    desk = hosted.desk
    kill(desk, qtbot)
    qtbot.waitUntil(lambda: centre.model.rowCount() == 1, timeout=_S)
    qtbot.waitUntil(lambda: "SIGKILL" in centre.text.toPlainText(), timeout=_S)
    assert centre._title.text == gain(desk).name
    assert "was killed" in centre._what.text and "on a" in centre._what.text
    assert not centre.acts.replay.isEnabled()  # it would not do that again
    first = gain(desk).report
    kill(desk, qtbot)
    kill(desk, qtbot)
    qtbot.waitUntil(lambda: gain(desk).status is SlotStatus.QUARANTINED, timeout=_S)
    qtbot.waitUntil(lambda: centre.model.rowCount() == 3, timeout=_S)
    assert first is not None
    centre.show_report(first)
    assert centre._entry is not None and centre._entry.id == first

    acts = centre.acts
    assert not acts.quarantine.isEnabled() and acts.restart.isEnabled()
    acts.restart.click()
    qtbot.waitUntil(lambda: gain(desk).status is SlotStatus.ACTIVE, timeout=_S)

    acts.alone.click()
    qtbot.waitUntil(lambda: gain(desk).alone and acts.alone.isChecked(), timeout=_S)
    acts.standby.click()
    qtbot.waitUntil(lambda: gain(desk).standby and acts.standby.isChecked(), timeout=_S)
    qtbot.waitUntil(lambda: gain(desk).status is SlotStatus.ACTIVE, timeout=_S)
    acts.quarantine.click()
    qtbot.waitUntil(lambda: gain(desk).status is SlotStatus.QUARANTINED, timeout=_S)

    with qtbot.waitSignal(centre.told, timeout=_S) as told:
        centre.export_to(first, str(tmp_path / "report.json"))
    assert "report.json" in told.args[0]
    assert json.loads((tmp_path / "report.json").read_text())["id"] == first
    with qtbot.waitSignal(centre.stress_wanted) as wanted:
        acts.stress.click()
    assert wanted.args == ["builtin:gain"]


def test_a_crash_is_replayed_and_a_replay_is_cancelled(
    centre: CrashCentre, hosted: PanelHost, qtbot: QtBot
) -> None:
    kill(hosted.desk, qtbot, signal.SIGSEGV)
    qtbot.waitUntil(lambda: centre.model.rowCount() == 1, timeout=_S)
    drawer = centre.drawer
    centre.acts.replay.click()
    assert drawer.command.is_running and drawer.isVisible()
    qtbot.waitUntil(lambda: not drawer.command.is_running, timeout=60_000)
    assert "did not fail" in drawer.outcome and "builtin:gain" in drawer.text
    centre.acts.replay.click()
    drawer._cancel.click()
    qtbot.waitUntil(lambda: not drawer.command.is_running, timeout=_S)
    assert "cancelled" in drawer.outcome
    centre.acts.replay.click()
    pid = drawer.command.pid
    centre.close_commands()
    assert pid and not os.path.exists(f"/proc/{pid}")


def test_reports_are_of_this_song_or_of_all(
    centre: CrashCentre, hosted: PanelHost, qtbot: QtBot
) -> None:
    kill(hosted.desk, qtbot)
    qtbot.waitUntil(lambda: centre.model.rowCount() == 1, timeout=_S)
    other = CrashEntry(
        id="x", time="2026-01-01T00:00:00+00:00", plugin="lv2:urn:other", slot="o", kind="hang"
    )
    mine = centre.model.entry(centre.model.index(0))
    assert mine is not None
    centre.model.show_entries((mine, other))
    assert centre.model.rowCount() == 2
    centre.scope.choose(0)
    centre.scope.chosen.emit(0)
    assert centre.model.rowCount() == 1
    centre.search.setText("no such thing")
    assert centre.model.rowCount() == 0 and "None of these" in centre.hint.text
    centre.show_report("x")
    assert centre._entry is not None and centre._entry.id == "x"
    assert not centre.acts.restart.isEnabled()
    assert "not in the song" in centre.acts.restart.toolTip()


def test_times_are_said_as_people_say_them() -> None:
    now = datetime(2026, 5, 4, 12, 0).astimezone()
    assert time_text((now - timedelta(hours=1)).isoformat(), now) == "11:00:00"
    assert time_text((now - timedelta(days=1)).isoformat(), now) == "yesterday 12:00"
    assert time_text((now - timedelta(days=3)).isoformat(), now) == "1 May 12:00"
    assert time_text("2025-01-02T12:00:00+00:00", now).endswith("Jan 2025")
    assert time_text("nonsense", now) == "nonsense"


def test_plugins_are_named_by_their_ids_where_the_song_does_not_know_them(desk: Desk) -> None:
    for plugin, title in (
        ("vst3:/usr/lib/vst3/ZamEQ2.vst3", "ZamEQ2"),
        ("lv2:http://drobilla.net/plugins/mda/Piano", "Piano"),
        ("lv2:urn:zamaudio:ZamEQ2", "ZamEQ2"),
        ("ladspa:/usr/lib/ladspa/vynil_1905.so", "vynil_1905"),
        ("clap:/x/stress.clap#nan", "nan"),
        ("odd", "odd"),
    ):
        assert plugin_title(plugin, desk.state) == title


def test_of_a_plugin_that_is_not_in_the_song_nothing_is_lit(desk: Desk, theme: Theme) -> None:
    state = desk.state
    track, *others = state.tracks
    kept = replaced(track.slots[0], standby=True, alone=True)
    desk.show(replaced(state, tracks=(replaced(track, slots=(kept,)), *others)))
    acts = CrashActions(desk, theme)
    here = CrashEntry(id="1", time="", plugin=kept.plugin, slot=kept.id, kind="crash")
    acts.show_entry(here)
    assert acts.alone.isChecked() and acts.standby.isChecked()
    acts.show_entry(replaced(here, id="2", plugin="lv2:urn:other"))
    assert not acts.alone.isChecked() and not acts.standby.isChecked()
