# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth plugins`: look things up in the catalogue that scans fill."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tools import console
from tools.options import CatalogueOption, JsonOption

if TYPE_CHECKING:
    from host.catalogue.catalogue import Catalogue, PluginSummary

plugins = typer.Typer(help="Search the catalogue of scanned plugins.")

FormatOption = Annotated[
    list[str] | None, typer.Option("--format", metavar="F,F", help="Of vst3, lv2, clap, ladspa.")
]
KindOption = Annotated[
    str | None, typer.Option("--kind", metavar="instrument|effect", help="Only these.")
]
StatusOption = Annotated[
    list[str] | None,
    typer.Option(
        "--status",
        metavar="S,S",
        help="Only these: ok, crashed, hung, missing-lib, … (docs/scan.md).",
    ),
]
GoneOption = Annotated[
    bool, typer.Option("--all", help="Also those whose files are gone, and bundles without code.")
]


def register(app: typer.Typer) -> None:
    """Add `plugins` to the command line."""
    app.add_typer(plugins, name="plugins")


@plugins.callback(invoke_without_command=True)
def _default(
    context: typer.Context,
    formats: FormatOption = None,
    kind: KindOption = None,
    statuses: StatusOption = None,
    everything: GoneOption = False,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    if context.invoked_subcommand is not None:
        if formats or kind or statuses or everything or catalogue or as_json:
            raise typer.BadParameter(f"options go behind the word {context.invoked_subcommand}")
    else:
        _list("", formats, kind, statuses, everything, catalogue, as_json)


@plugins.command("list")
def list_command(
    formats: FormatOption = None,
    kind: KindOption = None,
    statuses: StatusOption = None,
    everything: GoneOption = False,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """List plugins (the default)."""
    _list("", formats, kind, statuses, everything, catalogue, as_json)


@plugins.command("search")
def search_command(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="Words of the name, vendor, category or id.")
    ],
    formats: FormatOption = None,
    kind: KindOption = None,
    statuses: StatusOption = None,
    everything: GoneOption = False,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """List plugins that all words of a text fit, in any case."""
    _list(text, formats, kind, statuses, everything, catalogue, as_json)


@plugins.command("show")
def show_command(
    plugin: Annotated[str, typer.Argument(metavar="ID", help="Its id, or its name.")],
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show all that is known of a plugin."""
    from tools.scan.details import detail_lines

    with opened(catalogue) as found_in:
        found = found_in.show(plugin)
    entry = _Blacklisted().reason(found.plugin.id, found.plugin.path)
    if as_json:
        import msgspec

        told = msgspec.to_builtins(found)
        del told["plugin"]["crash"]
        console.print_json({**told, "blacklisted": entry})
        return
    for line in detail_lines(found, entry):
        print(console.printable(line))


@plugins.command("export")
def export_command(
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Comma-separated values, with a header.")
    ] = False,
    formats: FormatOption = None,
    kind: KindOption = None,
    statuses: StatusOption = None,
    everything: GoneOption = False,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the catalogue to standard output, as --csv or --json."""
    from ipc.errors import InputError

    if as_csv == as_json:
        raise InputError("name one of --csv and --json")
    found = _found("", formats, kind, statuses, everything, catalogue, with_facts=as_json)
    if as_json:
        console.print_json({"plugins": [plugin.flat() for plugin in found]})
    else:
        _print_csv(found)


def _list(
    text: str,
    formats: Sequence[str] | None,
    kind: str | None,
    statuses: Sequence[str] | None,
    everything: bool,
    catalogue: str | None,
    as_json: bool,
) -> None:
    found = _found(text, formats, kind, statuses, everything, catalogue, with_facts=as_json)
    if as_json:
        console.print_json({"plugins": [plugin.flat() for plugin in found]})
        return
    if not found:
        console.note("no plugin in the catalogue fits; `isobooth scan` finds what is installed")
        return
    blacklisted = _Blacklisted()
    console.print_table(
        ("STATUS", "NAME", "KIND", "IN", "OUT", "FROM", "ID"),
        [
            (
                plugin.status
                + (", blacklisted" if blacklisted.reason(plugin.id, plugin.path) else ""),
                plugin.name,
                plugin.kind,
                str(plugin.in_channels),
                str(plugin.out_channels),
                plugin.vendor,
                plugin.id,
            )
            for plugin in found
        ],
    )


def _found(
    text: str,
    formats: Sequence[str] | None,
    kind: str | None,
    statuses: Sequence[str] | None,
    everything: bool,
    catalogue: str | None,
    *,
    with_facts: bool,
) -> list[PluginSummary]:
    from host.scan.verdict import Status
    from tools.scan.places import formats_of

    chosen = formats_of(formats) if formats else []
    wanted = _words(statuses, [status.value for status in Status], "status")
    kinds = _words([kind] if kind else None, ["instrument", "effect"], "kind")
    if not wanted and not everything:
        wanted = [status.value for status in Status if status is not Status.NO_CODE]
    with opened(catalogue) as found_in:
        return found_in.plugins(
            formats=[each.value for each in chosen],
            kinds=kinds,
            statuses=wanted,
            text=text,
            vanished=everything,
            with_facts=with_facts,
        )


def _words(given: Sequence[str] | None, known: Sequence[str], what: str) -> list[str]:
    from ipc.errors import InputError

    words = [word.strip() for text in given or () for word in text.split(",") if word.strip()]
    for word in words:
        if word not in known:
            raise InputError(f"there is no {what} '{word}': known are {', '.join(known)}")
    return words


def _print_csv(found: Sequence[PluginSummary]) -> None:
    import msgspec

    from host.catalogue.catalogue import PluginSummary

    names = [name for name in PluginSummary.__struct_fields__ if name != "facts"]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    for plugin in found:
        row = msgspec.structs.asdict(plugin)
        writer.writerow(["" if row[name] is None else row[name] for name in names])


class _Blacklisted:
    """Reasons why plugins are not loaded: by their ids, or by the content of their files."""

    def __init__(self) -> None:
        from host.store.blacklist import Blacklist, Rule
        from tools.commands.store import open_store

        with open_store() as store:
            entries = Blacklist(store).list()
        self._ids = {entry.plugin_id: entry.reason for entry in entries if entry.plugin_id}
        self._paths = {
            entry.path: entry.reason for entry in entries if entry.rule is Rule.HASH and entry.path
        }

    def reason(self, plugin: str, path: str) -> str | None:
        return self._ids.get(plugin) or self._paths.get(path)


class _Opened:
    """The catalogue, while it is asked."""

    def __init__(self, where: str | None) -> None:
        from host.catalogue.catalogue import Catalogue
        from host.catalogue.place import open_place

        self._database = open_place(where, console.warn, create=False)
        self._catalogue = Catalogue(self._database)

    def __enter__(self) -> Catalogue:
        return self._catalogue

    def __exit__(self, *_: object) -> None:
        self._database.close()


def opened(where: str | None) -> _Opened:
    """The catalogue of that place, None: the user's; use with `with`."""
    return _Opened(where)
