# SPDX-License-Identifier: GPL-3.0-or-later
"""The sounds of the demo's synthesizers, by parameter name.

Spelled out instead of picked from the plugins' own programs: their order, and so the number by
which a song would name one, differs from machine to machine.
"""

_JX10 = (
    "OSC Mix", "OSC Tune", "OSC Fine", "Glide", "Gld Rate", "Gld Bend",
    "VCF Freq", "VCF Reso", "VCF Env", "VCF LFO", "VCF Vel",
    "VCF Att", "VCF Dec", "VCF Sus", "VCF Rel",
    "ENV Att", "ENV Dec", "ENV Sus", "ENV Rel",
    "LFO Rate", "Vibrato", "Noise", "Octave", "Tuning",
)  # fmt: skip
_DX10 = (
    "Attack", "Decay", "Release", "Coarse", "Fine",
    "Mod Init", "Mod Dec", "Mod Sus", "Mod Rel", "Mod Vel",
    "Vibrato", "Octave", "FineTune", "Waveform", "Mod Thru", "LFO Rate",
)  # fmt: skip


def _patch(names: tuple[str, ...], *values: float) -> dict[str, float | str]:
    return dict(zip(names, values, strict=True))


# Two saws an octave apart through a filter that closes on every note.
BASS = _patch(
    _JX10,
    1.0, 0.25, 0.2, 0.72, 0.19, 0.86,
    0.48, 0.43, 0.94, 0.0, 0.8,
    0.0, 0.0, 0.0, 0.0,
    0.0, 0.61, 1.0, 0.32,
    0.81, 0.5, 0.0, 0.7, 0.5,
)  # fmt: skip

# Slow and dark: it fills the room between the keys' chords.
PAD = _patch(
    _JX10,
    0.39, 0.51, 0.27, 0.38, 0.12, 0.5,
    0.42, 0.6, 0.5, 0.05, 0.5,
    0.0, 0.3, 0.0, 0.25,
    0.45, 0.5, 0.8, 0.55,
    0.6, 0.5, 0.0, 0.5, 0.5,
)  # fmt: skip

# A soft horn with a little breath and a late vibrato.
LEAD = _patch(
    _JX10,
    0.12, 0.9, 0.67, 0.0, 0.35, 0.5,
    0.58, 0.25, 0.32, 0.12, 0.6,
    0.0, 0.35, 0.36, 0.25,
    0.08, 0.5, 1.0, 0.32,
    0.83, 0.56, 0.06, 0.5, 0.5,
)  # fmt: skip

# FM harp.
ARP = _patch(
    _DX10,
    0.0, 0.5, 0.6, 0.16, 0.0,
    0.2, 0.349, 0.0, 0.28, 0.9,
    0.0, 0.5, 0.5, 0.401, 0.0, 0.5,
)  # fmt: skip

KEYS: dict[str, float | str] = {
    "Hardness": 0.42,
    "Modulation": 0.64,  # tremolo from side to side
    "LFO Rate": 0.55,
    "Stereo Width": 0.8,
    "Envelope Release": 0.55,
}
