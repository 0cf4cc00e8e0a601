# SPDX-License-Identifier: GPL-3.0-or-later
"""A window says what can be done in a window."""

import pytest

from host.desk.advice import in_the_window
from host.portaudio_library import WITHOUT


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (WITHOUT, "“No device” in the menu of devices plays without one"),
        ("use `--rate 44100`, or set the device", "choose 44100 Hz, or set the device"),
        (
            "is held bypassed for 5 s; a larger --block or --pipelined gives it more time",
            "is held bypassed for 5 s; a larger block gives it more time",
        ),
        (
            "x is blacklisted (bad); `isobooth blacklist remove 'lv2:x y'` lifts it",
            "x is blacklisted (bad); restarting it lifts that",
        ),
        (
            "it is blacklisted until its file changes or `isobooth blacklist remove` lifts it",
            "it is blacklisted until its file changes or you restart it",
        ),
        ("`isobooth doctor` says how", "“isobooth doctor” in a terminal says how"),
        ("a `name` -- of a plugin's own", "a `name` -- of a plugin's own"),
    ],
)  # fmt: skip
def test_advice_is_what_the_window_offers(text: str, shown: str) -> None:
    assert in_the_window(text) == shown
