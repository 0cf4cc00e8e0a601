# SPDX-License-Identifier: GPL-3.0-or-later
"""What plugins, songs and files are called is shown as it is written, whatever Qt would make of
it."""

from collections.abc import Iterator

import msgspec
from PyQt6.QtCore import QEvent, Qt
from PyQt6.QtGui import QHelpEvent
from PyQt6.QtWidgets import QApplication, QLabel, QTabBar, QToolTip, QWidget

from ipc.desk.state import CatalogueEntry, CrashEntry, DeskState, DeviceState, SlotState, TrackState
from tests.ui.conftest import Stage
from ui.browser.plugin_details import PluginDetails
from ui.browser.plugin_model import PluginModel
from ui.controls.tip import plain_tip
from ui.crashes.crash_model import CrashModel

TAGS = "<b>Good</b> & <i>safe</i>"


def test_what_looks_like_html_is_escaped_and_nothing_else() -> None:
    assert plain_tip("R&B > Soul\nat 'home'") == "R&B > Soul\nat 'home'"
    assert plain_tip(f"{TAGS}\n&lt;") == (
        "<qt>&lt;b&gt;Good&lt;/b&gt; &amp; &lt;i&gt;safe&lt;/i&gt;<br>&amp;lt;</qt>"
    )


def test_no_name_is_markup(stage: Stage) -> None:
    """Of songs, tracks, files, devices and plugins, wherever the window shows them."""
    stage.host.show(**_hostile(stage.host.state))
    stage.bot.waitUntil(lambda: stage.desk.state.song == TAGS)
    stage.window.panels.editors.open("kick-eq")
    stage.window.panels.editors.open("kick-comp")
    stage.window.banner.show_lost(TAGS)
    stage.window.say(TAGS)
    stage.settle()
    shown = list(_tips(stage.window))
    assert any("&lt;b&gt;" in tip for tip in shown)
    assert not [tip for tip in shown if "<b>" in tip or "<i>" in tip]
    assert not [label.text() for label in stage.window.findChildren(QLabel) if _is_markup(label)]
    stage.window.files.leave(lambda: None)
    question = stage.window.files.question
    assert question is not None and question.textFormat() is Qt.TextFormat.PlainText
    question.reject()


def test_no_name_is_markup_in_a_list(stage: Stage) -> None:
    entry = CatalogueEntry(id=TAGS, name=TAGS, vendor=TAGS, note=TAGS, status="ok")
    plugins, crashes, details = PluginModel(), CrashModel(), PluginDetails(stage.theme)
    stage.bot.addWidget(details)
    plugins.show_entries([entry])
    crashes.show_entries([CrashEntry(id="1", time="", plugin=TAGS, slot="", kind="", summary="")])
    details.show_entry(entry, False)
    role = Qt.ItemDataRole.ToolTipRole
    for tip in (*(model.index(0).data(role) for model in (plugins, crashes)), *_tips(details)):
        assert "<b>" not in tip


def test_no_name_is_markup_on_a_tab(stage: Stage) -> None:
    stage.host.show(**_hostile(stage.host.state))
    stage.bot.waitUntil(lambda: stage.desk.state.song == TAGS)
    stage.window.panels.editors.open("kick-eq")
    stage.window.panels.editors.open("kick-comp")
    stage.settle()
    tabs = [
        (bar, place)
        for bar in stage.window.findChildren(QTabBar)
        for place in range(bar.count())
        if TAGS in bar.tabText(place)
    ]
    assert len(tabs) == 2
    for bar, place in tabs:
        at = bar.tabRect(place).center()
        QApplication.sendEvent(bar, QHelpEvent(QEvent.Type.ToolTip, at, bar.mapToGlobal(at)))
        assert "&lt;b&gt;" in QToolTip.text() and "<b>" not in QToolTip.text()
    QToolTip.hideText()


def _hostile(state: DeskState) -> dict[str, object]:
    def named(slot: SlotState) -> SlotState:
        return msgspec.structs.replace(slot, name=TAGS, reason=TAGS, plugin=f"clap:{TAGS}")

    def renamed(track: TrackState) -> TrackState:
        slots = tuple(named(slot) for slot in track.slots)
        return msgspec.structs.replace(track, name=TAGS, file=TAGS, slots=slots)

    return {
        "song": TAGS,
        "path": TAGS,
        "undo": TAGS,
        "tracks": tuple(renamed(track) for track in state.tracks),
        "device": DeviceState(label=TAGS, problem=TAGS),
    }


def _tips(window: QWidget) -> Iterator[str]:
    for widget in window.findChildren(QWidget):
        yield widget.toolTip()


def _is_markup(label: QLabel) -> bool:
    is_auto = label.textFormat() is Qt.TextFormat.AutoText
    return is_auto and Qt.mightBeRichText(label.text())
