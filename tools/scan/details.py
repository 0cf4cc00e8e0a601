# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is known of one plugin, for a person."""

from collections.abc import Iterator

from host.catalogue.catalogue import PluginDetails
from host.scan.verdict import Outcome, PhaseResult, ScannedPlugin
from tools.console import counted, readable_time

_RATE_HZ = 48000  # at which plugins are probed
_LINES = 12


def detail_lines(found: PluginDetails, blacklisted: str | None) -> Iterator[str]:
    plugin = found.plugin
    for name, value in _facts(found, blacklisted):
        yield f"{name:<12}{value}"
    if plugin.phases:
        yield ""
        for phase in plugin.phases:
            yield from _phase(phase)
    if plugin.deep is not None and plugin.deep.findings:
        yield ""
        yield f"{counted(len(plugin.deep.findings), 'finding')} of the deep probe:"
        yield from (f"  {line}" for line in plugin.deep.findings)


def _facts(found: PluginDetails, blacklisted: str | None) -> Iterator[tuple[str, str]]:
    plugin = found.plugin
    yield "name", plugin.name
    yield "id", plugin.id
    yield "status", plugin.status + (f": {plugin.detail}" if plugin.detail else "")
    if blacklisted is not None:
        yield "blacklisted", blacklisted
    made_by = " ".join(part for part in (plugin.vendor, plugin.version) if part)
    if made_by:
        yield "from", made_by
    yield "file", plugin.path
    if plugin.kind:
        yield from _measured(plugin)
    for denial in plugin.denials:
        yield "denied", denial
    for remark in plugin.remarks:
        yield "note", remark
    if plugin.report:
        yield "report", f"isobooth crashes show {plugin.report}"
    yield "probed", f"{readable_time(found.probed_at)} UTC"
    if found.retry_at is not None:
        yield (
            "tried again",
            f"after {readable_time(found.retry_at)} UTC, when it changes, or --force",
        )
    if found.vanished_at is not None:
        yield "gone since", f"{readable_time(found.vanished_at)} UTC"


def _measured(plugin: ScannedPlugin) -> Iterator[tuple[str, str]]:
    yield "kind", f"{plugin.kind} ({plugin.category})" if plugin.category else plugin.kind
    audio = f"{plugin.in_channels} in, {plugin.out_channels} out"
    if plugin.sidechain_channels:
        audio += f", {plugin.sidechain_channels} side-chain"
    yield "audio", audio
    midi = [
        word for word, has in (("in", plugin.accepts_midi), ("out", plugin.produces_midi)) if has
    ]
    yield "MIDI", " and ".join(midi) or "none"
    latency_ms = 1000 * plugin.latency_frames / _RATE_HZ
    measured = plugin.deep.measured_latency_frames if plugin.deep is not None else None
    found = "" if measured is None else f"; {measured} measured"
    yield "latency", f"{plugin.latency_frames} frames ({latency_ms:.1f} ms at {_RATE_HZ} Hz){found}"
    yield "tail", "endless" if plugin.tail_s is None else f"{plugin.tail_s:g} s"
    yield "parameters", str(len(plugin.parameters))
    if plugin.programs:
        yield "programs", str(len(plugin.programs))
    yield "state", f"{plugin.state_bytes:,} bytes"
    yield "load time", f"{plugin.load_ms:.1f} ms"
    yield "processing", f"{plugin.process_ms:.1f} ms for a second of sound"
    yield "memory", f"{plugin.memory_bytes / 2**20:.1f} MiB"
    if plugin.nonfinite_samples:
        yield "sound", f"{plugin.nonfinite_samples} samples of its output were NaN or Inf"


def _phase(phase: PhaseResult) -> Iterator[str]:
    line = f"{phase.phase:<12}{phase.outcome:<9}{phase.ms:>9.1f} ms"
    if phase.message:
        line += f"  {phase.message}"
    yield line
    if phase.outcome is Outcome.OK:
        return
    yield from (f"    {frame}" for frame in phase.backtrace[:_LINES])
    yield from (f"    | {text}" for text in phase.stderr.splitlines()[-_LINES:])
