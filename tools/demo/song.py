# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's song: which plugins play what the material holds, and how loud.

Two songs come of it: one with a plugin in the drums' chain that will crash, which the demo plays,
and one with a plain gain in its place, which is left for the user.
"""

from pathlib import Path

import msgspec

from host.song import AudioSource, Master, MidiSource, Slot, Song, Track
from tools.demo.material import DRUMS_FILE, midi_file
from tools.demo.patches import ARP, BASS, KEYS, LEAD, PAD
from tools.demo.score import TEMPO

SAMPLE_RATE = 48000
CRASHER = "drums-gain"
_CRASHER_GAIN: dict[str, float | str] = {"Gain": "-1.5 dB"}

_MDA = "lv2:http://drobilla.net/plugins/mda/"
_VST3 = "vst3:/usr/lib/vst3/"


def build_song(folder: Path, length_s: float, crash_after_blocks: int | None) -> Song:
    """The song, its media in `folder`; with `crash_after_blocks` None nothing in it crashes."""
    gain = Slot(id=CRASHER, name="Gain", plugin="builtin:gain", parameters=_CRASHER_GAIN)
    if crash_after_blocks is not None:
        plugin = f"fault:segv?after={crash_after_blocks}"
        gain = msgspec.structs.replace(gain, name="Crashing gain", plugin=plugin)
    return Song(
        name="Isobooth demo",
        sample_rate=SAMPLE_RATE,
        tempo=TEMPO,
        length_s=length_s,
        tail_s=0.0,
        folder=str(folder),
        tracks=(
            Track(
                id="drums",
                name="Drums",
                audio=AudioSource(file=DRUMS_FILE),
                chain=(
                    Slot(
                        id="drums-comp",
                        name="ZamCompX2",
                        plugin=f"{_VST3}ZamCompX2.vst3",
                        parameters={
                            "Threshold": "-20 dB",
                            "Ratio": "3",
                            "Attack": "12 ms",
                            "Release": "120 ms",
                            "Knee": "4 dB",
                            "Makeup": "4 dB",
                            "Stereo Detection": 1.0,
                        },
                    ),
                    gain,
                ),
                gain_db=-2.0,
            ),
            Track(
                id="bass",
                name="Bass",
                midi=MidiSource(file=midi_file("bass")),
                chain=(
                    Slot(id="bass-synth", name="JX10", plugin=f"{_MDA}JX10", parameters=BASS),
                    Slot(
                        id="bass-eq",
                        name="ZamEQ2",
                        plugin=f"{_VST3}ZamEQ2.vst3",
                        parameters={"Boost/Cut L": "2 dB", "Frequency L": "110 Hz"},
                    ),
                ),
                gain_db=-8.0,
            ),
            Track(
                id="keys",
                name="Keys",
                midi=MidiSource(file=midi_file("keys")),
                chain=(
                    Slot(
                        id="keys-piano",
                        name="ePiano",
                        plugin=f"{_MDA}EPiano",
                        parameters=KEYS,
                    ),
                    Slot(
                        id="keys-verb",
                        name="ZamVerb",
                        plugin=f"{_VST3}ZamVerb.vst3",
                        parameters={"Wet / Dry": "18 %"},
                    ),
                ),
                gain_db=-6.5,
            ),
            Track(
                id="pad",
                name="Pad",
                midi=MidiSource(file=midi_file("pad")),
                chain=(
                    Slot(id="pad-synth", name="JX10", plugin=f"{_MDA}JX10", parameters=PAD),
                    Slot(
                        id="pad-stereo",
                        name="Stereo",
                        plugin=f"{_MDA}Stereo",
                        parameters={"Width": 0.85, "Mod": 0.25},
                    ),
                ),
                gain_db=-18.0,
            ),
            Track(
                id="arp",
                name="Arpeggio",
                midi=MidiSource(file=midi_file("arp")),
                chain=(
                    Slot(id="arp-synth", name="DX10", plugin=f"{_MDA}DX10", parameters=ARP),
                    Slot(
                        id="arp-leslie",
                        name="Leslie",
                        plugin=f"{_MDA}Leslie",
                    ),
                ),
                gain_db=-9.0,
                pan=0.25,
            ),
            Track(
                id="lead",
                name="Lead",
                midi=MidiSource(file=midi_file("lead")),
                chain=(
                    Slot(id="lead-synth", name="JX10", plugin=f"{_MDA}JX10", parameters=LEAD),
                    Slot(
                        id="lead-delay",
                        name="ZamDelay",
                        plugin=f"{_VST3}ZamDelay.vst3",
                        parameters={
                            "Time": "450 ms",  # a dotted eighth at 100 beats a minute
                            "Feedback": 0.35,
                            "Dry/Wet": 0.22,
                            "LPF": "4500 Hz",
                        },
                    ),
                ),
                gain_db=-5.5,
                pan=-0.1,
            ),
        ),
        master=Master(
            chain=(
                Slot(
                    id="master-eq",
                    name="ZamEQ2",
                    plugin="lv2:urn:zamaudio:ZamEQ2",
                    parameters={"Boost/Cut H": "1.5 dB", "Frequency H": "9000 Hz"},
                ),
                Slot(
                    id="master-limit",
                    name="ZaMaximX2",
                    plugin=f"{_VST3}ZaMaximX2.vst3",
                    parameters={"Threshold": "-4 dB", "Output Ceiling": "-1 dB"},
                ),
            ),
        ),
    )
