# SPDX-License-Identifier: GPL-3.0-or-later
"""What is typed after --chain and --param, and the songs that become of it."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ipc.errors import InputError
from tools.plugins.typed_id import typed_plugin_id
from tools.render.chain_song import chain_slots, chain_song

EQ = "vst3:/usr/lib/vst3/ZamEQ2.vst3"


@pytest.mark.parametrize(
    ("typed", "full"),
    [
        ("vst3:Mine.vst3", "vst3:{here}/Mine.vst3"),
        ("vst3:./a/../Mine.vst3/", "vst3:{here}/Mine.vst3"),
        ("vst3:~/Mine.vst3", "vst3:{home}/Mine.vst3"),
        ("ladspa:lib/amp.so#amp_stereo", "ladspa:{here}/lib/amp.so#amp_stereo"),
        ("clap:lib/a.clap", "clap:{here}/lib/a.clap"),
        ("clap:lib/a.clap#org.b/c", "clap:{here}/lib/a.clap#org.b/c"),
        ("vst3:/usr/lib/vst3/X.vst3", "vst3:/usr/lib/vst3/X.vst3"),
        ("lv2:http://example.org/a#b", "lv2:http://example.org/a#b"),
        ("fault:segv?after=3", "fault:segv?after=3"),
    ],
)
def test_a_path_means_what_the_shell_would_make_of_it(
    typed: str, full: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/someone")
    assert typed_plugin_id(typed) == full.format(here=os.getcwd(), home="/home/someone")


@pytest.mark.parametrize("typed", ["", "vst3:", "ladspa:amp.so", "nothing", "vst9:/x.vst3"])
def test_what_is_no_plugin_id_is_refused(typed: str) -> None:
    with pytest.raises(InputError):
        typed_plugin_id(typed)


def test_slots_are_named_after_their_plugins() -> None:
    slots = chain_slots(
        [
            EQ,
            "lv2:http://drobilla.net/plugins/mda/Delay",
            "lv2:http://example.org/other#delay",
            "ladspa:/usr/lib/ladspa/amp.so#amp_stereo",
            "clap:/usr/lib/clap/ZamTube.clap",
            "clap:/opt/two.clap#http://example.org/synth",
            "pedalboard:Reverb",
            "fault:segv?after=3",
            "lv2:urn:" + "ß" * 5,
        ],
        [],
    )
    names = [
        "zameq2",
        "delay",
        "delay-2",
        "amp_stereo",
        "zamtube",
        "synth",
        "reverb",
        "segv",
        "lv2",
    ]
    assert [slot.id for slot in slots] == names


@pytest.mark.parametrize(
    ("text", "slot", "name", "value"),
    [
        ("1.Gain=0.5", 0, "Gain", 0.5),
        ("gain.Gain=1", 0, "Gain", 1.0),
        ("gain-2.Gain=-6 dB", 1, "Gain", "-6 dB"),
        ("2.Freq. (Hz)=2500", 1, "Freq. (Hz)", "2500"),
        ("2.a=b=0.25", 1, "a=b", 0.25),
    ],
)
def test_parameters_are_positions_or_texts(
    text: str, slot: int, name: str, value: float | str
) -> None:
    slots = chain_slots(["builtin:gain", "builtin:gain"], [text])
    assert slots[slot].parameters == {name: value}
    assert slots[1 - slot].parameters == {}


@pytest.mark.parametrize("text", ["", "Gain=1", "1.Gain", "1.=1", "1.Gain=", ".Gain=1", "1Gain=1"])
def test_a_parameter_that_is_none_shows_how_one_is_written(text: str) -> None:
    with pytest.raises(InputError, match=r"expected SLOT\.NAME=VALUE, such as 1\.Gain=0\.5"):
        chain_slots(["builtin:gain"], [text])


@pytest.mark.parametrize("slot", ["0", "3", "delay"])
def test_a_slot_that_is_not_there_is_refused_with_those_that_are(slot: str) -> None:
    with pytest.raises(InputError, match=r"in the chain: 1 \(gain\), 2 \(tone\)"):
        chain_slots(["builtin:gain", "builtin:tone"], [f"{slot}.Gain=1"])


def test_the_last_value_of_a_parameter_counts() -> None:
    (slot,) = chain_slots(["builtin:gain"], ["1.Gain=0.5", "gain.Gain=0.25", "1.Pan=0"])
    assert slot.parameters == {"Gain": 0.25, "Pan": 0.0}


def test_a_file_is_rendered_at_its_own_rate(tmp_path: Path) -> None:
    file = tmp_path / "in.wav"
    soundfile.write(file, np.zeros((10, 2)), 44100)
    slots = chain_slots([EQ], [])
    assert chain_song(file, slots, None).sample_rate == 44100
    assert chain_song(file, slots, 96000).sample_rate == 96000


def test_a_rate_beyond_what_is_supported_asks_for_another(tmp_path: Path) -> None:
    file = tmp_path / "in.wav"
    soundfile.write(file, np.zeros((10, 2)), 384000)
    slots = chain_slots([EQ], [])
    with pytest.raises(InputError, match=r"384000 Hz is not between 8000 and 192000 Hz.*--rate"):
        chain_song(file, slots, None)
    assert chain_song(file, slots, 48000).sample_rate == 48000


def test_notes_have_no_rate_of_their_own(tmp_path: Path) -> None:
    song = chain_song(tmp_path / "TUNE.MID", chain_slots([EQ], []), None)
    assert song.sample_rate == 48000
    assert song.tracks[0].midi is not None
    assert song.tracks[0].audio is None


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="is a pipe"):
        chain_song(pipe, chain_slots([EQ], []), None)


@pytest.mark.parametrize("typed", ["foo", ""])
def test_a_wrong_id_is_told_with_its_option(typed: str) -> None:
    with pytest.raises(InputError, match=f'^--chain: expected an id .*, got "{typed}"'):
        chain_slots([typed], [])
