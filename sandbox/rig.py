# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin on a test rig: does to it what a host may do, call by call, and says what came of it."""

import gc
import hashlib
import math
from collections.abc import Callable
from typing import Any

import msgspec

from ipc.errors import WorkerError
from ipc.messages import MAX_LINE, Mount, Mounted
from ipc.rig_calls import (
    AddInstances,
    AnyCall,
    BlockTimes,
    CallResult,
    CloseEditor,
    DropInstances,
    Idle,
    InjectFaults,
    Midi,
    OpenEditor,
    Place,
    ReadParameters,
    ReadText,
    Recreate,
    Render,
    ResizeEditor,
    SaveState,
    SetParameter,
    SetProgram,
    SetState,
    ShowText,
    Violation,
)
from ipc.text import one_line
from sandbox._native import (
    FloatTrap,
    RigOptions,
    RigPlayed,
    RigTransport,
    audit_sees_calls,
    audit_sees_numbers,
    audit_sees_system_calls,
    listen_for_activation,
    rig_run,
)
from sandbox.backends import open_plugin
from sandbox.backends.plugin import MAX_TAIL_S, LoadedPlugin
from sandbox.loading import Phases
from sandbox.process_state import shared_state, taken
from sandbox.rig_editor import RigEditor, idle_with_editor
from sandbox.rig_faults import InjectedFaults
from sandbox.rig_sound import key_of, sound_of

# How a plugin refuses what it is given: a backend's own words, or those of a binding.
# A MemoryError is the plugin's std::bad_alloc, which has left its functions.
_REFUSALS = (WorkerError, RuntimeError, ValueError, IndexError, MemoryError)
_TRAPS = {"": FloatTrap.NONE, "invalid": FloatTrap.INVALID, "denormal": FloatTrap.DENORMAL}
_IDLE_TURNS = 3
_DIGEST_BYTES = 12
_MAX_TEXT = 4096
_MAX_PATH = 4096
_MAX_FUNCTION = 440  # templates make names of any length
# What an added instance plays: enough for it to take the memory that it needs.
_TRIAL = Render(frames=2048, source="noise")


class Rig:
    """One plugin, or many instances of it. `announce` is told which call begins, `advance` now and
    then how many of how many frames of it have been played; `after_plugin` is called once code of
    the plugin has run that may have changed the process. `disk_is_watched`: the host is asked about
    writes to files."""

    def __init__(
        self,
        request: Mount,
        announce: Callable[[str], None],
        after_plugin: Callable[[], None],
        disk_is_watched: bool = False,
    ) -> None:
        self._plugin_id = request.plugin
        self.announce = announce
        self.advance: Callable[[int, int], None] = lambda done, frames: None
        self._after_plugin = after_plugin
        self._sample_rate = request.sample_rate
        self._max_frames = request.max_frames
        self._is_direct = request.direct
        self._more: list[LoadedPlugin] = []
        self._plugin: LoadedPlugin | None = self._open()
        self._calls = 0
        self._faults = InjectedFaults(request.plugin, disk_is_watched)
        self._editor = RigEditor(request.display)

    @property
    def plugin(self) -> LoadedPlugin:
        if self._plugin is None:
            raise WorkerError("the plugin could not be created again")
        return self._plugin

    def perform(self, call: AnyCall) -> CallResult:
        """Never raises what the plugin says: that is in the result."""
        self.announce(f"call {self._calls} {type(call).__struct_config__.tag}")
        self._calls += 1
        before = shared_state()
        try:
            result = self._faults.during(call, self._do)
        except _REFUSALS as error:
            result = CallResult(refused=one_line(str(error), MAX_LINE) or "it does not say why")
        changed = before.changes(shared_state())
        if changed:
            self._after_plugin()  # ours are put back, or the next ones would be blamed
        return msgspec.structs.replace(result, changed=[*result.changed, *changed][:32])

    def _open(self) -> LoadedPlugin:
        return open_plugin(
            self._plugin_id,
            sample_rate=self._sample_rate,
            max_frames=self._max_frames,
            sidechain=True,
            single=True,
            direct=self._is_direct,
        )

    def _do(self, call: AnyCall) -> CallResult:
        plugin = self.plugin
        match call:
            case Render():
                return self._render(plugin, call)
            case SetParameter():
                plugin.set_parameter(call.index, call.value)
            case SetProgram():
                plugin.set_program(call.index)
            case SetState():
                plugin.set_state(call.data)
            case SaveState():
                data = plugin.get_state()
                return CallResult(data=data, digest=_digest(data))
            case ReadParameters():
                values = [_plain(value) for value in plugin.get_parameters()]
                return CallResult(values=values, digest=_digest(repr(values).encode()))
            case ShowText():
                text = one_line(plugin.parameter_text(call.index, call.value), _MAX_TEXT)
                return CallResult(text=text, digest=_digest(text.encode(errors="replace")))
            case ReadText():
                value = _plain(plugin.parameter_from_text(call.index, call.text))
                return CallResult(values=[value], digest=_digest(repr(value).encode()))
            case Idle():
                for _ in range(_IDLE_TURNS):
                    idle_with_editor(plugin)
                self._editor.turn()
                return _facts(plugin)
            case Recreate():
                self._recreate(plugin, call)
                return _facts(self.plugin)
            case AddInstances():
                for number in range(1, call.count + 1):
                    self._more.append(self._open())
                    self._render(self._more[-1], _TRIAL, lambda done: None)
                    self.advance(number * _TRIAL.frames, call.count * _TRIAL.frames)
                return _facts(plugin)
            case DropInstances():
                while self._more:
                    self._more.pop().close()
                gc.collect()
                return _facts(plugin)
            case OpenEditor():
                return _sized(self._editor.open(plugin))
            case ResizeEditor():
                return _sized(self._editor.resize(call.width, call.height))
            case CloseEditor():
                self._editor.close()
            case InjectFaults():
                self._faults.set(call)
        return CallResult()

    def _recreate(self, plugin: LoadedPlugin, call: Recreate) -> None:
        before = self._sample_rate, self._max_frames
        self._plugin = None
        self._editor.close()
        plugin.close()
        del plugin
        self._sample_rate, self._max_frames = call.sample_rate, call.max_frames
        try:
            self._plugin = self._open()
        except _REFUSALS:
            self._sample_rate, self._max_frames = before  # it shall go on with what it takes
            self._plugin = self._open()
            raise

    def _render(
        self, plugin: LoadedPlugin, call: Render, tell: Callable[[int], None] | None = None
    ) -> CallResult:
        """`tell` hears how many frames are done; None: whoever waits for the call does."""
        processor = plugin.processors[0]
        sizes = call.blocks or [self._max_frames]
        if not call.oversized:
            sizes = [min(size, self._max_frames) for size in sizes]
        largest = max(self._max_frames, *sizes)
        processor.make_room(largest)
        processor.give_whole_blocks(call.whole)
        played = rig_run(
            processor,
            sound_of(call, processor.in_channels, self._sample_rate),
            key_of(call, processor.sidechain_channels, self._sample_rate),
            call.frames,
            sizes,
            largest,
            [(midi.frame, midi.data) for midi in call.midi],
            [(change.frame, change.index, change.value) for change in call.changes],
            RigTransport(call.tempo, call.position, call.playing, self._sample_rate),
            RigOptions(
                in_place=call.in_place,
                guard=call.guard,
                denormals=call.denormals,
                audit=call.audit,
                audit_from=call.audit_from,
                trap=_TRAPS[call.trap],
            ),
            tell or (lambda done: self.advance(done, call.frames)),
        )
        channels = processor.out_channels
        sound = played.sound(channels).tobytes() if channels else b""
        midi = [Midi(frame, data) for frame, data in played.midi]
        changed = ["the floating-point mode of the audio thread"]
        return CallResult(
            digest=_digest(sound + repr(played.midi).encode()),
            data=sound if call.keep else b"",
            channels=channels if call.keep else 0,
            midi=midi,
            peak=_plain(played.peak),
            nonfinite=played.nonfinite,
            subnormal=played.subnormal,
            refused_blocks=played.refused_blocks,
            times=BlockTimes(
                wall_ns=played.wall_ns,
                cpu_ns=played.cpu_ns,
                page_faults=played.page_faults,
                waits=played.waits,
                blocks_with_faults=played.blocks_with_faults,
                blocks_with_waits=played.blocks_with_waits,
            ),
            violations=[
                Violation(v.kind, v.what, v.count, [_place(*place) for place in v.stack])
                for v in played.violations
            ],
            unseen=_unseen(call, played, self._is_direct and plugin.copies_buffers),
            changed=changed if played.changed_float_mode else [],
            latency_frames=max(0, plugin.latency_frames),
            tail_s=_tail(plugin),
        )


def mount(
    request: Mount, phases: Phases, after_plugin: Callable[[], None], disk_is_watched: bool
) -> tuple[Rig, Mounted]:
    """Raises WorkerError or RuntimeError; `phases.current` says where."""
    before = shared_state()

    def begin(name: str) -> None:
        phases.current = name
        phases.announce(name)

    begin("create")
    listen_for_activation(lambda: begin("activate") if phases.current == "create" else None)
    try:
        rig = Rig(request, begin, after_plugin, disk_is_watched)
    finally:
        listen_for_activation(None)
    changed = before.changes(shared_state())
    after_plugin()
    begin("describe")
    description = rig.plugin.description
    return rig, Mounted(description=description, changed=changed[:32], **_facts_of(rig.plugin))


def _unseen(call: Render, played: RigPlayed, lacks_buffers: bool) -> list[str]:
    unseen = []
    if lacks_buffers and not played.direct_calls:
        unseen.append("its buffers (its calls cannot be led past JUCE)")
    if call.audit and not audit_sees_calls():
        unseen.append("allocation and locks (libisobooth_audit.so is not preloaded)")
    if call.audit and not audit_sees_system_calls():
        unseen.append("system calls (no Syscall User Dispatch)")
    if call.trap and not audit_sees_numbers():
        unseen.append("bad numbers (not on this processor)")
    if played.violations_lost:
        unseen.append(f"{played.violations_lost} violations from further places")
    return unseen


def _place(library: bytes, offset: int, function: bytes) -> Place:
    """Whatever bytes the names are of."""
    path, name = (text.decode(errors="backslashreplace") for text in (library, function))
    return Place(one_line(path, _MAX_PATH), offset, one_line(name, _MAX_FUNCTION))


def _sized(size: tuple[int, int]) -> CallResult:
    return CallResult(values=[float(side) for side in size])


def _facts_of(plugin: LoadedPlugin) -> dict[str, Any]:
    return {
        **taken()._asdict(),
        "latency_frames": max(0, plugin.latency_frames),
        "tail_s": _tail(plugin),
    }


def _facts(plugin: LoadedPlugin) -> CallResult:
    return CallResult(**_facts_of(plugin))


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()


def _plain(value: float) -> float:
    """What a reply may carry: nobody wants to read an infinite one."""
    return float(value) if math.isfinite(value) else 0.0


def _tail(plugin: LoadedPlugin) -> float:
    """For ever is an hour."""
    return min(max(0.0, float(plugin.tail_s)), MAX_TAIL_S)
