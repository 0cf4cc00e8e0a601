# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's music, as notes: what is played when, and how hard.

All times are in beats from the start. The piece is a whole number of bars and a last chord; it
can be cut to any length from two bars up, and every part still has its say: parts enter at a share
of the whole, not at a fixed bar.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

TEMPO = 100.0  # beats a minute
BEATS_A_BAR = 4
BEAT_S = 60.0 / TEMPO
BAR_S = BEATS_A_BAR * BEAT_S
ENDING_S = 1.2  # at least, for the last chord to ring and die away
RELEASE_S = 0.7  # of it, to die away

# When a part comes in, as a share of the bars.
ENTRIES = {"keys": 0.0, "pad": 0.0, "drums": 0.1, "bass": 0.2, "arp": 0.3, "lead": 0.4}


@dataclass(frozen=True)
class Note:
    beat: float
    length: float  # beats
    key: int  # MIDI note number
    velocity: int


@dataclass(frozen=True)
class Harmony:
    bass: int
    chord: tuple[int, ...]  # as the keys play it


# A minor, with a dominant in the eighth bar: Am9 Fmaj9 Cmaj9 G6/9 | Am9 Fmaj9 Dm9 E7
HARMONIES = (
    Harmony(33, (55, 59, 60, 64)),
    Harmony(29, (57, 60, 64, 67)),
    Harmony(36, (55, 59, 62, 64)),
    Harmony(31, (57, 59, 62, 64)),
    Harmony(33, (55, 59, 60, 64)),
    Harmony(29, (57, 60, 64, 67)),
    Harmony(38, (53, 57, 60, 64)),
    Harmony(28, (56, 59, 62, 64)),
)
LAST = Harmony(33, (57, 60, 64, 71))  # Am(add9), where everything comes to rest

# The melody to each of these bars: (beat, length, key).
MELODY: tuple[tuple[tuple[float, float, int], ...], ...] = (
    ((0.0, 0.9, 72), (1.0, 0.9, 76), (2.0, 1.4, 81), (3.5, 0.4, 79)),
    ((0.0, 1.4, 79), (1.5, 0.4, 76), (2.0, 0.4, 74), (2.5, 0.4, 71), (3.0, 0.9, 74)),
    ((0.0, 1.4, 76), (1.5, 0.4, 74), (2.0, 1.9, 79)),
    ((0.0, 1.4, 74), (1.5, 0.4, 71), (2.0, 0.9, 74), (3.0, 0.9, 76)),
    ((0.0, 1.4, 76), (1.5, 0.4, 74), (2.0, 0.9, 72), (3.0, 0.9, 71)),
    ((0.0, 1.9, 72), (2.0, 0.9, 69), (3.0, 0.9, 67)),
    ((0.0, 1.4, 77), (1.5, 0.4, 76), (2.0, 0.9, 74), (3.0, 0.9, 72)),
    ((0.0, 1.9, 71), (2.0, 0.4, 68), (2.5, 0.4, 71), (3.0, 0.9, 74)),
)
LAST_MELODY_KEY = 76


@dataclass(frozen=True)
class Form:
    """How long the piece is."""

    bars: int  # before the last chord
    last_beats: float  # how long the last chord is held

    @classmethod
    def of(cls, length_s: float) -> "Form":
        """The form that fills `length_s` seconds."""
        bars = max(2, int((length_s - ENDING_S) / BAR_S))
        return cls(bars, (length_s - RELEASE_S) / BEAT_S - bars * BEATS_A_BAR)

    def entry(self, part: str) -> int:
        """The bar in which a part comes in."""
        return int(ENTRIES[part] * self.bars)

    @property
    def last_beat(self) -> int:
        """Where the last chord begins."""
        return self.bars * BEATS_A_BAR


def harmony_of(bar: int) -> Harmony:
    return HARMONIES[bar % len(HARMONIES)]


def keys(form: Form) -> Iterator[Note]:
    """Electric piano: a chord that breathes, its notes a little apart as under two hands."""
    rhythm = ((0.0, 1.4, 82), (1.5, 0.4, 58), (2.5, 1.4, 70))
    for bar in range(form.bars):
        for beat, length, velocity in rhythm:
            yield from _chord(harmony_of(bar), bar * BEATS_A_BAR + beat, length, velocity)
    yield from _chord(LAST, form.last_beat, form.last_beats, 80)


def _chord(harmony: Harmony, beat: float, length: float, velocity: int) -> Iterator[Note]:
    for finger, key in enumerate(harmony.chord):
        yield Note(beat + 0.012 * finger, length, key, velocity - 3 * finger)


def pad(form: Form) -> Iterator[Note]:
    """Strings behind it all, a bar to a chord."""
    for bar in range(form.bars):
        for key in harmony_of(bar).chord[1:]:
            yield Note(bar * BEATS_A_BAR, BEATS_A_BAR - 0.1, key, 62)
    for key in LAST.chord[1:]:
        yield Note(form.last_beat, form.last_beats, key, 62)


def bass(form: Form) -> Iterator[Note]:
    """Root on one, a push before three, a step to the next bar's root."""
    for bar in range(form.entry("bass"), form.bars):
        root, following = harmony_of(bar).bass, harmony_of(bar + 1).bass
        start = bar * BEATS_A_BAR
        yield Note(start, 1.3, root, 100)
        yield Note(start + 1.5, 0.45, root, 84)
        yield Note(start + 2.0, 0.9, root, 94)
        yield Note(start + 3.0, 0.45, root + 7, 82)
        yield Note(start + 3.5, 0.45, following + (2 if following < root else -1), 88)
    yield Note(form.last_beat, form.last_beats, LAST.bass, 98)


def arp(form: Form) -> Iterator[Note]:
    """Sixteenths through the chord, two octaves up; the accents go against the bar."""
    order = (0, 2, 1, 3, 2, 1)
    step = 0
    for bar in range(form.entry("arp"), form.bars):
        chord = harmony_of(bar).chord
        for sixteenth in range(BEATS_A_BAR * 4):
            if sixteenth % 8 != 7:  # a breath twice a bar
                accent = 92 if step % 3 == 0 else 66
                key = chord[order[step % len(order)]] + 24
                yield Note(bar * BEATS_A_BAR + sixteenth / 4, 0.22, key, accent)
            step += 1
    yield Note(form.last_beat, form.last_beats, LAST.chord[0] + 24, 84)


def lead(form: Form) -> Iterator[Note]:
    """The tune, with a little weight on every one."""
    for bar in range(form.entry("lead"), form.bars):
        for beat, length, key in MELODY[bar % len(MELODY)]:
            yield Note(bar * BEATS_A_BAR + beat, length, key, 96 if beat == 0.0 else 86)
    yield Note(form.last_beat, form.last_beats, LAST_MELODY_KEY, 90)


@dataclass(frozen=True)
class Hit:
    beat: float
    drum: str  # kick, snare, hat, open_hat, clap
    level: float


def drums(form: Form) -> Iterator[Hit]:
    """Hats alone first, then the whole kit; a fill leads into every fourth bar and the end."""
    full_from = form.entry("bass")
    for bar in range(form.entry("drums"), form.bars):
        start = bar * BEATS_A_BAR
        fill = bar % 4 == 3 or bar == form.bars - 1
        for eighth in range(8):
            swing = 0.04 if eighth % 2 else 0.0
            level = 0.9 if eighth % 2 == 0 else 0.55
            yield Hit(start + eighth / 2 + swing, "open_hat" if eighth == 7 else "hat", level)
        if bar < full_from:
            continue
        for beat, level in ((0.0, 1.0), (1.75, 0.6), (2.5, 0.9)):
            yield Hit(start + beat, "kick", level)
        for beat, level in ((1.0, 1.0), (3.0, 1.0), *(((3.5, 0.5), (3.75, 0.7)) if fill else ())):
            yield Hit(start + beat, "snare", level)
    yield Hit(form.last_beat, "kick", 1.0)
    yield Hit(form.last_beat, "open_hat", 1.0)


PARTS = {"keys": keys, "pad": pad, "bass": bass, "arp": arp, "lead": lead}


def humanized(notes: Iterator[Note], seed: int) -> list[Note]:
    """The same notes, a few milliseconds early or late and never twice as hard; no two alike."""
    rng = np.random.default_rng(seed)
    return [
        Note(
            max(0.0, note.beat + float(rng.normal(0.0, 0.006))),
            note.length,
            note.key,
            int(np.clip(note.velocity + rng.integers(-5, 6), 1, 127)),
        )
        for note in notes
    ]
