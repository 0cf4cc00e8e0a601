# SPDX-License-Identifier: GPL-3.0-or-later
"""A real host with the user's databases, for panels that look into them and run commands."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from host.desk.desk import Desk as HostDesk
from host.desk.library import Library
from host.desk.server import DeskServer
from host.store.database import Database
from tests.process.desks import SETTINGS
from tools.commands.crashes import lines_of
from tools.commands.plugins import opened
from ui.desk import Desk
from ui.link import Link

COMMAND = (sys.executable, "-m", "tools.cli")


@dataclass
class PanelHost:
    """The window's side of it, and the host's."""

    desk: Desk
    host: HostDesk


@contextmanager
def panel_host(song: str = "") -> Iterator[PanelHost]:
    """In a thread; databases and sessions lie where the environment says."""
    with Database() as database, HostDesk(database, SETTINGS) as host:
        if song:
            host.open_file(song)
        else:
            host.new_song()
        library = Library(database, lambda: opened(None), lines_of)
        server = DeskServer(host, library, COMMAND)
        thread = threading.Thread(target=server.run)
        thread.start()
        link = Link()
        desk = Desk(link)
        desk.attach()
        link.open(server.path)
        try:
            yield PanelHost(desk, host)
        finally:
            link.close()
            while thread.is_alive():
                server.stop()
                thread.join(0.1)
            server.close()
