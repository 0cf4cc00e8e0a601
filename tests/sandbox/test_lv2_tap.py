# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of an LV2 plugin's instances, which JUCE makes: an editor that looks into one
is to be given the one that it belongs to."""

import os
import subprocess
import sys
from pathlib import Path

from tests.fixtures.lv2_bundle import make_lv2_bundle

# In a process of its own: JUCE looks for bundles once, and a tap is for the life of a process.
_TOLD = """
from sandbox._native import Lv2Tap
from sandbox.backends import open_plugin
from sandbox.backends.lilv import world

URI = "urn:isobooth:planted:inside-editor"


def load(rate=48000.0):
    return open_plugin(f"lv2:{URI}", sample_rate=rate, max_frames=512)


def now():
    return Lv2Tap.of(world().binary_of(URI), URI).handles


first = load()  # of two, one for each side
both = now()
assert len(both) == 2
second = load()
assert now()[:2] == both and len(now()) == 4
others = now()[2:]
first.set_state(first.get_state())
first.set_program(0)
first.set_parameter(0, 0.3)
assert now() == both + others  # nothing of that makes new ones
first.close()
assert now() == others
again = load(96000.0)
assert now()[:2] == others and len(now()) == 4
again.close()
second.close()
assert now() == []
try:
    Lv2Tap.of(world().binary_of(URI), "urn:isobooth:planted:nobody")
except RuntimeError as error:
    assert "does not hold urn:isobooth:planted:nobody" in str(error)
else:
    raise AssertionError
"""


def test_instances_are_known_as_they_come_and_go(tmp_path: Path) -> None:
    make_lv2_bundle(tmp_path / ".lv2")
    told = subprocess.run(
        [sys.executable, "-c", _TOLD],
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert told.returncode == 0, told.stderr
