# SPDX-License-Identifier: GPL-3.0-or-later
"""The look of Qt's own widgets: a palette, and sheet.qss with the tokens put in."""

from importlib.resources import files
from string import Template

import msgspec
from PyQt6.QtGui import QColor, QPalette

from ui.theme.tokens import Colours, Tokens


def style_sheet(tokens: Tokens, colours: Colours) -> str:
    """Names in the sheet: a colour's as it is; of other tables "type_small", "space_normal", …"""
    values: dict[str, object] = dict(msgspec.structs.asdict(colours))
    for table in ("type", "space", "radius"):
        for name, value in msgspec.structs.asdict(getattr(tokens, table)).items():
            values[f"{table}_{name}"] = value
    template = (files(__package__) / "sheet.qss").read_text(encoding="utf-8")
    return Template(template).substitute(values)


def palette(colours: Colours) -> QPalette:
    """For what no style sheet reaches: native menus, selections, links, tool tips."""
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    chosen = QPalette()
    for which, colour in (
        (role.Window, colours.panel),
        (role.WindowText, colours.text),
        (role.Base, colours.well),
        (role.AlternateBase, colours.raised),
        (role.Text, colours.text),
        (role.PlaceholderText, colours.text_faint),
        (role.Button, colours.control),
        (role.ButtonText, colours.text),
        (role.BrightText, colours.failed),
        (role.Highlight, colours.selection),
        (role.HighlightedText, colours.text),
        (role.Link, colours.accent),
        (role.ToolTipBase, colours.raised),
        (role.ToolTipText, colours.text),
        (role.Accent, colours.accent),
    ):
        chosen.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText):
        chosen.setColor(group.Disabled, which, QColor(colours.text_faint))
    return chosen
