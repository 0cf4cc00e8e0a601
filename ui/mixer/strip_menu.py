# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done with one track."""

from collections.abc import Callable
from functools import partial

from PyQt6.QtGui import QColor, QIcon, QPainter, QPixmap
from PyQt6.QtWidgets import QMenu, QWidget

from ipc.desk.requests import MoveTrack, RemoveTrack, SetTrack
from ipc.desk.state import MASTER, TrackState
from ui.controls.action import add_action, add_submenu, only_one
from ui.desk import Desk
from ui.mixer.colours import keeping_colours
from ui.theme.theme import Theme


def strip_menu(
    desk: Desk,
    theme: Theme,
    track: TrackState,
    *,
    rename: Callable[[], None],
    add_track: Callable[[int], None],
    choose_file: Callable[[], None],
    parent: QWidget,
) -> QMenu:
    """To be popped up once. `add_track` gets the place of the new one; `choose_file`: what the
    track plays, where it plays none."""
    menu = QMenu(track.name, parent)
    ids = [one.id for one in desk.state.tracks]

    if track.id == MASTER:
        add_action(menu, "&Add track", lambda: add_track(len(ids)))
        return menu
    place = ids.index(track.id) if track.id in ids else len(ids)

    def arrange(edit: MoveTrack | RemoveTrack) -> None:
        desk.change(*keeping_colours(desk.state, theme, edit))

    def move(by: int) -> None:
        arrange(MoveTrack(track=track.id, index=place + by))

    add_action(menu, "&Rename…\tF2", rename)
    _add_colours(
        menu, theme, track.colour, lambda c: desk.change(SetTrack(track=track.id, colour=c))
    )
    _add_outputs(menu, desk, track)
    if track.kind == "empty":
        add_action(menu, "Play a &file…", choose_file)
    menu.addSeparator()
    add_action(menu, "&Add track after this", lambda: add_track(place + 1))
    add_action(menu, "Move &left", lambda: move(-1)).setEnabled(place > 0)
    add_action(menu, "Move ri&ght", lambda: move(1)).setEnabled(place < len(ids) - 1)
    menu.addSeparator()
    name = track.name.replace("&", "&&")
    add_action(menu, f"Re&move “{name}”", lambda: arrange(RemoveTrack(track=track.id)))
    return menu


def _add_outputs(menu: QMenu, desk: Desk, track: TrackState) -> None:
    """Where it is sent to: the master, or a track that is not itself on the way from it."""
    outputs = {one.id: one.output for one in desk.state.tracks}

    def passes(other: str) -> bool:
        while other in outputs and other != track.id:
            other = outputs[other]
        return other == track.id

    menu = add_submenu(menu, "&Output")
    choices = []
    for one in (desk.state.master, *desk.state.tracks):
        if not passes(one.id):
            name = one.name.replace("&", "&&")
            choose = partial(desk.change, SetTrack(track=track.id, output=one.id))
            choices.append(add_action(menu, name, choose, checked=one.id == track.output))
    only_one(menu, choices)


_COLOUR_NAMES = (
    "Coral", "Orange", "Yellow", "Green", "Jade", "Teal",
    "Blue", "Indigo", "Violet", "Pink", "Brown", "Grey",
)  # fmt: skip


def _add_colours(menu: QMenu, theme: Theme, chosen: str, choose: Callable[[str], None]) -> None:
    colours = add_submenu(menu, "&Colour")
    every = [("Automatic", "")]
    for number, colour in enumerate(theme.tokens.tracks.colours):
        name = _COLOUR_NAMES[number] if number < len(_COLOUR_NAMES) else colour
        every.append((name, colour))
    for name, colour in every:
        action = add_action(colours, name, partial(choose, colour))
        if colour:
            action.setIcon(_dot(colour))
        if colour == chosen:
            font = action.font()
            font.setBold(True)
            action.setFont(font)


def _dot(colour: str) -> QIcon:
    picture = QPixmap(32, 32)
    picture.fill(QColor(0, 0, 0, 0))
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor(colour))
    painter.setPen(QColor(0, 0, 0, 0))
    painter.drawEllipse(4, 4, 24, 24)
    painter.end()
    return QIcon(picture)
