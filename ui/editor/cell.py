# SPDX-License-Identifier: GPL-3.0-or-later
"""One parameter: its name, the control that fits it, and its value in the plugin's words."""

import re
from typing import NamedTuple

from PyQt6.QtCore import QRect, QRectF, Qt
from PyQt6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PyQt6.QtWidgets import QWidget

from ipc.description import ParameterDescription
from ipc.desk.requests import SetParameter
from ui.controls.tip import plain_tip
from ui.desk import Desk
from ui.editor.choice import Choice
from ui.editor.dial import Dial
from ui.editor.switch import Switch
from ui.editor.values import Values, step_of_value, value_of_step
from ui.editor.wheel import WheelGuard
from ui.gesture import Gesture
from ui.theme.theme import Theme


class CellSize(NamedTuple):
    width: int  # at least
    height: int
    dial: int


NORMAL = CellSize(96, 122, 60)
LARGE = CellSize(122, 148, 80)  # where there are few

_NAME_TOP, _NAME_HEIGHT = 9, 18
_VALUE_HEIGHT = 18
_QUIET = 0.75  # opacity of what cannot be changed
_FEW = 12  # steps that make a list
_MANY_WORDS = 64  # that do when they are words
_LONG = re.compile(r"^-?\d+\.\d{4,}")  # more decimals than anybody reads
_NUMBER = re.compile(r"[-+−]?\d+([.,]\d+)?")


class ParameterCell(QWidget):
    """As wide as the grid makes it."""

    def __init__(
        self,
        desk: Desk,
        values: Values,
        theme: Theme,
        parameter: ParameterDescription,
        guard: WheelGuard,
        size: CellSize = NORMAL,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.parameter = parameter
        self._desk = desk
        self._values = values
        self._theme = theme
        self._text = ""
        self._gesture = Gesture(desk, self)
        self._size = size
        self.control: Dial | Switch | Choice = self._make(guard)
        self.control.setEnabled(not parameter.read_only)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        name = parameter.name or f"Parameter {parameter.index + 1}"
        note = "\nOnly the plugin changes it" if parameter.read_only else ""
        self.setToolTip(plain_tip(name + note))
        self._name = name
        self.show_values()

    def _make(self, guard: WheelGuard) -> Dial | Switch | Choice:
        parameter, theme = self.parameter, self._theme
        name = parameter.name or f"Parameter {parameter.index + 1}"
        if parameter.boolean or (parameter.steps == 2 and not parameter.read_only):
            switch = Switch(theme, name, self)
            switch.switched.connect(lambda on: self._set_once(1.0 if on else 0.0))
            return switch
        if is_list(parameter):
            choice = Choice(
                theme,
                name,
                parameter.steps,
                lambda step: self._values.step_text(parameter.index, step),
                guard,
                self,
            )
            choice.chosen.connect(lambda step: self._set_once(value_of_step(step, parameter.steps)))
            choice.default_wanted.connect(lambda: self._set_once(parameter.default))
            return choice
        dial = Dial(
            theme,
            name,
            default=parameter.default,
            origin=origin_of(parameter),
            steps=parameter.steps,
            guard=guard,
            size=self._size.dial,
            parent=self,
        )
        dial.begun.connect(self._begin)
        dial.moved.connect(self._move)
        dial.ended.connect(self._end)
        return dial

    @property
    def is_held(self) -> bool:
        return self._gesture.is_held

    def show_values(self) -> None:
        """What `Values` knows."""
        index = self.parameter.index
        if index >= len(self._values.values):
            return
        value = self._values.values[index]
        text = self._values.texts[index] if index < len(self._values.texts) else ""
        text = tidied(text.strip(), self.parameter.unit)
        if isinstance(self.control, Switch) and (not text or _NUMBER.fullmatch(text)):
            text = "On" if value >= 0.5 else "Off"  # a number is no word for a switch
        control = self.control
        if isinstance(control, Dial):
            if not control.is_active:
                control.show_amount(value)
            control.show_text(text)
        elif isinstance(control, Switch):
            control.show_on(value >= 0.5)
            control.setAccessibleDescription(text)
        else:
            control.show_step(step_of_value(value, self.parameter.steps), text)
        if text != self._text:
            self._text = text
            self.update()

    # ------------------------------------------------------------------ what the user does

    def _begin(self) -> None:
        self._values.hold(self.parameter.index)
        self._gesture.begin()
        self.update()

    def _move(self, value: float) -> None:
        self._values.show_one(self.parameter.index, value)
        self._gesture.change(
            SetParameter(slot=self._values.slot, parameter=self.parameter.index, value=value)
        )

    def _end(self) -> None:
        self._gesture.end()
        self._values.release(self.parameter.index)
        self.update()

    def _set_once(self, value: float) -> None:
        self._begin()
        self._move(value)
        self._end()
        self.show_values()

    # ------------------------------------------------------------------ the look

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        control, top = self.control, _NAME_TOP + _NAME_HEIGHT
        if isinstance(control, Choice):
            control.setFixedWidth(self.width() - 16)
        middle = top + (self.height() - top - _VALUE_HEIGHT - 8) // 2
        control.move((self.width() - control.width()) // 2, middle - control.height() // 2)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        held = isinstance(self.control, Dial) and self.control.is_active
        if self.underMouse() or held:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("raised"))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(2, 2, -2, -2), 7.0, 7.0)
        width = self.width() - 12
        centre = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font("small"))
        painter.setOpacity(1.0 if self.control.isEnabled() else _QUIET)
        painter.setPen(theme.colour("text_dim" if self.control.isEnabled() else "text_faint"))
        name = painter.fontMetrics().elidedText(self._name, Qt.TextElideMode.ElideRight, width)
        painter.drawText(QRect(6, _NAME_TOP, width, _NAME_HEIGHT), centre, name)
        if not isinstance(self.control, Choice):
            painter.setFont(theme.font("small", bold=True))
            colour = "accent" if held else "text" if self.control.isEnabled() else "text_faint"
            painter.setPen(theme.colour(colour))
            box = QRect(6, self.height() - _VALUE_HEIGHT - 7, width, _VALUE_HEIGHT)
            text = painter.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideRight, width)
            painter.drawText(box, centre, text)
        painter.end()


def tidied(text: str, unit: str) -> str:
    """Without digits that tell nothing ("500.000000 Hz"), and with its unit."""
    text = _LONG.sub(_shortened, text, count=1)
    return f"{text} {unit}" if unit and _NUMBER.fullmatch(text) else text


def _shortened(found: re.Match[str]) -> str:
    value = float(found[0])
    decimals = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 1 else 3
    short = f"{value:.{decimals}f}".rstrip("0").rstrip(".") if decimals else f"{value:.0f}"
    return "0" if short in ("-0", "") else short


def is_list(parameter: ParameterDescription) -> bool:
    """Whether a list shows it better than a knob."""
    if parameter.steps <= 2:
        return False
    if parameter.steps <= _FEW:
        return True
    texts = (parameter.min_text.strip(), parameter.max_text.strip())
    has_words = all(text and not _NUMBER.match(text) for text in texts)
    return has_words and parameter.steps <= _MANY_WORDS


def origin_of(parameter: ParameterDescription) -> float:
    """Where it is neutral: the middle of what goes as far below zero as above it, else its
    beginning."""
    low, high = parameter.min_value, parameter.max_value
    if low is None or high is None:
        low, high = _first_number(parameter.min_text), _first_number(parameter.max_text)
    if low is not None and high is not None and low < 0 < high and abs(low + high) < 0.02 * high:
        return 0.5
    return 0.0


def _first_number(text: str) -> float | None:
    found = _NUMBER.match(text.strip())
    return float(found[0].replace(",", ".").replace("−", "-")) if found else None
