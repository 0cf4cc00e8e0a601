# SPDX-License-Identifier: GPL-3.0-or-later
"""Being created and destroyed, and leaving the process as it was."""

from host.stress.check import Check, Subject
from host.stress.verdict import Verdict
from ipc.rig_calls import SetState


class LivesAndDies(Check):
    name = "lives-and-dies"
    level = 1
    what = "creates the plugin, plays a second, destroys it and creates it again"
    means = "it cannot be used at all"

    def run(self, subject: Subject) -> None:
        with subject.open() as rig:
            rate = round(subject.sample_rate)
            heard = rig.render(rate, keep=False, **subject.stimulus(rate))
            if heard.result.refused_blocks:
                subject.find(Verdict.FAIL, f"it refused {heard.result.refused_blocks} blocks")
            result = rig.recreate(subject.sample_rate, subject.max_frames)
            if result.refused:
                subject.find(Verdict.FAIL, f"it cannot be created twice: {result.refused}")
                return
            rig.render(rate // 4, keep=False, **subject.stimulus(rate // 4))


class LeavesTheProcessAlone(Check):
    name = "leaves-the-process-alone"
    level = 2
    what = (
        "compares locale, current folder, umask, signal handlers and the audio thread's "
        "floating-point mode before and after each call"
    )
    means = "it breaks its host, or other plugins, in ways that nobody will blame on it"

    def run(self, subject: Subject) -> None:
        with subject.open() as rig:
            seen = list(rig.mounted.changed)
            rate = round(subject.sample_rate)
            seen += rig.render(rate // 2, keep=False, **subject.stimulus(rate // 2)).result.changed
            for parameter in rig.description.parameters[:64]:
                seen += rig.text_of(parameter.index, 0.5).changed
            seen += rig.idle().changed
            state = rig.save_state()
            if state:
                seen += rig.perform([SetState(state)])[0].changed
            seen += rig.recreate(subject.sample_rate, subject.max_frames).changed
        for change in seen:
            verdict = Verdict.WARN if change.startswith("the handler of") else Verdict.FAIL
            subject.find(verdict, f"it changes {change}", key=change.partition(":")[0])
