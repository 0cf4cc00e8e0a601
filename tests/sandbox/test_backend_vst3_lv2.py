# SPDX-License-Identifier: GPL-3.0-or-later
"""Installed VST3 and LV2 plugins through minihost; each test in a process of its own."""

import os
from pathlib import Path

import numpy as np
import pytest

from ipc.errors import WorkerError
from sandbox._native import Slot
from sandbox.backends import LoadedPlugin, contents, open_plugin, warm
from tests.fixtures.build import fixture_vst3
from tests.fixtures.own_process import own_process
from tests.fixtures.playing import RATE, Audio, noise, play

VST3 = "vst3:/usr/lib/vst3/"
MDA = "lv2:http://drobilla.net/plugins/mda/"
X42 = "lv2:http://gareus.org/oss/lv2/"

pytestmark = pytest.mark.skipif(
    not Path("/usr/lib/vst3/ZamEQ2.vst3").exists() or not Path("/usr/lib/lv2/mda.lv2").exists(),
    reason="packages zam-plugins and mda-lv2 are not installed",
)
needs_x42 = pytest.mark.skipif(
    not Path("/usr/lib/lv2/midifilter.lv2").exists(), reason="x42-plugins is not installed"
)
needs_lsp = pytest.mark.skipif(
    not Path("/usr/lib/lv2/lsp-plugins.lv2").exists(), reason="lsp-plugins-lv2 is not installed"
)


def load(plugin_id: str, max_frames: int = 256, sidechain: bool = False) -> LoadedPlugin:
    return open_plugin(plugin_id, sample_rate=RATE, max_frames=max_frames, sidechain=sidechain)


def set_text(plugin: LoadedPlugin, name: str, text: str) -> None:
    index = plugin.find_parameter(name)
    plugin.set_parameter(index, plugin.parameter_from_text(index, text))


def silence(frames: int) -> Audio:
    return np.zeros((2, frames), np.float32)


def level_db(audio: Audio) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(audio))) + 1e-12))


@own_process
def test_warming_leaves_one_thread_and_no_files_behind() -> None:
    import sys
    import tempfile

    threads = len(os.listdir("/proc/self/task"))  # numpy has started some
    before = set(os.listdir(tempfile.gettempdir()))
    warm("vst3")
    warm("lv2")
    assert len(os.listdir("/proc/self/task")) == threads
    assert not {f for f in set(os.listdir(tempfile.gettempdir())) - before if "temp" in f}
    assert "minihost" not in sys.modules


@own_process
def test_a_plugin_loads_in_a_fork_of_the_warm_process() -> None:
    warm("lv2")
    for plugin_id in (f"{VST3}ZamEQ2.vst3", f"{MDA}Delay"):
        child = os.fork()
        if child == 0:
            heard, _ = play(load(plugin_id), noise(512))
            os._exit(0 if np.any(heard) else 1)
        assert os.waitpid(child, 0)[1] == 0


@own_process
def test_a_vst3_is_described() -> None:
    description = load(f"{VST3}ZamEQ2.vst3").description
    assert (description.name, description.vendor) == ("ZamEQ2", "Damien Zammit")
    assert description.version and description.path.endswith("ZamEQ2.vst3")
    assert (description.in_channels, description.out_channels) == (1, 1)
    assert description.programs == ["Zero", "CarvedBass", "CarvedGuitar", "CarvedVox"]
    boost = next(p for p in description.parameters if p.name == "Boost/Cut 1")
    assert (boost.unit, boost.min_text, boost.max_text) == ("dB", "-50.000000 dB", "20.000000 dB")


@own_process
def test_an_lv2_plugin_is_described_by_its_own_data() -> None:
    description = load("lv2:urn:zamaudio:ZamEQ2").description
    assert (description.name, description.vendor) == ("ZamEQ2", "Damien Zammit")
    assert description.path == "/usr/lib/lv2/ZamEQ2.lv2"
    frequency = next(p for p in description.parameters if p.id == "sym:f1")
    assert (frequency.unit, frequency.min_value, frequency.max_value) == ("Hz", 20.0, 14_000.0)
    assert frequency.default_text == "500 Hz"
    synth = load(f"{MDA}DX10").description
    assert synth.is_instrument and synth.accepts_midi and synth.category == "Instrument"
    assert (synth.in_channels, synth.out_channels) == (0, 2)


@own_process
def test_a_full_block_of_a_host_and_a_plugin_upstream_ends_every_note() -> None:
    plugin = load(f"{MDA}DX10")
    slot = Slot(plugin.processors, 256)
    notes = [bytes((0x90, note, 100)) for note in (40, 47, 52, 59)]
    sounding, _ = slot.process(silence(256), midi=[(0, note) for note in notes])
    wheel = [(0, bytes((0xE0, i % 128, 64))) for i in range(1024 - len(notes))]
    ends = [(200, bytes((0x80, note[1], 0))) for note in notes]
    slot.process(silence(256), midi=[*wheel, *ends])
    for _ in range(int(4.0 * RATE / 256)):
        heard, _ = slot.process(silence(256))
    assert np.max(np.abs(sounding)) > 0.01
    assert np.max(np.abs(heard)) < 1e-4


@own_process
def test_each_plugin_of_a_bundle_opens_by_its_uri() -> None:
    names = {load(MDA + name).description.name for name in ("Delay", "DX10", "Overdrive")}
    assert names == {"MDA Delay", "MDA DX10", "MDA Overdrive"}


@own_process
def test_a_uri_that_is_not_installed_is_named() -> None:
    for uri in ("urn:nope", "nope", "http://x/<&>\"'", "http://x/ y"):
        with pytest.raises(WorkerError) as caught:
            load(f"lv2:{uri}")
        assert str(caught.value).startswith(f"lv2:{uri}: no installed LV2 plugin has this URI; ")


@own_process
def test_a_slip_in_a_uri_is_answered_with_those_that_are_near() -> None:
    with pytest.raises(WorkerError) as caught:
        load(f"lv2:{MDA[4:]}Dleay")
    _, _, hint = str(caught.value).partition("did you mean ")
    assert f"{MDA[4:]}Delay" in hint and hint.count("http") <= 3
    for uri in ("http://no.such/plugin", "http://no.such/comp", "http://no.such/a"):
        with pytest.raises(WorkerError) as caught:
            load(f"lv2:{uri}")
        hint = str(caught.value).partition("has this URI; ")[2]
        assert hint.count("http") <= 3 and " more" not in hint


@own_process
def test_a_part_of_a_uri_finds_all_that_have_it() -> None:
    with pytest.raises(WorkerError) as caught:
        load("lv2:plugins/mda/")
    assert str(caught.value).count(MDA[4:]) == 12 and " more?" in str(caught.value)


@own_process
def test_a_broken_bundle_is_refused_in_one_line() -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder, "Broken.vst3", "Contents", f"{os.uname().machine}-linux")
        code.mkdir(parents=True)
        (code / "Broken.so").write_bytes(b"no code")
        with pytest.raises(WorkerError) as caught:
            load(f"vst3:{folder}/Broken.vst3")
        assert "Broken.vst3" in str(caught.value) and "\n" not in str(caught.value)


@own_process
def test_dual_mono_plays_each_side_by_itself_with_one_set_of_parameters() -> None:
    audio = noise(4800)
    plugin = load(f"{VST3}ZamEQ2.vst3")
    assert len(plugin.processors) == 2
    set_text(plugin, "Master Gain", "-6 dB")
    heard, _ = play(plugin, audio)
    for side in (0, 1):
        alone = audio.copy()
        alone[1 - side] = 0.0
        other = load(f"{VST3}ZamEQ2.vst3")
        set_text(other, "Master Gain", "-6 dB")
        solo, _ = play(other, alone)
        np.testing.assert_array_equal(solo[side], heard[side])
        assert not np.any(solo[1 - side])
        assert level_db(heard[side]) == pytest.approx(level_db(audio[side]) - 6, abs=0.1)


@own_process
def test_a_parameter_is_heard_from_its_frame_on() -> None:
    for plugin_id in (f"{VST3}ZamEQ2.vst3", "lv2:urn:zamaudio:ZamEQ2"):
        plugin = load(plugin_id)
        index = plugin.find_parameter("Master Gain")
        quiet = plugin.parameter_from_text(index, "-12 dB")
        audio = noise(1024)
        plain, _ = play(load(plugin_id), audio, block=256)
        for at in (1, 100, 255, 256, 700):
            plugin = load(plugin_id)
            heard, _ = play(plugin, audio, block=256, changes=[(at, index, quiet)])
            different = np.flatnonzero(np.any(heard != plain, axis=0))
            assert different[0] == at, plugin_id
            assert plugin.get_parameter(index) == pytest.approx(quiet, abs=1e-6)


@own_process
def test_output_does_not_depend_on_the_blocks() -> None:
    for plugin_id in (f"{VST3}ZamEQ2.vst3", f"{MDA}Overdrive"):
        whole, _ = play(load(plugin_id), noise(2048), block=256)
        for block in (1, 37, 128):
            np.testing.assert_allclose(
                play(load(plugin_id), noise(2048), block=block)[0], whole, atol=1e-6
            )


@own_process
def test_a_synth_plays_its_notes_on_their_frames() -> None:
    for name in ("DX10", "EPiano", "JX10"):
        plugin = load(MDA + name)
        note = [(1000, bytes((0x90, 60, 100))), (20_000, bytes((0x80, 60, 0)))]
        heard, _ = play(plugin, silence(96_000), midi=note)
        sounding = np.flatnonzero(np.any(np.abs(heard) > 1e-6, axis=0))
        assert 1000 <= sounding[0] < 1100, name
        assert level_db(heard[:, 2000:15_000]) > -50
        assert level_db(heard[:, -4800:]) < level_db(heard[:, 2000:15_000]) - 10


@own_process
def test_transport_reaches_the_plugin() -> None:
    # Its delay follows the tempo: the echo of a click moves.
    from sandbox._native import Slot

    echoes = []
    for tempo in (60.0, 120.0):
        plugin = load(f"{VST3}ZamDelay.vst3", max_frames=480)
        for name, text in (("Sync BPM", "1"), ("Divisor", "3"), ("Dry/Wet", "1")):
            set_text(plugin, name, text)
        slot = Slot(plugin.processors, 480)
        heard = []
        for block in range(300):
            audio = silence(480)
            audio[:, 0] = 1.0 if block == 100 else 0.0  # the delay glides to its time before
            out, _ = slot.process(audio, tempo_bpm=tempo, position_frames=block * 480)
            heard.append(out[0])
        echoes.append(int(np.argmax(np.abs(np.concatenate(heard)[48_100:]))))
    assert echoes[0] == pytest.approx(2 * echoes[1], rel=0.05), echoes


@own_process
def test_latency_is_reported_from_the_start_and_true() -> None:
    for plugin_id in (f"{VST3}ZaMaximX2.vst3", "lv2:urn:zamaudio:ZaMaximX2"):
        plugin = load(plugin_id)
        assert plugin.latency_frames == plugin.description.latency_frames == 480
        audio = silence(2000)
        audio[:, 500] = 0.5
        heard, _ = play(plugin, audio)
        assert np.argmax(np.abs(heard[0])) == 980


@own_process
def test_the_key_reaches_a_vst3_sample_by_sample() -> None:
    fixture = f"vst3:{fixture_vst3('vst3_fixture')}"
    audio, key = noise(1024), noise(1024, seed=1)
    plugin = load(fixture, sidechain=True)
    assert plugin.description.sidechain_channels == plugin.processors[0].sidechain_channels == 2
    assert plugin.latency_frames == 5
    heard, _ = play(plugin, audio, changes=[(300, 0, 1.0), (700, 0, 0.0)], key=key, block=256)
    expected = audio.copy()
    expected[:, 300:700] = key[:, 300:700]
    np.testing.assert_array_equal(heard[:, 5:], expected[:, :-5])
    # A block without a key is a block of silence there.
    plugin.set_parameter(0, 1.0)
    assert not np.any(play(plugin, audio, block=256)[0][:, 5:])
    restored = load(fixture, sidechain=True)
    restored.set_state(plugin.get_state())
    assert restored.get_parameter(0) == 1.0


@own_process
def test_any_plugin_of_a_vst3_bundle_can_be_opened() -> None:
    bundle = fixture_vst3("vst3_fixture")
    second = f"vst3:{bundle}#49736F62FF6F74684669787475726532"
    assert [plugin.id for plugin in contents("vst3", str(bundle))] == [f"vst3:{bundle}", second]
    audio = noise(1024)
    plugin = load(second)
    assert plugin.description.name == "Half as loud"
    assert plugin.description.id == second
    np.testing.assert_array_equal(play(plugin, audio)[0][:, 5:], 0.5 * audio[:, :-5])
    np.testing.assert_array_equal(play(load(f"vst3:{bundle}"), audio)[0][:, 5:], audio[:, :-5])
    with pytest.raises(WorkerError, match=r"no plugin of that class; it has .*\(Half as loud\)"):
        load(f"vst3:{bundle}#{'0' * 32}")


@own_process
def test_a_vst3_loaded_without_side_chain_hears_none() -> None:
    plugin = load(f"vst3:{fixture_vst3('vst3_fixture')}")
    assert plugin.processors[0].sidechain_channels == 0
    assert plugin.description.sidechain_channels == 2
    plugin.set_parameter(0, 1.0)
    assert not np.any(play(plugin, noise(512), key=noise(512))[0][:, 5:])


@own_process
def test_the_key_reaches_an_lv2_plugin_whose_data_names_it() -> None:
    audio, loud = noise(48_000, level=0.01), noise(48_000, seed=1, level=0.5)

    def heard_db(key: Audio | None) -> float:
        plugin = load("lv2:urn:zamaudio:ZamCompX2", sidechain=True)
        assert plugin.processors[0].sidechain_channels == 1
        assert plugin.description.sidechain_channels == 1
        for name, text in (("Sidechain", "On"), ("Threshold", "-40 dB"), ("Ratio", "20")):
            set_text(plugin, name, text)
        return level_db(play(plugin, audio, key=key)[0][:, 24_000:])

    assert heard_db(None) == pytest.approx(level_db(audio), abs=1.0)
    assert heard_db(loud) < level_db(audio) - 10


@own_process
def test_without_side_chain_the_description_still_tells_of_it() -> None:
    plugin = load(f"{VST3}ZamGateX2.vst3")
    assert plugin.processors[0].sidechain_channels == 0
    assert plugin.description.sidechain_channels == 1
    assert np.isfinite(play(plugin, noise(1000), key=noise(1000))[0]).all()


@needs_lsp
@own_process
def test_a_side_chain_out_of_reach_is_told() -> None:
    plugin = load("lv2:http://lsp-plug.in/plugins/lv2/sc_compressor_stereo", sidechain=True)
    assert plugin.description.sidechain_channels == 0
    assert "side-chain input (2 channels) cannot be reached" in plugin.description.remarks[0]


@needs_x42
@own_process
def test_a_midi_effect_transforms_midi_and_lets_audio_pass() -> None:
    plugin = load(f"{X42}midifilter#miditranspose")
    assert plugin.accepts_midi and plugin.produces_midi
    set_text(plugin, "Transpose", "12")
    audio = noise(1024)
    on, off = bytes((0x90, 60, 100)), bytes((0x80, 60, 0))
    heard, sent = play(plugin, audio, block=128, midi=[(5, on), (700, off)])
    assert [(at, data[:2]) for at, data in sent] == [(5, b"\x90\x48"), (700, b"\x80\x48")]
    np.testing.assert_array_equal(heard, audio)


@own_process
def test_an_effect_that_sends_no_midi_does_not_echo_its_input() -> None:
    plugin = load(f"{MDA}DX10")
    assert not plugin.produces_midi
    assert play(plugin, silence(256), midi=[(0, bytes((0x90, 60, 100)))])[1] == []


@needs_x42
@own_process
def test_odd_layouts_are_fitted() -> None:
    for name, ins, outs in (("matrixmixer#i8o8", 8, 8), ("balance", 2, 2), ("mixtri", 4, 3)):
        try:
            plugin = load(X42 + name)
        except WorkerError as error:
            assert "no installed LV2 plugin" in str(error)  # another version of the package
            continue
        description = plugin.description
        assert (description.in_channels, description.out_channels) == (ins, outs), name
        assert np.isfinite(play(plugin, noise(1000))[0]).all()


@needs_x42
@own_process
def test_a_plugin_whose_ports_would_stay_unconnected_is_refused() -> None:
    with pytest.raises(WorkerError, match="4 audio inputs, of which the host library connects 2"):
        load(f"{X42}xfade")


@own_process
def test_offline_and_idle_are_accepted() -> None:
    plugin = open_plugin(f"{VST3}ZamEQ2.vst3", sample_rate=44_100.0, max_frames=4096, offline=True)
    plugin.idle()
    assert np.any(play(plugin, noise(4096), block=4096)[0])


@own_process
def test_every_usual_rate_and_block_size_is_taken() -> None:
    for rate in (32_000.0, 44_100.0, 96_000.0, 192_000.0):
        for frames in (1, 16, 4096):
            plugin = open_plugin(f"{VST3}ZamEQ2.vst3", sample_rate=rate, max_frames=frames)
            heard, _ = play(plugin, noise(frames), block=frames)
            assert np.isfinite(heard).all()
            plugin.close()


@own_process
def test_one_plugin_in_three_formats_sounds_the_same() -> None:
    audio = noise(24_000)
    texts = {"Boost/Cut 1": "6", "Frequency 1": "1000", "Bandwidth 1": "1", "Boost/Cut 2": "0",
             "Frequency 2": "3000", "Bandwidth 2": "1", "Boost/Cut L": "0", "Frequency L": "250",
             "Boost/Cut H": "0", "Frequency H": "8000", "Master Gain": "-3"}  # fmt: skip
    outputs = []
    ids = (f"{VST3}ZamEQ2.vst3", "lv2:urn:zamaudio:ZamEQ2",
           "ladspa:/usr/lib/ladspa/ZamEQ2-ladspa.so")  # fmt: skip
    for plugin_id in ids:
        plugin = load(plugin_id)
        for name, text in texts.items():
            index = plugin.find_parameter(name)
            plugin.set_parameter(index, plugin.parameter_from_text(index, text))
        outputs.append(play(plugin, audio)[0][:, 4800:])
    assert level_db(outputs[0] - audio[:, 4800:]) > level_db(outputs[0]) - 15  # it does something
    for other in outputs[1:]:
        assert level_db(outputs[0] - other) < level_db(outputs[0]) - 60
