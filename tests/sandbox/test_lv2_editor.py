# SPDX-License-Identifier: GPL-3.0-or-later
"""What the editor of an LV2 plugin is told of values, which are counted in other numbers there."""

import numpy as np
import pytest

from sandbox.backends import lv2_editor
from sandbox.backends.lilv import Lv2Data, Lv2Ui
from sandbox.backends.plugin import PlainRange

# The band gains of LSP Graphic Equalizer, and by how much JUCE says that they are turned up: not
# the float that is nearest.
_GAIN = PlainRange("", 0.015850000083446503, 63.09574890136719, 1.0)
_GAIN_IN_JUCE = 0.01560164149850607


class _Native:
    def __init__(self, *_: object) -> None:
        self.values: list[tuple[int, np.float32]] = []

    def set_value(self, port: int, value: float) -> None:
        self.values.append((port, np.float32(value)))


def _told(control: PlainRange, value: float, monkeypatch: pytest.MonkeyPatch) -> float:
    native = _Native()
    monkeypatch.setattr(lv2_editor, "Lv2Editor", lambda *_: native)
    data = Lv2Data(
        name="",
        author="",
        version="",
        category="",
        is_instrument=False,
        bundle="",
        audio_inputs=(0,),
        audio_outputs=(),
        has_latency=False,
        works_in_place=True,
        keys=(),
        controls={"gain": control},
        symbols=("in", "gain"),
    )
    nothing: frozenset[str] = frozenset()
    ui = Lv2Ui("urn:ui", "ui.so", "/bundle", nothing, nothing, nothing)
    lv2_editor.Lv2BesideEditor("urn:plugin", data, ui, 48_000.0, ["sym:gain"]).show(0, value)
    [(port, told)] = native.values
    assert port == 1
    return float(told)


def test_a_default_is_shown_to_the_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """One bit less is shown as -0.00 dB."""
    assert _told(_GAIN, _GAIN_IN_JUCE, monkeypatch) == 1.0


@pytest.mark.parametrize("value", [0.0, 0.0000001, 0.01560, 0.01561, 1.0])
def test_what_is_not_the_default_is_not_shown_as_it(
    value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = _told(_GAIN, value, monkeypatch)
    assert shown == pytest.approx(0.01585 + value * (63.09574890136719 - 0.01585), rel=1e-6)
    assert shown != 1.0


def test_a_small_default_is_not_shown_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _told(PlainRange("", 0.0, 1000.0, 0.0001), 0.0, monkeypatch) == 0.0


def test_a_value_without_a_default_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _told(PlainRange("", -1.0, 1.0), 0.75, monkeypatch) == 0.5
