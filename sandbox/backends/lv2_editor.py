# SPDX-License-Identifier: GPL-3.0-or-later
"""The editor of an LV2 plugin: a library of its own that knows the plugin by its ports only."""

from collections.abc import Mapping, Sequence

from ipc.errors import WorkerError
from sandbox._native import Lv2Editor, Lv2Tap
from sandbox.backends.editor import BesideEditor, EditorWindow, Sides
from sandbox.backends.lilv import Lv2Data, Lv2Ui
from sandbox.backends.plugin import PlainRange

_X11_UI = "http://lv2plug.in/ns/extensions/ui#X11UI"
_FIXED = {
    "http://lv2plug.in/ns/extensions/ui#fixedSize",
    "http://lv2plug.in/ns/extensions/ui#noUserResize",
}
_INSIDE = {
    "http://lv2plug.in/ns/ext/data-access",
    "http://lv2plug.in/ns/ext/instance-access",
}
# What an editor may require: what Lv2Editor offers, and what is so anyway.
_OFFERED = (
    _FIXED
    | _INSIDE
    | {
        "http://lv2plug.in/ns/ext/options#options",
        "http://lv2plug.in/ns/ext/urid#map",
        "http://lv2plug.in/ns/ext/urid#unmap",
        "http://lv2plug.in/ns/extensions/ui#idleInterface",
        "http://lv2plug.in/ns/extensions/ui#makeResident",
        "http://lv2plug.in/ns/extensions/ui#makeSONameResident",
        "http://lv2plug.in/ns/extensions/ui#parent",
        "http://lv2plug.in/ns/extensions/ui#portMap",
        "http://lv2plug.in/ns/extensions/ui#resize",
        "http://lv2plug.in/ns/extensions/ui#touch",
    }
)

# By so much of itself a normalized default may differ from the true one: JUCE reckons in floats.
# One bit less than 0 dB is shown as -0.00.
_ROUNDED = 5e-7


def ui_for_x11(uis: Sequence[Lv2Ui]) -> Lv2Ui:
    """The first that can be opened. Raises WorkerError that says why there is none."""
    if not uis:
        raise WorkerError("the plugin has no editor")
    fit = [ui for ui in uis if _X11_UI in ui.classes]
    if not fit:
        kinds = {_last_part(one) for ui in uis for one in ui.classes} - {"UI"}
        raise WorkerError(
            "the plugin has no editor for a window of X11, only of another kind: "
            + ", ".join(sorted(kinds))
        )
    for ui in fit:
        if ui.required <= _OFFERED:
            return ui
    lacks = ", ".join(sorted(map(_last_part, fit[0].required - _OFFERED)))
    raise WorkerError(f"the plugin's editor asks of its host what is not offered: {lacks}")


def looks_inside(ui: Lv2Ui) -> bool:
    """Whether it is to be given the plugin itself, which it reads and writes as it likes."""
    return bool(_INSIDE & ui.required)


def _last_part(uri: str) -> str:
    """Such as GtkUI, external-ui#Widget, instance-access."""
    return uri.rstrip("/#").rpartition("/")[2].removeprefix("ui#")


class Lv2BesideEditor(BesideEditor):
    """`ids` of its parameters are minihost's: sym:SYMBOL, by the port. `inside`: the plugin's tap
    and the instance that an editor sees which looks inside. Raises WorkerError, RuntimeError."""

    def __init__(
        self,
        plugin_uri: str,
        data: Lv2Data,
        ui: Lv2Ui,
        sample_rate: float,
        ids: Sequence[str],
        inside: tuple[Lv2Tap, int] | None = None,
    ) -> None:
        if looks_inside(ui) and inside is None:
            raise WorkerError(
                "the plugin's editor wants to see its instance, which is out of reach"
            )
        self._native = Lv2Editor(
            ui.binary,
            ui.uri,
            plugin_uri,
            f"{ui.bundle}/",
            list(data.symbols),
            sample_rate,
            *(inside if inside and looks_inside(ui) else ()),
        )
        self._is_fixed = bool(_FIXED & (ui.required | ui.optional))
        self._window: EditorWindow | None = None
        ports = {f"sym:{symbol}": port for port, symbol in enumerate(data.symbols)}
        self._ports = [ports.get(one) for one in ids]
        self._ranges = [_range_of(data.controls, one) for one in ids]
        self._defaults = [_control_of(data.controls, one).default for one in ids]
        self._indices = {port: index for index, port in enumerate(self._ports) if port is not None}

    def open(self, window: EditorWindow) -> None:
        self._native.open(window.id)
        self._window = window

    def close(self) -> None:
        self._native.close()
        self._window = None

    @property
    def size(self) -> Sides:
        """Of its own window. One that has none yet has said how large it will be, or is 0."""
        own = self._window.child_size() if self._window else None
        return own or self._native.wanted_size or (0, 0)

    @property
    def can_resize(self) -> bool:
        return not self._is_fixed

    def resize(self, width: int, height: int) -> None:
        if self._is_fixed or self._window is None:
            return
        self._native.resize(width, height)
        # Told or not, its window is resized by whoever has embedded it.
        self._window.resize_child(width, height)

    def idle(self) -> None:
        self._native.idle()

    def show(self, parameter: int, value: float) -> None:
        port, between = self._ports[parameter], self._ranges[parameter]
        if port is not None and between is not None:
            low, high = between
            default = self._defaults[parameter]
            plain = low + value * (high - low)
            if default is not None and abs(plain - default) <= _ROUNDED * (default - low):
                plain = default
            self._native.set_value(port, plain)

    def take_edits(self) -> list[tuple[int, float]]:
        edits = []
        for port, value in self._native.take_edits():
            index = self._indices.get(port)
            between = None if index is None else self._ranges[index]
            if index is not None and between is not None:
                low, high = between
                edits.append((index, (value - low) / (high - low)))
        return edits


def _range_of(controls: Mapping[str, PlainRange], parameter_id: str) -> tuple[float, float] | None:
    """Its least and largest value, where its data says them and they differ."""
    known = _control_of(controls, parameter_id)
    if known.minimum is None or known.maximum is None:
        return None
    return (known.minimum, known.maximum) if known.minimum < known.maximum else None


def _control_of(controls: Mapping[str, PlainRange], parameter_id: str) -> PlainRange:
    return controls.get(parameter_id.removeprefix("sym:")) or PlainRange()
