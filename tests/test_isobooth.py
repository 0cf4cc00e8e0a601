# SPDX-License-Identifier: GPL-3.0-or-later
"""The module for scripts: what its documentation shows is what happens."""

import doctest
from pathlib import Path

import pytest
import soundfile

import isobooth

pytestmark = pytest.mark.process


def test_the_documentation_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tested = doctest.testmod(isobooth)
    assert tested.attempted > 8
    assert tested.failed == 0
    assert soundfile.info("tone.wav").frames == 24000


def test_every_name_is_there() -> None:
    for name in isobooth.__all__:
        assert getattr(isobooth, name) is not None


def test_a_failed_render_raises_with_the_whole_story(tmp_path: Path) -> None:
    crash = isobooth.Slot(id="crash", plugin="fault:segv?after=3")
    song = isobooth.Song(tracks=(isobooth.Track(id="only", chain=(crash,)),), length_s=0.5)
    with pytest.raises(isobooth.RenderFailed, match="crash ended with SIGSEGV") as failed:
        isobooth.render(song, tmp_path / "out.wav")
    assert failed.value.report.attempts == 2
    assert list(tmp_path.iterdir()) == []
