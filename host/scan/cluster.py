# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes on the machines of a Dask cluster, each of which has the same plugins at the same paths.

The scheduler gives a portion to another worker when the one that had it is gone. What comes to
nothing there all the same is probed here, so that nothing is lost; a portion's result is taken
once, so that nothing is told twice.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec

from host.dask import CONNECT_S, RETRIES, distributed_package, no_scheduler
from host.permissions import PermissionRules
from host.scan.batches import Batch, one_by_one
from host.scan.farm import Farm
from host.scan.prober import Listener
from host.scan.remote import Portion, PortionResult, probe_portion
from host.scan.settings import ProbeSettings


class ClusterFarm:
    """`here`: who probes what the cluster cannot. `warn` gets a line for each such portion."""

    def __init__(
        self,
        address: str,
        settings: ProbeSettings,
        rules: PermissionRules,
        here: Farm,
        warn: Callable[[str], None],
    ) -> None:
        self._address = address
        self._settings = settings
        self._rules = rules
        self._here = here
        self._warn = warn

    async def run(self, batches: AsyncIterator[Batch], listener: Listener) -> None:
        """Raises MachineError where there is no cluster."""
        everything = [batch async for batch in batches]
        distributed = distributed_package()
        try:
            client = await distributed.Client(
                self._address, asynchronous=True, timeout=CONNECT_S, set_as_default=False
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise no_scheduler(self._address, error) from None
        try:
            left = await self._run_on(distributed, client, everything, listener)
        finally:
            await client.close()
        if left:
            await self._here.run(one_by_one(left), listener)

    async def _run_on(
        self, distributed: Any, client: Any, batches: Sequence[Batch], listener: Listener
    ) -> list[Batch]:
        """The batches that came to nothing."""
        waiting: dict[str, Batch] = {}
        futures = []
        for batch in batches:
            portion = Portion(jobs=batch, settings=self._settings, rules=self._rules)
            future = client.submit(
                probe_portion, msgspec.json.encode(portion), pure=False, retries=RETRIES
            )
            waiting[future.key] = batch
            futures.append(future)
            listener.starting(batch[0].whole)
        left: list[Batch] = []
        async for future in distributed.as_completed(futures, loop=client.loop):
            batch = waiting.pop(future.key, [])
            if not batch:
                continue  # told already
            answer = await _result_of(future)
            if answer.problem or len(answer.jobs) != len(batch):
                self._warn(f"{batch[0].path} and what is with it: {answer.problem}; probed here")
                left.append(batch)
                continue
            for job, came in zip(batch, answer.jobs, strict=True):
                for result in came.results:
                    listener.tell(job, result)
                listener.finished(job, came.plugins)
        return left


async def _result_of(future: Any) -> PortionResult:
    try:
        return msgspec.json.decode(await future, type=PortionResult)
    except msgspec.DecodeError as error:
        return PortionResult(problem=f"the answer of the cluster makes no sense ({error})")
    except Exception as error:  # whatever the function, or its worker's end, raised over there
        return PortionResult(problem=f"{type(error).__name__}: {error}")
