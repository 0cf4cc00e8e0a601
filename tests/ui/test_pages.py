# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages with a real host and real commands: live results, a verdict, and nothing left behind."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from PyQt6.QtCore import QSettings, Qt
from PyQt6.QtGui import QDesktopServices
from pytestqt.qtbot import QtBot

from ipc.desk.requests import Catalogue
from ipc.desk.state import CatalogueEntry
from tests.process.scanning import fixture_copy
from tests.ui.panel_host import PanelHost, panel_host
from ui.browser.browser import Browser
from ui.desk import Desk
from ui.pages import command as command_module
from ui.pages.command import Command, Ended
from ui.pages.events import Result
from ui.pages.machine import Finding, lines_of
from ui.pages.scan_page import ScanPage
from ui.pages.stress_page import StressPage
from ui.pages.welcome_page import WelcomePage
from ui.theme.theme import Theme

pytestmark = pytest.mark.process

_S = 60_000  # ms that a busy machine may take


@pytest.fixture
def hosted(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PanelHost]:
    monkeypatch.setenv("ISOBOOTH_DATA", str(tmp_path / "data"))
    with panel_host() as hosted:
        qtbot.waitUntil(lambda: hosted.desk.state.command != (), timeout=_S)
        yield hosted


@pytest.fixture
def scan(hosted: PanelHost, theme: Theme, qtbot: QtBot) -> Iterator[ScanPage]:
    page = ScanPage(hosted.desk, theme)
    qtbot.addWidget(page)
    page.show()
    yield page
    page.close_commands()


@pytest.fixture
def stress(hosted: PanelHost, theme: Theme, qtbot: QtBot, tmp_path: Path) -> Iterator[StressPage]:
    page = StressPage(hosted.desk, theme, tmp_path / "reports")
    qtbot.addWidget(page)
    page.show()
    yield page
    page.close_commands()


# ---------------------------------------------------------------- scan


def test_a_scan_shows_what_it_finds_and_the_browser_has_it_then(
    scan: ScanPage, hosted: PanelHost, theme: Theme, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = tmp_path / "plugins"
    fixture_copy(folder, "one.so")
    fixture_copy(folder, "boom.so")
    browser = Browser(
        hosted.desk, theme, QSettings(str(tmp_path / "w.ini"), QSettings.Format.IniFormat)
    )
    qtbot.addWidget(browser)
    browser.show()
    qtbot.waitUntil(browser.plugins.scan_strip.isVisible, timeout=_S)
    scan.catalogue_changed.connect(browser.refresh)
    with qtbot.waitSignal(scan.catalogue_changed, timeout=_S):
        scan.scan(str(folder))
        qtbot.waitUntil(lambda: scan.cancel.isVisible() and not scan.start.isVisible())
    assert scan.tally.counts == {"usable": 1, "not usable": 1, "new": 2}
    assert {result.status for result in scan.model.results} == {"ok", "crashed"}
    assert "2 plugins, 2 of them tried now" in scan.now.text
    assert scan.start.isVisible() and not scan.cancel.isVisible()
    qtbot.waitUntil(lambda: not browser.plugins.scan_strip.isVisible(), timeout=_S)
    scan.only_bad.click()
    assert scan.model.rowCount() == 1
    with qtbot.waitSignal(scan.command.ended, timeout=_S):
        scan.scan(str(folder))
    assert scan.now.text == "done: 2 plugins, none of them new or changed"
    assert scan.tally.counts == {"usable": 1, "not usable": 1, "new": 0}
    assert [result.status for result in scan.model.results if result.status != "ok"] == ["crashed"]
    assert scan.model.rowCount() == 1  # only what is wrong is asked for


@pytest.fixture
def catalogue(theme: Theme, qtbot: QtBot, desk: Desk) -> ScanPage:
    """A page in a window that has scanned nothing itself, and what scans before have found."""
    page = ScanPage(desk, theme)
    qtbot.addWidget(page)
    entries = (
        CatalogueEntry(id="builtin:gain", name="Gain", format="builtin", status="ok"),
        CatalogueEntry(id="lv2:urn:a", name="Hall", format="lv2", status="ok"),
        CatalogueEntry(id="lv2:urn:b", name="Bad", format="lv2", status="crashed", note="SIGSEGV"),
    )
    page._show_known(Catalogue(entries))
    return page


def test_what_the_catalogue_knows_is_shown_what_is_wrong_first(catalogue: ScanPage) -> None:
    model = catalogue.model
    shown = [model.index(row).data() for row in range(model.rowCount())]
    assert shown == ["Bad, crashed", "Hall, works"]
    assert model.index(0).data(Qt.ItemDataRole.ToolTipRole) == "lv2:urn:b\nSIGSEGV"
    assert catalogue.tally.counts == {"usable": 1, "not usable": 1, "new": 0}
    catalogue.only_bad.click()
    assert model.rowCount() == 1


def test_what_a_scan_tells_stands_over_what_was_known(catalogue: ScanPage) -> None:
    model = catalogue.model
    model.add(Result(id="lv2:urn:b", status="ok", name="Bad"), is_new=False)
    model.add(Result(id="lv2:urn:c", status="ok", name="New"), is_new=True)
    catalogue._show_results()
    shown = [model.index(row).data() for row in range(model.rowCount())]
    assert shown == ["New, works", "Bad, works", "Hall, works"]
    assert catalogue.tally.counts == {"usable": 3, "not usable": 0, "new": 0}
    catalogue.only_bad.click()
    assert model.rowCount() == 0 and "Nothing is wrong" in catalogue._hint.text


def test_where_nothing_is_known_that_is_said(theme: Theme, qtbot: QtBot, desk: Desk) -> None:
    page = ScanPage(desk, theme)
    qtbot.addWidget(page)
    assert "Nothing was scanned yet" in page._hint.text
    assert page._middle.currentWidget() is page._hint


def test_a_cancelled_scan_leaves_no_process(scan: ScanPage, qtbot: QtBot, tmp_path: Path) -> None:
    fixture_copy(tmp_path / "plugins", "stuck.so")  # it hangs when it is loaded
    scan.scan(str(tmp_path / "plugins"))
    qtbot.waitUntil(lambda: "stuck" in scan.now.text, timeout=_S)
    scan.cancel.click()
    assert not scan.cancel.isEnabled()
    qtbot.waitUntil(lambda: not scan.command.is_running, timeout=_S)
    assert "cancelled" in scan.now.text and scan.start.isVisible()


def test_a_scan_ends_with_the_window(scan: ScanPage, qtbot: QtBot, tmp_path: Path) -> None:
    fixture_copy(tmp_path / "plugins", "stuck.so")
    scan.scan(str(tmp_path / "plugins"))
    qtbot.waitUntil(lambda: "stuck" in scan.now.text, timeout=_S)
    pid = scan.command.pid
    scan.close_commands()
    assert not os.path.exists(f"/proc/{pid}")


def test_a_scan_that_cannot_be_done_says_why(scan: ScanPage, qtbot: QtBot) -> None:
    with qtbot.waitSignal(scan.command.ended, timeout=_S):
        scan.scan("/nowhere/at/all")
    assert "/nowhere/at/all" in scan.now.text


# ---------------------------------------------------------------- stress


def test_a_plugin_is_stressed_to_a_verdict_and_a_report(
    stress: StressPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not stress.start.isEnabled()
    stress.show_plugin("builtin:gain")
    stress.level.choose(1)
    with qtbot.waitSignal(stress.command.ended, timeout=100_000):
        stress.start.click()
        qtbot.waitUntil(lambda: bool(stress.model.rows), timeout=_S)
    assert "Gain" in stress.verdict_line and stress.verdict_line.endswith("safe")
    assert stress._light.word == "pass"
    assert {row.verdict for row in stress.model.rows} <= {"pass", "skip"}
    assert stress.tally.counts["pass"] >= 1
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    stress.open_report.click()
    assert opened == [str(stress.report)] and Path(opened[0]).is_file()


def test_a_cancelled_stress_run_leaves_no_process(stress: StressPage, qtbot: QtBot) -> None:
    stress.show_plugin("builtin:gain")
    stress.start.click()
    qtbot.waitUntil(lambda: bool(stress.model.rows), timeout=_S)
    stress.cancel.click()
    qtbot.waitUntil(lambda: not stress.command.is_running, timeout=_S)
    assert all(row.verdict != "running" for row in stress.model.rows)
    assert stress.verdict.isVisible() and stress.start.isVisible()


def test_plugins_are_picked_by_name_or_id(stress: StressPage, qtbot: QtBot) -> None:
    picker = stress.picker
    qtbot.waitUntil(lambda: bool(picker._by_name), timeout=_S)
    picker.field.setText("test tone")
    picker.field.returnPressed.emit()
    picker.field.setText("lv2:urn:never:scanned")
    picker.field.returnPressed.emit()
    assert picker.picked == ["builtin:tone", "lv2:urn:never:scanned"]
    picker.field.setText("nonsense")
    picker.field.returnPressed.emit()
    assert picker._hint.isVisible() and len(picker.picked) == 2
    texts = {plugin: chip.text() for plugin, chip in picker._chips.items()}
    assert texts["builtin:tone"] == "Test tone · builtin"
    assert texts["lv2:urn:never:scanned"] == "scanned · lv2"
    assert stress.start.text() == "Stress 2 plugins"


# ---------------------------------------------------------------- welcome


def test_the_machine_is_looked_at(
    hosted: PanelHost, theme: Theme, qtbot: QtBot, tmp_path: Path
) -> None:
    page = WelcomePage(hosted.desk, theme, tmp_path)
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(lambda: len(page.machine_lines) > 1, timeout=_S)
    names = [line.name for line in page.machine_lines]
    assert names[:3] == ["Audio device", "Real time", "Processor"]
    assert all(line.found for line in page.machine_lines)
    for key, wanted in (
        ("scan", page.scan_wanted), ("open", page.open_wanted), ("empty", page.empty_wanted)
    ):  # fmt: skip
        with qtbot.waitSignal(wanted):
            page.tiles[key].click()


def test_the_demo_song_is_opened_or_made_and_making_it_is_cancelled(
    hosted: PanelHost, theme: Theme, qtbot: QtBot, tmp_path: Path
) -> None:
    page = WelcomePage(hosted.desk, theme, tmp_path / "own")
    qtbot.addWidget(page)
    page.show()
    page.open_demo()
    assert page.demo.is_running and page.making.isVisible()
    page._demo_cancel.click()
    qtbot.waitUntil(lambda: not page.demo.is_running, timeout=_S)
    assert not page.making.isVisible() and not page.demo_song.exists()
    page.demo_song.parent.mkdir(parents=True, exist_ok=True)
    page.demo_song.write_text("{}")
    with qtbot.waitSignal(page.song_chosen) as chosen:
        page.tiles["demo"].click()
    assert chosen.args == [str(page.demo_song)]
    page.close_commands()


def test_of_the_machine_the_worst_is_told_with_what_to_do() -> None:
    lines = lines_of(
        [
            Finding("audio_devices", "warn", "no output device", advice="connect one (`x`)"),
            Finding("sound_servers", "ok", "none runs"),
            Finding("cores", "ok", "8 of 8 usable"),
            Finding("minihost", "fail", "not there", needed=True, advice="install it"),
            Finding("midi_ports", "warn", "none"),
        ]
    )
    assert [(line.status, line.name) for line in lines] == [
        ("warn", "Audio device"), ("ok", "Processor"), ("fail", "Minihost"), ("warn", "The rest"),
    ]  # fmt: skip
    assert lines[0].advice == "Connect one (“x”)"


def test_the_machine_is_told_of_in_the_words_of_the_window() -> None:
    advice = "rendering works without; `isobooth play --device null` plays to nowhere"
    (line, _) = lines_of([Finding("audio_devices", "warn", "none", advice=advice)])
    assert line.advice == (
        "Rendering works without; “No device” in the menu of devices plays to nowhere"
    )


# ---------------------------------------------------------------- commands


class Word(msgspec.Struct, frozen=True, tag="word", tag_field="event"):
    text: str


def run(qtbot: QtBot, command: Command, program: str) -> Ended:
    with qtbot.waitSignal(command.ended, timeout=_S) as ended:
        command.start((sys.executable, "-c", program))
    end: Ended = ended.args[0]
    return end


def test_what_a_command_says_is_told_by_kind(qtbot: QtBot) -> None:
    command = Command(Word)
    told: list[object] = []
    command.told.connect(told.append)
    program = (
        "import sys; print('out'); e = sys.stderr; "
        """e.write('{"event": "word", "text": "a", "new": 1}\\n{"event": "other"}\\n{broken\\n');"""
        "e.write('isobooth: no such thing'); sys.exit(2)"
    )
    ended = run(qtbot, command, program)
    assert told == [Word("a")]
    assert ended == Ended(2, False, b"out\n", "no such thing")


def test_one_that_cannot_be_started_says_so(qtbot: QtBot) -> None:
    command = Command()
    for words in (("/no/such/program",), ()):
        with qtbot.waitSignal(command.ended, timeout=_S) as ended:
            command.start(words)
        assert ended.args[0].code is None and ended.args[0].problem
        assert not command.is_running


def test_one_that_does_not_listen_is_killed(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    signals = ((signal.SIGINT, 200), (signal.SIGTERM, 200), (signal.SIGKILL, 5000))
    monkeypatch.setattr(command_module, "_ESCALATION", signals)
    deaf = (
        "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (2, 15)]; "
        "print('deaf', flush=True); time.sleep(60)"
    )
    for closes in (False, True):
        command = Command()
        with qtbot.waitSignal(command.wrote, timeout=_S):
            command.start((sys.executable, "-c", deaf))
        pid = command.pid
        if closes:
            command.close()
        else:
            with qtbot.waitSignal(command.ended, timeout=_S):
                command.cancel()
        assert not os.path.exists(f"/proc/{pid}")


def test_a_scan_is_cancelled_before_it_has_begun(scan: ScanPage, qtbot: QtBot) -> None:
    scan.scan()
    scan.cancel.click()
    assert scan.start.isVisible() and "cancelled" in scan.now.text
    qtbot.wait(300)
    assert not scan.command.is_running


def test_after_the_end_nothing_is_begun(qtbot: QtBot) -> None:
    command = Command()
    command.close()
    command.start((sys.executable, "-c", "import time; time.sleep(60)"))
    assert not command.is_running and command.pid == 0
