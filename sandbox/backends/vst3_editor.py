# SPDX-License-Identifier: GPL-3.0-or-later
"""The editor of a VST3 plugin: the view of a second instance, which does not play."""

from collections.abc import Sequence

from sandbox._native import Vst3Editor
from sandbox.backends.editor import BesideEditor, EditorWindow, Sides

_ID_BITS = 0xFFFFFFFF


class Vst3BesideEditor(BesideEditor):
    """`module` is the library in the bundle; `parameter_ids` are minihost's: the plugin's numbers,
    in decimal."""

    def __init__(self, module: str, class_id: str, parameter_ids: Sequence[str]) -> None:
        self._native = Vst3Editor(module, class_id)
        self._numbers = [
            int(one) & _ID_BITS if one.removeprefix("-").isdecimal() else None
            for one in parameter_ids
        ]
        self._indices = {number: index for index, number in enumerate(self._numbers)}

    def open(self, window: EditorWindow) -> None:
        self._native.open(window.id)

    def close(self) -> None:
        self._native.close()

    @property
    def size(self) -> Sides:
        return self._native.size

    @property
    def can_resize(self) -> bool:
        return self._native.can_resize

    def resize(self, width: int, height: int) -> None:
        self._native.resize(width, height)

    def idle(self) -> None:
        self._native.idle()

    def show(self, parameter: int, value: float) -> None:
        number = self._numbers[parameter]
        if number is not None:
            self._native.set_value(number, value)

    def take_edits(self) -> list[tuple[int, float]]:
        edits = self._native.take_edits()
        return [(self._indices[one], value) for one, value in edits if one in self._indices]
