# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be used just now, and is still to be read: knobs and faders that draw themselves know
no look of their own for it."""

from PyQt6.QtWidgets import QGraphicsOpacityEffect, QWidget

_OPACITY = 0.5


def set_usable(widget: QWidget, usable: bool) -> None:
    """It and all within it."""
    widget.setEnabled(usable)
    if usable:
        widget.setGraphicsEffect(None)
    elif widget.graphicsEffect() is None:
        effect = QGraphicsOpacityEffect(widget)
        effect.setOpacity(_OPACITY)
        widget.setGraphicsEffect(effect)
