# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a plugin hears its side-chain: one that does not looks as it should, and does nothing."""

import math
import re
from collections.abc import Iterator

from host.stress.check import Check, Subject
from host.stress.rig import Heard
from host.stress.verdict import Verdict
from ipc.description import ParameterDescription, PluginDescription
from ipc.rig_calls import SetParameter, Source
from ipc.sound_measures import residue_db

# As users call what lets a side-chain in: "Sidechain", "External key", "SC listen", "Ext".
_SWITCH = re.compile(r"side|key|listen|(?<![a-z])ext|(?<![a-z])sc(?![a-z])", re.IGNORECASE)
_FEW_STEPS = 8
_Setting = dict[int, float]  # parameters' values by their index, normalized


class HearsItsSideChain(Check):
    name = "hears-its-side-chain"
    level = 4
    what = (
        "compares what it sends while its side-chain is silent with what it sends while noise is "
        "loud there: by default, with each parameter that may let it in by its name at its other "
        "values, then with random settings, 30 in all"
    )
    means = "a compressor that is meant to be keyed hears nothing"

    _MOST = 30  # settings
    _MOST_SWITCHED = 12  # of them, those with one switch turned
    # Of one that never sounds the same twice, so much more than that is the side-chain's doing.
    _CHANCE_DB = 12.0
    # The input is a band of noise of -14 dBFS, the side-chain white noise up to full scale.
    _GAIN = 1.0

    def unfit(self, description: PluginDescription) -> str:
        if not description.sidechain_channels:
            unreached = (one for one in description.remarks if "side-chain" in one)
            return next(unreached, "it has no side-chain")
        return "" if description.out_channels else "it has no outputs"

    def run(self, subject: Subject) -> None:
        is_repeatable = True
        unseen: list[str] = []
        for tries, setting in enumerate(self._settings(subject), 1):
            subject.figures["settings"] = tries
            silent, keyed = (self._play(subject, setting, key) for key in ("silence", "noise"))
            unseen = silent.result.unseen
            if silent.result.digest == keyed.result.digest:
                continue
            again = self._play(subject, setting, "silence")
            difference = residue_db(silent.sound, keyed.sound)
            same_twice = again.result.digest == silent.result.digest
            usual = residue_db(silent.sound, again.sound)
            if same_twice or difference > usual + self._CHANCE_DB:
                if math.isfinite(difference):
                    subject.figures["difference_db"] = difference
                return
            is_repeatable = False
        if unseen:
            subject.tell_unseen(unseen)
        elif is_repeatable:
            subject.find(
                Verdict.WARN, "whatever it is set to, its side-chain changes nothing", key="deaf"
            )
        else:
            subject.find(Verdict.PASS, "it never sounds the same twice: cannot be told")

    def _play(self, subject: Subject, setting: _Setting, key: Source) -> Heard:
        """A new instance each time: what another one remembers is not the side-chain's doing."""
        frames = round(subject.sample_rate) // 2
        sounds = {**subject.stimulus(frames), "source": "band", "key": key, "gain": self._GAIN}
        subject.doing = f"with {key} in its side-chain"
        # JUCE lays outputs over a side-chain, which a plugin may clear before it listens.
        with subject.open(direct=True) as rig:
            rig.perform([SetParameter(index, value) for index, value in setting.items()])
            return rig.render(frames, **sounds)

    def _settings(self, subject: Subject) -> Iterator[_Setting]:
        yield {}
        own = [one for one in subject.description.parameters if not one.read_only]
        switches = [one for one in own if _SWITCH.search(one.name)]
        switches.sort(key=lambda one: len(_values(one)) + _is_continuous(one))
        turned = [
            {one.index: value}
            for one in switches
            for value in _values(one)
            if abs(value - one.default) > 1e-3
        ][: self._MOST_SWITCHED]
        yield from turned
        numbers = subject.random("side-chain")
        others = [one for one in own if one.automatable and one not in switches]
        for _ in range(self._MOST - 1 - len(turned)):
            # What is left as it is keeps it from being bypassed, or silent, most of the time.
            some = [one for one in others if numbers.random() < 0.5]
            yield {
                one.index: round(numbers.random(), 3)
                if _is_continuous(one)
                else numbers.choice(_values(one))
                for one in (*some, *switches)
            }


def _is_continuous(parameter: ParameterDescription) -> bool:
    return not 2 <= parameter.steps <= _FEW_STEPS


def _values(parameter: ParameterDescription) -> list[float]:
    """All, or the ends."""
    last = 1 if _is_continuous(parameter) else parameter.steps - 1
    return [step / last for step in range(last + 1)]
