# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth plugin info`: what a plugin is, asked of the plugin itself, in a sandbox.

Files and manifests say what a plugin claims; only loading it tells what it does. It may crash or
hang at that, which costs a worker and one line.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from ipc.errors import IsoboothError
from tools import console
from tools.options import JsonOption, ProfileOption, number

if TYPE_CHECKING:
    from host.crash_report import CrashReport
    from ipc.description import ParameterDescription, PluginDescription

plugin = typer.Typer(help="Look at plugins.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add `plugin` to the command line."""
    app.add_typer(plugin, name="plugin")


@plugin.callback()
def _group() -> None:
    """Look at plugins."""


@plugin.command("info")
def info_command(
    plugin_id: Annotated[
        str, typer.Argument(metavar="PLUGIN_ID", help="Such as vst3:/usr/lib/vst3/X.vst3.")
    ],
    rate: Annotated[
        int, typer.Option(min=8000, max=192000, help="The sample rate it is loaded at, Hz.")
    ] = 48000,
    limit_s: Annotated[
        float,
        typer.Option(
            "--limit",
            parser=number(0.1, 600.0),
            metavar="S",
            help="Seconds it may take to load, at most 600.",
        ),
    ] = 20.0,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load a plugin in a worker and tell what it is: ports, parameters, latency, programs, MIDI.

    To find one: `lv2:WORD` names the installed LV2 plugins with WORD in their URI, `ladspa:FILE`
    the labels of a LADSPA file.
    """
    from host.denials import denial_text
    from tools.commands.permission_rules import permission_rules
    from tools.plugins.describe import describe_plugin
    from tools.plugins.typed_id import typed_question

    plugin = typed_question(plugin_id)
    _check_files(plugin)
    described = describe_plugin(
        plugin,
        rate,
        limit_s,
        permission_rules(profile).of(plugin),
        lambda denial: console.warn(denial_text("it", plugin, denial)),
        _keep,
    )
    if as_json:
        console.print_json(described)
        return
    for name, value in _facts(described, rate):
        print(f"{name:<12}{console.printable(value)}")
    shown = [parameter for parameter in described.parameters if not parameter.hidden]
    if shown:
        print()
        console.print_table(
            ("NO", "PARAMETER", "DEFAULT", "RANGE", "KIND", "ID"),
            [_row(parameter) for parameter in shown],
        )


def _check_files(plugin: str) -> None:
    from host.plugin_id import PluginId
    from host.trust.settings import Policy
    from ipc.errors import InputError, MachineError
    from tools.commands.store import open_store
    from tools.commands.trusted_files import check_before_loading, trust_settings

    try:
        PluginId.parse(plugin)
    except InputError:
        return  # a question: the worker says what there is
    try:
        with open_store() as database:
            check_before_loading(plugin, database)
    except MachineError as error:
        if trust_settings().policy is not Policy.WARN:
            raise
        console.warn(f"its files could not be verified: {error}")


def _keep(report: CrashReport) -> str | None:
    from host.store.crash_store import CrashStore
    from tools.commands.store import open_store

    try:
        with open_store(to_keep=True) as database:
            return CrashStore(database).add(report)
    except IsoboothError as error:
        console.warn(f"the crash report could not be kept: {error}")
        return None


def _facts(found: PluginDescription, rate: int) -> Iterator[tuple[str, str]]:
    yield "name", found.name
    yield "id", found.id
    made_by = " ".join(part for part in (found.vendor, found.version) if part)
    if made_by:
        yield "from", made_by
    if found.path:
        yield "file", found.path
    kind = "instrument" if found.is_instrument else "effect"
    yield "kind", f"{kind} ({found.category})" if found.category else kind
    yield "audio", _channels(found)
    midi = [word for word, has in (("in", found.accepts_midi), ("out", found.produces_midi)) if has]
    yield "MIDI", " and ".join(midi) or "none"
    latency_ms = 1000 * found.latency_frames / rate
    yield "latency", f"{found.latency_frames} frames ({latency_ms:.1f} ms at {rate} Hz)"
    yield "tail", f"{found.tail_s:g} s" if math.isfinite(found.tail_s) else "endless"
    yield "state", f"{found.state_bytes:,} bytes"
    if found.programs:
        yield "programs", f"{len(found.programs)}: " + ", ".join(found.programs)
    for remark in found.remarks:
        yield "note", remark


def _channels(found: PluginDescription) -> str:
    text = f"{found.in_channels} in, {found.out_channels} out"
    if found.sidechain_channels:
        text += f", {found.sidechain_channels} side-chain"
    return text


def _row(parameter: ParameterDescription) -> tuple[str, ...]:
    if parameter.boolean:
        kind = "on/off"
    elif parameter.steps:
        kind = f"{parameter.steps} steps"
    else:
        kind = "continuous"
    if parameter.read_only:
        kind += ", read-only"
    elif not parameter.automatable:
        kind += ", not automatable"
    low, high = parameter.min_text, parameter.max_text
    return (
        str(parameter.index),
        parameter.name,
        _with_unit(parameter.default_text or f"{parameter.default:g}", parameter.unit),
        f"{low} to {_with_unit(high, parameter.unit)}" if low or high else "",
        kind,
        parameter.id,
    )


def _with_unit(text: str, unit: str) -> str:
    """Some plugins write the unit themselves."""
    return text if not unit or text.endswith(unit) else f"{text} {unit}"
