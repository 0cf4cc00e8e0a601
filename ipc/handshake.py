# SPDX-License-Identifier: GPL-3.0-or-later
"""The first exchange on every control connection: do both sides mean the same?

All our processes usually come from one installation, but a host that keeps running while it is
updated starts its next launcher from the new files.
"""

import os

from ipc._native import LAYOUT_VERSION
from ipc.errors import ProtocolError
from ipc.messages import PROTOCOL_VERSION, Hello, Welcome


def own_hello() -> Hello:
    return Hello(protocol=PROTOCOL_VERSION, layout_version=LAYOUT_VERSION)


def own_welcome() -> Welcome:
    return Welcome(protocol=PROTOCOL_VERSION, layout_version=LAYOUT_VERSION, pid=os.getpid())


def check_versions(said: Hello | Welcome, peer: str) -> None:
    """Raises ProtocolError, naming both sides' versions, if they differ."""
    if said.protocol == PROTOCOL_VERSION and said.layout_version == LAYOUT_VERSION:
        return
    raise ProtocolError(
        f"{peer} speaks protocol {said.protocol} with memory layout {said.layout_version}, this "
        f"process protocol {PROTOCOL_VERSION} with memory layout {LAYOUT_VERSION}; if Isobooth "
        f"was updated while it ran, restart it"
    )
