# SPDX-License-Identifier: GPL-3.0-or-later
"""The same plugins as CLAP and as VST3, in one process: our own CLAP host against JUCE's VST3 host,
to the last bit."""

import os
from pathlib import Path
from typing import Any

from tools.bench.common import RATE, in_child
from tools.bench.reference import noise

PLUGINS = (
    *("ZamEQ2", "ZamCompX2", "ZamDelay", "ZamTube", "ZaMaximX2", "ZamGateX2", "ZamGEQ31"),
    *("ZaMultiCompX2", "ZamVerb"),
)
_BLOCK = 256
_BLOCKS = 200


def measure(tell: Any) -> dict[str, Any]:
    """clap_same_bits: `plugins` compared (those installed in both formats), `same` of them, and
    the names of those that `differ`."""
    found = [name for name in PLUGINS if all(_path(name, f).exists() for f in ("clap", "vst3"))]
    tell(f"CLAP against VST3: {len(found)} plugins")
    differ = [name for name in found if not in_child(same_bits, name)]
    return {
        "clap_same_bits": {
            "plugins": len(found),
            "same": len(found) - len(differ),
            "differ": differ,
        }
    }


def same_bits(name: str) -> bool:
    """Whether both give the same bits for noise, with every continuous parameter away from its
    default. Runs in a child of the bench."""
    os.environ["MINIHOST_MESSAGE_THREAD"] = "0"
    with open(os.devnull, "wb") as nowhere:  # plugins talk; what they say is no figure
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    from sandbox import _native
    from sandbox.backends import open_plugin

    clap, vst3 = (
        open_plugin(f"{kind}:{_path(name, kind)}", sample_rate=float(RATE), max_frames=_BLOCK)
        for kind in ("clap", "vst3")
    )
    for parameter in clap.description.parameters:
        if not parameter.steps and not parameter.read_only:
            # Quarters: exact in both formats' arithmetic.
            value = 0.75 if parameter.default < 0.5 else 0.25
            clap.set_parameter(parameter.index, value)
            vst3.set_parameter(vst3.find_parameter(parameter.name), value)
    audio = noise(_BLOCKS * _BLOCK)
    first, second = (
        _native.run_in_process([_native.Slot(p.processors, _BLOCK)], audio, _BLOCK)[0]
        for p in (clap, vst3)
    )
    return first.tobytes() == second.tobytes()


def _path(name: str, plugin_format: str) -> Path:
    return Path("/usr/lib", plugin_format, f"{name}.{plugin_format}")
