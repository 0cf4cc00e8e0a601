# SPDX-License-Identifier: GPL-3.0-or-later
"""Playback while plugins fail all the time, against the same playback in peace.

Four chains of a ZamEQ2, a plugin with a built-in fault, and another ZamEQ2. Once a second a worker
is killed, stopped or sent SIGSEGV from outside, in turn; the built-in faults (abort, exit, spin,
deadlock, sleep, NaN) come every few seconds by themselves.
"""

import os
import signal
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from host.config import FaultPolicy, HostConfig
from host.engine_module import BLOCK_ALL_MISSED, BLOCK_LATE
from host.host import Host
from host.song import Slot, Song, Track
from tools.bench.common import BLOCK, PLUGIN, RATE, summary

_NEVER = 2**31 - 1
_FAULTS = ("abort", "exit", "spin", "deadlock", "sleep", "nan")
_SIGNALS = (signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV)
_FAULT_EVERY_BLOCKS = 6 * RATE // BLOCK


@dataclass
class Run:
    durations_ns: Any
    late: list[dict[str, Any]]
    faults: int
    restarts: int
    processed: int
    bypassed: int
    realtime: bool


def measure(blocks: int, tell: Any) -> dict[str, Any]:
    """chaos.*: block times and late blocks of the calm run and of the faulty one, at real-time
    priority where the machine allows it and at normal priority."""
    result: dict[str, Any] = {"blocks": blocks}
    durations: dict[str, list[Any]] = {"calm": [], "chaos": []}
    late = {"calm": 0, "chaos": 0}
    for name, realtime in (("fifo", True), ("normal", False)):
        runs = {}
        for mood in ("calm", "chaos"):
            tell(f"chaos: {name}, {mood}")
            runs[mood] = run = _play(blocks, mood == "chaos", realtime)
            durations[mood].append(run.durations_ns)
            late[mood] += len(run.late)
        calm, chaos = runs["calm"], runs["chaos"]
        result[name] = {
            "realtime": chaos.realtime,
            "block_us": summary(chaos.durations_ns),
            "calm_block_us": summary(calm.durations_ns),
            "late_blocks": len(chaos.late),
            "calm_late_blocks": len(calm.late),
            "late": chaos.late,
            "calm_late": calm.late,
            "faults": chaos.faults,
            "restarts": chaos.restarts,
            "slot_blocks_processed": chaos.processed,
            "slot_blocks_covered": chaos.bypassed,
        }
    return {
        "chaos": {
            **result,
            "block_us": summary(np.concatenate(durations["chaos"])),
            "calm_block_us": summary(np.concatenate(durations["calm"])),
            "late_blocks": late["chaos"],
            "calm_late_blocks": late["calm"],
        }
    }


def _song(faulty: bool) -> Song:
    tracks = []
    for number in range(4):
        # Two chains have two faulty slots, two have one: six kinds in all.
        kinds = _FAULTS[number::4]
        slots = [Slot(id=f"a{number}", plugin=PLUGIN)]
        for kind in kinds:
            after = _FAULT_EVERY_BLOCKS + 97 * _FAULTS.index(kind) if faulty else _NEVER
            option = "&ms=40&every=1500" if kind == "sleep" else ""
            slots.append(Slot(id=f"{kind}", plugin=f"fault:{kind}?after={after}{option}"))
        slots.append(Slot(id=f"z{number}", plugin=PLUGIN))
        tracks.append(Track(id=f"track{number}", chain=tuple(slots)))
    return Song(tracks=tuple(tracks))


def _play(blocks: int, faulty: bool, realtime: bool) -> Run:
    policy = FaultPolicy(crash_limit=_NEVER, longest_restart_s=0.25)
    with Host(HostConfig(realtime=realtime, faults=policy)) as host:
        host.load(_song(faulty))
        host.start()
        time.sleep(0.5)
        host.engine.read_blocks()
        first = host.engine.block_count
        parts: list[dict[str, Any]] = []
        sent = 0
        next_signal = time.monotonic() + 1.0
        while host.engine.block_count < first + blocks:
            time.sleep(0.05)
            parts.append(host.engine.read_blocks())
            if faulty and time.monotonic() >= next_signal:
                next_signal += 1.0
                sent += _send(host, sent)
        records = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        slots = host.slots()
        faults = [event for event in host.events_since(0) if event.kind == "fault"]
        return Run(
            durations_ns=records["duration_ns"][:blocks],
            late=_late(host, records, [event.block for event in faults]),
            faults=len(faults),
            restarts=sum(slot.restarts for slot in slots),
            processed=sum(slot.processed_blocks for slot in slots),
            bypassed=sum(slot.bypassed_blocks for slot in slots),
            realtime=host.realtime,
        )


def _send(host: Host, number: int) -> int:
    """One signal to one ZamEQ2, both in turn; 1 if there was a worker to send it to."""
    slot = ("a0", "z1", "a2", "z3")[number % 4]
    pid = host.worker_pid(slot)
    if pid is None:
        return 0
    os.kill(pid, _SIGNALS[number % 3])
    return 1


def _late(host: Host, records: dict[str, Any], fault_blocks: list[int]) -> list[dict[str, Any]]:
    """Each late block with what is known of its cause."""
    rows = []
    for i in np.flatnonzero(records["flags"] & BLOCK_LATE):
        block = int(records["block"][i])
        woken_late_us = (int(records["entry_ns"][i]) - int(records["start_ns"][i])) / 1000
        near = any(0 <= block - fault <= 8 for fault in fault_blocks)
        missed = int(records["missed_slots"][i])
        if records["flags"][i] & BLOCK_ALL_MISSED or missed == 0:
            cause = "machine: no plugin of one chain alone was late"
        else:
            cause = f"{missed} slot(s) missed the deadline"
        rows.append(
            {
                "block": block,
                "duration_us": round(int(records["duration_ns"][i]) / 1000, 1),
                "woken_late_us": round(woken_late_us, 1),
                "missed_slots": missed,
                "fault_within_8_blocks": near,
                "cause": cause,
            }
        )
    return rows
