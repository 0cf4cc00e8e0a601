# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth blacklist`: which plugins are not loaded, why, and how to allow one again."""

from pathlib import Path
from typing import Annotated

import typer

from tools import console
from tools.options import JsonOption

# Ids of the newest crash reports behind an entry; the rest are in --json.
SHOWN_REPORTS = 3

blacklist = typer.Typer(help="List plugins that are not loaded; allow one again.")

AllOption = Annotated[bool, typer.Option("--all", help="Also entries that were lifted, and why.")]


def register(app: typer.Typer) -> None:
    """Add `blacklist` to the command line."""
    app.add_typer(blacklist, name="blacklist")


@blacklist.callback(invoke_without_command=True)
def _default(
    context: typer.Context, everything: AllOption = False, as_json: JsonOption = False
) -> None:
    context.obj = as_json
    if context.invoked_subcommand is None:
        _print_list(everything=everything, as_json=as_json)
    elif everything:
        raise typer.BadParameter("--all goes behind the word list")


@blacklist.command("list")
def list_command(
    context: typer.Context, everything: AllOption = False, as_json: JsonOption = False
) -> None:
    """List blacklisted plugins (the default)."""
    _print_list(everything=everything, as_json=as_json or context.obj)


@blacklist.command("remove")
def remove_command(
    context: typer.Context,
    plugin: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="A plugin id, a hash, a signature, or the number in the list."
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Allow a plugin to be loaded again."""
    from host.store.blacklist import Blacklist
    from tools.commands.store import open_store

    with open_store(to_keep=True) as database:
        entry = Blacklist(database).remove(plugin)
    if as_json or context.obj:
        console.print_json(entry)
    else:
        print(f"{console.printable(entry.subject)} is no longer blacklisted")


@blacklist.command("add")
def add_command(
    context: typer.Context,
    plugin: Annotated[str | None, typer.Argument(metavar="PLUGIN", help="The plugin's id.")] = None,
    content: Annotated[
        str | None,
        typer.Option(
            "--hash",
            metavar="FILE|SHA256",
            help="Every plugin with this content (VST3, LADSPA, CLAP).",
        ),
    ] = None,
    signature: Annotated[
        str | None,
        typer.Option(
            "--signature", help="Whatever fails with this signature: at once, not after 3 times."
        ),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Shown in the list.")
    ] = "by the user",
    as_json: JsonOption = False,
) -> None:
    """Keep a plugin, a file's content or a known bug from being given a chance."""
    from host.store.blacklist import Blacklist
    from host.store.content import sha256_of
    from ipc.errors import InputError
    from tools.commands.store import open_store

    if sum(given is not None for given in (plugin, content, signature)) != 1:
        raise InputError("name one of PLUGIN, --hash FILE|SHA256 and --signature SIGNATURE")
    with open_store(to_keep=True) as database:
        entries = Blacklist(database)
        if plugin is not None:
            entry = entries.add(plugin, None, reason)
        elif signature is not None:
            entry = entries.add_signature(signature.strip().lower(), reason)
        else:
            assert content is not None
            file = Path(content)
            digest = sha256_of(file) if file.exists() else content.strip().lower()
            if digest is None:
                raise InputError(f"{content}: cannot be read, or has no code in it")
            entry = entries.add_hash(digest, file if file.exists() else None, reason)
    if as_json or context.obj:
        console.print_json(entry)
    else:
        print(f"{console.printable(entry.subject)} is blacklisted")


def _print_list(*, everything: bool, as_json: bool) -> None:
    from host.store.blacklist import Blacklist
    from tools.commands.store import open_store

    with open_store() as database:
        entries = Blacklist(database).list(history=everything)
    if as_json:
        console.print_json({"blacklist": entries})
        return
    if not entries:
        print("no plugin is blacklisted" if not everything else "no plugin was ever blacklisted")
        return
    columns = ["NO", "SINCE (UTC)", "TIMES", "REASON", "REPORTS", "WHAT"]
    rows = [
        [
            str(entry.id),
            console.readable_time(entry.added_at),
            str(entry.count),
            entry.reason,
            ", ".join(entry.reports[-SHOWN_REPORTS:]),
            entry.subject,
        ]
        for entry in entries
    ]
    if everything:
        columns.append("LIFTED")
        for row, entry in zip(rows, entries, strict=True):
            row.append(entry.lifted_why or "")
    console.print_table(columns, rows)
