# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys, closing, and what the window says."""

import time
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QAbstractButton, QDockWidget, QLineEdit, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from ipc.desk.requests import (
    Happened,
    Locate,
    Play,
    Quit,
    RestartSlot,
    Save,
    SetDevice,
    SetLoop,
    SetSong,
    Undo,
)
from ipc.desk.state import Notice
from tests.ui.conftest import Stage
from ui import workspaces
from ui.controls.buttons import Button
from ui.settings import Settings
from ui.transport.position import bars_text, frame_of, time_text

Key = Qt.Key


def _press(stage: Stage, key: Qt.Key, *, on: QWidget | None = None) -> None:
    widget = on or stage.window
    stage.window.activateWindow()
    QTest.keyClick(widget, key)
    stage.settle()


# -- the transport ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "request_"),
    [(Key.Key_Space, Play(False)), (Key.Key_Home, Locate(0)), (Key.Key_L, SetLoop(0, 0))],
)
def test_keys_steer_the_transport(stage: Stage, key: Qt.Key, request_: object) -> None:
    _press(stage, key)
    assert stage.host.requests == [request_]


def test_space_plays_also_when_a_button_has_the_focus(stage: Stage) -> None:
    mute = stage.window.mixer.strips["kick"].mute
    mute.setFocus()
    _press(stage, Key.Key_Space, on=mute)
    assert stage.host.requests == [Play(False)]


def test_letters_go_into_a_field_that_is_typed_in(stage: Stage) -> None:
    stage.window.mixer.strips["kick"].rename()
    field = stage.window.focusWidget()
    assert isinstance(field, QLineEdit)
    QTest.keyClicks(field, "l l")
    assert stage.host.requests == []
    assert field.text() == "l l"


def test_undo_is_named_and_asked_for(stage: Stage) -> None:
    assert stage.window.menus.undo.text() == "&Undo gain of Bass"
    assert not stage.window.menus.redo.isEnabled()
    stage.window.menus.undo.trigger()
    stage.settle()
    assert stage.host.requests == [Undo()]


def test_tempo_and_signature_are_typed(stage: Stage) -> None:
    for field, text in (
        (stage.window.transport.tempo, "99,5"),
        (stage.window.transport.signature, "6/8"),
    ):
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, text)
        QTest.keyClick(field, Key.Key_Return)
    stage.settle()
    assert stage.host.edits() == [SetSong(tempo=99.5), SetSong(time_signature=(6, 8))]


def test_nonsense_for_a_tempo_changes_nothing(stage: Stage) -> None:
    field = stage.window.transport.tempo
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "nan")
    QTest.keyClick(field, Key.Key_Return)
    assert stage.host.edits() == []
    assert field.text() == "118.00"


def test_the_device_menu_asks_and_sets(stage: Stage) -> None:
    menu = stage.window.transport.device._menu
    menu.aboutToShow.emit()
    stage.settle()
    actions = {action.text(): action for action in menu.actions()}
    assert actions["USB Audio"].isChecked()
    assert "96000 Hz" not in actions  # this device cannot
    actions["256 frames"].trigger()
    actions["No sound"].trigger()
    stage.settle()
    assert stage.host.requests[1:] == [SetDevice("hw:1", 48000, 256), SetDevice("null", 48000, 128)]


def test_positions_are_written_as_musicians_read_them() -> None:
    assert bars_text(0, 48000, 120.0, 4) == "1.1.1"
    assert bars_text(24000, 48000, 120.0, 4) == "1.2.1"
    assert bars_text(48000 * 2, 48000, 120.0, 4) == "2.1.1"
    assert bars_text(47999 * 2, 48000, 120.0, 4) == "1.4.4"
    assert time_text(48000 * 62 + 24, 48000) == "1:02.000"


# -- closing ------------------------------------------------------------------------------------


def _answer(stage: Stage, button: QMessageBox.StandardButton) -> None:
    question = stage.window.files.question
    assert question is not None
    chosen = question.button(button)
    assert chosen is not None
    chosen.click()


def test_closing_with_unsaved_work_asks_once(stage: Stage) -> None:
    stage.window.close()
    stage.window.close()
    assert stage.window.isVisible()
    assert len(stage.window.findChildren(QMessageBox)) == 1
    _answer(stage, QMessageBox.StandardButton.Cancel)
    assert stage.window.isVisible()
    assert stage.host.requests == []


def test_saving_comes_before_the_end(stage: Stage) -> None:
    stage.window.close()
    _answer(stage, QMessageBox.StandardButton.Save)
    stage.bot.waitUntil(lambda: not stage.window.isVisible())
    assert stage.host.requests == [Save(), Quit()]


def test_discarding_ends_without_saving(stage: Stage) -> None:
    stage.window.close()
    _answer(stage, QMessageBox.StandardButton.Discard)
    stage.bot.waitUntil(lambda: not stage.window.isVisible())
    assert stage.host.requests == [Quit()]


def test_saved_work_is_not_asked_about(stage: Stage) -> None:
    with stage.bot.waitSignal(stage.desk.shown):
        stage.host.show(is_modified=False)
    stage.window.close()
    stage.bot.waitUntil(lambda: not stage.window.isVisible())
    assert stage.host.requests == [Quit()]


# -- what is said -------------------------------------------------------------------------------


def _notice(kind: str, slot: str | None, age_s: float = 0.0) -> Happened:
    time_s = time.time() + 1.0 - age_s
    return Happened((Notice(number=0, kind=kind, text=f"a {kind}", slot=slot, time_s=time_s),))


def test_a_fault_is_said_with_what_can_be_done(stage: Stage) -> None:
    stage.host.tell(_notice("quarantined", "pad-synth"))
    stage.bot.waitUntil(lambda: bool(stage.window.notices.cards))
    (card,) = stage.window.notices.cards
    assert card.text == "a quarantined"
    action = card.findChild(QWidget, "action")
    assert action is not None
    QTest.mouseClick(action, Qt.MouseButton.LeftButton)
    stage.settle()
    assert stage.host.requests == [RestartSlot("pad-synth")]
    assert stage.window.notices.cards == []


def _happened(stage: Stage, *kinds: str) -> list[Button]:
    """To a plugin, one after the other; what can be done about the first."""
    for number, kind in enumerate(kinds):
        notice = Notice(
            number=number,
            kind=kind,
            text="mda DX10 on Bass ended with SIGSEGV" if number == 0 else kind,
            slot="bass-synth",
            report="12345678-20261129" if number == 0 else None,
            time_s=time.time() + 1.0,
        )
        with stage.bot.waitSignal(stage.desk.happened):
            stage.host.tell(Happened((notice,)))
    (card,) = stage.window.notices.cards
    return card.offers


def test_who_comes_back_by_itself_is_not_restarted(stage: Stage) -> None:
    (action,) = _happened(stage, "fault")
    assert action.text() == "What happened"


def test_a_crash_that_is_mended_says_so_and_leads_to_its_report(stage: Stage) -> None:
    (action,) = _happened(stage, "fault", "recovered")
    (card,) = stage.window.notices.cards
    assert card.text == "mda DX10 on Bass ended with SIGSEGV and is back"
    assert card.accessibleName() == card.text
    action.click()
    assert stage.window.panels.crashes.isVisible()
    assert stage.window.panels.crashes._wanted == "12345678-20261129"
    stage.settle()
    assert not [one for one in stage.host.requests if isinstance(one, RestartSlot)]


def test_restart_is_offered_as_long_as_it_is_away_for_good(stage: Stage) -> None:
    report, restart = _happened(stage, "quarantined")
    assert (report.text(), restart.text()) == ("What happened", "Restart")
    with stage.bot.waitSignal(stage.desk.happened):
        stage.host.tell(_notice("recovered", "bass-synth"))
    (card,) = stage.window.notices.cards
    assert [one.text() for one in card.offers] == ["What happened"]


def test_a_standby_that_plays_is_told_of(stage: Stage) -> None:
    _happened(stage, "fault", "takeover")
    (card,) = stage.window.notices.cards
    assert card.text.endswith("and its standby plays")


def test_what_is_old_or_ordinary_is_not_said(stage: Stage) -> None:
    stage.host.tell(_notice("fault", None, age_s=3600.0))
    stage.host.tell(_notice("device", None))
    with stage.bot.waitSignal(stage.desk.happened):
        pass
    stage.bot.wait(20)
    assert stage.window.notices.cards == []


def test_the_tab_key_leads_only_to_what_is_seen_and_named(stage: Stage) -> None:
    window = stage.window
    window.panels.tracks.setFocus()
    names: list[str] = []
    for _ in range(400):
        QTest.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        now = window.focusWidget()
        assert now is not None
        assert not now.visibleRegion().isEmpty(), f"{now.accessibleName()} {type(now)}"
        assert now.accessibleName(), type(now)
        names.append(now.accessibleName())
        if now is window.panels.tracks:
            break
    else:
        raise AssertionError("it comes to no end")
    ruler = names.index("Time ruler")
    following = names[ruler + 1 :] + names[:ruler]
    assert following[:4] == ["Mute Kick", "Solo Kick", "Mute Snare", "Solo Snare"]
    assert "Strip of Kick" in following


def test_a_key_leads_from_panel_to_panel_and_back_to_where_one_was(stage: Stage) -> None:
    window = stage.window
    panels = (window.transport, window.panels.browser, window.panels.tracks, window.mixer)

    def here() -> int:
        now = window.focusWidget()
        return next(n for n, one in enumerate(panels) if one is now or one.isAncestorOf(now))

    window.mixer.strips["bass"].fader.setFocus()
    seen = []
    for _ in panels:
        window.menus.next_panel.trigger()
        seen.append(here())
    assert seen == [0, 1, 2, 3]
    assert window.focusWidget() is window.mixer.strips["bass"].fader
    window.menus.last_panel.trigger()
    assert here() == 2
    window.panels.docks["browser"].hide()
    window.menus.last_panel.trigger()
    assert here() == 0


def test_the_window_begins_no_larger_than_the_screen(stage: Stage) -> None:
    screen = stage.window.screen()
    assert screen is not None
    room = screen.availableGeometry()
    assert stage.window.frameGeometry().width() <= max(room.width(), 1100)
    assert stage.window.frameGeometry().height() <= max(room.height(), 700)


def test_notices_lie_over_the_tracks_and_over_no_fader(stage: Stage) -> None:
    window = stage.window
    window.resize(1440, 900)
    for _ in range(3):
        stage.host.tell(_notice("quarantined", "pad-synth"))
    stage.bot.waitUntil(lambda: len(window.notices.cards) == 3)
    assert not window.notices.geometry().intersects(window.panels.docks["mixer"].geometry())
    middle = window.centralWidget()
    assert middle is not None
    assert middle.geometry().contains(window.notices.geometry())
    window.panels.docks["mixer"].hide()
    stage.bot.waitUntil(lambda: window.notices.geometry().bottom() > 750)


def test_notices_go_by_themselves_and_take_no_focus(stage: Stage) -> None:
    before = stage.window.focusWidget()
    stage.host.tell(_notice("fault", None))
    stage.bot.waitUntil(lambda: bool(stage.window.notices.cards))
    assert stage.window.focusWidget() is before
    stage.window.notices.cards[0]._time.timeout.emit()
    assert stage.window.notices.cards == []


def test_a_host_that_has_ended_is_said_and_what_was_shown_stays(stage: Stage) -> None:
    stage.host.die()
    stage.bot.waitUntil(stage.window.banner.isVisible)
    assert stage.window.banner.text == "The host has ended. What is shown is kept."
    assert "kick" in stage.window.mixer.strips
    with stage.bot.waitSignal(stage.window.revival.failed):
        stage.window.banner.button.click()
    stage.window.close()  # nobody is left who could save
    stage.bot.waitUntil(lambda: not stage.window.isVisible())


def test_without_a_host_nothing_pretends_to_be_done(stage: Stage) -> None:
    window = stage.window
    window.panels.editors.open("kick-eq")
    stage.settle()
    stage.host.die()
    stage.bot.waitUntil(window.banner.isVisible)
    strip, master = window.mixer.strips["kick"], window.mixer.strips["master"]
    header = window.panels.tracks.headers._headers["kick"]
    editor = window.panels.editors.editor_of("kick-eq")
    assert editor is not None
    needing = (strip.fader, strip.mute, master.fader, header._buttons[0], editor, window.transport)
    menus = window.menus
    actions = (menus.add_track, menus.undo, menus.save, menus.play, menus.remove_track)
    stage.desk.shown.emit(stage.desk.state)  # as a fader does that was dragged then
    assert not any(one.isEnabled() for one in (*needing, *actions))
    assert window.mixer._scroll.isEnabled() and menus.quit.isEnabled()
    for _ in range(2):
        window.panels.browser.plugin_chosen.emit("builtin:gain")
        window.panels.browser.file_chosen.emit("/music/a.wav")
    (card,) = window.notices.cards
    assert card.text.startswith("This needs the host, which has ended")
    stage.desk._link._is_lost = False
    window.revival.joined.emit()
    assert all(one.isEnabled() for one in (*needing, *actions[:4]))


def test_the_theme_is_changed_in_the_menu_and_kept(stage: Stage) -> None:
    stage.window.menus.themes["light"].trigger()
    assert stage.theme.name == "light"
    assert stage.window.settings.theme == "light"


def test_a_window_that_is_killed_comes_back_as_it_was_arranged(
    stage: Stage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspaces, "_KEPT_EVERY_MS", 20)
    window = stage.window
    window.workspaces.keep_on()
    dock = next(one for one in window.findChildren(QDockWidget) if not one.isVisible())
    dock.show()
    file = Path(window.settings.store.fileName())
    qtbot.waitUntil(lambda: Settings(file).layout == window.saveState(2), timeout=5000)


def test_workspaces_bring_panels_back(stage: Stage) -> None:
    window = stage.window
    dock = window.findChild(QWidget, "mixer-panel")
    assert dock is not None
    window.workspaces.keep("Mix / wide")
    dock.hide()
    assert window.settings.workspaces == ["Mix / wide"]
    window.workspaces.restore("Mix / wide")
    assert dock.isVisible()


def test_everything_that_takes_the_focus_has_a_name(stage: Stage) -> None:
    nameless = [
        widget
        for widget in stage.window.findChildren(QWidget)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not widget.isHidden()
        and not widget.accessibleName()
        and not (isinstance(widget, QAbstractButton) and widget.text())
        and not widget.objectName().startswith("qt_")
    ]
    named = [f"{type(one).__name__} in {type(one.parent()).__name__}" for one in nameless]
    assert not named, "\n".join(named)


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ("1", 0),
        ("5", 4 * 96_000),
        ("5.2", 4 * 96_000 + 24_000),
        (" 1.1.3 ", 12_000),
        ("0:12.5", 600_000),
        ("12,5 s", 600_000),
        ("0", None),
        ("1.5", None),
        ("1.1.5", None),
        ("soon", None),
        ("", None),
    ],
)
def test_places_are_typed_as_bars_or_times(text: str, frame: int | None) -> None:
    assert frame_of(text, 48000, 120.0, 4) == frame


@pytest.mark.parametrize("sample_rate", [44100, 48000])
def test_what_was_typed_is_what_is_shown(sample_rate: int) -> None:
    for tempo, beats in [(130.0, 4), (137.5 * 2, 7), *((float(one), 4) for one in range(60, 200))]:
        for bar in range(1, 65):
            frame = frame_of(f"{bar}.2.3", sample_rate, tempo, beats)
            assert frame is not None and bars_text(frame, sample_rate, tempo, beats) == f"{bar}.2.3"
            # And no frame before it.
            assert bars_text(frame - 1, sample_rate, tempo, beats) == f"{bar}.2.2"
    for milliseconds in range(0, 60_000, 7):
        text = f"0:{milliseconds / 1000:06.3f}"
        frame = frame_of(text, sample_rate, 120.0, 4)
        assert frame is not None and time_text(frame, sample_rate) == text


def test_the_loop_is_typed(stage: Stage) -> None:
    fields = stage.window.transport.loop_range
    assert (fields.start.text(), fields.end.text()) == ("1.1.1", "4.4.3")

    assert stage.type_into(fields.end, "0:04") == [SetLoop(0, 192_000)]
    assert stage.type_into(fields.start, "0:02") == [SetLoop(96_000, 384_000)]
    assert stage.type_into(fields.start, "nonsense") == []
    assert fields.start.text() == "1.1.1"
    assert "'nonsense' is no place in the song: type a bar" in _last_notice(stage)


def test_what_is_no_tempo_or_signature_is_told(stage: Stage) -> None:
    bar = stage.window.transport
    for field, text, told in (
        (bar.tempo, "9", "'9' is no tempo: type 10 to 999 beats a minute"),
        (bar.tempo, "nan", "'nan' is no tempo"),
        (bar.signature, "4/5", "'4/5' is no time signature"),
    ):
        before = field.text()
        assert stage.type_into(field, text) == []
        assert field.text() == before
        assert told in _last_notice(stage)


def _last_notice(stage: Stage) -> str:
    return stage.window.notices.cards[-1].accessibleName()
