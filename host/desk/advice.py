# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host advises, for somebody who looks at a window: what can be done there is said in its
words, and of a command that it is one for a terminal."""

import re

_WORDS = (
    (r"`--device null` plays", "“No device” in the menu of devices plays"),
    (r"use `--rate ([^`]*)`", r"choose \1 Hz"),
    (r"a larger --block or --pipelined gives", "a larger block gives"),
    (r"; `isobooth blacklist remove [^`]*` lifts it", "; restarting it lifts that"),
    (r"changes or `isobooth blacklist remove` lifts it", "changes or you restart it"),
    (r"`((?:isobooth|apt|pip|modprobe|dmesg|dask)\b[^`]*)`", r"“\1” in a terminal"),
)
_RULES = tuple((re.compile(pattern), words) for pattern, words in _WORDS)


def in_the_window(text: str) -> str:
    """The text with what a window offers in the places of options and commands."""
    if "`" not in text and "--" not in text:
        return text
    for rule, words in _RULES:
        text = rule.sub(words, text)
    return text
