# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of others become one harmless line."""

from hypothesis import given
from hypothesis import strategies as st

from ipc.text import one_line


@given(st.text(), st.none() | st.integers(1, 50))
def test_whatever_it_is_it_is_one_printable_line_of_the_length(text: str, most: int | None) -> None:
    line = one_line(text, most)
    assert line.isprintable()
    assert most is None or len(line) <= most
    if text.isprintable() and (most is None or len(text) <= most):
        assert line == text


def test_what_would_move_a_terminal_is_written_out() -> None:
    assert one_line("a\nb\x1b[2J\u202ec") == "a\\nb\\x1b[2J\\u202ec"
    assert one_line("x" * 10, 4) == "xxx…"
