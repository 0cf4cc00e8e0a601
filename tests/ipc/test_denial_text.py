# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of a denial can be printed and written as JSON, however a plugin names its files."""

import msgspec

from ipc.denial import denial_of
from ipc.permissions import Confined

NOTHING = Confined(readable=[], writable=[], own={}, foreign=[], signals_scoped=True, missing=[])


def test_a_path_that_is_no_text_is_told_in_text() -> None:
    denial = denial_of(("chmod", b"/home/me/\xff\x1b[2J", True, True, 0, 1), NOTHING)
    assert denial is not None
    assert denial.path.isprintable() and denial.what.isprintable()
    assert b"/home/me/" in msgspec.json.encode(denial)
