# SPDX-License-Identifier: GPL-3.0-or-later
"""The tokens are complete, and can be read by people."""

from pathlib import Path

import msgspec
import pytest
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QApplication

from ipc.errors import InputError
from ipc.status import SlotStatus
from ui.settings import Settings
from ui.theme.motion import desktop_reduces_motion
from ui.theme.sheet import style_sheet
from ui.theme.theme import THEMES, Theme, ThemeName
from ui.theme.tokens import Colours, load_tokens


def _colours(name: str) -> Colours:
    found: Colours = getattr(load_tokens(), name)
    return found


def _contrast(one: str, other: str) -> float:
    """WCAG 2.1, from 1 to 21."""

    def luminance(text: str) -> float:
        red, green, blue, _ = QColor(text).getRgbF()

        def linear(part: float) -> float:
            return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

        return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)

    darker, lighter = sorted((luminance(one), luminance(other)))
    return float((lighter + 0.05) / (darker + 0.05))


@pytest.mark.parametrize("name", THEMES)
def test_each_theme_has_every_token_and_a_whole_style_sheet(name: ThemeName) -> None:
    sheet = style_sheet(load_tokens(), _colours(name))
    assert "$" not in sheet
    for status in SlotStatus:
        assert getattr(_colours(name), status.value).startswith("#")


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("ground", ["panel", "raised", "control", "well"])
@pytest.mark.parametrize(("text", "least"), [("text", 7.0), ("text_dim", 4.5), ("text_faint", 3.6)])
def test_text_can_be_read(name: ThemeName, ground: str, text: str, least: float) -> None:
    colours = _colours(name)
    assert _contrast(getattr(colours, text), getattr(colours, ground)) >= least


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("status", list(SlotStatus))
def test_lights_stand_out(name: ThemeName, status: SlotStatus) -> None:
    colours = _colours(name)
    assert _contrast(getattr(colours, status.value), colours.control) >= 3.0


def test_a_misspelled_token_is_named() -> None:
    text = (Path(__file__).parents[2] / "ui/theme/tokens.toml").read_text(encoding="utf-8")
    with pytest.raises(InputError, match="akzent"):
        load_tokens(text.replace("\naccent = ", "\nakzent = ", 1))


def test_themes_change_while_the_window_is_open(theme: Theme, qapp: QApplication) -> None:
    changes: list[str] = []
    theme.changed.connect(lambda: changes.append(theme.name))
    before = qapp.styleSheet()
    theme.choose("light")
    assert qapp.styleSheet() != before
    assert changes == ["light"]


def test_without_motion_nothing_takes_time(theme: Theme) -> None:
    theme.reduced_motion = True
    assert theme.motion_ms("slow") == 0
    theme.reduced_motion = False
    assert theme.motion_ms("slow") > 0


@pytest.mark.parametrize(
    ("file", "text", "reduced"),
    [
        ("gtk-3.0/settings.ini", "[Settings]\ngtk-enable-animations=0\n", True),
        ("gtk-4.0/settings.ini", "[Settings]\ngtk-enable-animations=true\n", False),
        ("kdeglobals", "[KDE]\nAnimationDurationFactor=0\n", True),
        ("kdeglobals", "no settings file", False),
    ],
)
def test_the_desktops_wish_for_less_motion_is_honoured(
    tmp_path: Path, file: str, text: str, reduced: bool
) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text, encoding="utf-8")
    assert desktop_reduces_motion(tmp_path) is reduced


def test_what_is_chosen_is_kept(tmp_path: Path, qapp: QApplication) -> None:
    file = tmp_path / "window.ini"
    settings = Settings(file)
    settings.theme, settings.reduced_motion = "light", True
    settings.sync()
    again = Settings(file)
    assert (again.theme, again.reduced_motion) == ("light", True)
    file.write_text("[General]\ntheme=purple\n", encoding="utf-8")
    assert Settings(tmp_path / "other.ini").theme == "dark"


def test_colours_are_all_told_apart_in_the_tokens() -> None:
    colours = load_tokens().tracks.colours
    assert len(set(colours)) == len(colours)
    assert set(msgspec.structs.asdict(_colours("dark"))) == set(
        msgspec.structs.asdict(_colours("light"))
    )
