# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a sine: no steps that it has not, no flat tops."""

import numpy as np
from numpy.typing import NDArray

from host.stress.check import Check, Subject
from host.stress.checks.sound import is_sound
from host.stress.rig import Sound
from host.stress.verdict import Verdict
from ipc.description import PluginDescription

_AUDIBLE = 0.01
_SIZE = 256  # of blocks
_GAIN = 0.25


class _OfASine(Check):
    level = 3

    def unfit(self, description: PluginDescription) -> str:
        if not description.out_channels or not description.in_channels:
            return "it has no inputs or no outputs"
        return ""

    def heard(self, subject: Subject, gain: float = _GAIN) -> Sound | None:
        """The second that follows on one of a sine; None where that is no sound."""
        rate = round(subject.sample_rate)
        with subject.open() as rig:
            heard = rig.render(2 * rate, source="sine", gain=gain, blocks=[_SIZE])
        late = heard.sound[:, rate:]
        return late if late.shape[1] >= 4 * _SIZE and is_sound(late) else None


class NoClicksBetweenBlocks(_OfASine):
    name = "no-clicks-between-blocks"
    what = "plays a sine and compares the steps between blocks with those inside them"
    means = "it treats the borders of blocks, which music knows nothing of, differently"

    _STEPS = 8.0  # times the largest step inside blocks

    def run(self, subject: Subject) -> None:
        late = self.heard(subject)
        if late is None:
            return
        bends, borders = _bends(subject, late)
        between, inside = float(bends[borders].max()), float(bends[~borders].max())
        subject.figures["largest_step_between_blocks"] = between
        subject.figures["largest_step_inside_blocks"] = inside
        if between > _AUDIBLE and between > self._STEPS * inside:
            subject.find(Verdict.FAIL, f"clicks of {between:.3f} between blocks", key="clicks")


class NoClicksInsideBlocks(_OfASine):
    name = "no-clicks-inside-blocks"
    what = "plays a sine and looks for single steps inside blocks, unlike all others of it"
    means = "it clicks where its input does not"

    _USUAL = 99  # %: distortion bends each cycle, in more than one frame of a hundred
    _STEPS = 8.0  # times the largest of those

    def run(self, subject: Subject) -> None:
        late = self.heard(subject)
        if late is None:
            return
        bends, borders = _bends(subject, late)
        bends = bends[~borders]
        usual, largest = float(np.percentile(bends, self._USUAL)), float(bends.max())
        clicks = bends > max(_AUDIBLE, self._STEPS * usual)
        starts = int((np.diff(clicks.astype(int), prepend=0) > 0).sum())
        subject.figures |= {"largest_step": largest, "usual_step": usual, "clicks": starts}
        if starts:
            subject.find(
                Verdict.WARN,
                f"{starts} clicks of up to {largest:.3f} in a second of a sine",
                key="clicks",
            )


class LeavesTheTopsRound(_OfASine):
    name = "leaves-the-tops-round"
    what = "plays a sine of -12 dBFS and looks for flat tops that a quiet one has not"
    means = "it clips: what is louder is distorted"

    _RUN = 4  # frames of one and the same value
    _MUCH = 0.02  # of all frames
    _QUIET = 1e-3

    def run(self, subject: Subject) -> None:
        loud = self.heard(subject)
        if loud is None:
            return
        share, top = max(_flat_tops(plane, self._RUN) for plane in loud)
        subject.figures |= {"flat_percent": round(100 * share, 2), "top": top}
        if share <= self._MUCH:
            return
        # A wave that is flat by nature, or by a coarse scale, is so however quiet it is.
        quiet = self.heard(subject, self._QUIET * _GAIN)
        if quiet is None or max(_flat_tops(plane, self._RUN) for plane in quiet)[0] > 0.0:
            return
        subject.find(
            Verdict.WARN,
            f"it clips at {top:.3f}: {100 * share:.0f} % of a sine of -12 dBFS are flat",
            key="clips",
        )


def _bends(subject: Subject, late: Sound) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """How much the curve bends at each frame, and which frames are at borders of blocks."""
    first = (-round(subject.sample_rate)) % _SIZE  # of the border after where `late` begins
    bends = np.abs(np.diff(late.astype(np.float64), 2, axis=1)).max(axis=0)
    # A step or spike at a frame bends the curve at it, and at both of its neighbours.
    borders = np.zeros(len(bends), bool)
    for shift in (-2, -1, 0):
        places = np.arange(first + shift, len(bends), _SIZE)
        borders[places[places >= 0]] = True
    return bends, borders


def _flat_tops(plane: NDArray[np.float32], least: int) -> tuple[float, float]:
    """The share of frames in runs of one value that is the highest or the lowest, and that value;
    0 where other values come in such runs as well."""
    edges = np.flatnonzero(np.diff(plane, prepend=np.nan, append=np.nan))
    starts, lengths = edges[:-1], np.diff(edges)
    long = lengths >= least
    extreme = (plane[starts] == plane.max()) | (plane[starts] == plane.min())
    tops = int(lengths[long & extreme].sum())
    others = int(lengths[long & ~extreme].sum())
    is_flat = plane.max() > plane.min() and 4 * others < tops
    return (tops / len(plane) if is_flat else 0.0), float(np.abs(plane).max(initial=0.0))
