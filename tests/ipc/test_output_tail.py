# SPDX-License-Identifier: GPL-3.0-or-later
"""The last words of a plugin are kept, cost nothing, and cannot play tricks on a terminal."""

import asyncio
import os
from collections.abc import Awaitable, Callable

from ipc.output_tail import TAIL_BYTES, OutputTail, last_line


def with_pipe(body: Callable[[OutputTail, int], Awaitable[None]]) -> None:
    async def run() -> None:
        read_fd, write_fd = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        tail = OutputTail(read_fd)
        try:
            await body(tail, write_fd)
        finally:
            tail.close()
            os.close(write_fd)

    asyncio.run(run())


def test_what_is_written_can_be_read_at_once_and_at_the_end() -> None:
    async def body(tail: OutputTail, fd: int) -> None:
        os.write(fd, b"first\n")
        await asyncio.sleep(0.01)
        assert tail.text() == "first\n"
        os.write(fd, b"second\n")
        tail.close()
        assert tail.text() == "first\nsecond\n"
        tail.close()

    with_pipe(body)


def test_only_the_end_of_much_output_is_kept() -> None:
    async def body(tail: OutputTail, fd: int) -> None:
        for number in range(2000):
            os.write(fd, b"%09d\n" % number)
            if number % 500 == 0:
                await asyncio.sleep(0.03)
        await asyncio.sleep(0.05)
        text = tail.text()
        assert len(text) == TAIL_BYTES
        assert text.endswith("000001999\n")

    with_pipe(body)


def test_a_chatty_plugin_neither_blocks_nor_keeps_the_loop_busy() -> None:
    async def body(tail: OutputTail, fd: int) -> None:
        reads = 0
        take = tail._take

        def counting() -> bool:
            nonlocal reads
            reads += 1
            return take()

        tail._take = counting  # type: ignore[method-assign]
        refused = 0
        end = asyncio.get_running_loop().time() + 0.2
        while asyncio.get_running_loop().time() < end:
            try:
                os.write(fd, b"x" * 4096)
            except BlockingIOError:
                refused += 1
            await asyncio.sleep(0)
        assert refused > 0  # lines are lost, time is not
        assert reads <= 15

    with_pipe(body)


def test_an_end_without_words_is_an_end() -> None:
    async def body(tail: OutputTail, fd: int) -> None:
        os.write(fd, b"last")
        await asyncio.sleep(0.05)
        assert tail.text() == "last"

    with_pipe(body)


def test_no_escape_sequence_reaches_the_terminal() -> None:
    async def body(tail: OutputTail, fd: int) -> None:
        os.write(fd, b"\x1b[2Jgone\x07 \xff\xfe\r\n\tok \xe2\x80\xae")
        tail.close()
        text = tail.text()
        assert "gone" in text and "\n\tok" in text
        assert all(c.isprintable() or c in "\n\t" for c in text)

    with_pipe(body)


def test_the_last_line_says_it_all() -> None:
    assert last_line("Traceback\n  …\nValueError: no\n\n") == "ValueError: no"
    assert last_line("") == "none"
