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
    fetches: int  # of the audio thread, to another core
    realtime: bool


def measure(blocks: int, rounds: int, tell: Any) -> dict[str, Any]:
    """chaos.*: block times and late blocks of the calm runs and of the faulty ones, at real-time
    priority where the machine allows it and at normal priority. `blocks` of each in all, in turn,
    so that what else the machine does meets both alike."""
    result: dict[str, Any] = {"blocks": blocks}
    all_calm: list[Run] = []
    all_chaos: list[Run] = []
    for name, realtime in (("fifo", True), ("normal", False)):
        calm: list[Run] = []
        chaos: list[Run] = []
        for number in range(rounds):
            for mood, runs in (("calm", calm), ("chaos", chaos)):
                tell(f"chaos: {name}, {mood}, round {number + 1} of {rounds}")
                runs.append(_play(blocks // rounds, mood == "chaos", realtime))
        result[name] = {
            "realtime": all(run.realtime for run in chaos),
            **_figures(calm, chaos),
            "late": [row for run in chaos for row in run.late],
            "calm_late": [row for run in calm for row in run.late],
            "faults": sum(run.faults for run in chaos),
            "restarts": sum(run.restarts for run in chaos),
            "fetches": sum(run.fetches for run in chaos),
            "calm_fetches": sum(run.fetches for run in calm),
            "slot_blocks_processed": sum(run.processed for run in chaos),
            "slot_blocks_covered": sum(run.bypassed for run in chaos),
        }
        all_calm += calm
        all_chaos += chaos
    return {"chaos": {**result, **_figures(all_calm, all_chaos)}}


def _figures(calm: list[Run], chaos: list[Run]) -> dict[str, Any]:
    return {
        "block_us": summary(np.concatenate([run.durations_ns for run in chaos])),
        "calm_block_us": summary(np.concatenate([run.durations_ns for run in calm])),
        "late_blocks": sum(len(run.late) for run in chaos),
        "calm_late_blocks": sum(len(run.late) for run in calm),
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
            fetches=host.watchdog_fetches,
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
    """Each late block with what is known of its cause. A host that waits for a slot that misses
    is woken at the deadline, and has 30 % of the period for the rest."""
    rows = []
    period_ns = 1e9 * host.config.block_s
    for i in np.flatnonzero(records["flags"] & BLOCK_LATE):
        block = int(records["block"][i])
        woken_late_us = (int(records["entry_ns"][i]) - int(records["start_ns"][i])) / 1000
        near = any(0 <= block - fault <= 8 for fault in fault_blocks)
        missed = int(records["missed_slots"][i])
        if records["flags"][i] & BLOCK_ALL_MISSED or missed == 0:
            cause = "machine: no plugin of one chain alone was late"
        else:
            ended_ns = int(records["entry_ns"][i]) + int(records["duration_ns"][i])
            deadline_ns = int(records["start_ns"][i]) + host.config.deadline_fraction * period_ns
            cause = (
                f"{missed} slot(s) missed the deadline; the host was done "
                f"{(ended_ns - deadline_ns) / 1000:.0f} µs after it"
            )
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
