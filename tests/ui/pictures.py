# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.ui.pictures FOLDER`: pictures of the window in both themes, at the scale of
QT_SCALE_FACTOR, to be looked at."""

import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PyQt6.QtWidgets import QApplication

from ipc.desk.meters import _LAYOUT
from ipc.desk.state import Notice
from tests.ui.example import example_state
from ui.desk import Desk
from ui.link import Link
from ui.settings import Settings
from ui.theme.theme import THEMES, Theme
from ui.window import Window


def main(folder: Path) -> None:
    application = QApplication(["pictures"])
    theme = Theme(reduced_motion=True)
    theme.apply()
    desk = Desk(Link())
    window = Window(desk, theme, Settings(folder / "window.ini"))
    window.resize(1280, 760)
    window.show()
    desk.show(example_state())
    meters = np.zeros((), _LAYOUT)
    meters["revision"], meters["position_frames"] = 1, 1_234_567
    meters["block_us"], meters["longest_block_us"], meters["deadline_us"] = 610, 1480, 2266
    meters["cpu"], meters["late_blocks"] = 0.34, 3
    levels = np.array([0.7, 0.5, 0.02, 0.8, 0.2, 0.1, 1.05, 0.6, 0.9], np.float32)
    meters["strips"]["peaks"][: len(levels)] = np.stack([levels, levels * 0.8], 1)
    window.mixer.show_meters(meters, 0.016)
    meters["strips"]["peaks"][: len(levels)] *= 0.6
    window.mixer.show_meters(meters, 0.3)
    window.transport.show_meters(meters)
    window.mixer.select("bass")
    window.notices._since_s = 0.0
    scale = os.environ.get("QT_SCALE_FACTOR", "1")
    for name in THEMES:
        theme.choose(name)
        application.processEvents()
        window.grab().save(str(folder / f"window-{name}-{scale}x.png"))
    theme.choose("dark")
    notice = Notice(
        number=0,
        kind="quarantined",
        text="synthv1 on Pad failed 5 times in a minute and is left out until its file changes",
        slot="pad-synth",
    )
    desk.happened.emit((notice,))
    desk.refused.emit("/home/me/Music/night-drive.json cannot be written: the disk is full")
    window.banner.show_lost("the host has ended")
    window.transport.setEnabled(False)
    for _ in range(5):
        application.processEvents()
    window.grab().save(str(folder / f"window-lost-{scale}x.png"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
