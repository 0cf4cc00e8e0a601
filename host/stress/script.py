# SPDX-License-Identifier: GPL-3.0-or-later
"""A log as a Python program that does it: what a developer is sent."""

import base64
import os
import zlib
from pathlib import Path

import msgspec

from host.stress.call_log import CallLog
from host.user_file import AtomicFile
from ipc.rig_calls import AnyCall, Change, Midi, OpenEditor, Render, SetState
from ipc.text import one_line

_HEAD = '''#!/usr/bin/env python3
"""{title}

Found by `isobooth stress`{cut}. Run it with the Python of Isobooth's
virtual environment; the plugin runs in a process of its own.
"""

{imports}

PLUGIN = {plugin!r}

with (
    Workshop({audits}) as workshop,{display}
    open_rig(workshop, PLUGIN, {options}) as rig,
):
'''
_IMPORTS = ("from host.stress.rig import open_rig", "from host.stress.workshop import Workshop")


def script_of(log: CallLog) -> str:
    """Python source that ends with a traceback where the plugin still fails."""
    kinds = {type(call).__name__ for call in log.calls if not isinstance(call, Render | SetState)}
    packed = any(isinstance(call, SetState) for call in log.calls)
    shows = any(isinstance(call, OpenEditor) for call in log.calls)
    imports = [*(["import base64", "import zlib", ""] if packed else [])]
    imports += ["from host.stress.display import virtual_display"] if shows else []
    imports += _IMPORTS
    if kinds:
        imports.append(f"from ipc.rig_calls import {', '.join(sorted(kinds))}")
    end = f": {log.end.message}" if log.end is not None else ""
    cut = f": {_counted(log)}"
    if log.end is not None and log.end.runs:
        flaky = f" ({log.end.flaky} runs failed)" if log.end.flaky else ""
        cut = f", and cut down to {_counted(log)}{flaky}"
    options = [f"sample_rate={log.sample_rate!r}", f"max_frames={log.max_frames!r}"]
    if log.memory_mb is not None:
        options.append(f"memory_mb={log.memory_mb!r}")
    if log.offline:
        options.append("offline=True")
    if log.disk_watched:
        options.append("disk_watched=True")
    if log.direct:
        options.append("direct=True")
    if shows:
        options.append("display=display.name")
    head = _HEAD.format(
        title=one_line(f"{log.plugin}{end}", 200).replace("\\", "/").replace('"""', "'''"),
        cut=cut,
        imports="\n".join(imports),
        plugin=log.plugin,
        options=", ".join(options),
        audits="audits=True" if log.needs_audit else "",
        display="\n    virtual_display() as display," if shows else "",
    )
    body = [_line_of(call) for call in log.calls] or ["pass"]
    if log.end is not None and log.end.verdict == "fail" and body[-1].startswith("heard"):
        body.append("assert not heard.result.nonfinite, 'it sends NaN or Inf'")
        body.append("assert not 123456 < heard.result.peak < 123457, 'it leaves outputs unwritten'")
    return head + "".join(f"    {line}\n" for line in body)


def _counted(log: CallLog) -> str:
    return f"{len(log.calls)} call{'' if len(log.calls) == 1 else 's'}"


def _line_of(call: AnyCall) -> str:
    if isinstance(call, Render):
        given = _given(call)
        frames = given.pop("frames")
        words = [repr(frames), *(f"{name}={_value(value)}" for name, value in given.items())]
        if "keep" not in given:
            words.append("keep=False")
        return f"heard = rig.render({', '.join(words)})"
    if isinstance(call, SetState):
        packed = base64.b85encode(zlib.compress(call.data, 9)).decode()
        return f"rig.set_state(zlib.decompress(base64.b85decode({packed!r})))"
    words = [f"{name}={_value(value)}" for name, value in _given(call).items()]
    return f"rig.perform([{type(call).__name__}({', '.join(words)})])"


def _given(call: AnyCall) -> dict[str, object]:
    """The fields that are not as they are by default."""
    made: dict[str, object] = {}
    for field in msgspec.structs.fields(call):
        value = getattr(call, field.name)
        factory = field.default_factory
        usual = factory() if callable(factory) else field.default
        if value != usual:
            made[field.name] = value
    return made


def _value(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_value(one) for one in value)}]"
    if isinstance(value, Midi):
        return repr((value.frame, value.data))
    if isinstance(value, Change):
        return repr((value.frame, value.index, value.value))
    return repr(value)


def write_script(log: CallLog, path: Path) -> None:
    """A program that can be started. Raises InputError or MachineError."""
    with AtomicFile(path) as file:
        file.file.write(script_of(log).encode())
        os.fchmod(file.file.fileno(), 0o755)
