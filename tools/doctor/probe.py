# SPDX-License-Identifier: GPL-3.0-or-later
"""Libraries of others, tried in a process of their own.

A broken sound driver or a badly built module may crash, hang or fill the terminal with messages
when it is only asked what it has. So each is asked in a child with a time limit:
`python -m tools.doctor.probe NAME [ARGUMENT]` writes one line of JSON.
"""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from host.crash_report import Signal

# A sound server that starts on demand takes a few seconds; more is a hang.
TIMEOUT_S = 20.0

# What the block loop calls and refuses to do without (sandbox/native/minihost_abi.cpp).
MINIHOST_FUNCTIONS = (
    "mh_api_version",
    "mh_close",
    "mh_process_midi_io",
    "mh_process_sidechain_midi_io",
    "mh_set_param_rt",
    "mh_set_program",
    "mh_set_transport",
    "mh_get_latency_samples_rt",
)


class ProbeError(Exception):
    """Why the library did not answer, for a person."""


def probe(name: str, argument: str = "", timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """Ask a library in a child process. ProbeError says what happened to it."""
    root = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tools.doctor.probe", name, argument],
            env=os.environ | {"PYTHONPATH": paths},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ProbeError(f"did not answer within {timeout_s:g} s") from None
    if done.returncode < 0:
        raise ProbeError(f"crashed ({Signal.of(-done.returncode).name})")
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise ProbeError(lines[-1] if lines else f"ended with exit code {done.returncode}")
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise ProbeError("ended without an answer") from None
    return answer


def _module(name: str) -> dict[str, Any]:
    return {"file": importlib.import_module(name).__file__}


def _minihost() -> dict[str, Any]:
    # No thread of its own: loading the module is all that is asked here.
    os.environ["MINIHOST_MESSAGE_THREAD"] = "0"
    import ctypes
    from importlib import metadata

    from minihost import _core

    library = ctypes.CDLL(_core.__file__)
    missing = [name for name in MINIHOST_FUNCTIONS if not hasattr(library, name)]
    version = None if "mh_api_version" in missing else int(library.mh_api_version())
    return {"version": metadata.version("minihost"), "api_version": version, "missing": missing}


def _audio() -> dict[str, Any]:
    import sounddevice

    apis = [api["name"] for api in sounddevice.query_hostapis()]
    devices = [
        {
            "name": device["name"],
            "api": apis[device["hostapi"]],
            "inputs": device["max_input_channels"],
            "outputs": device["max_output_channels"],
        }
        for device in sounddevice.query_devices()
    ]
    portaudio = sounddevice.get_portaudio_version()[1]
    return {"portaudio": portaudio, "apis": apis, "devices": devices}


def _midi() -> dict[str, Any]:
    import rtmidi

    return {"inputs": rtmidi.MidiIn().get_ports(), "outputs": rtmidi.MidiOut().get_ports()}


def _answer(name: str, argument: str) -> dict[str, Any]:
    match name:
        case "module":
            return _module(argument)
        case "minihost":
            return _minihost()
        case "audio":
            return _audio()
        case "midi":
            return _midi()
    raise SystemExit(f"no probe {name!r}")


def main() -> None:
    """Answer on what was stdout; whatever libraries print there goes to stderr."""
    answer_to = os.dup(1)
    os.dup2(2, 1)
    answer = _answer(sys.argv[1], sys.argv[2])
    with os.fdopen(answer_to, "w") as stdout:
        json.dump(answer, stdout)


if __name__ == "__main__":
    main()
