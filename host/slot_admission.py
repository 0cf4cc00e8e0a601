# SPDX-License-Identifier: GPL-3.0-or-later
"""May a slot's plugin be loaded? Asks the blacklist, and whether its files are those that were
trusted; neither on the control thread.
"""

from collections.abc import Callable
from dataclasses import dataclass

from host.slot_context import SlotContext
from host.song import Slot
from host.store.blacklist import BlacklistEntry
from host.trust.settings import Policy
from ipc.errors import IsoboothError, MachineError

_HASH_S = 60.0  # of a plugin with gigabytes of samples in its bundle
_LOOK_UP_S = 8.0  # a little more than the database waits for others


@dataclass(frozen=True)
class SlotAdmission:
    """`notice` tells the user a line about the slot."""

    spec: Slot
    context: SlotContext
    notice: Callable[[str], None]

    async def blacklisted(self) -> BlacklistEntry | None:
        """A list that cannot be read keeps no plugin from playing: it is sandboxed either way."""
        blacklist = self.context.blacklist
        if blacklist is None or self.context.config.ignore_blacklist:
            return None
        problem = "the data folder does not answer"
        try:
            return await self.context.look_up(
                lambda: blacklist.is_blacklisted(self.spec.plugin), _LOOK_UP_S
            )
        except TimeoutError:
            pass
        except MachineError as error:
            problem = str(error)
        self.notice(f"it is loaded although the blacklist cannot be read: {problem}")
        return None

    async def why_not_trusted(self) -> str:
        """Files that are not those that were trusted are told of before they are loaded; why they
        must not be, or nothing."""
        gate = self.context.trust
        if gate is None:
            return ""
        try:
            admission = await self.context.look_up(lambda: gate.admit(self.spec.plugin), _HASH_S)
        except (TimeoutError, IsoboothError) as error:
            why = str(error) or "its files, or the data folder, do not answer"
            if gate.policy is not Policy.WARN:
                return f"{self.spec.label}: not loaded, because it cannot be verified: {why}"
            self.notice(f"it is loaded although its files cannot be verified: {why}")
            return ""
        if not admission.allowed:
            return f"{self.spec.label} {admission.told}"
        if admission.told:
            self.notice(f"it {admission.told}")
        return ""

    async def verify_loaded(self, path: str) -> str:
        """Looks once more: where an id does not say the files, and for those that were replaced
        between the look and the load. Why the plugin must not stay, as the rest of a sentence that
        begins with it, or nothing."""
        gate = self.context.trust
        if gate is None:
            return ""
        try:
            admission = await self.context.look_up(
                lambda: gate.loaded(self.spec.plugin, path), _HASH_S
            )
        except (TimeoutError, IsoboothError):
            return ""  # told before the load
        if not admission.allowed:
            return admission.told
        if admission.told:
            self.notice(f"it {admission.told}")
        return ""
