# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the song is heard: device, sample rate and block size, changed while it plays."""

from collections.abc import Callable, Sequence
from functools import partial

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QMenu, QWidget

from ipc.desk.requests import AskDevices, Devices, SetDevice
from ipc.desk.state import DeviceChoice, DeviceState
from ui.controls.action import add_action, add_caption, only_one
from ui.controls.buttons import Button
from ui.controls.tip import plain_tip
from ui.desk import Desk
from ui.theme.theme import Theme

_RATES = (44100, 48000, 88200, 96000)  # where a device does not say which it can
_MOST_WIDTH = 180  # of a device's name
_BLOCKS = (32, 64, 128, 256, 512, 1024, 2048)


class DeviceButton(Button):
    """Shows what is in force; its menu asks the host for what there is."""

    def __init__(self, desk: Desk, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "Audio device", parent=parent)
        self._desk = desk
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._ask)
        self.setMenu(self._menu)
        self.setPopupMode(Button.ToolButtonPopupMode.InstantPopup)
        self.setMinimumWidth(150)

    def show_device(self, device: DeviceState) -> None:
        rate = f"{device.sample_rate / 1000:g} kHz"
        name = self.fontMetrics().elidedText(
            device.label or "No device", Qt.TextElideMode.ElideRight, _MOST_WIDTH
        )
        self.setText(f"{name}\n{rate} · {device.block_frames} frames".replace("&", "&&"))
        tip = [f"{device.label or 'No device'}, {rate}, blocks of {device.block_frames} frames"]
        if device.latency_s:
            tip.append(f"Latency {device.latency_s * 1000:.1f} ms")
        if not device.realtime:
            tip.append("Not at real-time priority")
        if device.problem:
            tip.append(device.problem)
        self.setToolTip(plain_tip("\n".join(tip)))
        self.setAccessibleDescription(", ".join(tip))
        if bool(device.problem) != bool(self.property("problem")):
            self.setProperty("problem", bool(device.problem))
            style = self.style()
            assert style is not None
            style.unpolish(self)
            style.polish(self)

    # ------------------------------------------------------------------ the menu

    def _ask(self) -> None:
        self._menu.clear()
        add_action(self._menu, "Looking for devices…").setEnabled(False)
        self._desk.ask(AskDevices(), self._fill, lambda _: self._menu.hide())

    def _fill(self, reply: Devices) -> None:
        now = self._desk.state.device
        self._menu.clear()
        chosen = next((one for one in reply.devices if one.device == now.device), None)
        devices = [
            (choice.label, choice is chosen, partial(self._choose_device, choice))
            for choice in reply.devices
        ]
        self._add("Device", devices)
        for caption, numbers, held, unit, choose in (
            ("Sample rate", _rates(chosen), now.sample_rate, "Hz", self._set_rate),
            ("Block", _BLOCKS, now.block_frames, "frames", self._set_block),
        ):
            every = sorted({*numbers, held})
            self._menu.addSeparator()
            self._add(caption, [(f"{n} {unit}", n == held, partial(choose, n)) for n in every])

    def _add(self, caption: str, choices: Sequence[tuple[str, bool, Callable[[], None]]]) -> None:
        """Of which one holds."""
        add_caption(self._menu, caption)
        only_one(
            self._menu,
            [
                add_action(self._menu, text.replace("&", "&&"), choose, checked=holds)
                for text, holds, choose in choices
            ],
        )

    def _choose_device(self, choice: DeviceChoice) -> None:
        now = self._desk.state.device
        rates = choice.sample_rates or (now.sample_rate,)
        rate = now.sample_rate if now.sample_rate in rates else rates[0]
        self._desk.ask(SetDevice(choice.device, rate, now.block_frames))

    def _set_rate(self, rate: int) -> None:
        now = self._desk.state.device
        self._desk.ask(SetDevice(now.device, rate, now.block_frames))

    def _set_block(self, frames: int) -> None:
        now = self._desk.state.device
        self._desk.ask(SetDevice(now.device, now.sample_rate, frames))


def _rates(chosen: DeviceChoice | None) -> tuple[int, ...]:
    if chosen is None or not chosen.sample_rates:
        return _RATES
    return tuple(rate for rate in chosen.sample_rates if 8000 <= rate <= 192000)
