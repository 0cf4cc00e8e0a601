# SPDX-License-Identifier: GPL-3.0-or-later
"""Real plugins of every format are under confinement what they are without it."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from ipc.connection import RequestFailed
from ipc.launcher import Launcher
from ipc.messages import Describe
from ipc.permissions import Permissions, Profile
from ipc.worker_process import WorkerDied
from sandbox.backends.lilv import world

pytestmark = pytest.mark.process

PROFILES: tuple[Profile, ...] = ("open", "default", "strict")


def some_of_each() -> list[str]:
    vst3 = [f"vst3:{path}" for path in sorted(Path("/usr/lib/vst3").glob("*.vst3"))]
    clap = [f"clap:{path}" for path in sorted(Path("/usr/lib/clap").glob("*.clap"))]
    lv2 = [f"lv2:{uri}" for uri in sorted(world().uris)]
    return [*vst3[::6], *clap[::6], *lv2[::30]]


def test_real_plugins_are_the_same_under_every_profile(
    with_launcher: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What earlier versions have left in the user's own folders is another matter.
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    plugins = some_of_each()
    if not plugins:
        pytest.skip("no plugins are installed")
    denied: list[str] = []

    async def look(launcher: Launcher, plugin: str, profile: Profile) -> object:
        worker = await launcher.spawn()
        worker.on_denial = lambda denial: denied.append(f"{plugin}: {denial.what}")
        request = Describe(plugin=plugin, permissions=Permissions(profile=profile))
        try:
            described = (await worker.request(request, 30.0)).plugin
        except WorkerDied as died:
            return died.exit.signal_name
        except RequestFailed as error:
            return error.phase
        finally:
            await worker.stop()
        return msgspec.structs.replace(described, state_bytes=0)  # some save the time of day

    async def body(launcher: Launcher) -> None:
        for plugin in plugins:
            seen = [await look(launcher, plugin, profile) for profile in PROFILES]
            assert seen[0] == seen[1] == seen[2], plugin

    with_launcher(body)
    # Settings that lie in a folder called otherwise are theirs to ask for.
    assert [line for line in denied if str(tmp_path) not in line] == []
