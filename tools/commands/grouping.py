# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth grouping`: which plugins may share a process, and what they have done to earn it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tools import console
from tools.options import JsonOption

if TYPE_CHECKING:
    from host.conduct import Choice, Conduct

grouping = typer.Typer(help="Tell which plugins may share a process; decide for one.")

PluginIds = Annotated[list[str], typer.Argument(metavar="PLUGIN_ID…")]


def register(app: typer.Typer) -> None:
    """Add `grouping` to the command line."""
    app.add_typer(grouping, name="grouping")


@grouping.callback(invoke_without_command=True)
def _default(context: typer.Context, as_json: JsonOption = False) -> None:
    context.obj = as_json
    if context.invoked_subcommand is None:
        _print_list(as_json)


@grouping.command("list")
def list_command(context: typer.Context, as_json: JsonOption = False) -> None:
    """List how plugins have behaved, and what follows (the default)."""
    _print_list(as_json or context.obj)


@grouping.command("alone")
def alone_command(context: typer.Context, plugins: PluginIds, as_json: JsonOption = False) -> None:
    """Let plugins never share a process."""
    from host.conduct import Choice

    _choose(plugins, Choice.ALONE, as_json or context.obj)


@grouping.command("share")
def share_command(context: typer.Context, plugins: PluginIds, as_json: JsonOption = False) -> None:
    """Let plugins share a process, however they have behaved."""
    from host.conduct import Choice

    _choose(plugins, Choice.SHARE, as_json or context.obj)


@grouping.command("auto")
def auto_command(context: typer.Context, plugins: PluginIds, as_json: JsonOption = False) -> None:
    """Let experience decide again."""
    from host.conduct import Choice

    _choose(plugins, Choice.AUTO, as_json or context.obj)


@grouping.command("forget")
def forget_command(context: typer.Context, plugins: PluginIds, as_json: JsonOption = False) -> None:
    """Know nothing of plugins any more: they are new the next time."""
    from host.store.conduct_store import ConductStore
    from tools.commands.store import open_store

    with open_store(to_keep=True) as database:
        for plugin in plugins:
            ConductStore(database).forget(plugin)
    if as_json or context.obj:
        console.print_json({"forgotten": plugins})
    else:
        for plugin in plugins:
            print(f"{console.printable(plugin)} is forgotten")


def _choose(plugins: list[str], choice: Choice, as_json: bool) -> None:
    from host.plugin_files import missing_file
    from host.plugin_id import PluginId
    from host.store.conduct_store import ConductStore
    from tools.commands.store import open_store
    from tools.plugins.typed_id import typed_plugin_id

    ids = [typed_plugin_id(plugin) for plugin in plugins]
    for plugin in ids:
        if missing := missing_file(PluginId.parse(plugin)):
            console.warn(f"{plugin}: {missing}")
    with open_store(to_keep=True) as database:
        store = ConductStore(database)
        chosen = [store.choose(plugin, choice) for plugin in ids]
    if as_json:
        console.print_json({"plugins": [_entry(one) for one in chosen]})
        return
    for one in chosen:
        print(f"{console.printable(one.plugin_id)}: {one.standing} ({one.why})")


def _print_list(as_json: bool) -> None:
    from host.store.conduct_store import ConductStore
    from tools.commands.store import open_store

    with open_store() as database:
        known = ConductStore(database).list()
    if as_json:
        console.print_json({"plugins": [_entry(one) for one in known]})
        return
    if not known:
        print("nothing is known yet: how plugins behave is noted when they are played")
        return
    console.print_table(
        ("STANDING", "PLAYED", "FAULTS", "PLUGIN", "WHY"),
        [
            (one.standing, f"{one.played_s / 3600:.1f} h", str(one.faults), one.plugin_id, one.why)
            for one in known
        ],
    )


def _entry(conduct: Conduct) -> dict[str, object]:
    import msgspec

    return {
        **msgspec.structs.asdict(conduct),
        "standing": conduct.standing,
        "why": conduct.why,
    }
