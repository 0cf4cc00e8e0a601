# SPDX-License-Identifier: GPL-3.0-or-later
"""All that a host may choose: rates, block sizes, programs, parameters."""

from host.stress.check import EMPTY_BLOCK_FORMATS, Check, Subject
from host.stress.checks.sound import look_at_level
from host.stress.verdict import Verdict
from ipc.description import PluginDescription
from ipc.rig_calls import SetParameter

_RATES = (8000.0, 11025.0, 22050.0, 44100.0, 48000.0, 88200.0, 96000.0, 176400.0, 192000.0)
_FEW_RATES = (44100.0, 88200.0)
_SIZES = (1, 13, 64, 480, 1024, 8192)
_FRAMES = 16384
_MOST_PROGRAMS = 512
_MOST_PARAMETERS = 2000


class AnyRateAndSize(Check):
    name = "any-rate-and-size"
    level = 3
    what = (
        "plays at two rates, nine from level 5 on, prepared for six block sizes, in equal and in "
        "changing blocks"
    )
    means = "some users' sound cards make it crash, or send nonsense"

    def run(self, subject: Subject) -> None:
        rates = _RATES if subject.level >= 5 else _FEW_RATES
        for rate in rates:
            with subject.open(sample_rate=rate, max_frames=_SIZES[0]) as rig:
                for size in _SIZES:
                    result = rig.recreate(rate, size)
                    if result.refused:
                        subject.find(
                            Verdict.FAIL,
                            f"it cannot be created for {rate:g} Hz: {result.refused}",
                            key=f"{rate:g} Hz",
                        )
                        break
                    frames = min(_FRAMES, 256 * size)
                    mixed = [size, max(1, size // 2), 1, max(1, size - 1)]
                    if subject.format in EMPTY_BLOCK_FORMATS:
                        mixed.append(0)
                    for blocks in ([size], mixed):
                        stimulus = subject.stimulus(frames)
                        heard = rig.render(frames, keep=False, blocks=blocks, **stimulus)
                        look_at_level(subject, heard.result, f"at {rate:g} Hz in blocks of {size}")


class EveryProgram(Check):
    name = "every-program"
    level = 3
    what = "selects each of its programs and plays it"
    means = "a preset of its own makes it crash, or send nonsense"

    def unfit(self, description: PluginDescription) -> str:
        return "" if description.programs else "it has no programs"

    def run(self, subject: Subject) -> None:
        frames = round(subject.sample_rate) // 4
        with subject.open() as rig:
            for number, name in enumerate(rig.description.programs[:_MOST_PROGRAMS]):
                subject.stop()
                subject.doing = f"in program {number} '{name}'"
                rig.set_program(number)
                heard = rig.render(frames, keep=False, **subject.stimulus(frames))
                look_at_level(subject, heard.result, subject.doing)


class EveryParameter(Check):
    name = "every-parameter"
    level = 2
    what = "sets each parameter to its least, middle and greatest value while it plays"
    means = "a user who turns a knob makes it crash, or send nonsense"

    def unfit(self, description: PluginDescription) -> str:
        return "" if description.parameters else "it has no parameters"

    def run(self, subject: Subject) -> None:
        frames = 2048
        with subject.open() as rig:
            defaults = rig.parameters()
            for parameter in rig.description.parameters[:_MOST_PARAMETERS]:
                subject.stop()
                for value in (0.0, 1.0, 0.5):
                    subject.doing = f"with '{parameter.name}' at {value:g}"
                    rig.set_parameter(parameter.index, value)
                    heard = rig.render(frames, keep=False, **subject.stimulus(frames))
                    look_at_level(subject, heard.result, subject.doing, is_extreme=True)
                if parameter.index < len(defaults):
                    subject.doing = f"with '{parameter.name}' at {defaults[parameter.index]:.3g}"
                    rig.perform([SetParameter(parameter.index, _within(defaults[parameter.index]))])
                    # What it dies of now is not the next parameter's.
                    rig.render(frames // 4, keep=False, **subject.stimulus(frames // 4))


class WordsMeanWhatTheySay(Check):
    name = "words-mean-what-they-say"
    level = 3
    what = "asks for the words of many values, and for the values that these words mean"
    means = "a value that is typed in becomes another one"

    _TOLERANCE = 0.02

    def unfit(self, description: PluginDescription) -> str:
        return "" if description.parameters else "it has no parameters"

    def run(self, subject: Subject) -> None:
        with subject.open() as rig:
            for parameter in rig.description.parameters[:_MOST_PARAMETERS]:
                subject.stop()
                room = self._TOLERANCE
                if parameter.steps > 1:
                    room += 1.0 / (2 * (parameter.steps - 1))
                for value in (0.0, 0.25, 0.5, 0.75, 1.0):
                    words = rig.text_of(parameter.index, value)
                    if words.refused or not words.text:
                        break  # it has none
                    back = rig.value_of(parameter.index, words.text)
                    if back.refused or not back.values:
                        told = f"'{parameter.name}': its own '{words.text}' means nothing to it"
                    elif abs(back.values[0] - value) <= room:
                        continue
                    elif rig.text_of(parameter.index, _within(back.values[0])).text == words.text:
                        continue  # rounded words
                    else:
                        told = (
                            f"'{parameter.name}': '{words.text}' is shown for {value:g}, and "
                            f"means {back.values[0]:.3g}"
                        )
                    subject.find(Verdict.WARN, told, key=f"words of {parameter.name}")
                    break


def _within(value: float) -> float:
    return min(1.0, max(0.0, value))
