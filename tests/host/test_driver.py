# SPDX-License-Identifier: GPL-3.0-or-later
"""The native driver, called as PortAudio calls it: what the engine hears and what a device gets,
to the sample, whatever the size of the device's blocks."""

import ctypes
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from host.engine_module import Driver, Engine, Plan, Strip

pytestmark = pytest.mark.sanitize

WaitUntil = Callable[..., None]
Frames = NDArray[np.float32]  # (frames, channels), interleaved

_XRUN = 4  # paOutputUnderflow

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_ulong,
    ctypes.c_void_p,
    ctypes.c_ulong,
    ctypes.c_void_p,
)


class Rig:
    """An engine that passes its first two inputs through, and a driver that nobody else calls."""

    def __init__(self, block: int, inputs: int = 2, outputs: int = 2) -> None:
        self.engine = Engine(48000.0, block)
        track, master = Strip(0, block), Strip(1, block)
        plan = Plan()
        plan.add_strip(track, live_left=0, live_right=1)
        plan.add_strip(master)
        plan.add_feed(1, 0)
        plan.finish([[0], [1]], 1)
        for strip in (track, master):
            self.engine.adopt_strip(strip)
            self.engine.settle(strip)
        assert self.engine.publish(plan)
        self.driver = Driver(self.engine, 0)
        self.stream = self.add_stream(inputs, outputs)
        self.driver.expect_device(self.stream)

    def add_stream(self, inputs: int, outputs: int) -> int:
        self.inputs, self.outputs = inputs, outputs
        return self.driver.add_stream(inputs, outputs)

    def call(self, given: Frames, status: int = 0, stream: int | None = None) -> Frames:
        """One callback: what the device hears for what it recorded."""
        given = np.ascontiguousarray(given, dtype=np.float32)
        heard = np.full((len(given), self.outputs), np.nan, dtype=np.float32)
        function = _Callback(self.driver.callback_address)
        source = given.ctypes.data if self.inputs else None
        going_on = function(
            source, heard.ctypes.data, len(given), None, status, stream or self.stream
        )
        assert going_on == 0
        return heard

    def play(self, given: Frames, sizes: list[int]) -> Frames:
        parts, at = [], 0
        for size in sizes:
            parts.append(self.call(given[at : at + size]))
            at += size
        return np.concatenate(parts)


def noise(frames: int, channels: int = 2) -> Frames:
    return np.random.default_rng(7).uniform(-0.5, 0.5, (frames, channels)).astype(np.float32)


@pytest.mark.parametrize(("block", "device"), [(64, 64), (64, 128), (32, 2048), (16, 1000 * 16)])
def test_multiples_are_rendered_in_place_without_delay(block: int, device: int) -> None:
    rig, given = Rig(block), noise(3 * device)
    heard = rig.play(given, [device] * 3)
    np.testing.assert_array_equal(heard, given)
    assert rig.engine.block_count == 3 * device // block
    assert rig.driver.callbacks == 3
    assert rig.driver.queue_latency_frames == 0
    assert rig.driver.device_frames == device


@pytest.mark.parametrize(
    ("block", "sizes"),
    [
        (64, [100] * 20),
        (128, [64] * 20),
        (64, [64, 64, 1, 63, 200, 7, 500, 64, 64]),
        (100, [1] * 350),
        (128, [20_000, 1, 20_000, 8192, 8193]),  # larger than the queues
        (4096, [48] * 300),
    ],
    ids=str,
)
def test_other_sizes_pass_the_queues_whole_and_one_block_late(block: int, sizes: list[int]) -> None:
    rig, given = Rig(block), noise(sum(sizes))
    heard = rig.play(given, sizes)
    before = 0
    while sizes and sizes[0] % block == 0:  # the first few may still be rendered in place
        before += sizes.pop(0)
    np.testing.assert_array_equal(heard[:before], given[:before])
    np.testing.assert_array_equal(heard[before : before + block], 0.0)
    np.testing.assert_array_equal(heard[before + block :], given[before : len(given) - block])
    assert rig.driver.queue_latency_frames == block


def test_devices_may_have_other_channels() -> None:
    mono = Rig(64, inputs=1, outputs=1)
    given = noise(64, 1)
    # The right input is not there, so half of the left is what a single loudspeaker gets.
    np.testing.assert_array_equal(mono.call(given), 0.5 * given)

    many = Rig(64, inputs=6, outputs=4)
    given = noise(64, 6)
    heard = many.call(given)
    np.testing.assert_array_equal(heard[:, :2], given[:, :2])
    np.testing.assert_array_equal(heard[:, 2:], 0.0)

    deaf = Rig(64, inputs=0)
    np.testing.assert_array_equal(deaf.call(noise(64, 1)), 0.0)
    np.testing.assert_array_equal(deaf.call(noise(100, 1)), 0.0)


def test_what_is_no_number_never_enters_the_mix() -> None:
    rig, given = Rig(64), noise(64)
    given[10, 0], given[20, 1] = np.nan, np.inf
    heard = rig.call(given)
    assert np.isfinite(heard).all()
    assert rig.driver.repaired_inputs == 2


def test_only_the_current_stream_is_heard() -> None:
    rig, given = Rig(64), noise(64)
    rig.call(given)
    old, new = rig.stream, rig.add_stream(0, 2)
    rig.driver.expect_device(new)
    np.testing.assert_array_equal(rig.call(given, stream=old), 0.0)
    assert (rig.engine.block_count, rig.driver.callbacks) == (1, 1)
    rig.call(given, stream=new)
    assert (rig.engine.block_count, rig.driver.callbacks) == (2, 2)


def test_a_late_call_of_an_old_stream_stays_in_its_own_layout() -> None:
    rig = Rig(64, inputs=2, outputs=2)
    rig.driver.expect_device(rig.driver.add_stream(2, 64))
    heard = np.full((65, 2), 0.25, dtype=np.float32)
    _Callback(rig.driver.callback_address)(None, heard.ctypes.data, 64, None, 0, rig.stream)
    np.testing.assert_array_equal(heard[:64], 0.0)
    np.testing.assert_array_equal(heard[64:], 0.25)


def test_a_new_stream_begins_with_empty_queues() -> None:
    rig, given = Rig(64), noise(640)
    rig.play(given, [100] * 6)
    rig.stream = rig.add_stream(2, 2)
    rig.driver.expect_device(rig.stream)
    np.testing.assert_array_equal(rig.play(given, [64] * 10), given)
    assert rig.driver.queue_latency_frames == 0


def test_a_device_that_was_let_go_hears_silence() -> None:
    rig, given = Rig(64), noise(64)
    rig.call(given)
    rig.driver.no_device()
    np.testing.assert_array_equal(rig.call(given), 0.0)
    assert rig.engine.block_count == 1
    assert not rig.driver.device_alive


def test_a_device_is_alive_from_its_first_call_on() -> None:
    rig = Rig(64)
    assert not rig.driver.device_alive  # until then, the null clock may go on
    rig.call(noise(64))
    assert rig.driver.device_alive
    rig.driver.device_lost()
    assert not rig.driver.device_alive


def test_xruns_are_counted_as_the_device_reports_them() -> None:
    rig = Rig(64)
    for status in (0, _XRUN, 0, 1, 16):  # 16: the first buffer, no xrun
        rig.call(noise(64), status)
    assert rig.driver.xruns == 2


@pytest.mark.parametrize(("inputs", "outputs"), [(65, 2), (0, 0), (2, 65)])
def test_impossible_streams_are_refused(inputs: int, outputs: int) -> None:
    with pytest.raises(ValueError, match="64"):
        Rig(64).driver.add_stream(inputs, outputs)


def test_the_null_clock_drives_until_the_device_calls_and_after_it_has_stopped(
    wait_until: WaitUntil,
) -> None:
    rig = Rig(64)
    rig.driver.start()
    try:
        wait_until(lambda: rig.engine.block_count > 0)
        assert rig.driver.takeovers == 0  # there was nothing to take over from
        wait_until(lambda: rig.call(noise(64)).any())
        blocks = rig.engine.block_count
        wait_until(lambda: rig.engine.block_count > blocks + 3)  # half a second of silence later
        assert rig.driver.takeovers == 1
        wait_until(lambda: rig.call(noise(64)).any())  # it drives again, without being asked
        rig.driver.device_lost()
        blocks = rig.engine.block_count
        wait_until(lambda: rig.engine.block_count > blocks)
        assert rig.driver.takeovers == 2
        rig.driver.expect_device(rig.stream)
        wait_until(lambda: rig.call(noise(64)).any())
        rig.driver.no_device()  # on purpose: nothing is taken over
        blocks = rig.engine.block_count
        wait_until(lambda: rig.engine.block_count > blocks)
        assert rig.driver.takeovers == 2
    finally:
        rig.driver.stop()


def test_device_and_clock_never_render_at_the_same_time(wait_until: WaitUntil) -> None:
    rig, given = Rig(16), noise(16)
    rig.driver.start()
    try:
        for _ in range(2000):
            rig.driver.expect_device(rig.stream)
            heard = rig.call(given)
            # Its own block whole, or silence where the clock was in the engine.
            assert not heard.any() or np.array_equal(heard, given)
            rig.driver.device_lost()
        wait_until(lambda: rig.engine.block_count > 2000)
    finally:
        rig.driver.stop()
    records = rig.engine.read_blocks()
    np.testing.assert_array_equal(records["block"], np.arange(rig.engine.block_count))
