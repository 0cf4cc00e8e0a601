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
        # Where one reads long lists the ground is dark in the dark and bright in the light.
        values["list"] = theme.colours.well if theme.name == "dark" else theme.colours.raised
        values["chip_line"] = (
            theme.colours.line_soft if theme.name == "dark" else theme.colours.line
        )
        tones = "".join(
            f'QLabel[tone="{name}"] {{ color: {colour}; background: transparent; }}\n'
            for name, colour in msgspec.structs.asdict(theme.colours).items()
        )
        # Qt looks again for rules only where it has looked before.
        widget.ensurePolished()
        widget.setStyleSheet(template.substitute(values) + tones)

    theme.changed.connect(apply)
    apply()
