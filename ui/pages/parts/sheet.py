# SPDX-License-Identifier: GPL-3.0-or-later
"""The look of these panels' own widgets: sheet.qss, with the tokens of the theme in force."""

from importlib.resources import files
from string import Template

import msgspec
from PyQt6.QtWidgets import QWidget

from ui.theme.theme import Theme


def dress(widget: QWidget, theme: Theme) -> None:
    """It and all within it, now and whenever the theme changes."""
    template = Template((files(__package__) / "sheet.qss").read_text(encoding="utf-8"))

    def apply() -> None:
        values: dict[str, object] = dict(msgspec.structs.asdict(theme.colours))
        for table in ("type", "space", "radius"):
            for name, value in msgspec.structs.asdict(getattr(theme.tokens, table)).items():
                values[f"{table}_{name}"] = value
        widget.setStyleSheet(template.substitute(values))

    theme.changed.connect(apply)
    apply()
