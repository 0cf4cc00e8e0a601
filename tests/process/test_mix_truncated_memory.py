# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker owns its output file and may truncate it: the host must survive the lost pages."""

import os
import time

import pytest

from host.config import HostConfig
from host.host import Host
from host.song import Slot, Song, Track
from ipc.names import segment_path
from ipc.status import SlotStatus

pytestmark = [pytest.mark.process, pytest.mark.sanitize]


def test_a_truncated_output_file_costs_one_worker_and_no_block() -> None:
    song = Song(
        tracks=(
            Track(
                id="a",
                chain=(
                    Slot(id="tone", plugin="builtin:tone"),
                    Slot(id="gain", plugin="builtin:gain"),
                ),
            ),
        )
    )
    with Host(HostConfig()) as host:
        host.load(song)
        host.start()
        slot = host.supervisor_of("gain")
        record = slot.record
        assert record is not None
        os.truncate(segment_path(slot.chain.segments.names.outputs[record]), 0)
        deadline = time.monotonic() + 20
        while slot.restarts == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        blocks = host.engine.block_count
        while host.engine.block_count < blocks + 100:
            time.sleep(0.01)
        assert slot.restarts == 1
        assert slot.status is SlotStatus.ACTIVE
        assert slot.record != record  # its next worker has a record of its own
