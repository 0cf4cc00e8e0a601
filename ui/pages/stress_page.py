# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a plugin safe to use? Checks as they end, a verdict, a report."""

import contextlib
import os
from datetime import datetime
from pathlib import Path

from PyQt6.QtCore import Qt, QUrl
from PyQt6.QtGui import QDesktopServices, QShowEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QSpinBox, QStackedLayout, QWidget

from ui.desk import Desk
from ui.pages.command import Command, Ended
from ui.pages.events import Checked, Checking, Count, End, PluginDone, StressEvent, Warned
from ui.pages.level_bar import LevelBar
from ui.pages.parts.buttons import Action, Primary
from ui.pages.parts.flow import FlowLayout
from ui.pages.parts.hint import Hint
from ui.pages.parts.mark import MarkLight, mark_of
from ui.pages.parts.page import Page
from ui.pages.parts.progress_line import ProgressLine
from ui.pages.parts.rows import list_of_rows
from ui.pages.parts.tally import Tally
from ui.pages.parts.words import Words
from ui.pages.plugin_picker import PluginPicker
from ui.pages.stress_rows import StressModel, StressRows, counts_of
from ui.theme.theme import Theme

_LEVELS = {
    1: "seconds, and never wrong",
    3: "a quick look",
    5: "before a release: a minute or two",
    7: "thorough: some minutes",
    10: "all there is: this takes long",
}
_FAILED = 1  # exit code: it came to its end, and something failed


class StressPage(Page):
    """`reports`: the folder where each run leaves one; None: the user's folder for states."""

    def __init__(
        self, desk: Desk, theme: Theme, reports: Path | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(
            theme,
            "Stress plugins",
            "Checks that look for crashes, hangs and wrong sound, each in a process of its own.",
            parent,
        )
        self._desk = desk
        self._reports = reports or _reports_folder()
        self._report: Path | None = None
        self._end: End | None = None
        self._was_seen = False
        self.command = Command(StressEvent, self)
        self.model = StressModel(self)
        self.start = Primary(theme, "Stress", "mdi6.flask", "Run the checks on what is picked")
        self.cancel = Action(theme, "Cancel", "mdi6.stop", "What was found by then is told")
        self.cancel.hide()
        self.picker = PluginPicker(desk, theme)
        self.level = LevelBar(theme)
        self._level_words = Words(theme, colour="text_dim", size="small")
        self.jobs = QSpinBox()
        self.jobs.setRange(1, 64)
        self.jobs.setValue(max(1, (os.cpu_count() or 2) - 1))
        self.jobs.setAccessibleName("Checks at a time")
        self.jobs.setToolTip("Checks at a time. Fewer leave more of the machine to the music.")
        self.jobs.setFixedWidth(46)
        self.line = ProgressLine(theme)
        self.amount = Words(theme, colour="text_dim", figures=True, size="small")
        self.tally = Tally(theme)
        self.list = list_of_rows(StressRows(theme), "Checks")
        self.list.setModel(self.model)
        self._hint = Hint(theme, "mdi6.flask-outline")
        self._hint.show_hint("Nothing was checked yet", "Pick a plugin above, or several.")
        for button in (self.cancel, self.start):
            self.head.addWidget(button, alignment=Qt.AlignmentFlag.AlignTop)
        settings = FlowLayout(gap=10)
        for caption, field in (("Level", self.level), ("At a time", self.jobs)):
            pair = QWidget()
            row = QHBoxLayout(pair)
            row.setContentsMargins(0, 0, 0, 0)
            row.addWidget(Words(theme, caption, colour="text_dim"))
            row.addWidget(field)
            settings.addWidget(pair)
            if field is self.level:
                settings.addWidget(self._level_words)
        counts = QHBoxLayout()
        counts.addWidget(self.tally, 1)
        counts.addWidget(self.amount, alignment=Qt.AlignmentFlag.AlignBottom)
        self._middle = QStackedLayout()
        self._middle.addWidget(self._hint)
        self._middle.addWidget(self.list)
        self.body.addWidget(self.picker)
        self.body.addLayout(settings)
        self.body.addLayout(counts)
        self.body.addWidget(self.line)
        self.body.addWidget(self._make_verdict())
        self.body.addLayout(self._middle, 1)
        self.start.clicked.connect(self.stress)
        self.cancel.clicked.connect(self._stop)
        self.level.changed.connect(self._show_level)
        self.picker.changed.connect(self._show_startable)
        self.command.told.connect(self._on_told)
        self.command.ended.connect(self._on_ended)
        self._show_level(self.level.level)
        self._show_startable()
        self._show_counts()

    def _make_verdict(self) -> QWidget:
        theme = self.theme
        self.verdict = QFrame()
        self.verdict.setObjectName("card")
        self._light = MarkLight(theme, size=22)
        self._verdict = Words(theme, bold=True, wraps=True, selectable=True)
        self.open_report = Action(
            theme, "Open the report", "mdi6.open-in-new", "All findings, in the browser"
        )
        self.open_report.clicked.connect(self._open_report)
        row = QHBoxLayout(self.verdict)
        row.setContentsMargins(12, 9, 10, 9)
        row.setSpacing(12)
        row.addWidget(self._light)
        row.addWidget(self._verdict, 1)
        row.addWidget(self.open_report)
        self.verdict.hide()
        return self.verdict

    @property
    def report(self) -> Path | None:
        """The HTML file of the last run, once it is there."""
        file = None if self._report is None else self._report / "report.html"
        return file if file is not None and file.is_file() else None

    @property
    def verdict_line(self) -> str:
        return self._verdict.text()

    def show_plugin(self, plugin: str) -> None:
        """Picks it and nothing else: from the crash centre, or a slot's menu."""
        if not self.command.is_running:
            self.picker.pick_only(plugin)

    def stress(self) -> None:
        plugins = self.picker.picked
        if self.command.is_running or not plugins:
            return
        self._end = None
        self.model.clear()
        self.model.names_plugins = len(plugins) > 1
        self._show_counts()
        self.verdict.hide()
        self.amount.show_text("")
        self._middle.setCurrentWidget(self.list)
        self.line.begin()
        self._show_running(True)
        self._report = self._reports / f"{datetime.now():%Y-%m-%d-%H%M%S-%f}"
        words = [
            *("stress", "run", "--progress", "json", "--level", str(self.level.level)),
            *("--jobs", str(self.jobs.value()), "--report", str(self._report), "--", *plugins),
        ]
        with contextlib.suppress(OSError):  # the command says so in better words
            self._reports.mkdir(parents=True, exist_ok=True)
        self.command.start(self._desk.state.command, *words)

    def close_commands(self) -> None:
        """When the window goes: waits some seconds at most until the run has ended."""
        self.command.close()

    def showEvent(self, event: QShowEvent | None) -> None:
        super().showEvent(event)
        if not self._was_seen:
            self._was_seen = True
            self.picker.ask_catalogue()

    # ------------------------------------------------------------------ while it runs

    def _on_told(self, event: StressEvent) -> None:
        match event:
            case Checking():
                self.model.begin(event)
            case Checked():
                self.model.finish(event)
                self._show_counts()
            case Count():
                self.line.show_count(event.done, event.total)
                self.amount.show_text(f"{event.done} of {event.total} checks")
            case Warned():
                self.amount.show_text(event.text)
            case PluginDone():
                pass  # its checks are in the list
            case End():
                self._end = event

    def _show_counts(self) -> None:
        counts = counts_of(self.model.rows)
        self.tally.setVisible(bool(self.model.rows) or self.command.is_running)
        self.tally.show_counts({mark_of(verdict): count for verdict, count in counts.items()})

    def _on_ended(self, ended: Ended) -> None:
        self._show_running(False)
        self.model.settle(interrupted=ended.cancelled)
        self._show_counts()
        end = self._end
        if ended.cancelled:
            word, text = "skip", "Cancelled" if end is None else end.line
        elif end is not None and ended.code in (0, _FAILED):
            word, text = end.verdict, end.line
            self.line.show_count(1, 1)
        else:
            word, text = "error", f"The run has failed: {ended.problem or 'it was killed'}"
        self._light.show_word(word)
        self._verdict.show_text(text)
        self.open_report.setVisible(self.report is not None)
        self.verdict.show()
        self.line.end("bypassed" if ended.cancelled else mark_of(word).colour)
        if not self.model.rows:
            self._hint.show_hint("Nothing was checked", "")
            self._middle.setCurrentWidget(self._hint)

    def _show_running(self, running: bool) -> None:
        self.start.setVisible(not running)
        self.cancel.setVisible(running)
        self.cancel.setEnabled(True)
        for widget in (self.picker, self.level, self.jobs):
            widget.setEnabled(not running)

    # ------------------------------------------------------------------ what the user does

    def _stop(self) -> None:
        self.cancel.setEnabled(False)
        self.amount.show_text("stopping…")
        self.command.cancel()

    def _show_level(self, level: int) -> None:
        known = max(one for one in _LEVELS if one <= level)
        self._level_words.show_text(_LEVELS[known])

    def _show_startable(self) -> None:
        picked = len(self.picker.picked)
        self.start.setEnabled(picked > 0)
        self.start.setText(f"Stress {picked} plugins" if picked > 1 else "Stress")

    def _open_report(self) -> None:
        file = self.report
        if file is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(file)))


def _reports_folder() -> Path:
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state else Path.home() / ".local" / "state"
    return base / "isobooth" / "stress-reports"
