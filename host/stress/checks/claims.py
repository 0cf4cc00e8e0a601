# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plugin says of itself, and whether it is so."""

import numpy as np

from host.stress.check import Check, Subject
from host.stress.verdict import Verdict
from ipc.description import PluginDescription
from ipc.sound_measures import Sound, delay_between, sounding_frames

_CLEAR = 0.3  # of a perfect copy; less may be the reverberation of a plugin without direct sound
_SILENCE = 10 ** (-80 / 20)
_LONGEST_TAIL_S = 20
_TAIL_TOLERANCE_S = 0.1


def _is_no_effect(description: PluginDescription) -> str:
    if not description.in_channels or not description.out_channels:
        return "it has no inputs or no outputs"
    return ""


class LatencyIsTrue(Check):
    name = "latency-is-true"
    level = 3
    what = "measures by how much noise comes out later, and compares it with what is reported"
    means = "tracks do not line up with it"

    def unfit(self, description: PluginDescription) -> str:
        return _is_no_effect(description)

    def run(self, subject: Subject) -> None:
        rate = round(subject.sample_rate)
        frames, settled = 3 * rate // 2, rate // 2
        with subject.open() as rig:
            heard = rig.render(frames, source="noise", seed=5)
            sent = rig.render(1, source="silence", keep=False)  # for what it reports by now
            reported = sent.result.latency_frames
        noise = noise_of(frames, rig.description.in_channels, seed=5)
        if not np.isfinite(heard.sound).all():
            return
        delay = max(
            (
                delay_between(mine[settled:], side[settled:])
                for mine, side in zip(noise, heard.sound, strict=False)
            ),
            key=lambda found: found.likeness,
        )
        if delay.likeness < _CLEAR:
            subject.find(Verdict.PASS, "its output does not resemble its input: cannot be told")
            return
        subject.figures |= {"latency_frames": delay.strongest, "reported_frames": reported}
        if not delay.agrees_with(reported):
            subject.find(
                Verdict.WARN,
                f"it reports {reported} frames of latency, and noise comes out {delay.strongest} "
                "later",
                key="latency",
            )


def noise_of(frames: int, channels: int, seed: int) -> Sound:
    """What a rig plays for `noise` with a gain of 0.25."""
    random = np.random.RandomState(seed)
    return (0.25 * random.uniform(-1.0, 1.0, (channels, frames))).astype(np.float32)


class TailIsTrue(Check):
    name = "tail-is-true"
    level = 4
    what = "measures for how long it sounds after its input has ended, and compares"
    means = "the end of a bounce is cut off"

    def unfit(self, description: PluginDescription) -> str:
        return _is_no_effect(description)

    def run(self, subject: Subject) -> None:
        rate = round(subject.sample_rate)
        with subject.open() as rig:
            heard = rig.render(rate, keep=False, **subject.stimulus(rate))
            measured = 0.0
            for second in range(_LONGEST_TAIL_S):
                silence = rig.render(rate, source="silence")
                if not np.isfinite(silence.sound).all():
                    return
                sounding = sounding_frames(silence.sound, _SILENCE)
                measured = second + sounding / rate if sounding else measured
        reported = heard.result.tail_s + heard.result.latency_frames / rate
        subject.figures |= {"tail_s": measured, "reported_s": reported}
        if measured >= _LONGEST_TAIL_S - 1:
            subject.find(Verdict.PASS, "it sounds by itself: cannot be told")
        elif measured > reported + _TAIL_TOLERANCE_S:
            subject.find(
                Verdict.WARN,
                f"it reports a tail of {reported:.2f} s, and sounds for {measured:.2f} s",
                key="tail",
            )
