# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth trust`: which plugin files are known, what becomes of others, and whose signatures
count."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tools import console
from tools.options import JsonOption

trust = typer.Typer(help="Tell plugins whose files have changed; accept them.")

PluginIds = Annotated[list[str], typer.Argument(metavar="PLUGIN_ID…")]


def register(app: typer.Typer) -> None:
    """Add `trust` to the command line."""
    app.add_typer(trust, name="trust")


@trust.callback(invoke_without_command=True)
def _default(context: typer.Context, as_json: JsonOption = False) -> None:
    context.obj = as_json
    if context.invoked_subcommand is None:
        _print_list(as_json)


@trust.command("list")
def list_command(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the plugins whose files are known (the default)."""
    _print_list(as_json or context.obj)


@trust.command("accept")
def accept_command(context: typer.Context, plugins: PluginIds, as_json: JsonOption = False) -> None:
    """Trust plugins as their files are now."""
    from host.store.trust_store import TrustStore
    from host.trust.gate import Standing, TrustGate
    from ipc.errors import InputError
    from tools.commands.store import open_store
    from tools.commands.trusted_files import trust_settings
    from tools.plugins.typed_id import typed_question

    with open_store(to_keep=True) as database:
        gate = TrustGate(TrustStore(database), trust_settings())
        accepted = []
        for plugin in map(typed_question, plugins):
            finding = gate.examine(plugin)
            if finding.standing is Standing.FORGED:
                raise InputError(f"{plugin} {finding.text}; it cannot be accepted as it is")
            if finding.standing is Standing.UNKNOWN:
                raise InputError(f"{plugin}: its files are not known, or not there")
            gate.accept(finding)
            accepted.append(plugin)
    if as_json or context.obj:
        console.print_json({"accepted": accepted})
    for plugin in accepted if not (as_json or context.obj) else []:
        print(f"{console.printable(plugin)} is trusted as it is now")


@trust.command("forget")
def forget_command(context: typer.Context, plugins: PluginIds, as_json: JsonOption = False) -> None:
    """Know nothing of plugins any more: they are new the next time."""
    from host.store.trust_store import TrustStore
    from tools.commands.store import open_store

    with open_store(to_keep=True) as database:
        for plugin in plugins:
            TrustStore(database).forget(plugin)
    if as_json or context.obj:
        console.print_json({"forgotten": plugins})
    else:
        for plugin in plugins:
            print(f"{console.printable(plugin)} is forgotten")


@trust.command("policy")
def policy_command(
    context: typer.Context,
    policy: Annotated[
        str | None, typer.Argument(metavar="[ask|warn|refuse]", help="The new policy.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show or set what becomes of a plugin whose files have changed."""
    from dataclasses import replace

    from host.trust.settings import Policy, load_trust, save_trust
    from ipc.errors import InputError

    settings = load_trust()
    if policy is not None:
        if policy not in set(Policy):
            raise InputError(f"a policy is one of {', '.join(Policy)}, not {policy!r}")
        settings = replace(settings, policy=Policy(policy))
        save_trust(settings)
    if as_json or context.obj:
        console.print_json({"policy": settings.policy})
    else:
        print(settings.policy)


@trust.command("keys")
def keys_command(
    context: typer.Context,
    add: Annotated[
        str | None,
        typer.Option("--add", metavar="NAME=KEY", help="A minisign public key, or its .pub file."),
    ] = None,
    remove: Annotated[str | None, typer.Option("--remove", metavar="NAME")] = None,
    as_json: JsonOption = False,
) -> None:
    """List, add or remove the minisign keys of whom you trust to sign plugins."""
    from host.trust.settings import load_trust, save_trust
    from host.user_file import read_input
    from ipc.errors import InputError

    settings = load_trust()
    if add is not None:
        name, equals, key = add.partition("=")
        if not name or not equals:
            raise InputError("--add takes NAME=KEY, such as 'Zam Audio=RWQf6L…' or zam=zam.pub")
        if Path(key).is_file():
            key = read_input(key, "a minisign public key", 4096).decode("utf-8", "replace")
        settings = settings.with_key(name, key)
    if remove is not None:
        settings = settings.without_key(remove)
    if add is not None or remove is not None:
        save_trust(settings)
    if as_json or context.obj:
        console.print_json({"keys": [{"name": k.name, "key": k.key} for k in settings.keys]})
        return
    if not settings.keys:
        print("nobody's signatures are trusted")
        return
    console.print_table(("NAME", "KEY"), [(key.name, key.key) for key in settings.keys])


def _print_list(as_json: bool) -> None:
    from host.store.trust_store import TrustStore
    from tools.commands.store import open_store

    with open_store() as database:
        entries = TrustStore(database).list()
    if as_json:
        console.print_json({"trusted": entries})
        return
    if not entries:
        print("no plugin's files are known yet: each is when it is first loaded")
        return
    console.print_table(
        ("SINCE (UTC)", "BY", "SHA256", "PLUGIN"),
        [
            (
                console.readable_time(entry.since),
                entry.by if entry.signer is None else f"{entry.by}: {entry.signer}",
                entry.sha256[:12],
                entry.plugin_id,
            )
            for entry in entries
        ],
    )
