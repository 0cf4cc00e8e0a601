# SPDX-License-Identifier: GPL-3.0-or-later
"""What no host may do, and some do. A plugin that does not survive it breaks no rule: of nothing
here it is failed, and what it dies of is told as a warning."""

from host.plugin_id import PluginFormat
from host.stress.check import Check, Subject
from host.stress.death import PluginDied
from host.stress.verdict import Verdict


class SurvivesWrongBlockSizes(Check):
    name = "survives-wrong-block-sizes"
    level = 6
    what = (
        "plays blocks without frames, and CLAP plugins blocks 64 times as large as they were "
        "prepared for: what a host must not do, or what the format says nothing of"
    )
    means = "a mistake of a host's crashes it, where it could have been a moment of silence"
    # JUCE and minihost keep larger blocks from VST3 and LV2 plugins.
    formats = frozenset({PluginFormat.CLAP, PluginFormat.LADSPA})

    _PREPARED = 64

    def run(self, subject: Subject) -> None:
        cases = {"blocks without frames": [self._PREPARED, 0]}
        if subject.format is PluginFormat.CLAP:
            cases["blocks larger than it was prepared for"] = [self._PREPARED, 64 * self._PREPARED]
        for what, blocks in cases.items():
            try:
                self._play(subject, blocks)
            except PluginDied as died:
                subject.find(
                    Verdict.WARN,
                    f"it does not survive {what}: {died}",
                    key=what,
                    stack=list(died.last.backtrace),
                    keeps_log=True,
                )

    def _play(self, subject: Subject, blocks: list[int]) -> None:
        frames = 4 * sum(blocks)
        with subject.open(max_frames=self._PREPARED) as rig:
            rig.render(
                frames, blocks=blocks, oversized=True, keep=False, **subject.stimulus(frames)
            )
            # Where memory was overwritten, this is where it shows.
            rig.recreate(subject.sample_rate, self._PREPARED)
