# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes a plugin through its whole life, from the first line of its code to its destructor.

The host learns of each phase before it begins, so that an end without a word still has a place.
"""

import ctypes
import os
import time
from collections.abc import Callable

import msgspec

from ipc.errors import WorkerError
from ipc.messages import Probe, Probed
from sandbox._native import Slot, exercise, listen_for_activation
from sandbox.backends import code_of, open_plugin
from sandbox.backends.plugin import LoadedPlugin
from sandbox.loading import Phases

_SECOND = 1.0  # of sound
_IDLE_TURNS = 3


class _Course:
    """Phases one behind the other; the next one may begin in the middle of a call."""

    def __init__(self, phases: Phases) -> None:
        self._phases = phases
        self._started = 0.0

    def begin(self, name: str) -> None:
        self.end()
        self._phases.current = name
        self._phases.announce(name)
        self._started = time.perf_counter()

    def begin_once(self, name: str) -> None:
        """Not again while it lasts."""
        if self._phases.current != name:
            self.begin(name)

    def end(self) -> None:
        if self._started:
            name, took_ms = self._phases.current, (time.perf_counter() - self._started) * 1000
            self._phases.durations_ms[name] = self._phases.durations_ms.get(name, 0.0) + took_ms
        self._started = 0.0


def probe(request: Probe, phases: Phases, after_plugin: Callable[[], None]) -> Probed:
    """Raises WorkerError or RuntimeError; `phases.current` says where. `after_plugin` is called
    once the plugin's code has run for the first time."""
    course = _Course(phases)
    course.begin("load")
    _load_code(request.plugin)
    after_plugin()
    memory_before = _own_bytes()
    course.begin("create")
    listen_for_activation(lambda: course.begin_once("activate"))
    try:
        plugin = open_plugin(
            request.plugin,
            sample_rate=request.sample_rate,
            max_frames=request.max_frames,
            single=True,
        )
    finally:
        listen_for_activation(None)
    after_plugin()
    # JUCE activates what it creates: of its formats, only the first block is left for here.
    course.begin_once("activate")
    slot = Slot(plugin.processors, request.max_frames)
    exercise(slot, 1, request.max_frames, request.sample_rate, noise=False)
    course.begin("describe")
    description = plugin.description
    course.begin("process")
    blocks = round(_SECOND * request.sample_rate / request.max_frames)
    played = exercise(slot, max(2, blocks), request.max_frames, request.sample_rate, noise=True)
    _idle(plugin)
    memory_bytes = max(0, _own_bytes() - memory_before)
    course.begin("save")
    state_bytes = len(plugin.get_state())
    deep = None
    if request.deep:
        from sandbox.deep_probe import look_deeply  # imports numpy

        course.begin("deep")
        deep = look_deeply(request, plugin, slot)
    description = msgspec.structs.replace(
        description, state_bytes=state_bytes, latency_frames=max(0, plugin.latency_frames)
    )
    course.begin("destroy")
    plugin.close()
    del slot, plugin
    course.end()
    return Probed(
        description=description,
        phases_ms=phases.durations_ms,
        memory_bytes=memory_bytes,
        peak=played.peak,
        nonfinite=played.nonfinite,
        refused_blocks=played.refused_blocks,
        longest_block_ms=played.longest_ms,
        process_ms=played.total_ms,
        deep=deep,
    )


def _load_code(plugin_id: str) -> None:
    """Maps the plugin's library, which runs its constructors, with all symbols resolved: whoever
    creates the plugin finds it there. It stays."""
    code = code_of(plugin_id)
    if code is None:
        return
    try:
        ctypes.CDLL(code, mode=os.RTLD_NOW | os.RTLD_LOCAL)
    except OSError as error:
        raise WorkerError(f"its library cannot be loaded: {error}") from None


def _idle(plugin: LoadedPlugin) -> None:
    """What it has asked to be called for on its main thread."""
    for _ in range(_IDLE_TURNS):
        plugin.idle()


def _own_bytes() -> int:
    """Memory that is this process's alone, but for what it has mapped of files."""
    with open("/proc/self/status", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    return 0
