# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks on the machines of a Dask cluster, each of which has the same plugins at the same paths.

A plugin's checks stay together. The scheduler gives them to another worker when the one that had
them is gone; what comes to nothing there all the same is left to be done here, so that nothing is
lost, and a result is taken once.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from host.dask import CONNECT_S, RETRIES, distributed_package, no_scheduler
from host.permissions import PermissionRules
from host.stress.remote import StressPortion, StressPortionResult, stress_portion
from host.stress.runner import StressRun
from host.stress.verdict import PluginResult
from host.user_file import AtomicFile

_POLL_S = 0.1


def run_on_cluster(
    address: str, run: StressRun, rules: PermissionRules, warn: Callable[[str], None]
) -> None:
    """Gives the results to `run`, which still has to be run: for what the cluster has not done.
    Raises MachineError where there is none, and what the run's `stop` raises."""
    asyncio.run(_run(address, run, rules, warn))


async def _run(
    address: str, run: StressRun, rules: PermissionRules, warn: Callable[[str], None]
) -> None:
    distributed = distributed_package()
    try:
        client = await distributed.Client(
            address, asynchronous=True, timeout=CONNECT_S, set_as_default=False
        )
    except (OSError, TimeoutError, ValueError) as error:
        raise no_scheduler(address, error) from None
    try:
        waiting: dict[Any, PluginResult] = {}
        options = replace(run.options, logs=None)  # no folder of theirs
        for plugin in run.report.plugins:
            portion = StressPortion(plugin=plugin.plugin, options=options, rules=rules)
            future = client.submit(
                stress_portion, msgspec.json.encode(portion), pure=False, retries=RETRIES
            )
            waiting[future] = plugin
            run.watcher.starting(plugin, "on the cluster")
        while waiting:
            run.stop()
            for future in [each for each in waiting if each.done()]:
                plugin = waiting.pop(future)
                answer = await _answer_of(future)
                if answer.result is None or answer.result.plugin != plugin.plugin:
                    warn(f"{plugin.plugin}: {answer.problem or 'no answer'}; checked here")
                    continue
                _keep_logs(answer, run.options.logs)
                run.take(plugin, answer.result, answer.reruns)
            await asyncio.sleep(_POLL_S)
    finally:
        await client.close()


async def _answer_of(future: Any) -> StressPortionResult:
    try:
        return msgspec.json.decode(await future, type=StressPortionResult)
    except msgspec.DecodeError as error:
        return StressPortionResult(problem=f"the answer of the cluster makes no sense ({error})")
    except Exception as error:  # whatever the function, or its worker's end, raised over there
        return StressPortionResult(problem=f"{type(error).__name__}: {error}")


def _keep_logs(answer: StressPortionResult, folder: Path | None) -> None:
    """Under their names alone: whatever a machine says, nothing is written elsewhere."""
    assert answer.result is not None
    for check in answer.result.checks:
        name = Path(check.log).name
        data = answer.logs.get(name)
        check.log = ""
        if data is not None and folder is not None and name not in ("", ".", ".."):
            with AtomicFile(folder / name) as file:
                file.file.write(data)
            check.log = str(folder / name)
