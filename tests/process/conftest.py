# SPDX-License-Identifier: GPL-3.0-or-later
"""Real launchers and real workers, ended with the test."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from host.stress.display import virtual_display
from ipc._native import Geometry
from ipc.launcher import Launcher
from ipc.messages import ChainGeometry, Load
from ipc.segment import ChainSegments
from tests.process.pointer import Pointer, pointer_on

T = TypeVar("T")

ZAM_EQ2 = "vst3:/usr/lib/vst3/ZamEQ2.vst3"
MDA_DELAY = "lv2:http://drobilla.net/plugins/mda/Delay"

WithLauncher = Callable[[Callable[[Launcher], Awaitable[T]]], T]


@pytest.fixture
def with_launcher() -> WithLauncher[T]:
    """Runs a coroutine function with a started launcher, on a loop of its own."""

    def run(body: Callable[[Launcher], Awaitable[T]]) -> T:
        async def main() -> T:
            async with Launcher() as launcher:
                return await body(launcher)

        return asyncio.run(main())

    return run


@pytest.fixture
def chain() -> Iterator[ChainSegments]:
    """A chain of 4 records, 128 frames, 48 kHz."""
    with ChainSegments(Geometry(4, 128, 48000.0)) as segments:
        yield segments


@pytest.fixture
def load_request(chain: ChainSegments) -> Callable[..., Load]:
    """`load_request(plugin, record=0, **fields)`: a request to load a plugin into the chain."""

    def make(plugin: str, record: int = 0, **fields: object) -> Load:
        return Load(
            plugin=plugin,
            sample_rate=48000.0,
            max_frames=128,
            geometry=ChainGeometry(4, 128, 48000.0),
            segments=chain.names,
            record=record,
            **fields,  # type: ignore[arg-type]
        )

    return make


@pytest.fixture(params=[ZAM_EQ2, MDA_DELAY], ids=["vst3", "lv2"])
def real_plugin(request: pytest.FixtureRequest) -> str:
    """A real plugin of each format that JUCE hosts. Skips where it is not installed."""
    plugin: str = request.param
    if plugin == ZAM_EQ2 and not Path(ZAM_EQ2.removeprefix("vst3:")).exists():
        pytest.skip("zam-plugins is not installed")
    if plugin == MDA_DELAY and not any(
        Path(folder, "mda.lv2").exists() for folder in ("/usr/lib/lv2", "/usr/local/lib/lv2")
    ):
        pytest.skip("mda-lv2 is not installed")
    return plugin


@pytest.fixture
def pointer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pointer]:
    """On a display of its own, which is the one that plugins are shown on."""
    with virtual_display() as shown, pointer_on(shown) as pointer:
        monkeypatch.setenv("DISPLAY", shown.name)
        monkeypatch.delenv("XAUTHORITY", raising=False)
        yield pointer
