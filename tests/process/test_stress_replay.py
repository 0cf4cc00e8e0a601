# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs of calls: what they hold, that a replay is the same to the bit, and how short they get."""

import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from host.stress.call_log import SCHEMA, CallLog, LogEnd, LogTooLarge, read_log, write_log
from host.stress.check import Subject
from host.stress.checks.fuzz import CallMaker, SurvivesAnything
from host.stress.checks.resources import BearsLackOfMemory
from host.stress.death import PluginDied, PluginRefused
from host.stress.replay import Replayed, replay
from host.stress.rig import open_rig
from host.stress.script import script_of
from host.stress.shrink import shrink
from host.stress.workshop import Workshop
from ipc.description import ParameterDescription, PluginDescription
from ipc.errors import InputError
from ipc.rig_calls import (
    AnyCall,
    Change,
    InjectFaults,
    Midi,
    ReadParameters,
    Recreate,
    Render,
    SaveState,
    SetParameter,
    SetState,
    ShowText,
)
from tests.fixtures.build import fixture_library

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    with Workshop(timeout_s=30.0) as made:
        yield made


class _Enough(Exception):
    """The log is long enough."""


def _fixture(fault: str) -> str:
    return f"clap:{fixture_library('stress_fixture')}#{fault}"


class _SameAnywhere(Subject):
    """Whose random numbers do not depend on where the fixture has been built."""

    def random(self, *words: object) -> random.Random:
        return random.Random(self.seed)


def _fuzzed(workshop: Workshop, fault: str, *, seed: int = 1, portions: int = 100) -> CallLog:
    """What survives-anything does to it, until it dies or so many portions of calls are done."""
    with open_rig(workshop, _fixture(fault)) as rig:
        description = rig.description
    looks = 0

    def stop() -> None:
        nonlocal looks
        looks += 1
        if looks > portions + 1:  # one is before the rig is made
            raise _Enough

    subject = _SameAnywhere(
        plugin=_fixture(fault),
        description=description,
        level=5,
        seed=seed,
        workshop=workshop,
        stop=stop,
    )
    with pytest.raises((PluginDied, _Enough)):
        SurvivesAnything().run(subject)
    assert subject.log is not None
    return subject.log


# ---------------------------------------------------------------- doing it again


def test_a_replay_is_the_same_to_the_bit_every_time(workshop: Workshop) -> None:
    log = _fuzzed(workshop, "clean", portions=1)
    assert len(log.calls) == len(log.digests) == 32 and log.end is None
    with ThreadPoolExecutor(2) as pool:
        replays = list(pool.map(lambda _: replay(workshop, log), range(20)))
    assert all(one.is_same(log) for one in replays)
    assert {one.digests for one in replays} == {tuple(log.digests)}
    assert {one.done for one in replays} == {32}


def test_what_was_recorded_beside_other_formats_replays_without_them() -> None:
    """A plugin that follows wild pointers finds the same heap, whoever else is in the run."""
    with Workshop() as mixed:
        for other in ("lv2:http://no.such/plugin", "vst3:/no/such.vst3"):
            with pytest.raises(PluginRefused), open_rig(mixed, other):
                pytest.fail("it was opened")
        with open_rig(mixed, _fixture("addresses")) as rig:
            rig.perform([Render(frames=64), ShowText(0, 0.5), ShowText(1, 0.5)])
    with Workshop() as alone:
        assert replay(alone, rig.log).is_same(rig.log)


def test_a_replay_names_the_first_answer_that_is_another_one(workshop: Workshop) -> None:
    plugin = _fixture("clean")
    with open_rig(workshop, plugin) as rig:
        rig.perform([Render(frames=300, source="noise", seed=seed) for seed in range(6)])
        log = rig.log
    changed = msgspec.structs.replace(log, calls=list(log.calls))
    changed.calls[3] = Render(frames=300, source="noise", seed=99)
    played = replay(workshop, changed)
    assert played.differs == 3 and played.end is None and not played.is_same(changed)
    assert replay(workshop, log).is_same(log)


def test_a_replay_of_a_crash_compares_what_was_answered_before_it(workshop: Workshop) -> None:
    with pytest.raises(PluginDied), open_rig(workshop, "fault:segv?after=7") as rig:
        for seed in range(20):
            rig.render(64, source="noise", seed=seed, keep=False)
    log = rig.log
    assert log.end is not None and len(log.digests) == len(log.calls) - 1
    played = replay(workshop, log)
    assert played.is_same(log) and played.done == len(log.digests)
    assert list(played.digests) == log.digests
    log.calls[1] = Render(frames=64, source="noise", seed=99)
    played = replay(workshop, log)
    assert played.differs == 1 and not played.is_same(log)


def test_a_crash_that_does_not_come_again_is_another_end(workshop: Workshop) -> None:
    log = CallLog(
        plugin=_fixture("clean"),
        calls=[Render(frames=64)],
        end=LogEnd(verdict="crash", message="crashed", signal="SIGSEGV", signature="abc"),
    )
    played = replay(workshop, log)
    assert played.end is None and played.differs is None and not played.is_same(log)
    dead = msgspec.structs.replace(log, plugin="fault:abort?after=0")
    assert not replay(workshop, dead).is_same(dead)  # of something else


def test_a_plugin_that_dies_at_birth_is_replayed(workshop: Workshop) -> None:
    log = CallLog(plugin="fault:load-segv", calls=[Render(frames=64)])
    played = replay(workshop, log)
    assert played.done == 0 and played.end is not None and played.end.signal == "SIGSEGV"


def test_numbers_that_are_none_end_a_replay_as_they_ended_the_check(workshop: Workshop) -> None:
    with open_rig(workshop, _fixture("nan")) as rig:
        rig.perform([SetParameter(0, 0.5), Render(frames=4900), Render(frames=64, source="noise")])
        log = rig.log
    log.end = LogEnd(verdict="fail", message="it sends NaN or Inf for noise (128 samples)")
    assert replay(workshop, log).is_same(log)
    shrunk = shrink(workshop, log)
    assert len(shrunk.calls) == 2  # it needs some frames, and then a sound
    assert shrunk.end is not None and "NaN" in shrunk.end.message
    assert replay(workshop, shrunk).is_same(shrunk)
    assert "assert not heard.result.nonfinite" in script_of(shrunk)


def _random_calls(description: PluginDescription, count: int = 500) -> list[AnyCall]:
    maker = CallMaker(description, random.Random(1))
    return [maker.next() for _ in range(count)]


def test_a_seed_means_the_same_random_calls_as_ever() -> None:
    """But for plugins with a side-chain, which hears something now."""
    parameters = [ParameterDescription(index=n, id=str(n), name=str(n)) for n in range(5)]
    description = PluginDescription(
        id="x",
        name="x",
        format="clap",
        accepts_midi=True,
        parameters=parameters,
        programs=["a", "b"],
    )
    written = msgspec.json.encode(_random_calls(description))
    assert hashlib.blake2b(written, digest_size=12).hexdigest() == "6a9c3bd372fe86e8e6c6d872"
    keyed = _random_calls(msgspec.structs.replace(description, sidechain_channels=1))
    assert {"silence", "noise", "sine"} < {one.key for one in keyed if isinstance(one, Render)}


# ---------------------------------------------------------------- the shortest


def test_a_rare_crash_shrinks_to_a_program_that_crashes(tmp_path: Path) -> None:
    with Workshop(timeout_s=30.0) as workshop:
        log = _fuzzed(workshop, "rare-crash", seed=22)
        assert len(log.calls) > 10 and log.end is not None and log.end.verdict == "crash"
        heard: list[tuple[int, int]] = []
        shrunk = shrink(workshop, log, tell=lambda calls, tries: heard.append((calls, tries)))
    assert 1 <= len(shrunk.calls) <= 10
    assert shrunk.plugin == log.plugin and shrunk.max_frames == log.max_frames
    assert shrunk.end is not None
    assert (shrunk.end.signal, shrunk.end.signature) == (log.end.signal, log.end.signature)
    assert [tries for _, tries in heard] == list(range(1, len(heard) + 1))
    script = tmp_path / "crash.py"
    script.write_text(script_of(shrunk))
    ended = subprocess.run(
        [sys.executable, str(script)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0 and "PluginDied: crashed with SIGSEGV" in ended.stderr


def test_shrinking_is_stopped(workshop: Workshop) -> None:
    def stop() -> None:
        raise _Enough

    log = CallLog(
        plugin="fault:segv?after=0",
        calls=[Render(frames=64)] * 2,
        end=LogEnd(verdict="crash", message="", signal="SIGSEGV"),
    )
    with pytest.raises(_Enough):
        shrink(workshop, log, stop=stop)


def test_a_side_chain_that_is_not_needed_is_silent(workshop: Workshop) -> None:
    log = CallLog(
        plugin="fault:segv?after=0",
        calls=[Render(frames=64, source="noise", key="noise")],
        end=LogEnd(verdict="crash", message="", signal="SIGSEGV"),
    )
    assert shrink(workshop, log).calls == [Render(frames=1)]


class _Replays:
    """Instead of `replay`: ends by what `end` says of the calls and the words of each one."""

    def __init__(self, end: Callable[..., tuple[LogEnd | None, str]]) -> None:
        self.end = end
        self.asked: list[dict[str, Any]] = []

    def __call__(
        self, workshop: Workshop, log: CallLog, *, patience: float = 1.0, unwinds: bool = True
    ) -> Replayed:
        self.asked.append({"calls": len(log.calls), "patience": patience, "unwinds": unwinds})
        end, place = self.end(len(log.calls), patience, len(self.asked))
        if end is not None and not unwinds:
            end = msgspec.structs.replace(end, signature="")
        return Replayed(end, 0, (), place=place)


def _shrunk(
    monkeypatch: pytest.MonkeyPatch, replays: _Replays, end: LogEnd, calls: int = 4
) -> CallLog:
    monkeypatch.setattr("host.stress.shrink.replay", replays)
    log = CallLog(plugin="fault:x", calls=[ReadParameters() for _ in range(calls)], end=end)
    return shrink(None, log)  # type: ignore[arg-type]


_HANG = LogEnd(verdict="hang", message="did not come back")
_CRASH = LogEnd(verdict="crash", message="crashed", signal="SIGSEGV", signature="one")


def test_a_hang_that_ends_with_more_patience_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    replays = _Replays(
        lambda calls, patience, _: (_HANG if calls > 2 or patience < 3 else None, "")
    )
    shrunk = _shrunk(monkeypatch, replays, _HANG)
    assert len(shrunk.calls) == 3  # one of two was only slow
    assert shrunk.end is not None and (shrunk.end.failed, shrunk.end.runs) == (3, 3)
    assert not shrunk.end.flaky


def test_a_result_that_does_not_fail_each_time_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    left = 3  # to shrink it to one call, with and without patience, and once more

    def end(calls: int, *_: object) -> tuple[LogEnd | None, str]:
        nonlocal left
        left -= calls == 1
        return (_HANG if left >= 0 else None), ""

    replays = _Replays(end)
    shrunk = _shrunk(monkeypatch, replays, _HANG)
    assert shrunk.end is not None and shrunk.end.flaky == "flaky: 1 of 3"
    assert "1 call (flaky: 1 of 3 runs failed)" in script_of(shrunk)


def test_only_the_result_of_shrinking_a_crash_is_unwound(monkeypatch: pytest.MonkeyPatch) -> None:
    replays = _Replays(lambda calls, *_: (_CRASH, "x.so+0x1"))
    shrunk = _shrunk(monkeypatch, replays, _CRASH)
    assert len(shrunk.calls) == 1
    unwound = [one["unwinds"] for one in replays.asked]
    assert unwound[0] and unwound[-3:] == [True] * 3 and not any(unwound[1:-3])


def test_one_instruction_with_two_causes_is_shrunk_by_backtraces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = msgspec.structs.replace(_CRASH, signature="another")
    replays = _Replays(lambda calls, *_: (_CRASH if calls > 1 else other, "x.so+0x1"))
    shrunk = _shrunk(monkeypatch, replays, _CRASH)
    assert len(shrunk.calls) == 2
    assert shrunk.end is not None and shrunk.end.signature == "one" and not shrunk.end.flaky


def test_a_crash_outside_of_the_plugin_is_compared_by_backtraces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replays = _Replays(lambda calls, *_: (_CRASH, ""))
    assert len(_shrunk(monkeypatch, replays, _CRASH).calls) == 1
    assert all(one["unwinds"] for one in replays.asked)


def test_a_crash_has_a_place_in_its_plugin(workshop: Workshop) -> None:
    log = _fuzzed(workshop, "rare-crash", seed=22)
    places = {replay(workshop, log, unwinds=unwinds).place for unwinds in (False, True)}
    [place] = places
    assert place.startswith(str(fixture_library("stress_fixture")))


# ---------------------------------------------------------------- what worker it needs


def _failing_allocation(auditor: Workshop) -> CallLog:
    with pytest.raises(PluginDied), open_rig(auditor, _fixture("trusts-malloc")) as rig:
        rig.perform([InjectFaults(allocation=2), Recreate(48000.0, 512)])
    return rig.log


def test_a_log_says_what_worker_it_needs(tmp_path: Path) -> None:
    with Workshop(audits=True) as auditor:
        log = _failing_allocation(auditor)
        write_log(log, tmp_path / "log.json")
        log = read_log(tmp_path / "log.json")
        assert log.audits and log.needs_audit and not log.disk_watched
        assert replay(auditor, log).is_same(log)
    assert "Workshop(audits=True)" in script_of(log)
    older = msgspec.structs.replace(log, audits=False)  # as version 2 has it
    assert older.needs_audit and not CallLog(plugin="builtin:gain").needs_audit


def test_a_disk_without_room_comes_again(workshop: Workshop, tmp_path: Path) -> None:
    with (
        pytest.raises(PluginDied),
        open_rig(workshop, _fixture("no-room"), disk_watched=True) as rig,
    ):
        rig.perform([InjectFaults(disk_full=True), Recreate(48000.0, 512)])
    write_log(rig.log, tmp_path / "log.json")
    log = read_log(tmp_path / "log.json")
    assert log.disk_watched and replay(workshop, log).is_same(log)
    assert "disk_watched=True" in script_of(log)
    # On the disk of a worker whose host is not asked, writes fail in another way.
    assert not replay(workshop, msgspec.structs.replace(log, disk_watched=False)).is_same(log)


def test_what_meets_the_rigs_own_buffers_does_so_again(
    workshop: Workshop, real_plugin: str, tmp_path: Path
) -> None:
    with open_rig(workshop, real_plugin, direct=True) as rig:
        rig.render(4800, source="noise", guard=True, keep=False)
    write_log(rig.log, tmp_path / "log.json")
    log = read_log(tmp_path / "log.json")
    assert log.direct and replay(workshop, log).is_same(log)
    assert "direct=True" in script_of(log)


# ---------------------------------------------------------------- files


def _rich_log() -> CallLog:
    """Some of everything that JSON could lose."""
    calls = [
        SetParameter(1, 0.1),
        SetState(bytes(range(256)) + b'"""\\'),
        Render(
            frames=100,
            blocks=[1, 99],
            source="wild",
            midi=[Midi(3, b"\x90\xff\x00")],
            changes=[Change(4, 0, 0.3)],
            in_place=True,
        ),
        SaveState(),
        ReadParameters(),
        Recreate(44100.0, 64),
    ]
    return CallLog(
        plugin="fault:nan",
        check="survives-anything",
        seed=7,
        sample_rate=44100.0,
        max_frames=64,
        memory_mb=320,
        calls=calls,
        digests=["", "", "a1", "b2"],
        end=LogEnd(verdict="fail", message="it sends 'NaN'"),
    )


def test_a_log_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "log.json"
    write_log(_rich_log(), file)
    assert read_log(file) == _rich_log()
    assert json.loads(file.read_text())["schema"] == SCHEMA  # or a later version could not tell


def test_a_log_of_the_first_version_is_read(tmp_path: Path) -> None:
    file = tmp_path / "log.json"
    file.write_bytes(_GOOD.replace(_SCHEMA, b'"schema":1'))  # its states among its calls
    assert read_log(file) == _rich_log()


def test_a_state_is_stored_once_however_often_it_is_set(tmp_path: Path) -> None:
    states = [bytes([number]) * 100_000 for number in range(2)]
    log = CallLog(plugin="builtin:gain", calls=[SetState(states[n % 2]) for n in range(50)])
    write_log(log, tmp_path / "log.json")
    assert (tmp_path / "log.json").stat().st_size < 400_000
    assert read_log(tmp_path / "log.json") == log


def test_a_log_that_nobody_could_read_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("host.stress.call_log._MAX_BYTES", 1 << 20)
    log = CallLog(plugin="builtin:gain", calls=[SetState(bytes(1 << 20))])
    with pytest.raises(LogTooLarge, match="none of more than 1 MiB is read"):
        write_log(log, tmp_path / "log.json")
    assert not list(tmp_path.iterdir())


def test_a_crash_for_want_of_memory_comes_again(workshop: Workshop, tmp_path: Path) -> None:
    plugin = _fixture("hungry")
    with open_rig(workshop, plugin) as rig:
        description = rig.description
    subject = Subject(plugin, description, level=6, seed=1, workshop=workshop)
    with pytest.raises(PluginDied):
        BearsLackOfMemory().run(subject)
    assert subject.log is not None and subject.log.memory_mb and subject.log.end is not None
    write_log(subject.log, tmp_path / "log.json")
    log = read_log(tmp_path / "log.json")
    assert replay(workshop, log).is_same(log)
    shrunk = shrink(workshop, log)
    assert shrunk.memory_mb == log.memory_mb and f"memory_mb={log.memory_mb}" in script_of(shrunk)
    log.memory_mb = None
    assert not replay(workshop, log).is_same(log)


def test_a_log_with_a_state_is_replayed_from_its_file(workshop: Workshop, tmp_path: Path) -> None:
    with open_rig(workshop, _fixture("clean")) as rig:
        rig.set_parameter(0, 0.75)
        state = rig.save_state()
        rig.recreate()
        rig.set_state(state)
        rig.render(500, source="noise", keep=False)
        write_log(rig.log, tmp_path / "log.json")
    log = read_log(tmp_path / "log.json")
    assert SetState(state) in log.calls
    assert replay(workshop, log).is_same(log)


def test_a_program_says_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    log = _rich_log()
    log.plugin = "lv2:urn:a\"'\\b"
    log.end = LogEnd(verdict="crash", message='"""; import os\n')
    done: list[Any] = []

    class _Rig:
        def render(self, frames: int, *, keep: bool = True, **options: Any) -> None:
            options["midi"] = [Midi(*one) for one in options.get("midi", ())]
            options["changes"] = [Change(*one) for one in options.get("changes", ())]
            done.append(Render(frames=frames, keep=keep, **options))

        def set_state(self, data: bytes) -> None:
            done.append(SetState(data))

        def perform(self, calls: list[Any]) -> None:
            done.extend(calls)

        def __enter__(self) -> "_Rig":
            return self

        def __exit__(self, *_: object) -> None:
            pass

    def opened(workshop: object, plugin: str, **options: object) -> _Rig:
        done.append((plugin, options))
        return _Rig()

    monkeypatch.setattr("host.stress.rig.open_rig", opened)
    monkeypatch.setattr("host.stress.workshop.Workshop", _Rig)
    exec(compile(script_of(log), "script", "exec"), {})
    settings = {"sample_rate": 44100.0, "max_frames": 64, "memory_mb": 320}
    assert done[0] == (log.plugin, settings)
    assert done[1:] == log.calls


_GOOD = msgspec.json.encode(_rich_log())  # as version 1 was written, but for its number
_SCHEMA = f'"schema":{SCHEMA}'.encode()


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "is empty, expected a log of calls"),
        (_GOOD[:-20], "no log of calls"),
        (b"\x7fELF\x02\x01\x01\x00\xff", "no log of calls"),
        (b"\xff\xfe{}", "no log of calls"),
        (b"[]", "no log of calls"),
        (b'{"schema": 1, "run": {}, "plugins": []}', "no log of calls"),
        (b'{"plugin": "fault:nan"}', "no log of calls"),
        (b'{"schema": 1, "plugin": 3, "calls": []}', "no log of calls"),
        (b"[" * 100_000, "no log of calls"),
        (b'{"schema": 1, "calls": ' + b"[" * 100_000, "no log of calls"),
        (_GOOD.replace(b'"set_parameter"', b'"sing"'), "no log of calls"),
        (_GOOD.replace(b'"value":0.1', b'"value":7'), "no log of calls"),
        (_GOOD.replace(_SCHEMA, b'"schema":99'), f"version 99, where versions up to {SCHEMA} are"),
        (_GOOD.replace(b'"sample_rate":44100.0', b'"sample_rate":0'), "$.sample_rate"),
        (_GOOD.replace(b'"max_frames":64', b'"max_frames":100000'), "$.max_frames"),
        (_GOOD.replace(b'"memory_mb":320', b'"memory_mb":-1'), "$.memory_mb"),
        (
            b'{"schema": 2, "plugin": "x:y", "calls": [{"call": "set_known_state", "state": "a"}]}',
            "there is no state a",
        ),
        (
            b'{"schema": 98, "plugin": "x:y", "calls": [{"call": "sing"}]}',
            "of version 98, where versions up to",
        ),
    ],
)
def test_a_file_that_is_no_log_costs_one_line(tmp_path: Path, content: bytes, line: str) -> None:
    file = tmp_path / "log.json"
    file.write_bytes(content)
    with pytest.raises(InputError) as raised:
        read_log(file)
    assert str(raised.value).startswith(f"{file}: ") and line in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_log_that_is_not_there_costs_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_log(tmp_path / "log.json")


def test_of_all_events_those_are_left_that_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """However far from each other."""
    needed = {Change(30, 3, 0.0), Change(470, 7, 1.0)}
    asked = 0

    def fails(_: object, log: CallLog, **__: object) -> Replayed:
        nonlocal asked
        asked += 1
        [call] = log.calls
        assert isinstance(call, Render)
        return Replayed(_CRASH if needed <= set(call.changes) else None, 0, ())

    monkeypatch.setattr("host.stress.shrink.replay", fails)
    others = [Change(10 * index, index % 5, 0.5) for index in range(50)]
    changes = sorted([*others, *needed], key=lambda one: one.frame)
    midi = [Midi(frame, b"\x90\x40\x40") for frame in range(40)]
    log = CallLog(
        plugin="fault:x", calls=[Render(frames=512, midi=midi, changes=changes)], end=_CRASH
    )
    shrunk = shrink(None, log)  # type: ignore[arg-type]
    [call] = shrunk.calls
    assert isinstance(call, Render)
    assert set(call.changes) == needed and not call.midi
    assert asked < 150
