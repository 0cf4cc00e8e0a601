# SPDX-License-Identifier: GPL-3.0-or-later
"""What scans found out, one row a plugin, written as it is found.

A file's rows are complete once it has a stamp; until then, whatever ends the scan, the next one
goes on where it stopped. Plugins that are gone stay, marked: a song may still name them.
"""

import os
import platform
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from host.catalogue.place import Transactions
from host.catalogue.schema import FILES, PLUGINS, RUNS
from host.crash_report import storable_text, utc_now
from host.scan.verdict import FINE, PhaseResult, ScannedPlugin, Status
from ipc.errors import InputError
from ipc.messages import DeepFindings
from ipc.names import host_mark, owner_of_command
from ipc.processes import own_identity

FileKey = tuple[str, str]  # format, path

T = TypeVar("T")


@dataclass(frozen=True)
class KnownFile:
    """What an earlier scan made of a file; `stamp` is None if it did not come to its end. `fine`
    and `probed`: ids of its plugins that are all right, and of all that this run has probed
    already."""

    status: str
    stamp: str | None
    fingerprint: str | None
    libraries: Sequence[str]
    is_deep: bool
    probe_version: int
    failures: int
    retry_at: str | None
    scanned_at: str | None
    fine: frozenset[str] = frozenset()
    probed: frozenset[str] = frozenset()


_FILE_NAMES = tuple(each.name for each in fields(KnownFile) if each.name not in ("fine", "probed"))
_FILE_COLUMNS = [FILES.c[name] for name in ("format", "path", *_FILE_NAMES)]


@dataclass(frozen=True)
class Completion:
    """That a file has been probed to its end. `plugins`: ids of all that it holds."""

    key: FileKey
    plugins: Sequence[str]
    stamp: str | None
    fingerprint: str | None
    libraries: Sequence[str]
    is_deep: bool
    probe_version: int
    retry_at: str | None = None
    failures: int = 0


@dataclass(frozen=True)
class Stamped:
    """A stamp, and the libraries that it is of."""

    stamp: str | None
    libraries: Sequence[str]


@dataclass(frozen=True)
class Run:
    """A scan. `is_resumed`: an earlier one that asked for the same was cut short, and this goes on
    with it."""

    id: str
    started_at: str
    is_resumed: bool


class PluginFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What lists leave out unless they are asked for it; the fields are those of ScannedPlugin."""

    phases: list[PhaseResult] = []
    denials: list[str] = []
    remarks: list[str] = []
    peak: float = 0.0
    nonfinite_samples: int = 0
    deep: DeepFindings | None = None
    is_file: bool = False


class PluginSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin in a list; the fields are those of ScannedPlugin, and when it was seen."""

    id: str
    status: str
    detail: str
    format: str
    path: str
    name: str
    vendor: str
    version: str
    category: str
    kind: str
    in_channels: int
    out_channels: int
    sidechain_channels: int
    accepts_midi: bool
    produces_midi: bool
    parameters: int  # how many
    programs: int
    latency_frames: int
    tail_s: float | None  # None: endless
    load_ms: float
    process_ms: float
    memory_bytes: int
    state_bytes: int
    signature: str | None
    report: str | None
    fingerprint: str | None  # of the content of its file and its libraries
    first_seen_at: str  # ISO 8601, UTC
    probed_at: str
    seen_at: str
    vanished_at: str | None
    facts: PluginFacts | None = None

    def flat(self) -> dict[str, Any]:
        """As programs are told of it: the facts, if they were asked for, beside all else."""
        told = msgspec.to_builtins(self)
        assert isinstance(told, dict)
        facts = told.pop("facts") or {}
        return {**told, **facts}


class PluginDetails(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one plugin. `fingerprint`: of its file and its libraries."""

    plugin: ScannedPlugin
    first_seen_at: str
    probed_at: str
    seen_at: str
    vanished_at: str | None
    fingerprint: str | None
    retry_at: str | None  # of one that failed: when a scan tries it again, unchanged as it is


class Catalogue:
    """The rows in a database. Use from any thread."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    # -- scans ------------------------------------------------------------------------------------

    def begin_run(self, asked_for: str) -> Run:
        owner = _owner()

        def work(connection: Connection) -> Run:
            query = (
                select(RUNS)
                .where(RUNS.c.finished_at.is_(None), RUNS.c.asked_for == asked_for)
                .order_by(RUNS.c.started_at.desc())
            )
            for row in connection.execute(query).all():
                if _is_over(row.owner):
                    taken = update(RUNS).where(RUNS.c.id == row.id).values(owner=owner)
                    connection.execute(taken)
                    return Run(row.id, row.started_at, True)
            made = Run(os.urandom(8).hex(), utc_now(), False)
            values = {"id": made.id, "started_at": made.started_at}
            connection.execute(insert(RUNS).values(asked_for=asked_for, owner=owner, **values))
            return made

        return self._database.run(work, write=True)

    def finish_run(self, run: Run) -> None:
        query = update(RUNS).where(RUNS.c.id == run.id).values(finished_at=utc_now())
        self._database.run(lambda connection: connection.execute(query), write=True)

    def leave_run(self, run: Run) -> None:
        """It was cut short; whoever asks for the same may go on with it."""
        query = update(RUNS).where(RUNS.c.id == run.id).values(owner="")
        self._database.run(lambda connection: connection.execute(query), write=True)

    def known_files(self, run: Run) -> dict[FileKey, KnownFile]:
        def work(connection: Connection) -> dict[FileKey, KnownFile]:
            fine: dict[int, set[str]] = {}
            probed: dict[int, set[str]] = {}
            columns = (
                PLUGINS.c.file_id,
                PLUGINS.c.plugin_id,
                PLUGINS.c.run_id,
                PLUGINS.c.status,
            )
            for file_id, plugin, run_id, status in connection.execute(select(*columns)):
                if status in FINE:
                    fine.setdefault(file_id, set()).add(plugin)
                if run_id == run.id:
                    probed.setdefault(file_id, set()).add(plugin)
            files = connection.execute(select(FILES.c.id, *_FILE_COLUMNS))
            return {
                (row.format, row.path): KnownFile(
                    **dict(zip(_FILE_NAMES, row[3:], strict=True)),
                    fine=frozenset(fine.get(row.id, ())),
                    probed=frozenset(probed.get(row.id, ())),
                )
                for row in files
            }

        return self._database.run(work)

    def begin_files(self, fingerprints: dict[FileKey, str | None]) -> None:
        """They are about to be probed, with this content."""

        def work(connection: Connection) -> None:
            ids = _ids_of(connection, fingerprints)
            _update_files(
                connection,
                [
                    {"file": ids[key], "stamp": None, "fingerprint": fingerprint}
                    for key, fingerprint in fingerprints.items()
                ],
            )

        self._database.run(work, write=True)

    def add(
        self, run: Run, found: Sequence[tuple[FileKey, ScannedPlugin]], ends: Sequence[Completion]
    ) -> None:
        """Keeps results and, behind them, which files are complete."""

        def work(connection: Connection) -> None:
            ids = _ids_of(connection, [*(key for key, _ in found), *(end.key for end in ends)])
            _put(connection, run, [(ids[key], plugin) for key, plugin in found])
            _complete(connection, {ids[end.key]: end for end in ends})

        self._database.run(work, write=True)

    def restamp(self, touched: dict[FileKey, Stamped]) -> None:
        """Files that were touched, but whose content is the same."""

        def work(connection: Connection) -> None:
            ids = _ids_of(connection, touched)
            _update_files(
                connection,
                [
                    {"file": ids[key], "stamp": each.stamp, "libraries": list(each.libraries)}
                    for key, each in touched.items()
                ],
            )

        if touched:
            self._database.run(work, write=True)

    def mark_seen(self, keys: Iterable[FileKey], gone: Iterable[FileKey]) -> None:
        """Those that a scan found, and those that it looked for in vain."""
        now = utc_now()

        def work(connection: Connection) -> None:
            ids = {
                (row.format, row.path): (row.id, row.vanished_at)
                for row in connection.execute(
                    select(FILES.c.format, FILES.c.path, FILES.c.id, FILES.c.vanished_at)
                )
            }
            here = [ids[key] for key in keys if key in ids]
            back = [file for file, vanished in here if vanished is not None]
            left = [ids[key][0] for key in gone if key in ids and ids[key][1] is None]
            for some in _chunks([file for file, _ in here]):
                connection.execute(update(FILES).where(FILES.c.id.in_(some)).values(seen_at=now))
            for some, when in ((back, None), (left, now)):
                for part in _chunks(some):
                    values = {"vanished_at": when}
                    connection.execute(update(FILES).where(FILES.c.id.in_(part)).values(values))
                    rows = update(PLUGINS).where(PLUGINS.c.file_id.in_(part))
                    connection.execute(rows.values(values))

        self._database.run(work, write=True)

    # -- looking things up ------------------------------------------------------------------------

    def plugins(
        self,
        *,
        formats: Sequence[str] = (),
        kinds: Sequence[str] = (),
        statuses: Sequence[str] = (),
        text: str = "",
        vanished: bool = False,
        keys: Collection[FileKey] | None = None,
        with_facts: bool = False,
    ) -> list[PluginSummary]:
        """In the order of their names. `text`: each of its words stands in the name, vendor,
        category, id or path, in any case. `vanished`: those too. `keys`: of these files only."""
        columns = [*_SUMMARY_COLUMNS, PLUGINS.c.body] if with_facts else _SUMMARY_COLUMNS
        query = select(*columns).join_from(PLUGINS, FILES)
        if not vanished:
            query = query.where(PLUGINS.c.vanished_at.is_(None))
        for column, wanted in (
            (PLUGINS.c.format, formats),
            (PLUGINS.c.kind, kinds),
            (PLUGINS.c.status, statuses),
        ):
            if wanted:
                query = query.where(column.in_(wanted))
        words = text.casefold().split()

        def work(connection: Connection) -> list[PluginSummary]:
            return [_summary_of(*row) for row in connection.execute(query)]

        # Not narrowed by the database: SQLite knows no case but that of ASCII.
        found = [
            plugin
            for plugin in self._database.run(work)
            if (keys is None or (plugin.format, plugin.path) in keys) and _mentions(plugin, words)
        ]
        return sorted(found, key=lambda one: (one.name.casefold(), one.format, one.id))

    def show(self, wanted: str) -> PluginDetails:
        """By its id, or by its name where only one has it. Raises InputError."""

        def work(connection: Connection) -> PluginDetails:
            known = connection.execute(
                select(*(PLUGINS.c.id, PLUGINS.c.plugin_id, PLUGINS.c.name, PLUGINS.c.vanished_at))
            ).all()
            rows = [row for row in known if row.plugin_id == wanted] or [
                row for row in known if row.name.casefold() == wanted.casefold()
            ]
            # Of one that has moved, or is in two bundles, the one that is there counts.
            rows = [row for row in rows if row.vanished_at is None] or rows
            ids = list(dict.fromkeys(row.plugin_id for row in rows))
            if not ids:
                raise InputError(
                    f"no plugin '{wanted}' is in the catalogue: `isobooth plugins search WORD` "
                    "looks for one, `isobooth scan` finds new ones"
                )
            if len(ids) > 1:
                raise InputError(f"'{wanted}' is the name of several: {', '.join(ids[:12])}")
            query = (
                select(
                    *(PLUGINS.c.body, PLUGINS.c.first_seen_at, PLUGINS.c.probed_at),
                    *(PLUGINS.c.vanished_at, FILES.c.seen_at, FILES.c.fingerprint),
                    FILES.c.retry_at,
                )
                .join_from(PLUGINS, FILES)
                .where(PLUGINS.c.id == rows[0].id)
            )
            row = connection.execute(query).one()
            return PluginDetails(
                plugin=msgspec.json.decode(row.body, type=ScannedPlugin),
                first_seen_at=row.first_seen_at,
                probed_at=row.probed_at,
                seen_at=row.seen_at,
                vanished_at=row.vanished_at,
                fingerprint=row.fingerprint,
                retry_at=row.retry_at,
            )

        return self._database.run(work)

    def counts(self) -> dict[str, int]:
        """Plugins by status, without those that are gone."""
        query = (
            select(PLUGINS.c.status, func.count())
            .where(PLUGINS.c.vanished_at.is_(None))
            .group_by(PLUGINS.c.status)
        )
        return self._database.run(
            lambda connection: {status: count for status, count in connection.execute(query)}
        )


def _owner() -> str:
    """This process, as others of this machine can tell whether it is still there."""
    return f"{platform.node()} {host_mark(own_identity())}"


def _is_over(owner: str) -> bool:
    """Whether a scan has ended without saying so. Of another machine's nothing is known."""
    machine, _, mark = owner.rpartition(" ")
    process = owner_of_command([mark])
    return not owner or (machine == platform.node() and (process is None or not process.is_alive()))


def _ids_of(connection: Connection, keys: Collection[FileKey]) -> dict[FileKey, int]:
    """The files' rows; new ones for files that have none."""
    stored = {key: (key[0], _text(key[1])) for key in keys}
    ids = _stored_ids(connection, stored.values())
    missing = set(stored.values()) - ids.keys()
    if missing:
        new = {
            "status": "",
            "libraries": [],
            "is_deep": False,
            "probe_version": 0,
            "failures": 0,
            "seen_at": utc_now(),
        }
        rows = [{"format": plugin_format, "path": path, **new} for plugin_format, path in missing]
        connection.execute(insert(FILES), rows)
        ids |= _stored_ids(connection, missing)
    return {key: ids[each] for key, each in stored.items()}


def _stored_ids(connection: Connection, keys: Collection[FileKey]) -> dict[FileKey, int]:
    columns = select(FILES.c.format, FILES.c.path, FILES.c.id)
    ids: dict[FileKey, int] = {}
    for part in _chunks([path for _, path in keys]):
        for plugin_format, path, file in connection.execute(columns.where(FILES.c.path.in_(part))):
            ids[plugin_format, path] = file
    return ids


def _update_files(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """All at once; each has the same columns, and its id as `file`."""
    if rows:
        connection.execute(update(FILES).where(FILES.c.id == bindparam("file")), rows)


def _put(connection: Connection, run: Run, found: Sequence[tuple[int, ScannedPlugin]]) -> None:
    """All at once: what they are is written while other plugins are probed."""
    known = {
        (row.file_id, row.plugin_id): row.id
        for row in _held(connection, [file for file, _ in found])
    }
    now = utc_now()
    new: dict[tuple[int, str], dict[str, Any]] = {}
    again: dict[int, dict[str, Any]] = {}  # by id
    for file, plugin in found:
        values = {**_columns_of(plugin), "run_id": run.id, "probed_at": now, "vanished_at": None}
        identity = (file, _text(plugin.id))
        if identity in known:
            again[known[identity]] = {"plugin": known[identity], **values}
        else:
            place = {"file_id": file, "plugin_id": identity[1], "first_seen_at": now}
            new[identity] = {**place, **values}
    if new:
        connection.execute(insert(PLUGINS), list(new.values()))
    if again:
        known_one = PLUGINS.c.id == bindparam("plugin")
        connection.execute(update(PLUGINS).where(known_one), list(again.values()))


def _columns_of(plugin: ScannedPlugin) -> dict[str, Any]:
    texts = {
        name: _text(str(value))
        for name in (
            *("status", "detail", "format", "path", "name", "vendor", "version", "category"),
            *("kind", "signature", "report"),
        )
        if (value := getattr(plugin, name)) is not None
    }
    numbers = {
        name: getattr(plugin, name)
        for name in (
            *("in_channels", "out_channels", "sidechain_channels", "accepts_midi"),
            *("produces_midi", "latency_frames", "load_ms", "process_ms", "memory_bytes"),
            *("state_bytes", "tail_s"),
        )
    }
    return {
        "signature": None,
        "report": None,
        **texts,
        **numbers,
        "parameter_count": len(plugin.parameters),
        "program_count": len(plugin.programs),
        "body": _json_of(msgspec.structs.replace(plugin, crash=None)),
    }


def _held(connection: Connection, files: Iterable[int]) -> list[Row[Any]]:
    """What is known of the files' plugins: id, file_id, plugin_id, status, vanished_at."""
    columns = select(
        *(PLUGINS.c.id, PLUGINS.c.file_id, PLUGINS.c.plugin_id),
        *(PLUGINS.c.status, PLUGINS.c.vanished_at),
    )
    held: list[Row[Any]] = []
    for part in _chunks(list(dict.fromkeys(files))):
        held += connection.execute(columns.where(PLUGINS.c.file_id.in_(part)))
    return held


def _json_of(plugin: ScannedPlugin) -> str:
    try:
        return msgspec.json.encode(plugin).decode()
    except UnicodeEncodeError:  # text of a plugin that is no Unicode
        return msgspec.json.encode(_storable(msgspec.to_builtins(plugin))).decode()


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return {_text(name): _storable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_storable(each) for each in value]
    return value


def _text(text: str) -> str:
    """As databases take it; PostgreSQL knows no text with a NUL."""
    return storable_text(text).replace("\0", "\\x00")


def _complete(connection: Connection, ends: Mapping[int, Completion]) -> None:
    """Files by their ids."""
    held: dict[int, list[Row[Any]]] = {file: [] for file in ends}
    for row in _held(connection, ends):
        held[row.file_id].append(row)
    told: list[int] = []
    gone: list[int] = []
    completed = []
    for file, end in ends.items():
        plugins = {_text(plugin) for plugin in end.plugins}
        whole = _text(":".join(end.key))  # the file as such, which has come to say what it holds
        others = [row for row in held[file] if row.plugin_id not in plugins]
        told += [row.id for row in others if row.plugin_id == whole]
        gone += [row.id for row in others if row.plugin_id != whole and row.vanished_at is None]
        statuses = [row.status for row in held[file] if row.plugin_id in plugins]
        bad = [status for status in statuses if status not in FINE]
        completed.append(
            {
                "file": file,
                "status": bad[0] if bad else Status.OK,
                "stamp": end.stamp,
                "fingerprint": end.fingerprint,
                "libraries": list(end.libraries),
                "is_deep": end.is_deep,
                "probe_version": end.probe_version,
                "failures": end.failures if bad else 0,
                "retry_at": end.retry_at if bad else None,
                "scanned_at": utc_now(),
            }
        )
    for part in _chunks(told):
        connection.execute(delete(PLUGINS).where(PLUGINS.c.id.in_(part)))
    for part in _chunks(gone):
        lost = update(PLUGINS).where(PLUGINS.c.id.in_(part))
        connection.execute(lost.values(vanished_at=utc_now()))
    _update_files(connection, completed)


def _mentions(plugin: PluginSummary, words: Sequence[str]) -> bool:
    if not words:
        return True
    told = (plugin.name, plugin.vendor, plugin.category, plugin.id, plugin.path)
    return all(word in " ".join(told).casefold() for word in words)


_RENAMED = {"id": "plugin_id", "parameters": "parameter_count", "programs": "program_count"}
_SUMMARY_NAMES = tuple(name for name in PluginSummary.__struct_fields__ if name != "facts")
_OF_FILES = ("fingerprint", "seen_at")
_SUMMARY_COLUMNS = [
    (FILES if name in _OF_FILES else PLUGINS).c[_RENAMED.get(name, name)] for name in _SUMMARY_NAMES
]


def _summary_of(*values: Any) -> PluginSummary:
    """Of the columns, and the body if the facts are asked for."""
    body = values[len(_SUMMARY_NAMES) :]
    return PluginSummary(
        **dict(zip(_SUMMARY_NAMES, values, strict=False)),
        facts=msgspec.json.decode(body[0], type=PluginFacts) if body else None,
    )


def _chunks(items: Sequence[T], size: int = 500) -> Iterable[Sequence[T]]:
    """Databases take a limited number of values in a statement."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
