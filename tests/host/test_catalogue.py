# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue: what is kept, found again and marked, in SQLite and PostgreSQL alike."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from host.catalogue.catalogue import Catalogue, Completion
from host.catalogue.migrations import MIGRATIONS
from host.catalogue.place import FILE_NAME, open_place
from host.catalogue.schema import TABLES
from host.scan.verdict import Outcome, PhaseResult, ScannedPlugin, Status
from host.store.migrations import migrate
from ipc.description import ParameterDescription
from ipc.errors import InputError, MachineError
from tests.host.postgres import postgres


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.process)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield str(tmp_path / "catalogue.db")
        return
    pytest.importorskip("psycopg")
    with postgres() as url:
        yield url


@pytest.fixture
def catalogue(place: str) -> Iterator[Catalogue]:
    database = open_place(place, print)
    yield Catalogue(database)
    database.close()


def plugin(name: str, path: str = "/x.so", **fields: object) -> ScannedPlugin:
    known: dict[str, object] = {
        "id": f"ladspa:{path}#{name}",
        "status": Status.OK,
        "format": "ladspa",
        "path": path,
        "name": name,
        "kind": "effect",
        **fields,
    }
    return ScannedPlugin(**known)  # type: ignore[arg-type]


def complete(path: str, *names: str, stamp: str = "s", **fields: object) -> Completion:
    return Completion(
        key=("ladspa", path),
        plugins=tuple(f"ladspa:{path}#{name}" for name in names),
        stamp=stamp,
        fingerprint="f",
        libraries=("/lib/libm.so.6",),
        is_deep=False,
        probe_version=1,
        **fields,  # type: ignore[arg-type]
    )


def test_all_that_is_known_of_a_plugin_comes_back(catalogue: Catalogue) -> None:
    phases = [
        PhaseResult(phase="load", outcome=Outcome.OK, ms=1.5),
        PhaseResult(
            phase="create",
            outcome=Outcome.CRASHED,
            ms=2.0,
            message="crashed",
            signal="SIGSEGV",
            backtrace=["a+0x1 in x.so"],
            stderr="oh no\udcff",
        ),
    ]
    written = plugin(
        "Ü %",
        vendor="V",
        parameters=[ParameterDescription(index=0, id="p", name="P")],
        programs=["one", "two"],
        tail_s=None,
        latency_frames=480,
        memory_bytes=2**40,
        phases=phases,
        denials=["open a network socket"],
    )
    run = catalogue.begin_run("{}")
    catalogue.add(run, [(("ladspa", "/x.so"), written)], [complete("/x.so", "Ü %")])
    [listed] = catalogue.plugins(with_facts=True)
    assert (listed.name, listed.parameters, listed.programs) == ("Ü %", 1, 2)
    assert (listed.tail_s, listed.latency_frames, listed.memory_bytes) == (None, 480, 2**40)
    assert listed.facts is not None
    assert listed.facts.phases[1].signal == "SIGSEGV"
    assert listed.facts.denials == ["open a network socket"]
    shown = catalogue.show("ü %").plugin
    assert shown.parameters == written.parameters and shown.programs == ["one", "two"]
    with pytest.raises(InputError, match="no plugin 'nope' is in the catalogue"):
        catalogue.show("nope")


def test_words_kinds_formats_and_statuses_narrow_a_list(catalogue: Catalogue) -> None:
    run = catalogue.begin_run("{}")
    catalogue.add(
        run,
        [
            (("ladspa", "/x.so"), plugin("Big Reverb", vendor="Acme")),
            (("ladspa", "/x.so"), plugin("Small 100% reverb_a", status=Status.CRASHED)),
            (("lv2", "/y.lv2"), plugin("Synth", "/y.lv2", format="lv2", kind="instrument")),
        ],
        [],
    )

    def names(**how: object) -> list[str]:
        return [each.name for each in catalogue.plugins(**how)]  # type: ignore[arg-type]

    assert names() == ["Big Reverb", "Small 100% reverb_a", "Synth"]
    assert names(text="REVERB acme") == ["Big Reverb"]
    assert names(text="100%") == ["Small 100% reverb_a"]  # no wildcard
    assert names(text="b_a") == ["Small 100% reverb_a"]
    assert names(formats=["lv2"]) == names(kinds=["instrument"]) == ["Synth"]
    assert names(statuses=["crashed"]) == ["Small 100% reverb_a"]
    assert names(keys={("lv2", "/y.lv2")}) == ["Synth"]


def test_a_run_that_was_cut_short_is_gone_on_with(catalogue: Catalogue) -> None:
    first = catalogue.begin_run("this")
    assert not first.is_resumed
    catalogue.begin_files({("ladspa", "/x.so"): "f"})
    catalogue.add(first, [(("ladspa", "/x.so"), plugin("a"))], [])
    catalogue.leave_run(first)
    assert not catalogue.begin_run("other").is_resumed
    again = catalogue.begin_run("this")
    assert again.is_resumed and again.id == first.id
    known = catalogue.known_files(again)["ladspa", "/x.so"]
    assert known.stamp is None and known.fingerprint == "f"
    assert known.probed == {"ladspa:/x.so#a"}
    catalogue.add(again, [], [complete("/x.so", "a")])
    assert catalogue.known_files(again)["ladspa", "/x.so"].stamp == "s"
    catalogue.finish_run(again)
    assert not catalogue.begin_run("this").is_resumed


def test_what_a_file_holds_no_more_is_marked(catalogue: Catalogue) -> None:
    run = catalogue.begin_run("{}")
    key = ("ladspa", "/x.so")
    both = [(key, plugin("a")), (key, plugin("b"))]
    catalogue.add(run, both, [complete("/x.so", "a", "b")])
    catalogue.add(run, [(key, plugin("b"))], [complete("/x.so", "b")])
    assert [each.name for each in catalogue.plugins()] == ["b"]
    gone = [each for each in catalogue.plugins(vanished=True) if each.vanished_at]
    assert [each.name for each in gone] == ["a"]
    # The row of a file that came to say nothing goes when it says something, and back.
    whole = plugin("x", id="ladspa:/x.so", status=Status.CRASHED)
    crashed = Completion(
        key=key, plugins=("ladspa:/x.so",), stamp="t", fingerprint="g", libraries=(),
        is_deep=False, probe_version=1, failures=1, retry_at="2030",
    )  # fmt: skip
    catalogue.add(run, [(key, whole)], [crashed])
    assert [each.id for each in catalogue.plugins()] == ["ladspa:/x.so"]
    known = catalogue.known_files(run)[key]
    assert (known.status, known.failures, known.retry_at) == ("crashed", 1, "2030")
    catalogue.add(run, [(key, plugin("b"))], [complete("/x.so", "b")])
    assert [each.name for each in catalogue.plugins()] == ["b"]
    assert catalogue.counts() == {"ok": 1}


def test_thousands_of_files_are_marked_at_once(catalogue: Catalogue) -> None:
    run = catalogue.begin_run("{}")
    keys = [("ladspa", f"/{number}.so") for number in range(1200)]
    catalogue.add(run, [(key, plugin("p", key[1])) for key in keys], [])
    catalogue.mark_seen(keys[:100], keys[100:])
    assert len(catalogue.plugins()) == 100
    catalogue.mark_seen(keys, [])
    assert len(catalogue.plugins()) == 1200


def test_both_shapes_of_the_tables_are_the_same(place: str) -> None:
    """What migrations make is what the code of today expects."""
    database = open_place(place, print)
    try:
        engine = database._engine  # type: ignore[attr-defined]
        found = sa.inspect(engine)
        for table in TABLES.sorted_tables:
            columns = {column["name"]: column for column in found.get_columns(table.name)}
            assert set(columns) == set(table.columns.keys())
            for column in table.columns:
                there = columns[column.name]
                expected = column.type.compile(engine.dialect)
                assert there["type"].compile(engine.dialect) == expected, (table.name, column.name)
                assert there["nullable"] == column.nullable, (table.name, column.name)
            indexed = {tuple(index["column_names"]) for index in found.get_indexes(table.name)}
            for column in table.columns:
                assert ((column.name,) in indexed) >= bool(column.index), (table.name, column.name)
    finally:
        database.close()


def test_a_newer_catalogue_is_refused_by_name(place: str) -> None:
    database = open_place(place, print)
    engine = database._engine  # type: ignore[attr-defined]
    with engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO schema_version VALUES (99, 'now', 'x')"))
    database.close()
    with pytest.raises(InputError, match=r"written by a newer Isobooth \(database layout 99"):
        open_place(place, print)


def test_steps_are_applied_once(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    for _ in range(2):
        with engine.begin() as connection:
            migrate(connection, "x", MIGRATIONS)
            assert connection.scalar(sa.text("SELECT count(*) FROM schema_version")) == 1
    engine.dispose()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("mysql://me@here/x", "is no catalogue: a catalogue is a file, or postgresql://"),
        ("nonsense://", "is no catalogue"),
        (":///", "is no catalogue"),
    ],
)
def test_places_that_are_none(where: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_place(where, print)


def test_a_folder_and_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder: name a file in it"):
        open_place(str(tmp_path), print)
    pytest.importorskip("psycopg")
    with pytest.raises(MachineError) as error:
        open_place(f"postgresql://me:secret@/x?host={tmp_path}", print)
    assert "secret" not in str(error.value) and "choose another catalogue" in str(error.value)
    assert "\n" not in str(error.value)


def test_the_variable_and_urls_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOBOOTH_DATA", str(tmp_path / "data"))
    open_place(None, print).close()
    assert (tmp_path / "data" / FILE_NAME).exists()
    monkeypatch.setenv("ISOBOOTH_CATALOGUE", f"sqlite:///{tmp_path / 'other.db'}")
    open_place(None, print).close()
    assert (tmp_path / "other.db").exists()


def test_a_damaged_file_is_moved_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOBOOTH_DATA", str(tmp_path))
    path = tmp_path / FILE_NAME
    path.write_bytes(b"this is no database" * 1000)
    told: list[str] = []
    database = open_place(None, told.append)
    assert f"was damaged: moved to {FILE_NAME}.damaged-" in told[0]
    assert Catalogue(database).plugins() == []
    database.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
    connection.close()


def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    with pytest.raises(InputError, match="is no catalogue, but another file: it is left alone"):
        open_place(str(notes), print)
    assert notes.read_text() == "mine"
    with pytest.raises(InputError, match=r"there is no catalogue .*typo.db: `isobooth scan"):
        open_place(str(tmp_path / "typo.db"), print, create=False)
    assert not (tmp_path / "typo.db").exists()
    with pytest.raises(InputError) as error:
        open_place("postgresql://me:secret@here:port/x", print)
    assert "secret" not in str(error.value)


def test_a_scan_that_still_runs_is_not_gone_on_with(catalogue: Catalogue) -> None:
    running = catalogue.begin_run("this")
    other = catalogue.begin_run("this")
    assert not other.is_resumed and other.id != running.id
    catalogue.finish_run(other)
    catalogue.leave_run(running)
    assert catalogue.begin_run("this").id == running.id


def test_one_that_has_moved_is_found_by_its_name(catalogue: Catalogue) -> None:
    run = catalogue.begin_run("{}")
    for path in ("/old.so", "/new.so"):
        catalogue.add(run, [(("ladspa", path), plugin("Same", path))], [complete(path, "Same")])
    with pytest.raises(InputError, match="is the name of several"):
        catalogue.show("Same")
    catalogue.mark_seen([("ladspa", "/new.so")], [("ladspa", "/old.so")])
    assert catalogue.show("same").plugin.path == "/new.so"
