# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin on a rig, as a check or a script holds it: what it plays, and how it fails."""

import os
import platform
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.permissions import PermissionRules, PluginRule
from host.scan.asking import Answer
from host.stress.call_log import read_log, write_log
from host.stress.checks import ALL
from host.stress.death import PluginDied, PluginRefused
from host.stress.replay import replay
from host.stress.rig import Heard, Rig, open_rig
from host.stress.runner import StressOptions, StressRun
from host.stress.script import script_of
from host.stress.verdict import CheckResult, Verdict
from host.stress.workshop import Workshop
from ipc.errors import WorkerError
from ipc.launcher import _fixing_addresses
from ipc.messages import Performed
from ipc.processes import children_of
from ipc.rig_calls import CloseEditor, InjectFaults, OpenEditor, Render, ResizeEditor, SetParameter
from tests.fixtures.build import fixture_library
from tests.fixtures.lv2_bundle import make_lv2_bundle
from tests.process.ended import unreaped

pytestmark = pytest.mark.process

AMP = "/usr/lib/ladspa/amp.so"
ZAM_CLAP = "/usr/lib/clap/ZamEQ2.clap"


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    """With a limit that no plugin here comes near."""
    with Workshop(timeout_s=30.0) as made:
        yield made


def fixture(fault: str) -> str:
    return f"clap:{fixture_library('stress_fixture')}#{fault}"


def _played_twice(workshop: Workshop, plugin: str) -> tuple[Rig, Rig]:
    rigs = []
    for _ in range(2):
        with open_rig(workshop, plugin) as rig:
            heard = rig.render(4800, source="noise", blocks=[64, 1, 500])
            assert heard.sound.shape[1] == 4800 and np.any(heard.sound)
            rig.set_parameter(0, 0.25)
            rig.render(1000, source="sine", changes=[(100, 0, 0.75)], keep=False)
            rigs.append(rig)
    return rigs[0], rigs[1]


# ---------------------------------------------------------------- the same again


@pytest.mark.parametrize("plugin", ["builtin:gain", f"ladspa:{AMP}#amp_stereo", f"clap:{ZAM_CLAP}"])
def test_a_plugin_plays_the_same_bits_in_another_process(workshop: Workshop, plugin: str) -> None:
    path = plugin.partition(":")[2].partition("#")[0]
    if path.startswith("/") and not Path(path).exists():
        pytest.skip(f"{path} is not installed")
    first, second = _played_twice(workshop, plugin)
    assert first.log == second.log
    assert len(first.log.digests) == 3 and first.log.digests[0] and first.log.digests[2]


def test_an_installed_plugin_plays_the_same_bits_too(workshop: Workshop, real_plugin: str) -> None:
    first, second = _played_twice(workshop, real_plugin)
    assert first.log == second.log and first.log.digests[0]


@pytest.mark.parametrize("blocks", [[], [512], [64, 1, 500]], ids=str)
def test_what_juce_hosts_sounds_the_same_with_the_rigs_own_buffers(
    workshop: Workshop, real_plugin: str, blocks: list[int]
) -> None:
    heard = []
    for direct, options in ((False, {}), (True, {"guard": True}), (True, {"in_place": True})):
        with open_rig(workshop, real_plugin, direct=direct) as rig:
            played = rig.render(4800, source="noise", blocks=blocks, **options)
        assert not played.result.unseen and np.any(played.sound)
        heard.append(played.result.digest)
    assert len(set(heard)) == 1


def test_another_instance_meets_them_too(workshop: Workshop, real_plugin: str) -> None:
    with open_rig(workshop, real_plugin, direct=True) as rig:
        first = rig.render(2048, source="noise")
        rig.recreate(48000.0, 512)
        rig.add_instances(3)
        again = rig.render(2048, source="noise")
    assert again.result.digest == first.result.digest and not again.result.unseen


def _memory(workshop: Workshop) -> list[str]:
    """Where what lies in a worker of a rig, and how large it is."""
    with open_rig(workshop, "builtin:gain") as rig:
        maps = Path(f"/proc/{rig._worker.pid}/maps").read_text().splitlines()
    return [line for line in maps if "isb-crash" not in line]  # its number is another one


def test_a_worker_s_memory_is_the_same_from_whatever_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not _fixing_addresses():
        pytest.skip("setarch may not fix addresses here")
    found = []
    for terminal in ("", "x" * 20_000):
        monkeypatch.setenv("ISOBOOTH_TEST_TERMINAL", terminal)
        with Workshop() as workshop:
            found.append(_memory(workshop))
    assert any("[stack]" in line for line in found[0])
    assert found[0] == found[1]


def test_another_seed_is_another_sound(workshop: Workshop) -> None:
    with open_rig(workshop, "builtin:gain") as rig:
        one, two = (rig.render(1000, source="noise", seed=seed) for seed in (1, 2))
    assert one.result.digest != two.result.digest
    assert not np.array_equal(one.sound, two.sound)


# ---------------------------------------------------------------- what arrives


def test_notes_are_heard_from_their_frame_on(workshop: Workshop) -> None:
    for frame in (0, 1, 700):
        with open_rig(workshop, "builtin:synth") as rig:
            silent = rig.render(1000)
            heard = rig.render(2000, midi=[(frame, b"\x90\x3c\x64")])
        assert not np.any(silent.sound)
        assert not np.any(heard.sound[:, :frame])
        assert np.any(heard.sound[:, frame : frame + 100])


def test_changes_are_heard_from_their_frame_on(workshop: Workshop) -> None:
    plugin = fixture("clean")
    with open_rig(workshop, plugin) as rig:
        plain = rig.render(2000, source="dc", gain=0.25).sound
    for frame in (1, 512):
        with open_rig(workshop, plugin) as rig:
            heard = rig.render(2000, source="dc", gain=0.25, changes=[(frame, 0, 0.0)]).sound
            assert rig.parameters()[0] == 0.0
        differs = np.flatnonzero(np.any(heard != plain, axis=0))
        assert differs[0] == frame


def test_blocks_without_frames_are_played_between_others(workshop: Workshop) -> None:
    with open_rig(workshop, fixture("clean"), max_frames=64) as rig:
        plain = rig.render(640, source="noise")
    with open_rig(workshop, fixture("clean"), max_frames=64) as rig:
        heard = rig.render(640, source="noise", blocks=[64, 0])
        assert heard.result.times is not None and plain.result.times is not None
        assert len(heard.result.times.wall_ns) == 2 * len(plain.result.times.wall_ns) - 1
        assert np.array_equal(plain.sound, heard.sound)
        with pytest.raises(PluginRefused, match="too many blocks"):
            rig.render(640, blocks=[0])


def test_blocks_are_as_large_as_prepared_unless_a_caller_insists(workshop: Workshop) -> None:
    with open_rig(workshop, fixture("clean"), max_frames=64) as rig:
        for oversized, blocks in ((False, 4), (True, 1)):
            result = rig.render(256, blocks=[256], oversized=oversized).result
            assert result.times is not None and len(result.times.wall_ns) == blocks


def test_a_change_is_at_its_frame_in_a_whole_block_and_in_a_cut_one(workshop: Workshop) -> None:
    heard = []
    for whole in (False, True):
        with open_rig(workshop, fixture("clean")) as rig:
            heard.append(rig.render(512, source="dc", changes=[(200, 0, 0.0)], whole=whole).sound)
    assert np.array_equal(heard[0], heard[1])
    assert (heard[0][:, 199] != heard[0][:, 200]).all()


def test_what_an_editor_lacks_is_said(workshop: Workshop) -> None:
    with open_rig(workshop, fixture("clean")) as rig:
        assert "no display" in rig.perform([OpenEditor()])[0].refused
        assert "not open" in rig.perform([ResizeEditor(width=10, height=10)])[0].refused
        assert not rig.perform([CloseEditor()])[0].refused


def _survives_no_network(rules: PermissionRules) -> CheckResult:
    options = StressOptions(only=frozenset({"survives-no-network"}), reruns=0)
    with Workshop(rules, timeout_s=10.0) as workshop:
        report = StressRun([fixture("waits")], ALL, options, workshop, None).run()
    return report.plugins[0].checks[0]


def test_no_network_is_none_whatever_the_user_allows() -> None:
    result = _survives_no_network(PermissionRules(rules=(PluginRule(id="clap:*", network=True),)))
    assert result.verdict is Verdict.WARN, result
    assert "open a network socket" in result.message


def test_a_plugin_that_nothing_confines_is_not_asked_what_it_does_without_a_network() -> None:
    result = _survives_no_network(PermissionRules(forced="open"))
    assert result.verdict is Verdict.SKIP, result
    assert "profile is open" in result.message


def test_a_log_says_that_there_was_no_network(workshop: Workshop) -> None:
    with open_rig(workshop, fixture("clean"), offline=True) as rig:
        rig.idle()
    assert rig.log.offline and "offline=True" in script_of(rig.log)
    assert replay(workshop, rig.log).is_same(rig.log)


def test_a_full_disk_is_taken_back(workshop: Workshop) -> None:
    with open_rig(workshop, fixture("trusts-disk")) as rig:
        rig.perform([InjectFaults(disk_full=True), InjectFaults()])
        assert not rig.recreate().refused


def test_a_disk_without_room_says_so(workshop: Workshop) -> None:
    with open_rig(workshop, fixture("trusts-disk"), disk_watched=True) as rig:
        rig.perform([InjectFaults(disk_full=True), InjectFaults()])
        assert not rig.recreate().refused and rig.disk_faults == 0
    with (
        pytest.raises(PluginDied),
        open_rig(workshop, fixture("no-room"), disk_watched=True) as rig,
    ):
        rig.perform([InjectFaults(disk_full=True)])
        rig.recreate()


def test_a_slow_disk_is_slow_for_a_while(workshop: Workshop) -> None:
    with open_rig(workshop, fixture("gives-up"), disk_watched=True) as rig:
        assert rig.save_state() and rig.disk_faults == 0
        rig.perform([InjectFaults(write_ms=100)])
        began = time.monotonic()
        assert not rig.save_state() and rig.disk_faults == 6  # five writes, and waited for
        assert 0.6 <= time.monotonic() - began < 10.0
        rig.perform([InjectFaults()])
        assert rig.save_state() and rig.disk_faults == 6


def test_reads_from_a_slow_disk_are_slow_too(workshop: Workshop) -> None:
    with open_rig(workshop, fixture("impatient"), disk_watched=True) as rig:
        assert not rig.recreate().refused
        rig.perform([InjectFaults(write_ms=100)])
        assert not rig.recreate().refused and rig.slow_reads == 0
        rig.perform([InjectFaults(read_ms=20)])
        assert rig.recreate().refused
        assert rig.slow_reads >= 10


def test_who_writes_much_on_a_slow_disk_does_not_hang() -> None:
    """Ten seconds' worth of writes, for one that hangs after two."""
    with (
        Workshop(timeout_s=2.0) as workshop,
        open_rig(workshop, fixture("writes-much"), disk_watched=True) as rig,
    ):
        rig.perform([InjectFaults(write_ms=100)])
        for _ in range(2):
            began = time.monotonic()
            assert rig.save_state()
            assert time.monotonic() - began > 0.4
        assert rig.disk_faults < 40


def test_a_worker_that_asks_about_no_write_has_no_slow_disk(workshop: Workshop) -> None:
    with open_rig(workshop, fixture("clean")) as rig:
        [result] = rig.perform([InjectFaults(write_ms=100)])
        assert "no disk can be slow" in result.refused


def test_what_is_saved_is_restored(workshop: Workshop) -> None:
    with open_rig(workshop, fixture("clean")) as rig:
        rig.set_parameter(0, 0.75)
        state = rig.save_state()
        rig.recreate()
        assert rig.parameters()[0] == 0.5
        assert rig.set_state(state) == "" and rig.parameters()[0] == 0.75
        assert rig.set_state(b"nonsense")  # in the plugin's words, and it lives on
        assert rig.parameters()[0] == 0.75


def test_a_sound_that_is_not_kept_has_the_same_digest(workshop: Workshop) -> None:
    heard = []
    for keep in (True, False):
        with open_rig(workshop, fixture("clean")) as rig:
            heard.append(rig.render(1000, source="noise", keep=keep))
    kept, left = heard
    assert kept.result.digest == left.result.digest
    assert kept.sound.shape == (2, 1000) and left.sound.shape[1] == 0


def test_the_log_holds_the_calls_and_what_was_answered(workshop: Workshop) -> None:
    with open_rig(workshop, fixture("clean"), sample_rate=96000.0, max_frames=64) as rig:
        rig.perform([SetParameter(0, 0.5), Render(frames=100)])
        rig.render(200, source="noise", keep=False)
        log = rig.log
    assert (log.plugin, log.sample_rate, log.max_frames) == (fixture("clean"), 96000.0, 64)
    assert log.calls == [
        SetParameter(0, 0.5),
        Render(frames=100),
        Render(frames=200, source="noise"),
    ]
    assert log.end is None and len(log.digests) == 3
    assert not log.digests[0] and log.digests[1] != log.digests[2]  # a parameter answers nothing


def test_more_calls_than_a_request_holds_are_done_in_order(workshop: Workshop) -> None:
    values = [number / 300 for number in range(300)]
    with open_rig(workshop, fixture("clean")) as rig:
        results = rig.perform([SetParameter(0, value) for value in values])
        assert len(results) == len(rig.log.digests) == 300
        assert rig.parameters()[0] == pytest.approx(values[-1])


# ---------------------------------------------------------------- its side-chain


@pytest.fixture
def keyed_plugins(tmp_path: Path) -> dict[str, str]:
    """With a side-chain that is heard once their first parameter is 1, by format."""
    bundle = tmp_path / "keyed.vst3"
    code = bundle / "Contents" / f"{platform.machine()}-linux"
    code.mkdir(parents=True)
    shutil.copy(fixture_library("vst3_fixture"), code / "keyed.so")
    make_lv2_bundle(tmp_path / ".lv2")
    return {
        "builtin": "builtin:key-listen",
        "clap": fixture("keyed"),
        "lv2": "lv2:urn:isobooth:planted:keyed",
        "vst3": f"vst3:{bundle}",
    }


@pytest.mark.parametrize("plugin_format", ["builtin", "clap", "lv2", "vst3"])
def test_a_side_chain_hears_what_is_played_to_it(
    keyed_plugins: dict[str, str], tmp_path: Path, plugin_format: str
) -> None:
    def heard(**options: Any) -> Heard:
        with open_rig(workshop, keyed_plugins[plugin_format]) as rig:
            rig.set_parameter(0, 1.0)
            return rig.render(4800, source="noise", blocks=[512, 7], guard=True, **options)

    with Workshop(timeout_s=30.0, environment={"HOME": str(tmp_path)}) as workshop:
        plain, silent = heard(), heard(key="silence")
        keyed, again, other = heard(key="dc"), heard(key="dc"), heard(key="dc", gain=0.5)
    assert plain.result.digest == silent.result.digest
    assert keyed.result.digest == again.result.digest != plain.result.digest
    assert other.result.digest != keyed.result.digest
    assert np.isfinite(keyed.sound).all()
    if plugin_format in ("builtin", "vst3"):  # which send the side-chain itself
        assert not plain.sound.any() and (keyed.sound[:, 5:] == 0.25).all()
    else:  # which duck, by the same in each frame: no frame of it is lost between blocks
        ratio = keyed.sound / plain.sound
        assert np.allclose(ratio, 1.0 - 0.5 * 0.25, atol=1e-3)


def test_a_side_chain_hears_another_noise_than_the_input(workshop: Workshop) -> None:
    planes = []
    with open_rig(workshop, "builtin:key-listen") as rig:
        for listens in (0.0, 1.0):
            rig.set_parameter(0, listens)
            rig.render(4800, keep=False)  # the change glides
            planes.append(rig.render(1000, source="noise", key="noise").sound)
    sound, key = planes
    assert not np.array_equal(key, sound) and not np.array_equal(key[0], key[1])
    assert abs(float(np.std(key)) / float(np.std(sound)) - 1.0) < 0.1
    assert abs(float(np.corrcoef(key[0], sound[0])[0, 1])) < 0.2


def test_a_key_changes_nothing_for_a_plugin_without_a_side_chain(workshop: Workshop) -> None:
    digests = set()
    for key in ("silence", "noise"):
        with open_rig(workshop, fixture("clean")) as rig:
            digests.add(rig.render(1000, source="noise", key=key).result.digest)
    assert len(digests) == 1


@pytest.mark.parametrize("fault", ["reads-key-beyond", "writes-key"])
def test_a_guarded_side_chain_ends_at_the_edge_and_is_read_only(
    workshop: Workshop, fault: str
) -> None:
    with open_rig(workshop, fixture(fault), max_frames=1024) as rig:
        rig.render(1024, blocks=[100], key="noise")
        with pytest.raises(PluginDied, match="SIGSEGV"):
            rig.render(1024, blocks=[100], key="noise", guard=True)


def test_a_log_tells_what_the_side_chain_heard(workshop: Workshop, tmp_path: Path) -> None:
    with open_rig(workshop, fixture("keyed")) as rig:
        rig.render(500, source="noise", keep=False)
        rig.render(500, source="noise", key="sine", keep=False)
    write_log(rig.log, tmp_path / "log.json")
    read = read_log(tmp_path / "log.json")
    assert read == rig.log and read.digests[0] != read.digests[1]
    assert (tmp_path / "log.json").read_text().count('"key"') == 1  # as logs were before
    assert replay(workshop, read).is_same(read)
    assert "rig.render(500, source='noise', key='sine', keep=False)" in script_of(read)


# ---------------------------------------------------------------- how it fails


def test_a_crash_names_the_call_and_the_log_ends_there(workshop: Workshop) -> None:
    calls = [Render(frames=64) for _ in range(10)]
    with pytest.raises(PluginDied) as raised, open_rig(workshop, "fault:segv?after=7") as rig:
        rig.perform(calls[:2])
        rig.perform([SetParameter(0, 0.5), *calls])
    died = raised.value
    assert died.verdict is Verdict.CRASH and died.last.signal == "SIGSEGV" and died.signature
    assert died.call is not None and 2 < died.call < 12
    assert any("commit_fault" in line for line in died.last.backtrace)
    assert f"during call {died.call} render" in str(died)
    assert rig.log.calls == [*calls[:2], SetParameter(0, 0.5), *calls][: died.call + 1]
    assert len(rig.log.digests) == 2  # of what was answered
    end = rig.log.end
    assert end is not None
    assert (end.verdict, end.signal, end.signature) == ("crash", "SIGSEGV", died.signature)


def test_the_same_crash_has_the_same_signature(workshop: Workshop) -> None:
    signatures = []
    for fault in ("segv", "segv", "abort"):
        with (
            pytest.raises(PluginDied) as raised,
            open_rig(workshop, f"fault:{fault}?after=1") as rig,
        ):
            rig.render(1000, blocks=[64])
        signatures.append(raised.value.signature)
    assert signatures[0] == signatures[1] != signatures[2]


def test_a_plugin_that_ends_its_process_has_crashed(workshop: Workshop) -> None:
    with (
        pytest.raises(PluginDied, match="exit code 7") as raised,
        open_rig(workshop, "fault:exit?after=1") as rig,
    ):
        rig.render(1000, blocks=[64])
    assert raised.value.verdict is Verdict.CRASH and raised.value.call == 0


def test_a_hang_is_told_with_what_the_audio_thread_did(workshop: Workshop) -> None:
    with open_rig(workshop, "fault:deadlock?after=7") as rig:
        rig.render(64)
        workshop.timeout_s = 0.5  # of what follows
        with pytest.raises(PluginDied, match="did not come back") as raised:
            rig.render(6400, blocks=[64])
    died = raised.value
    assert died.verdict is Verdict.HANG and died.call == 1 and not died.last.signal
    stack = "\n".join(died.last.backtrace)
    assert "pthread_mutex_lock" in stack and "rig_run" in stack
    assert "waiting in" in str(died)
    assert rig.log.end is not None and rig.log.end.verdict == "hang"


@pytest.mark.parametrize(
    ("plugin", "does"),
    [("fault:spin?after=3", "spinning in"), (fixture("hangs"), "waiting in pause for process in")],
    ids=["spins", "waits"],
)
def test_a_hang_says_what_it_does_and_has_one_signature(plugin: str, does: str) -> None:
    signatures = set()
    with Workshop(timeout_s=1.0) as workshop:
        for _ in range(3):
            with pytest.raises(PluginDied) as raised, open_rig(workshop, plugin) as rig:
                rig.render(6400, blocks=[64])
            assert raised.value.verdict is Verdict.HANG
            assert f"did not come back within 1 s, {does}" in str(raised.value)
            assert raised.value.last.backtrace
            signatures.add(raised.value.signature)
    assert len(signatures) == 1 and signatures != {""}


def test_a_slow_plugin_that_gets_on_is_no_hang() -> None:
    with (
        Workshop(timeout_s=0.6) as workshop,
        open_rig(workshop, "fault:sleep?after=0&every=1&times=30&ms=50") as rig,
    ):
        heard = rig.render(40, blocks=[1])
    assert heard.result.times is not None
    assert sum(heard.result.times.wall_ns) > 1e9  # more than its time-out


def test_one_that_is_far_too_slow_fails_and_says_how_far_it_came() -> None:
    with (
        Workshop(timeout_s=0.5) as workshop,
        pytest.raises(PluginDied, match=r"is too slow \(\d+ of 1000 frames in \d+ s\)") as raised,
        open_rig(workshop, "fault:sleep?after=0&every=1&times=1000&ms=50") as rig,
    ):
        rig.render(1000, blocks=[1])
    died = raised.value
    assert died.verdict is Verdict.FAIL and died.is_slow and died.call == 0 and not died.signature
    assert rig.log.end is not None and rig.log.end.verdict == "fail"


def test_a_death_leaves_other_rigs_alone(workshop: Workshop) -> None:
    with open_rig(workshop, fixture("clean")) as rig:
        before = rig.render(1000, source="impulse")
        with pytest.raises(PluginDied), open_rig(workshop, "fault:segv?after=0") as other:
            other.render(64)
        rig.recreate()
        assert np.array_equal(rig.render(1000, source="impulse").sound, before.sound)


def test_a_dead_plugin_stays_dead(workshop: Workshop) -> None:
    with open_rig(workshop, "fault:segv?after=0") as rig:
        for _ in range(2):
            with pytest.raises(WorkerError):
                rig.render(64)


def test_a_plugin_that_does_not_exist_is_refused_in_one_line(workshop: Workshop) -> None:
    for plugin, line in (
        ("clap:/nowhere.clap", "the CLAP file /nowhere.clap does not exist"),
        ("ladspa:/nowhere.so#x", "/nowhere.so does not exist"),
        ("fault:nope", "there is no fault 'nope'"),
        ("lv2:urn:none", "lv2:urn:none: no installed LV2 plugin has this URI"),
    ):
        with pytest.raises(PluginRefused) as raised, open_rig(workshop, plugin):
            pytest.fail("it was opened")
        assert line in str(raised.value) and "\n" not in str(raised.value)


def test_a_plugin_that_dies_at_birth_has_died_of_no_call(workshop: Workshop) -> None:
    with (
        pytest.raises(PluginDied, match="SIGSEGV during create") as raised,
        open_rig(workshop, "fault:load-segv"),
    ):
        pytest.fail("it was opened")
    assert raised.value.call is None and raised.value.signature


def test_a_worker_that_answers_another_number_of_calls_is_not_believed(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, answers = workshop.ask, 0

    async def lies(*words: Any, **options: Any) -> Answer:
        answer = await ask(*words, **options)
        answer.reply = Performed((answer.reply.results * 3)[:answers])
        return answer

    with open_rig(workshop, "builtin:gain") as rig:
        monkeypatch.setattr(workshop, "ask", lies)
        for answers in (0, 1, 3):
            with pytest.raises(WorkerError, match=f"answered {answers} calls"):
                rig.perform([SetParameter(0, 0.5), SetParameter(0, 0.5)])
        assert not rig.log.digests


# ---------------------------------------------------------------- its end


def _descendants(pid: int) -> set[int]:
    found = set(children_of(pid))
    return found.union(*(_descendants(child) for child in found))


def test_a_workshop_leaves_no_process_behind(
    wait_until: Callable[[Callable[[], object], float], None],
) -> None:
    before = _descendants(os.getpid())
    with Workshop(timeout_s=30.0) as workshop, open_rig(workshop, "builtin:gain") as rig:
        rig.render(64)
        made = _descendants(os.getpid()) - before
        assert made
    wait_until(lambda: not unreaped(made), 5.0)


def test_an_interrupt_frees_who_waits_for_a_plugin(
    wait_until: Callable[[Callable[[], object], float], None],
) -> None:
    before = _descendants(os.getpid())
    with Workshop(timeout_s=60.0) as workshop, open_rig(workshop, "fault:deadlock?after=0") as rig:
        made = _descendants(os.getpid()) - before
        timer = threading.Timer(0.3, workshop.interrupt)
        timer.start()
        with pytest.raises(WorkerError):
            rig.render(64)
        timer.join()
        with open_rig(workshop, "builtin:gain") as other:  # it goes on
            assert other.render(64).sound.shape == (2, 64)
    wait_until(lambda: not unreaped(made), 5.0)


def test_a_launcher_that_died_is_replaced(workshop: Workshop) -> None:
    with open_rig(workshop, "builtin:gain") as rig:
        launcher = (workshop._launchers or {})[""]
        assert launcher.pid is not None
        os.kill(launcher.pid, signal.SIGKILL)
        with open_rig(workshop, "builtin:gain") as other:
            assert other.render(64).sound.shape == (2, 64)
        assert rig.render(64).sound.shape == (2, 64)  # no business of the launcher's


def test_a_closed_workshop_says_so() -> None:
    with Workshop() as workshop:
        pass
    with pytest.raises(WorkerError, match="has been closed"), open_rig(workshop, "builtin:gain"):
        pytest.fail("it was opened")
