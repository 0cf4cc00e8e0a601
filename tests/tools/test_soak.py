# SPDX-License-Identifier: GPL-3.0-or-later
"""The soak: a short one finds nothing here, and growth of any kind would be found."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools.soak.footprint import Footprint, look
from tools.soak.verdict import COUNTS, ENOUGH_SONGS, MEMORY_LIMIT_BYTES, judge

ROOT = Path(__file__).parents[2]
MIB = 2**20


def quiet(number: int, **fields: int) -> Footprint:
    values = {
        "rss_bytes": 90 * MIB,
        "pss_bytes": 80 * MIB,
        "anonymous_bytes": 50 * MIB,
        "descriptors": 20,
        "threads": 3,
        "children": 1,
        "segments": 0,
        "semaphores": 0,
    }
    return Footprint(at_s=float(number), playing=False, **(values | fields))


@pytest.mark.process
@pytest.mark.slow
def test_a_short_soak_finds_no_growth(tmp_path: Path) -> None:
    report, picture = tmp_path / "soak.json", tmp_path / "soak.png"
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "tools.soak", "--minutes", "0.33", "--song-seconds", "3"),
            *("--json", report, "--picture", picture),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = json.loads(report.read_text())
    assert found["songs"] >= 4
    assert found["restarts"] >= found["songs"]  # each has a plugin that fails by itself
    assert found["verdict"]["growth"] == found["problems"] == []
    assert {"kill", "stop"} <= set(found["deeds"])
    assert any(one["playing"] and one["segments"] for one in found["looks"])
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_look_sees_what_this_process_holds() -> None:
    before = look(0.0, playing=False)
    with open("/dev/null", "rb"):
        during = look(1.0, playing=False)
    assert during.descriptors == before.descriptors + 1
    assert 0 < before.anonymous_bytes <= before.rss_bytes
    assert before.threads >= 1


@pytest.mark.parametrize("name", COUNTS)
def test_one_thing_more_at_the_end_is_growth(name: str) -> None:
    looks = [quiet(i) for i in range(6)]
    assert judge(looks).growth == ()
    looks[-1] = quiet(5, **{name: getattr(looks[0], name) + 1})
    (line,) = judge(looks).growth
    assert line.startswith(f"{name}: ")


def test_what_the_warm_up_takes_is_no_growth() -> None:
    cold = [quiet(0, descriptors=9, anonymous_bytes=MIB), quiet(1, anonymous_bytes=9 * MIB)]
    assert judge([*cold, *(quiet(i) for i in range(2, 8))]).growth == ()


def test_memory_that_grows_with_every_song_is_told_from_a_step() -> None:
    base = 50 * MIB
    leak = MEMORY_LIMIT_BYTES // 20
    steady = [quiet(i, anonymous_bytes=base + (i % 3) * MIB) for i in range(40)]
    step = [quiet(i, anonymous_bytes=base + (8 * MIB if i > 30 else 0)) for i in range(40)]
    leaking = [quiet(i, anonymous_bytes=base + i * leak) for i in range(40)]
    assert judge(steady).growth == ()
    assert judge(step).growth == ()
    (line,) = judge(leaking).growth
    assert line.startswith("memory: ")
    assert judge(leaking).memory_slope_bytes_per_song == leak


def test_a_few_songs_say_nothing_of_memory() -> None:
    few = [quiet(i, anonymous_bytes=(50 + 9 * i) * MIB) for i in range(ENOUGH_SONGS + 1)]
    assert judge(few).growth == ()
    assert judge([*few, quiet(99, anonymous_bytes=900 * MIB)]).growth != ()


def test_looks_while_a_song_plays_are_shown_and_not_judged() -> None:
    looks = []
    for i in range(6):
        looks += [quiet(i), Footprint(**{**_fields(quiet(i)), "playing": True, "threads": 30 + i})]
    assert judge(looks).growth == ()
    with pytest.raises(ValueError, match="after the warm-up"):
        judge(looks[:3])


def _fields(footprint: Footprint) -> dict[str, object]:
    return {name: getattr(footprint, name) for name in footprint.__struct_fields__}
