# SPDX-License-Identifier: GPL-3.0-or-later
"""What it takes, and gives back."""

import numpy as np
from numpy.typing import NDArray

from host.scan.verdict import Status
from host.stress.check import Check, Subject
from host.stress.death import PluginDied, PluginRefused
from host.stress.residue import spectrum
from host.stress.rig import Sound
from host.stress.verdict import Plot, Verdict
from ipc.rig_calls import CallResult, Recreate, Render

_MEBIBYTE = 1024 * 1024


class GivesBackWhatItTakes(Check):
    name = "gives-back-what-it-takes"
    level = 5
    what = "creates and destroys it many times: memory, threads, files and maps must not grow"
    means = "a long session ends for want of memory"

    _WARM = 8
    _LEAK = 16 * 1024  # bytes a turn, beyond what allocators hoard

    def run(self, subject: Subject) -> None:
        turns = 32 * 2 ** max(0, subject.level - 5)
        seen: list[CallResult] = []
        with subject.open() as rig:
            frames = 4 * subject.max_frames
            render = Render(frames=frames, source="noise")
            for _ in range(self._WARM + turns):
                subject.stop()
                rig.perform([render])
                seen += rig.perform([Recreate(subject.sample_rate, subject.max_frames)])
                if seen[-1].refused:
                    subject.find(Verdict.FAIL, f"it cannot be created again: {seen[-1].refused}")
                    return
        seen = seen[self._WARM :]
        memory = np.array([one.memory_bytes for one in seen], float)
        slope = float(np.polyfit(np.arange(len(memory)), memory, 1)[0])
        subject.figures |= {
            "bytes_a_turn": round(slope),
            "threads_more": seen[-1].threads - seen[0].threads,
            "files_more": seen[-1].files - seen[0].files,
            "maps_more": seen[-1].maps - seen[0].maps,
        }
        subject.plots.append(
            Plot(
                kind="line",
                title="Memory while it is created and destroyed",
                x_label="times",
                y_label="MiB",
                x=[float(turn) for turn in range(len(memory))],
                y=[float(bytes_ / _MEBIBYTE) for bytes_ in memory],
            )
        )
        if slope > self._LEAK and _grows(memory):
            subject.find(
                Verdict.FAIL,
                f"each time it is created and destroyed, {slope / 1024:.0f} KiB are lost",
                key="memory",
            )
        for what in ("threads", "files", "maps"):
            counts = np.array([getattr(one, what) for one in seen], float)
            more = int(counts[-1] - counts[0])
            if more >= max(4, len(seen) // 4) and _grows(counts):
                subject.find(
                    Verdict.FAIL,
                    f"{more} {what} stay behind when it is created and destroyed {turns} times",
                    key=what,
                )


def _grows(seen: NDArray[np.float64]) -> bool:
    """All the time, and about as much each time: allocators take what they need in leaps."""
    steps = np.diff([part.mean() for part in np.array_split(seen, 4)])
    return bool(steps.min() > 0.25 * steps.max())


class ManyAtOnce(Check):
    name = "many-at-once"
    level = 4
    what = "plays 2 to 64 instances in one process (8 at level 4), and destroys them"
    means = "two of it in a song disturb each other, or take more than they should"

    _RESIDUE = 0.5  # of what they took

    def run(self, subject: Subject) -> None:
        most = min(64, 8 * 2 ** max(0, subject.level - 4) // 1)
        frames = round(subject.sample_rate) // 4
        with subject.open() as rig:
            alone = rig.render(frames, **subject.stimulus(frames))
            before = rig.idle()
        with subject.open() as rig:
            rig.idle()
            count = 1
            while count < most:
                subject.stop()
                added = rig.add_instances(count)
                if added.refused:
                    subject.find(
                        Verdict.FAIL,
                        f"with {count} of it there, another is refused: {added.refused}",
                    )
                    break
                count *= 2
            among = rig.render(frames, **subject.stimulus(frames))
            full = rig.idle()
            rig.drop_instances()
            after = rig.idle()
            rig.render(frames, keep=False, **subject.stimulus(frames))
        each = (full.memory_bytes - before.memory_bytes) / max(1, count - 1)
        subject.figures |= {"instances": count, "mib_each": round(each / _MEBIBYTE, 2)}
        took = full.memory_bytes - before.memory_bytes
        left = after.memory_bytes - before.memory_bytes
        if took > 32 * _MEBIBYTE and left > self._RESIDUE * took:
            subject.find(
                Verdict.WARN,
                f"of {took // _MEBIBYTE} MiB that {count - 1} more took, "
                f"{left // _MEBIBYTE} are not given back",
                key="residue",
            )
        if after.threads - before.threads >= count - 1 > 1:
            subject.find(Verdict.FAIL, "threads of destroyed instances stay", key="threads")
        if alone.sound.shape == among.sound.shape and not np.array_equal(alone.sound, among.sound):
            self._tell_difference(subject, frames, alone.sound - among.sound)

    def _tell_difference(self, subject: Subject, frames: int, difference: Sound) -> None:
        """Only where it is the same each time otherwise, in new processes and in one: what goes on
        in a sequence of random numbers disturbs nobody."""
        heard = []
        for _ in range(2):
            with subject.open() as rig:
                heard.append(rig.render(frames, **subject.stimulus(frames)).sound)
        with subject.open() as rig:
            rig.render(frames, keep=False, **subject.stimulus(frames))
            rig.recreate(subject.sample_rate, subject.max_frames)
            heard.append(rig.render(frames, **subject.stimulus(frames)).sound)
        if all(np.array_equal(heard[0], other) for other in heard[1:]):
            if np.isfinite(difference).all():
                title = "Difference among others"
                subject.plots.append(spectrum(difference, subject.sample_rate, title))
            subject.find(
                Verdict.FAIL, "among others of its kind it sounds different", key="shared sound"
            )


class BearsLackOfMemory(Check):
    name = "bears-lack-of-memory"
    level = 6
    what = "creates and plays it with less and less memory that it may have"
    means = "short of memory, it crashes instead of saying no"

    _STEPS_MB = (1024, 512, 384, 320, 288, 272, 264)

    def run(self, subject: Subject) -> None:
        frames = round(subject.sample_rate) // 4
        for megabytes in self._STEPS_MB:
            try:
                with subject.open(memory_mb=megabytes) as rig:
                    rig.add_instances(4)
                    rig.render(frames, keep=False, **subject.stimulus(frames))
            except PluginRefused:
                return  # as it should
            except PluginDied as died:
                if died.status is Status.OUT_OF_MEMORY:
                    subject.find(
                        Verdict.WARN,
                        f"with {megabytes} MiB it ends its process: {died}",
                        key="memory",
                    )
                    return
                raise
