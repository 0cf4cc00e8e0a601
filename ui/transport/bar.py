# SPDX-License-Identifier: GPL-3.0-or-later
"""The transport bar: play and where, how fast, and whether the machine keeps up."""

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QSize, Qt
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ipc.desk.meters import Meters
from ipc.desk.requests import Locate, Play, SetLoop, SetSong
from ipc.desk.state import DeskState
from ui.controls.buttons import Button
from ui.desk import Desk
from ui.theme.theme import Theme
from ui.transport.aside import Aside
from ui.transport.device_menu import DeviceButton
from ui.transport.figure import Figure
from ui.transport.load import LoadMeter
from ui.transport.loop_fields import LoopFields
from ui.transport.place_field import PlaceField, no_place
from ui.transport.position import bar_frames, bars_text, frame_of, time_text
from ui.transport.song_fields import SignatureField, TempoField

_LOOP_BARS = 4  # that are repeated when the song is empty
_FIELD_GAP, _FIGURE_GAP = 12, 14
_SIZED = (QEvent.Type.Resize, QEvent.Type.LayoutRequest)


class TransportBar(QWidget):
    """Its methods are what keys and menus do, too."""

    def __init__(self, desk: Desk, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("transport")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Transport")
        self._desk = desk
        self._theme = theme
        self._frame = -1
        self.home = _button(
            theme, "Return to start", "mdi6.skip-previous", "Return to start (Home)"
        )
        self.stop = _button(theme, "Stop", "mdi6.stop", "Stop; once more: return to start")
        self.play = _button(theme, "Play", "mdi6.play", "Play (Space)", checked="on_lit")
        self.loop = _button(theme, "Loop", "mdi6.repeat", "Loop (L)", checked="on_accent")
        self.play.setObjectName("play")
        self.loop.setObjectName("loop")
        self.home.clicked.connect(self.return_to_start)
        self.stop.clicked.connect(self.stop_playing)
        self.play.clicked.connect(lambda: self._keep(self.play, self.toggle_playing))
        self.loop.clicked.connect(lambda: self._keep(self.loop, self.toggle_loop))
        self.bars = _figures(theme, "display", "Position in bars and beats", "0000.0.0")
        self.time = _figures(theme, "large", "Position in time", "00:00.000")
        for place in (self.bars, self.time):
            place.typed.connect(self._go_to)
        self.tempo = TempoField(theme)
        self.signature = SignatureField(theme)
        self.tempo.chosen.connect(lambda tempo: desk.change(SetSong(tempo=tempo)))
        self.signature.chosen.connect(
            lambda beats, unit: desk.change(SetSong(time_signature=(beats, unit)))
        )
        self.loop_range = LoopFields(theme)
        self.loop_range.chosen.connect(lambda start, end: desk.ask(SetLoop(start, end)))
        for field in (self.tempo, self.signature, self.loop_range):
            field.refused.connect(desk.refused)
        self.load = LoadMeter(theme)
        self.cpu = Figure(theme, "CPU", "000 %", "Of the host and its plugins; 100 % is one core")
        self.xruns = Figure(theme, "Xruns", "0000", "How often the device had no sound in time")
        self.late = Figure(theme, "Late", "0000", "Blocks that missed their deadline")
        self.device = DeviceButton(desk, theme)
        self._lay_out()
        desk.shown.connect(self.show_state)
        self.show_state(desk.state)
        self._show_position(0)

    def _lay_out(self) -> None:
        # What is placed first leaves last.
        self._aside = aside = Aside(self, self._theme)
        tempo = aside.place(_captioned("TEMPO", self.tempo), _FIELD_GAP)
        time = aside.place(self.time, _FIELD_GAP)
        signature = aside.place(_captioned("SIGNATURE", self.signature), _FIELD_GAP)
        loop = aside.place(_captioned("LOOP", self.loop_range), _FIELD_GAP)
        cpu = aside.place(self.cpu, _FIGURE_GAP)
        load = aside.place(self.load, _FIGURE_GAP)
        display = QFrame()
        display.setObjectName("display")
        fields = QHBoxLayout(display)
        fields.setContentsMargins(8, 3, 8, 3)
        fields.setSpacing(0)
        fields.addWidget(self.bars)
        for field in (time, tempo, signature, loop):
            fields.addLayout(field)
        buttons = QHBoxLayout()
        buttons.setSpacing(5)
        for button in (self.home, self.stop, self.play, self.loop):
            buttons.addWidget(button)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 7, 10, 7)
        row.setSpacing(0)
        row.addLayout(buttons)
        row.addSpacing(10)
        row.addWidget(display)
        row.addStretch(1)
        for figure in (load, cpu):
            row.addLayout(figure)
        for counted in (self.xruns, self.late):
            row.addSpacing(_FIGURE_GAP)
            row.addWidget(counted)
        row.addLayout(aside.place_button())
        row.addSpacing(_FIGURE_GAP)
        row.addWidget(self.device)

    @property
    def drawer(self) -> QWidget:
        """Where what has no room here stands, when it is wanted."""
        return self._aside.drawer

    def set_usable(self, usable: bool) -> None:
        """Nothing is, without a host."""
        self.setEnabled(usable)
        self._aside.more.setChecked(False)
        self.drawer.setEnabled(usable)

    def minimumSizeHint(self) -> QSize:
        return QSize(self._aside.least_width, super().minimumSizeHint().height())

    def event(self, event: QEvent | None) -> bool:
        done = super().event(event)
        if event is not None and event.type() in _SIZED:
            self._aside.fit()
        return done

    # ------------------------------------------------------------------ what is shown

    def show_state(self, state: DeskState) -> None:
        transport = state.transport
        self.play.show_checked(transport.playing)
        self.loop.show_checked(transport.loop is not None)
        self.tempo.show_tempo(transport.tempo)
        self.signature.show_signature(transport.time_signature)
        self.loop_range.show_transport(transport, state.device.sample_rate)
        self.device.show_device(state.device)
        frame, self._frame = self._frame, -1
        self._show_position(max(0, frame))

    def show_meters(self, meters: Meters, _: float = 0.0) -> None:
        self._show_position(int(meters["position_frames"]))
        self.load.show_times(
            float(meters["block_us"]),
            float(meters["longest_block_us"]),
            float(meters["deadline_us"]),
        )
        self.cpu.show_text(f"{float(meters['cpu']) * 100:.0f} %")
        self.xruns.show_text(*_counted(int(meters["xruns"])))
        self.late.show_text(*_counted(int(meters["late_blocks"])))

    def _show_position(self, frame: int) -> None:
        if frame == self._frame:
            return
        self._frame = frame
        rate, transport = self._desk.state.device.sample_rate, self._desk.state.transport
        # A beat of x/8 is an eighth; the tempo counts quarters.
        beats, unit = transport.time_signature
        self.bars.show_text(bars_text(frame, rate, transport.tempo * unit / 4, beats))
        self.time.show_text(time_text(frame, rate))

    # ------------------------------------------------------------------ what the user does

    def toggle_playing(self) -> None:
        self._desk.ask(Play(not self._desk.state.transport.playing))

    def stop_playing(self) -> None:
        if self._desk.state.transport.playing:
            self._desk.ask(Play(False))
        else:
            self.return_to_start()

    def return_to_start(self) -> None:
        self._desk.ask(Locate(0))

    def _go_to(self, text: str) -> None:
        """Where was typed."""
        rate, transport = self._desk.state.device.sample_rate, self._desk.state.transport
        beats, unit = transport.time_signature
        frame = frame_of(text, rate, transport.tempo * unit / 4, beats)
        if frame is None:
            self._desk.refused.emit(no_place(text))
        else:
            self._desk.ask(Locate(frame))

    def toggle_loop(self) -> None:
        """Of the whole song."""
        transport = self._desk.state.transport
        if transport.loop is not None:
            self._desk.ask(SetLoop(0, 0))
            return
        rate, (beats, unit) = self._desk.state.device.sample_rate, transport.time_signature
        bar = bar_frames(rate, transport.tempo * unit / 4, beats)
        self._desk.ask(SetLoop(0, transport.length_frames or _LOOP_BARS * bar))

    def _keep(self, button: Button, do: Callable[[], None]) -> None:
        """A click asks; only the host's answer shows."""
        button.setChecked(not button.isChecked())
        do()


def _button(theme: Theme, name: str, icon: str, tip: str, checked: str = "") -> Button:
    button = Button(
        theme, name, icon=icon, tip=tip, checkable=bool(checked), checked_colour=checked or "text"
    )
    button.setFixedSize(40, 34)
    button.setIconSize(QSize(22, 22))
    return button


def _figures(theme: Theme, size: str, name: str, widest: str) -> PlaceField:
    field = PlaceField(theme, name, widest, size=size)
    field.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return field


def _captioned(caption: str, field: QWidget) -> QWidget:
    held = QWidget()
    column = QVBoxLayout(held)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    label = QLabel(caption)
    label.setProperty("caption", True)
    label.setBuddy(field)
    column.addWidget(label, alignment=Qt.AlignmentFlag.AlignHCenter)
    column.addWidget(field, alignment=Qt.AlignmentFlag.AlignHCenter)
    return held


def _counted(count: int) -> tuple[str, str]:
    """The text and its colour."""
    return str(count), "late" if count else ""
