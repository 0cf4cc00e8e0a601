# SPDX-License-Identifier: GPL-3.0-or-later
"""How a worker becomes a slot of a chain.

The order is the protection: everything the worker will ever need is attached before the first line
of a plugin's code runs, rights are given up next (sandbox/worker.py does both), and the chain
learns of the slot only when the plugin sounds as it should.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ipc._native import MAX_REPORTED_LATENCY, Geometry
from ipc.errors import WorkerError
from ipc.messages import MAX_LINE, MAX_LINES, ChainGeometry, Load, Loaded
from ipc.names import SegmentNames
from ipc.text import one_line
from sandbox._native import BlockLoop, ChainPorts, Slot
from sandbox.backends import open_plugin
from sandbox.backends.plugin import LoadedPlugin

# How a plugin refuses what it is given: a worker's own words, or those of a binding.
_PROGRAM = -1  # in the place of a parameter (ipc/messages.py: Load)
_REJECTIONS = (WorkerError, RuntimeError, ValueError, IndexError)


@dataclass
class Phases:
    """Names the steps while they run, and takes their time."""

    announce: Callable[[str], None]
    # Of a rig's render: frames that have been played, and all of them.
    advance: Callable[[int, int], None] = lambda done, frames: None
    current: str = "idle"
    durations_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        self.current = name
        self.announce(name)
        started = time.perf_counter()
        yield
        self.durations_ms[name] = (time.perf_counter() - started) * 1000


class LoadedSlot:
    """A plugin that plays in a chain."""

    def __init__(self, plugin: LoadedPlugin, loop: BlockLoop) -> None:
        self.plugin = plugin
        self.loop = loop


def load(
    request: Load,
    phases: Phases,
    place: ChainPorts,
    after_plugin: Callable[[LoadedPlugin], None],
) -> tuple[LoadedSlot, Loaded]:
    """Raises WorkerError or RuntimeError; `phases.current` says where. `after_plugin` is called
    once it is loaded, with what must not be destroyed even if a later step fails."""
    with phases("load"):
        plugin = open_plugin(
            request.plugin,
            sample_rate=request.sample_rate,
            max_frames=request.max_frames,
            sidechain=request.sidechain,
            offline=request.offline,
        )
        after_plugin(plugin)
    with phases("describe"):
        description = plugin.description
    with phases("restore"):
        state_used, state_errors = _restore(plugin, request.states)
    with phases("parameters"):
        rejected = _set_parameters(plugin, request)
        applied_edit = _replay(plugin, request, rejected)
    with phases("warm_up"):
        loop = BlockLoop(Slot(plugin.processors, request.max_frames), place)
        loop.warm_up(request.warm_up_blocks)
    with phases("start"):
        tail_s = bounded_tail(plugin.tail_s)
        loop.start(request.priority, request.cpu)
        loop.activate(applied_edit, tail_s)
    return LoadedSlot(plugin, loop), Loaded(
        description=description,
        state_used=state_used,
        state_errors=_lines(state_errors),
        parameters_rejected=_lines(rejected),
        applied_edit=applied_edit,
        latency_frames=max(0, min(plugin.latency_frames, MAX_REPORTED_LATENCY)),
        tail_s=tail_s,
        accepts_midi=plugin.accepts_midi,
        produces_midi=plugin.produces_midi,
        thread_id=loop.thread_id,
        realtime=loop.realtime,
        load_ms=sum(phases.durations_ms.values()),
        phases_ms=phases.durations_ms,
    )


def bounded(value: float) -> float:
    """A parameter's value as the host accepts it: plugins do return NaN and 1.0000001."""
    return min(1.0, max(0.0, value)) if math.isfinite(value) else 0.0


def bounded_tail(tail_s: float) -> float:
    """Seconds; infinite is a plugin's right, negative and NaN are not."""
    return max(0.0, tail_s) if not math.isnan(tail_s) else 0.0


def attach(shape: ChainGeometry, names: SegmentNames, record: int) -> ChainPorts:
    """Maps all that one record of a chain needs. Raises RuntimeError."""
    return ChainPorts(
        Geometry(shape.records, shape.max_frames, shape.sample_rate),
        names.host,
        names.activation,
        names.outputs,
        names.semaphores,
        names.end,
        record,
    )


def _restore(plugin: LoadedPlugin, states: list[bytes]) -> tuple[int, list[str]]:
    """Restores the newest state that the plugin takes; says why it refused those before."""
    errors = []
    for index, state in enumerate(states):
        try:
            plugin.set_state(state)
        except _REJECTIONS as error:
            errors.append(f"its state ({len(state):,} bytes) is refused: {error}")
            continue
        return index, errors
    return -1, errors


def _set_parameters(plugin: LoadedPlugin, request: Load) -> list[str]:
    """Program, then parameters. Returns what the plugin rejected, one line each."""
    rejected = []
    if request.program is not None:
        try:
            plugin.set_program(request.program)
        except _REJECTIONS as error:
            rejected.append(f"program {request.program}: {error}")
    for name, value in request.parameters.items():
        try:
            index = plugin.find_parameter(name)
            number = plugin.parameter_from_text(index, value) if isinstance(value, str) else value
            plugin.set_parameter(index, number)
        except _REJECTIONS as error:
            rejected.append(f"{name}: {error}")
    return rejected


def _replay(plugin: LoadedPlugin, request: Load, rejected: list[str]) -> int:
    """Applies the journalled edits in order; returns the highest edit number, 0 if none.

    An edit that the plugin rejects, because its file changed meanwhile, counts as applied: it
    would be rejected for ever.
    """
    applied = 0
    for edit, index, value in request.edits:
        try:
            if index == _PROGRAM:
                plugin.set_program(int(value))
            else:
                plugin.set_parameter(index, value)
        except _REJECTIONS as error:
            what = "the program" if index == _PROGRAM else f"parameter {index}"
            rejected.append(f"edit {edit} of {what}: {error}")
        applied = max(applied, edit)
    return applied


def _lines(said: list[str]) -> list[str]:
    """As many of them, and as much, as a reply may carry."""
    kept = said if len(said) <= MAX_LINES else [*said[: MAX_LINES - 1], "… and more"]
    return [one_line(line, MAX_LINE) for line in kept]
