# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the pictures that lanes are made of, as many as fit a budget."""

from collections import OrderedDict

import numpy as np
from PyQt6.QtGui import QColor, QImage, QPixmap

from ui.tracks.waveform import Content, Wave, notes_cover, wave_cover

WIDTH = 512  # device-independent pixels
_BUDGET_BYTES = 96 * 1024 * 1024  # a screen of 4K takes 33 MB

_Key = tuple[object, ...]


class Tiles:
    """A tile is named by all that it shows, so an old one is never shown for a new one."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Key, QPixmap] = OrderedDict()
        self._bytes = 0

    def tile(
        self,
        content: Content,
        version: int,
        number: int,
        frames_per_px: float,
        height: int,
        colour: QColor,
        ratio: float,
    ) -> QPixmap:
        """The picture of the pixels from `number` × WIDTH on. `version`: of the content, unlike
        any other's. `ratio`: pixels of the device to one of ours."""
        key = (version, number, frames_per_px, height, colour.rgba(), ratio)
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            return found
        made = _paint(content, number, frames_per_px, height, colour, ratio)
        self._kept[key] = made
        self._bytes += _size(made)
        while self._bytes > _BUDGET_BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= _size(oldest)
        return made

    def forget(self) -> None:
        self._kept.clear()
        self._bytes = 0


def _paint(
    content: Content, number: int, frames_per_px: float, height: int, colour: QColor, ratio: float
) -> QPixmap:
    width, rows = round(WIDTH * ratio), max(1, round(height * ratio))
    first, each = number * WIDTH * frames_per_px, frames_per_px / ratio
    if isinstance(content, Wave):
        cover = wave_cover(content, first, each, width, rows)
    else:
        cover = notes_cover(content, first, each, width, rows, ratio)
    cover = np.ascontiguousarray(cover)
    image = QImage(cover.tobytes(), width, rows, width, QImage.Format.Format_Indexed8)
    image.setColorTable([(level << 24) | (colour.rgba() & 0xFFFFFF) for level in range(256)])
    picture = QPixmap.fromImage(image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied))
    picture.setDevicePixelRatio(ratio)
    return picture


def _size(picture: QPixmap) -> int:
    return picture.width() * picture.height() * 4
