# SPDX-License-Identifier: GPL-3.0-or-later
"""How long blocks take. Other programs on the machine disturb this: what is judged is the
processor time of the thread, and the clock only where it says the same."""

import numpy as np
from numpy.typing import NDArray

from host.stress import denormals
from host.stress.check import Check, Subject
from host.stress.verdict import Plot, Verdict
from ipc.description import PluginDescription

_BINS = 60
_Times = NDArray[np.float64]


class MeetsItsDeadlines(Check):
    name = "meets-its-deadlines"
    level = 2
    what = (
        "times every block of 128 frames against the time that it lasts: median, 99 and 99.9 % and "
        "the slowest, on the clock and on the processor, and blocks that are late each time"
    )
    means = "nobody can play it"
    is_timed = True

    _FRAMES = 128
    _MUCH = 0.5  # of the deadline, in the median
    _REPEATS = 2

    def run(self, subject: Subject) -> None:
        rate = round(subject.sample_rate)
        wall, cpu = self._times(subject)
        if not wall.size:
            return
        deadline = self._FRAMES / rate * 1e6
        subject.figures |= {
            "deadline_us": round(deadline, 1),
            "median_us": round(float(np.median(wall)), 2),
            "p99_us": round(float(np.percentile(wall, 99)), 2),
            "p99_9_us": round(float(np.percentile(wall, 99.9)), 2),
            "max_us": round(float(wall.max()), 2),
            "cpu_median_us": round(float(np.median(cpu)), 2),
            "cpu_p99_us": round(float(np.percentile(cpu, 99)), 2),
            "cpu_max_us": round(float(cpu.max()), 2),
            "cpu_percent": round(float(cpu.mean()) / deadline * 100, 2),
        }
        subject.plots += [_histogram(wall, deadline), _from_quick_to_slow(cpu, deadline)]
        median, worst = float(np.median(cpu)), float(np.percentile(cpu, 99))
        if median > deadline:
            subject.find(
                Verdict.FAIL, f"a block takes {median:.0f} µs of {deadline:.0f}", key="slow"
            )
            return
        if worst > deadline:
            subject.find(
                Verdict.WARN,
                f"one block in a hundred takes more than {worst:.0f} µs of {deadline:.0f}",
                key="p99",
            )
        elif median > self._MUCH * deadline:
            subject.find(
                Verdict.WARN, f"a block takes {median:.0f} of {deadline:.0f} µs", key="median"
            )
        if cpu.max() > deadline:
            self._look_again(subject, cpu, deadline)

    def _times(self, subject: Subject) -> tuple[_Times, _Times]:
        """Of each block after the first second of a new instance, µs: on the clock, and of the
        processor."""
        rate = round(subject.sample_rate)
        wall_ns: list[int] = []
        cpu_ns: list[int] = []
        with subject.open(max_frames=self._FRAMES) as rig:
            rig.render(rate, keep=False, **subject.stimulus(rate))
            for _ in range(4 if subject.level < 5 else 10):
                times = rig.render(rate, keep=False, **subject.stimulus(rate)).result.times
                if times is not None:
                    wall_ns += times.wall_ns
                    cpu_ns += times.cpu_ns
        return np.array(wall_ns) / 1e3, np.array(cpu_ns) / 1e3

    def _look_again(self, subject: Subject, cpu: _Times, deadline: float) -> None:
        """A busy machine makes blocks slow, but not the same ones each time."""
        runs = [cpu, *(self._times(subject)[1] for _ in range(self._REPEATS))]
        least = np.min([run[: min(map(len, runs))] for run in runs], axis=0)
        late = int((least > deadline).sum())
        subject.figures["late_blocks"] = late
        if late:
            subject.find(
                Verdict.FAIL,
                f"{late} of {len(least)} blocks take up to {least.max():.0f} µs of "
                f"{deadline:.0f}, the same ones each time",
                key="late blocks",
            )
        elif all(run.max() > deadline for run in runs):
            most = min(float(run.max()) for run in runs)
            subject.find(
                Verdict.WARN,
                f"each time some blocks take up to {most:.0f} µs of {deadline:.0f}, not the same "
                "ones",
                key="some late blocks",
            )


def _histogram(wall: _Times, deadline: float) -> Plot:
    """Its bins grow, so that the slowest block is seen beside the usual ones."""
    edges = np.geomspace(max(float(wall.min()), 0.1) * 0.99, max(float(wall.max()), 1.0), _BINS + 1)
    counts, _ = np.histogram(np.clip(wall, edges[0], edges[-1]), bins=edges)
    return Plot(
        kind="histogram",
        title="Time of a block of 128 frames",
        x_label="µs",
        y_label="blocks",
        x=[float(edge) for edge in edges[:-1]],
        y=[float(count) for count in counts],
        limit=deadline,
    )


def _from_quick_to_slow(cpu: _Times, deadline: float) -> Plot:
    shares = np.linspace(0.0, 100.0, _BINS)
    return Plot(
        kind="line",
        title="Processor time of a block, from the quickest to the slowest",
        x_label="% of blocks",
        y_label="µs",
        x=[float(share) for share in shares],
        y=[float(time) for time in np.percentile(cpu, shares)],
        limit=deadline,
        limit_label="deadline",
    )


class NotSlowerForQuietSounds(Check):
    name = "not-slower-for-quiet-sounds"
    level = 4
    what = (
        "compares the time for noise with that for the silence after it, in which sounds die away "
        "to numbers too small to be normal, with the processor as slow for them as it is by itself"
    )
    means = "the end of a song takes more time than its middle, in hosts that do not help it"
    is_timed = True

    _SLOWER = 4.0
    _SECONDS = 8

    def unfit(self, description: PluginDescription) -> str:
        if denormals.are_slow():
            return ""
        return (
            "this processor takes no longer for them, others do; makes-good-numbers says where "
            "they are made"
        )

    def run(self, subject: Subject) -> None:
        rate = round(subject.sample_rate)
        with subject.open() as rig:
            noise = rig.render(rate, keep=False, denormals=True, **subject.stimulus(rate)).result
            quiet_ns: list[int] = []
            for _ in range(self._SECONDS):
                result = rig.render(rate, source="silence", keep=False, denormals=True).result
                quiet_ns += result.times.cpu_ns if result.times is not None else []
        if noise.times is None or not noise.times.cpu_ns or not quiet_ns:
            return
        # Others on the machine make some blocks slower, but no quarter of them.
        usual = float(np.percentile(noise.times.cpu_ns, 25))
        stretches = np.array_split(np.array(quiet_ns), 2 * self._SECONDS)
        slow = max(float(np.percentile(stretch, 25)) for stretch in stretches)
        ratio = slow / max(usual, 1000.0)  # less than a microsecond is no time
        subject.figures |= {"times_slower": round(ratio, 2)}
        if ratio > self._SLOWER:
            subject.find(
                Verdict.WARN, f"quiet sounds take it {ratio:.1f} times as long", key="denormals"
            )


class TouchesOnlyItsMemory(Check):
    name = "touches-only-memory-that-is-there"
    level = 4
    what = "counts page faults and waits of the audio thread, block by block, after a second"
    means = "it needs the kernel in the middle of a block, which takes as long as it takes"
    is_timed = True

    def run(self, subject: Subject) -> None:
        rate = round(subject.sample_rate)
        with subject.open() as rig:
            rig.render(2 * rate, keep=False, **subject.stimulus(2 * rate))
            heard = rig.render(4 * rate, keep=False, **subject.stimulus(4 * rate))
        times = heard.result.times
        if times is None:
            return
        blocks = max(1, len(times.wall_ns))
        subject.figures |= {
            "page_faults": times.page_faults,
            "waits": times.waits,
            "blocks": blocks,
        }
        if times.blocks_with_waits > 2:
            subject.find(
                Verdict.FAIL,
                f"it waited in {times.blocks_with_waits} of {blocks} blocks",
                key="waits",
            )
        if times.blocks_with_faults > max(4, blocks // 50):
            subject.find(
                Verdict.WARN,
                f"page faults in {times.blocks_with_faults} of {blocks} blocks",
                key="page faults",
            )
