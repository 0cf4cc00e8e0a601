# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen while a song plays: one line that is written anew, and notices as they come.

Both go to standard error. The line only stands on a terminal: in a log it would be noise.
"""

import shutil
import sys
from typing import TextIO

from host.device import AudioDevice, DeviceState
from host.events import HostEvent
from host.host import Host
from ipc.status import SlotStatus
from tools.block_log import BlockLog
from tools.console import printable
from tools.render.report import clock

_ERASE_LINE = "\r\x1b[K"


class Screen:
    """The terminal while a song plays. Use as a context manager: it leaves a clean line."""

    def __init__(self, stream: TextIO | None = None, live: bool | None = None) -> None:
        """`live`: whether to show the line; None looks whether it is a terminal."""
        self._stream = stream if stream is not None else sys.stderr
        self._live = self._stream.isatty() if live is None else live
        self._line = ""

    def __enter__(self) -> "Screen":
        return self

    def __exit__(self, *_: object) -> None:
        self._write(_ERASE_LINE if self._line else "")

    def show(self, line: str) -> None:
        """Puts this line in the place of the one before."""
        if not self._live:
            return
        width = shutil.get_terminal_size().columns - 1
        self._line = printable(line)[:width]
        self._write(_ERASE_LINE + self._line)

    def say(self, text: str) -> None:
        """A line that stays."""
        head = _ERASE_LINE if self._line else ""
        self._write(f"{head}{printable(text)}\n{self._line}")

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # the terminal is gone; the mix is not
            self._live = False


def notice(event: HostEvent, position_s: float) -> str:
    """An event as a person reads it."""
    report = f" (crash report {event.report})" if event.report else ""
    return f"[{clock(position_s)}] {event.text}{report}"


def status_line(host: Host, device: AudioDevice | None, log: BlockLog, length_s: float) -> str:
    """Position, load, what went wrong: the most important first, as a narrow terminal cuts it."""
    config, driver = host.config, host.driver
    assert driver is not None
    frames = max(0, host.engine.position_frames - host.mix.latency_frames)
    position = clock(frames / config.sample_rate)[:-2]
    if length_s > 0:
        position += f" of {clock(length_s)[:-2]}"
    times = log.recent()
    parts = [
        position,
        f"block {times.median:.0f} µs, longest {times.max:.0f} of {1e6 * config.block_s:.0f}",
        f"{host.engine.late_blocks} late",
        f"{driver.xruns} xruns",
    ]
    if device is not None and device.state is not DeviceState.PLAYING:
        parts.insert(1, f"device {device.state}")
    for slot in host.slots():
        if slot.status is not SlotStatus.ACTIVE:
            parts.append(f"{slot.id} {slot.status}")
    return " · ".join(parts)
