# SPDX-License-Identifier: GPL-3.0-or-later
"""The window: how long a frame takes, how soon it is there, its memory, what it costs the music.

Drawn into memory (Qt's offscreen platform), because the machines that measure have no screen.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from host.desk.desk import Desk, DeskSettings
from host.desk.library import Library
from host.desk.server import DeskServer
from host.song_file import save_song
from ipc.desk.meters import MeterReader, MeterWriter
from ipc.desk.state import DeskState, SlotState, TrackState
from ipc.status import SlotStatus
from tools.bench.common import PLUGIN, chain_song, in_child

_STRIPS = 64
_TRACKS, _CHAIN = 4, 4  # of the song that is played while windows come and go
_SETTLE_S, _LOOK_S = 2.5, 3.0
_START_LIMIT_S = 30.0


def measure(frames: int, rounds: int, tell: Any) -> dict[str, Any]:
    """window_frame_ms: from a look at the meters to all painted, 64 strips with 3 plugins each, all
    levels moving. window_start_ms: from the process's start to its first paint. window_mb: PSS.
    window_block_us: median block times of a host with and without a window, taken in turn."""
    tell(f"window: {frames} frames of {_STRIPS} strips")
    drawn = in_child(_frame_times, frames)
    starts: list[float] = []
    memory: list[float] = []
    block_us: dict[str, list[float]] = {"without": [], "with": []}
    with tempfile.TemporaryDirectory(prefix="isobooth-bench-") as folder:
        song = Path(folder) / "song.json"
        save_song(chain_song(PLUGIN, _CHAIN, _TRACKS), song)
        with Desk(None, DeskSettings(device="null")) as desk:
            desk.open_file(str(song))
            desk.play(True)
            server = DeskServer(desk, Library(None))
            thread = threading.Thread(target=server.run, name="isb-bench-desk")
            thread.start()
            try:
                meters = MeterReader(server.meters_name)
                for number in range(rounds):
                    tell(f"window: round {number + 1} of {rounds}")
                    time.sleep(_SETTLE_S)
                    block_us["without"].append(_median_block_us(meters))
                    took_ms, window = _start_window(server.path, folder)
                    try:
                        starts.append(took_ms)
                        time.sleep(_SETTLE_S)
                        block_us["with"].append(_median_block_us(meters))
                        memory.append(_pss_mb(window.pid))
                    finally:
                        window.send_signal(signal.SIGKILL)
                        window.communicate()
                meters.close()
            finally:
                server.stop()
                thread.join()
                server.close()
    medians = {name: round(float(np.median(values)), 2) for name, values in block_us.items()}
    return {
        "window_frame_ms": {
            "median": round(float(np.median(drawn)), 2),
            "p99": round(float(np.percentile(drawn, 99)), 2),
        },
        "window_start_ms": round(float(np.median(starts)), 0),
        "window_mb": round(float(np.median(memory)), 1),
        "window_block_us": medians,
        "window_block_rounds_us": {
            name: [round(value, 1) for value in values] for name, values in block_us.items()
        },
    }


def _median_block_us(meters: MeterReader) -> float:
    """Of some looks at the median of the last second."""
    looks = []
    until = time.monotonic() + _LOOK_S
    while time.monotonic() < until:
        looks.append(float(meters.read()["block_us"]))
        time.sleep(0.1)
    return float(np.median(looks))


def _start_window(socket: str, folder: str) -> tuple[float, "subprocess.Popen[bytes]"]:
    """Milliseconds to its first paint, and its process."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_CONFIG_HOME": folder}
    started = time.monotonic()
    window = subprocess.Popen(
        [sys.executable, "-m", "ui", "--socket", socket, "--tell-first-paint"],
        env=environment,
        stdout=subprocess.PIPE,
    )
    assert window.stdout is not None
    window.stdout.readline()
    return (time.monotonic() - started) * 1000.0, window


def _pss_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    [line] = [line for line in text.splitlines() if line.startswith("Pss:")]
    return int(line.split()[1]) / 1024.0


def _frame_times(frames: int) -> list[float]:
    """In a process of its own: milliseconds of each frame."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from PyQt6.QtWidgets import QApplication

    from ui.desk import Desk as ShownDesk
    from ui.link import Link
    from ui.settings import Settings
    from ui.theme.theme import Theme
    from ui.window import Window

    application = QApplication(["isobooth"])
    writer = MeterWriter()
    with tempfile.TemporaryDirectory(prefix="isobooth-bench-") as folder:
        desk = ShownDesk(Link())
        window = Window(desk, Theme("dark"), Settings(Path(folder) / "window.ini"))
        window.resize(1920, 1080)
        window.show()
        desk.show(_busy_state(writer.name))
        times = []
        random = np.random.default_rng(1)
        for _ in range(frames + 30):
            writer.next["strips"]["peaks"] = random.uniform(0.0, 1.2, (1024, 2))
            writer.next["position_frames"] += 800
            writer.write()
            begun = time.perf_counter()
            window.clock.look()
            application.processEvents()
            times.append((time.perf_counter() - begun) * 1000.0)
        window.clock.close()
        writer.close()
    return times[30:]


def _busy_state(meters: str) -> DeskState:
    def slot(number: int, place: int) -> SlotState:
        return SlotState(
            id=f"s{number}-{place}", plugin=PLUGIN, name="ZamEQ2", status=SlotStatus.ACTIVE
        )

    tracks = tuple(
        TrackState(
            id=f"t{number}",
            name=f"Track {number}",
            kind="audio",
            slots=tuple(slot(number, place) for place in range(3)),
        )
        for number in range(_STRIPS)
    )
    return DeskState(song="Large", tracks=tracks, meters=meters, revision=0)
