# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of a song: what a journal that was found says of parameters and programs."""

from host.desk.history import Version
from host.journal import PROGRAM, Edit
from host.song import Song


def test_a_journal_s_program_is_no_parameter_and_ends_what_was_set_before_it() -> None:
    edits = [Edit(1, 3, 0.5), Edit(2, PROGRAM, 12.0), Edit(3, 4, 0.25)]
    version = Version(Song(name="S")).with_edits("s", edits)
    assert version.values == {("s", 4): 0.25}
    assert version.programs == {"s": 12}
    more = version.with_edits("t", [Edit(1, 0, 1.0)])
    assert more.values == {("s", 4): 0.25, ("t", 0): 1.0}
    assert more.programs == {"s": 12}
