# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes out: numbers, no offset, nothing that runs away."""

import numpy as np
from numpy.typing import NDArray

from host.stress.check import Check, Subject
from host.stress.rig import Rig
from host.stress.verdict import Verdict
from ipc.description import PluginDescription
from ipc.rig_calls import CallResult

_RUNAWAY = 10 ** (30 / 20)  # +30 dBFS: far above what any sound is meant to be
_RUNAWAY_IF_EXTREME = 10 ** (240 / 20)  # an equalizer may be told to add 200 dB
_LOUD = 10 ** (12 / 20)
_OFFSET = 0.01
_SECONDS = 2
_DYING_S = 4  # of silence
_UNWRITTEN = 123456.0  # the rig fills outputs with a little more before each block
# What malloc gives is filled with 0x5a (MALLOC_PERTURB_, host/stress/workshop.py).
_NEVER_SET = float(np.frombuffer(b"\x5a" * 4, np.float32)[0])


def look_at_level(
    subject: Subject, result: CallResult, when: str, *, is_extreme: bool = False
) -> None:
    """Tells of what is no number, and of levels that no plugin should send. `is_extreme`: it may
    have been set to make everything as loud as it can."""
    if result.nonfinite:
        subject.find(
            Verdict.FAIL,
            f"it sends NaN or Inf {when} ({result.nonfinite} samples)",
            key="nonfinite",
        )
    if _UNWRITTEN < result.peak < _UNWRITTEN + 1:
        subject.find(Verdict.FAIL, f"it leaves outputs unwritten {when}", key="unwritten")
    elif result.peak > (_RUNAWAY_IF_EXTREME if is_extreme else _RUNAWAY):
        db = 20 * np.log10(result.peak)
        verdict = Verdict.WARN if is_extreme else Verdict.FAIL
        why = "; it plays memory that it has not written" if _is_never_set(result.peak) else ""
        subject.find(verdict, f"its level runs away {when}: {db:+.0f} dBFS{why}", key="runaway")


def _is_never_set(peak: float) -> bool:
    """Within what is added to it, or how it is mixed to two sides."""
    return any(abs(peak / (_NEVER_SET * gain) - 1.0) < 1e-3 for gain in (1.0, 0.5, 0.5**0.5))


def is_sound(planes: NDArray[np.floating]) -> bool:
    """Else other checks tell of it."""
    return bool(np.isfinite(planes).all() and np.abs(planes).max(initial=0.0) <= _RUNAWAY)


class SendsNumbers(Check):
    name = "sends-numbers"
    level = 1
    what = (
        "plays noise, a sine, an impulse, silence and notes, and looks at every sample; and at "
        "what is left after 4 s of silence, with numbers too small to be normal as they are"
    )
    means = "NaN and Inf silence a mix for good; a level that runs away hurts ears"

    def run(self, subject: Subject) -> None:
        rate = round(subject.sample_rate)
        with subject.open() as rig:
            for source in ("noise", "sine", "impulse", "silence"):
                options = subject.stimulus(rate, source)
                result = rig.render(rate, keep=False, **options).result
                look_at_level(subject, result, f"for {source}")
                if source != "silence" and _LOUD < result.peak <= _RUNAWAY:
                    db = 20 * np.log10(result.peak / 0.25)
                    subject.find(
                        Verdict.WARN,
                        f"by default it makes {source} {db:+.0f} dB louder",
                        key="loud",
                    )
                if result.subnormal:
                    subject.find(
                        Verdict.WARN,
                        f"it sends numbers too small to be normal for {source} "
                        f"({result.subnormal} samples), though the processor is told to make none",
                        key="subnormal",
                    )
        self._look_without_help(subject, rate)

    def _look_without_help(self, subject: Subject, rate: int) -> None:
        """In a host that lets the processor make small numbers, a sound that dies away passes
        through them; a filter that rounds stays there for good, and slows down what comes next."""
        with subject.open() as rig:
            played = rig.render(rate, keep=False, denormals=True, **subject.stimulus(rate)).result
            rig.render(_DYING_S * rate, source="silence", keep=False, denormals=True)
            left = rig.render(rate // 4, source="silence", keep=False, denormals=True).result
        subject.figures["subnormal_after_silence"] = left.subnormal
        if played.subnormal:
            subject.find(
                Verdict.WARN,
                "it sends numbers too small to be normal for noise, in hosts that do not help it "
                f"({played.subnormal} samples)",
                key="subnormal for noise",
            )
        if left.subnormal:
            subject.find(
                Verdict.WARN,
                f"{_DYING_S} s after its input has ended it still sends numbers too small to be "
                "normal, in hosts that do not help it",
                key="subnormal without help",
            )


class KeepsTheMiddle(Check):
    name = "keeps-the-middle"
    level = 3
    what = "looks for a constant offset in what comes out of noise and of silence"
    means = "an offset takes headroom, and clicks when the plugin is switched"

    def unfit(self, description: PluginDescription) -> str:
        return "" if description.out_channels else "it has no outputs"

    def run(self, subject: Subject) -> None:
        rate = round(subject.sample_rate)
        with subject.open() as rig:
            for source in ("noise", "silence"):
                options = subject.stimulus(_SECONDS * rate, source)
                heard = rig.render(_SECONDS * rate, **options)
                late = heard.sound[:, rate:]
                if late.size == 0 or not is_sound(late):
                    continue
                offset = float(np.abs(late.mean(axis=1)).max())
                subject.figures[f"offset_for_{source}"] = offset
                if offset > _OFFSET and not subject.is_instrument:
                    subject.find(
                        Verdict.WARN,
                        f"an offset of {offset:.3f} for {source}",
                        key=f"offset {source}",
                    )


class RecoversFromNonsense(Check):
    name = "recovers-from-nonsense"
    level = 4
    what = "feeds NaN, Inf and huge numbers, then noise for seconds, and waits for sound to return"
    means = "one broken plugin before it in a chain silences it until it is loaded again"

    def unfit(self, description: PluginDescription) -> str:
        return "" if description.in_channels else "it has no inputs"

    def run(self, subject: Subject) -> None:
        rate = round(subject.sample_rate)
        with subject.open() as rig:
            rig.render(rate // 4, keep=False, **subject.sources("wild"))
            result = self._after(subject, rig, rate)
            if result.nonfinite:
                subject.find(
                    Verdict.WARN,
                    f"{_SECONDS} s after NaN and Inf in its input it still sends them",
                    key="poisoned",
                )

    def _after(self, subject: Subject, rig: Rig, rate: int) -> CallResult:
        noise = subject.sources("noise")
        rig.render(_SECONDS * rate, keep=False, **noise)
        return rig.render(rate // 4, keep=False, **noise).result
