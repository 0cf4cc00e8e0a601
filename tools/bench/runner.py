# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the measurements one after the other and holds them against what they must be."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tools.bench import (
    chaos,
    engine,
    formats,
    grouping,
    offline,
    restart,
    sandbox,
    scanning,
    slots,
    standby,
    stress,
    window,
)
from tools.bench.common import BLOCK, PLUGIN, RATE, machine

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Scale:
    """How long to measure: long enough for stable medians, or only to see that all works."""

    slot_blocks: int = 4000
    slot_rounds: int = 8
    chaos_blocks: int = 20000
    chaos_rounds: int = 4
    kills: int = 50
    takeovers: int = 60
    offline_blocks: int = 1500
    rounds: int = 3
    replays: int = 100
    window_frames: int = 600


FULL = Scale()
QUICK = Scale(
    slot_blocks=400,
    slot_rounds=2,
    chaos_blocks=2000,
    chaos_rounds=1,
    kills=5,
    takeovers=6,
    offline_blocks=400,
    rounds=1,
    replays=5,
    window_frames=60,
)

PARTS: dict[str, Callable[[Scale, Tell], dict[str, Any]]] = {
    "slots": lambda scale, tell: slots.measure(scale.slot_blocks, scale.slot_rounds, tell),
    "engine": lambda scale, tell: engine.measure(tell),
    "restart": lambda scale, tell: {
        **restart.measure(scale.kills, tell),
        **restart.measure_with_edits(scale.kills, tell),
    },
    "standby": lambda scale, tell: standby.measure(scale.takeovers, tell),
    "offline": lambda scale, tell: offline.measure(scale.offline_blocks, scale.slot_rounds, tell),
    "sandbox": lambda scale, tell: sandbox.measure(scale.slot_blocks, scale.rounds, tell),
    "grouping": lambda scale, tell: grouping.measure(scale.slot_blocks, scale.slot_rounds, tell),
    "scanning": lambda scale, tell: scanning.measure(scale.rounds, tell),
    "stress": lambda scale, tell: stress.measure(scale.rounds, scale.replays, tell),
    "window": lambda scale, tell: window.measure(scale.window_frames, 3 * scale.rounds, tell),
    "formats": lambda scale, tell: formats.measure(tell),
    "chaos": lambda scale, tell: chaos.measure(scale.chaos_blocks, scale.chaos_rounds, tell),
}


@dataclass(frozen=True)
class Verdict:
    what: str
    found: str
    must: str
    kept: bool


def run(only: list[str], scale: Scale, tell: Tell) -> dict[str, Any]:
    """All figures of the chosen parts, with where they come from."""
    figures: dict[str, Any] = {
        "schema": 1,
        "machine": machine(),
        "sample_rate": RATE,
        "block_frames": BLOCK,
        "plugin": PLUGIN,
    }
    for name in only or list(PARTS):
        figures.update(PARTS[name](scale, tell))
    figures["verdicts"] = [vars(verdict) for verdict in verdicts(figures)]
    return figures


def verdicts(figures: dict[str, Any]) -> list[Verdict]:
    """Every figure that has a bound, against it."""
    rows: list[Verdict] = []

    def check(what: str, found: float, must: str, kept: bool) -> None:
        rows.append(Verdict(what, f"{found:g}", must, kept))

    if "slot_cost_us" in figures:
        relay, hosted = figures["slot_cost_us"]["relay"], figures["slot_cost_us"]["hosted"]
        for length in ("8", "16"):
            check(f"relayed slot, chain of {length}, µs", relay[length], "≤ 8", relay[length] <= 8)
        series = figures["slot_series"]["16"]
        # The measuring mode itself must be honest: wakes as the floor has them, plus the plugins'
        # code as it runs in processes of their own.
        least = series["wake_floor_hosted_us"]["median"] + series["plugins_hosted_us"]
        honesty = round(series["hosted_us"]["median"] / least, 2)
        check("hosted over wake floor plus DSP, 16", honesty, "0.8 to 1.2", 0.8 <= honesty <= 1.2)
        ratio = round(relay["16"] / hosted["16"], 2) if hosted["16"] > 0 else 0.0
        check("relayed over hosted slot, chain of 16", ratio, "≤ 0.5", 0 < ratio <= 0.5)
    if "mixer_us" in figures:
        check("mixing 32 strips, µs", figures["mixer_us"], "≤ 40", figures["mixer_us"] <= 40)
        check("a command, µs", figures["command_us"], "< 1", figures["command_us"] < 1)
    if "restart_ms" in figures:
        check("restart, ms", figures["restart_ms"], "≤ 100", figures["restart_ms"] <= 100)
        pss = figures["worker_pss_mb"]
        check("memory of a worker, MiB", pss, "≤ 25", pss <= 25)
    if "standby_takeover_blocks" in figures:
        blocks, step = figures["standby_takeover_blocks"], figures["standby_largest_step"]
        check("standby takeover, blocks", blocks, "≤ 1", blocks <= 1)
        check("standby takeover, largest step, × the sound's", step, "≤ 2", step <= 2)
    if "offline_ratio" in figures:
        ratios = figures["offline_ratio"]
        one, two = ratios["one_chain"], ratios["two_chains"]
        check("offline, one chain, × one process", one, "≥ 0.85", one >= 0.85)
        cores = f"≥ 1.5 (two processes: {ratios['two_processes']:g})"
        check("offline, two chains, × one process", two, cores, two >= 1.5)
    if "clap_same_bits" in figures:
        compared, same = figures["clap_same_bits"]["plugins"], figures["clap_same_bits"]["same"]
        check("CLAP against VST3, same bits, plugins", same, f"= {compared}", same == compared > 0)
    if "sandbox_slot_us" in figures:
        slot, start = figures["sandbox_slot_us"], figures["sandbox_start_ms"]
        check("confined over open, a slot, µs", slot, "≤ 1", slot <= 1)
        check("confined over open, a start, ms", start, "≤ 10", start <= 10)
    if "group_pss_mb" in figures:
        apart, together = figures["group_pss_mb"]["apart"], figures["group_pss_mb"]["together"]
        check("8 together, MiB", together, f"< {apart:g} (apart)", together < apart)
        slot = figures["group_slot_us"]
        check("together over apart, a slot, µs", slot, "≤ 1", slot <= 1)
    if "stress_level_5_s" in figures:
        took_s, same = figures["stress_level_5_s"], figures["replays_same"]
        check("stress level 5 on ZamEQ2, s", took_s, "≤ 60", took_s <= 60)
        replays, shrunk = figures["replays"], figures["shrunk_calls"]
        check("replays, the same to the bit", same, f"= {replays}", same == replays)
        check("a crash in 1 of 500 blocks, shrunk to calls", shrunk, "≤ 10", shrunk <= 10)
    if "scan_ratio" in figures:
        ratios, rescan_s = figures["scan_ratio"], figures["rescan_s"]
        for jobs, ratio in ratios.items():
            workers = jobs.removeprefix("jobs_")
            check(f"scan, {workers} at a time, × minihost's scanner", ratio, "≥ 4", ratio >= 4)
        check("scan with nothing new, s", rescan_s, "< 1", rescan_s < 1)
    if "window_frame_ms" in figures:
        frame, start = figures["window_frame_ms"]["median"], figures["window_start_ms"]
        check("a window's frame, 64 strips, ms", frame, "≤ 16", frame <= 16)
        check("a window's first paint, ms", start, "≤ 1500", start <= 1500)
        blocks = figures["window_block_us"]
        rounds = figures["window_block_rounds_us"]["without"]
        cost, noise = round(blocks["with"] - blocks["without"], 2), max(rounds) - min(rounds)
        check("a block with a window over without, µs", cost, f"≤ {noise:g} (noise)", cost <= noise)
    if "chaos" in figures:
        late, calm = figures["chaos"]["late_blocks"], figures["chaos"]["calm_late_blocks"]
        check("late blocks under faults", late, f"≤ {calm} (calm run)", late <= calm)
    return rows
