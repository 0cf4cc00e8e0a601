# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth permissions`: what plugins may do to this machine, and exceptions from it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tools import console
from tools.options import JsonOption, ProfileOption

if TYPE_CHECKING:
    from host.permissions import PluginRule

permissions = typer.Typer(help="See and change what plugins may do: files, network, memory.")

_PluginArgument = Annotated[
    str,
    typer.Argument(
        metavar="PLUGIN_ID", help="A plugin id; * in it stands for anything, [*] for *."
    ),
]
_PathOption = list[str] | None


def register(app: typer.Typer) -> None:
    """Add `permissions` to the command line."""
    app.add_typer(permissions, name="permissions")


@permissions.callback(invoke_without_command=True)
def _default(context: typer.Context, as_json: JsonOption = False) -> None:
    context.obj = as_json
    if context.invoked_subcommand is None:
        _print_list(as_json)


@permissions.command("list")
def list_command(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the exceptions in the permissions file (the default)."""
    _print_list(as_json or context.obj)


@permissions.command("show")
def show_command(
    context: typer.Context, plugin: _PluginArgument, as_json: JsonOption = False
) -> None:
    """Show what one plugin may do on this machine, path by path."""
    from host.permission_file import load_permissions, permission_file
    from ipc.permissions import default_memory_mb
    from sandbox.identity import identify
    from sandbox.profiles import rights_of
    from tools.plugins.typed_id import typed_plugin_id

    plugin = typed_plugin_id(plugin)
    allowed = load_permissions().of(plugin)
    memory_mb = allowed.memory_mb or default_memory_mb()
    rights = None if allowed.profile == "open" else rights_of(allowed, [identify(plugin)])
    if as_json or context.obj:
        console.print_json(
            {
                "plugin": plugin,
                "profile": allowed.profile,
                "read": None if rights is None else rights.read,
                "write": None if rights is None else rights.write,
                "would_own": [] if rights is None else list(rights.missing),
                "of_others": [] if rights is None else rights.foreign,
                "network": rights is None or allowed.network,
                "display": rights is None or allowed.display,
                "memory_mb": memory_mb,
                "file": str(permission_file()),
            }
        )
        return
    print(f"{'profile':<10}{allowed.profile}")
    if rights is None:
        print(f"{'files':<10}all of yours")
    else:
        _print_paths("writes", rights.write or ["nothing but its temporary folder"])
        _print_paths("may make", list(rights.missing))
        _print_paths("of others", rights.foreign)
        _print_paths("reads", rights.read)
    print(f"{'network':<10}{'yes' if rights is None or allowed.network else 'no'}")
    print(f"{'display':<10}{'yes' if rights is None or allowed.display else 'no'}")
    print(f"{'memory':<10}{memory_mb} MiB")


@permissions.command("allow")
def allow_command(
    context: typer.Context,
    plugin: _PluginArgument,
    read: Annotated[
        _PathOption, typer.Option("--read", metavar="PATH", help="It may read this, and below.")
    ] = None,
    write: Annotated[
        _PathOption,
        typer.Option(
            "--write",
            metavar="PATH",
            help="It may change this, and below. What is not there is made: PATH/ is a folder.",
        ),
    ] = None,
    network: Annotated[
        bool | None,
        typer.Option("--network/--no-network", help="It may reach programs and machines."),
    ] = None,
    display: Annotated[
        bool | None,
        typer.Option(
            "--display/--no-display",
            help="It may open windows; whoever reaches the screen can read every key pressed.",
        ),
    ] = None,
    memory: Annotated[
        int | None, typer.Option("--memory", metavar="MB", help="Memory that it may use, MiB.")
    ] = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add to what a plugin may do; from its next start on."""
    from host.permission_file import load_permissions, rule_of, save_rule
    from host.permissions import rule_id
    from ipc.errors import InputError

    plugin = _typed(plugin)
    if _names_a_file(plugin):
        plugin = rule_id(plugin)
    rule = rule_of(plugin, load_permissions())
    changed = replace(
        rule,
        profile=profile or rule.profile,
        read=_joined(rule.read, (_path(path) for path in read or ())),
        write=_joined(rule.write, (_path(path) for path in write or ())),
        network=rule.network if network is None else network,
        display=rule.display if display is None else display,
        memory_mb=rule.memory_mb if memory is None else memory,
    )
    if changed == rule:
        options = (read, write, network, display, memory, profile)
        if all(option is None for option in options):
            raise InputError(
                "what is allowed? --read, --write, --network, --display, --memory or --profile"
            )
    for path in read or ():
        if not os.path.exists(os.path.expanduser(path)):
            raise InputError(f"{path}: no such file or folder; there is nothing to read")
    for path in write or ():
        _make(path)
    save_rule(changed)
    if as_json or context.obj:
        console.print_json(asdict(changed))
    else:
        print(f"{console.printable(plugin)}: {_summary(changed)}")


@permissions.command("remove")
def remove_command(
    context: typer.Context, plugin: _PluginArgument, as_json: JsonOption = False
) -> None:
    """Take back all that was allowed to a plugin."""
    from host.permission_file import load_permissions, remove_rule
    from ipc.errors import InputError

    plugin = _typed(plugin)
    if not remove_rule(plugin):
        known = [rule.id for rule in load_permissions().rules]
        there = f"there are: {', '.join(known)}" if known else "there are none"
        raise InputError(f"there is no exception for {plugin}; {there}")
    if as_json or context.obj:
        console.print_json({"removed": plugin})
    else:
        print(f"{console.printable(plugin)} has no exceptions any more")


def _typed(plugin: str) -> str:
    from ipc.errors import InputError
    from tools.plugins.typed_id import typed_plugin_id

    if "*" not in plugin:
        return typed_plugin_id(plugin)
    if not plugin.isprintable():
        raise InputError("a plugin id has no control characters")
    return plugin


def _names_a_file(plugin: str) -> bool:
    """Whether it is the id of one plugin that is there, whatever its file is called."""
    from host.plugin_id import PluginId
    from ipc.errors import InputError

    try:
        path = PluginId.parse(plugin).path
    except InputError:
        return False
    return path is not None and os.path.exists(path)


def _path(path: str) -> str:
    """Absolute, with ~ kept: the file may be carried to another home."""
    return path if path.startswith("~/") else os.path.abspath(os.path.expanduser(path))


def _joined(before: Iterable[str], added: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*before, *added)))


def _make(path: str) -> None:
    """Only what exists can be allowed, so what does not is made, and said."""
    from host.user_file import file_error

    place = Path(os.path.expanduser(path))
    if place.exists():
        return
    try:
        if path.endswith("/"):
            place.mkdir(mode=0o700, parents=True)
        else:
            place.touch(mode=0o600)
    except OSError as error:
        raise file_error(place, "written", error) from None
    kind = "folder" if path.endswith("/") else "file"
    console.note(f"{console.printable(str(place))} was not there; an empty {kind} was made")


def _print_list(as_json: bool) -> None:
    from host.permission_file import load_permissions, permission_file

    rules = load_permissions()
    if as_json:
        console.print_json(
            {
                "file": str(permission_file()),
                "profile": rules.profile,
                "plugins": [asdict(rule) for rule in rules.rules],
            }
        )
        return
    if rules.rules:
        rows = [(rule.id, _summary(rule)) for rule in rules.rules]
        console.print_table(("PLUGIN", "MAY ALSO"), rows)
        console.note(f"all others: profile {rules.profile}; from {permission_file()}")
    else:
        print(f"no exceptions; profile {rules.profile} holds for all plugins")


def _summary(rule: PluginRule) -> str:
    return "; ".join(_parts(rule)) or "nothing"


def _parts(rule: PluginRule) -> Iterator[str]:
    if rule.profile is not None:
        yield f"profile {rule.profile}"
    if rule.read:
        yield f"read {', '.join(rule.read)}"
    if rule.write:
        yield f"write {', '.join(rule.write)}"
    if rule.network is not None:
        yield "network" if rule.network else "no network"
    if rule.display is not None:
        yield "windows on the display" if rule.display else "no display"
    if rule.memory_mb is not None:
        yield f"{rule.memory_mb} MiB of memory"


def _print_paths(title: str, paths: list[str]) -> None:
    for index, path in enumerate(paths):
        print(f"{title if index == 0 else '':<10}{console.printable(path)}")
