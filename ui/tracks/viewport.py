# SPDX-License-Identifier: GPL-3.0-or-later
"""Which part of the song is in view: shared by the ruler, the headers and the lanes, so that the
three can never disagree about where a frame or a row is."""

from PyQt6.QtCore import QObject, pyqtSignal

FINEST = 8.0  # frames a pixel: what an overview of a short file still shows
MARGIN = 1.25  # of the song's length that can be scrolled to
LOWEST_ROW, HIGHEST_ROW = 38, 160
NORMAL_ROW = 72


class Viewport(QObject):
    """Frames against pixels from left to right, rows against pixels from above."""

    changed = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.first_frame = 0.0
        self.frames_per_px = 2400.0
        self.top_px = 0
        self.row_height = NORMAL_ROW
        self.rows = 0
        self.length_frames = 48_000 * 60  # of what can be seen, at least
        self.reach_frames = 0  # what lies behind that, and can be scrolled to; 0: nothing does
        self.width_px = 800
        self.height_px = 400
        self._is_whole = False  # the whole song is shown, also when the panel is resized

    # ------------------------------------------------------------------ where things are

    def x_of(self, frame: float) -> float:
        return (frame - self.first_frame) / self.frames_per_px

    def frame_at(self, x: float) -> int:
        return max(0, round(self.first_frame + x * self.frames_per_px))

    @property
    def last_frame(self) -> float:
        return self.first_frame + self.width_px * self.frames_per_px

    def y_of(self, row: int) -> int:
        return row * self.row_height - self.top_px

    def visible_rows(self, top: int = 0, bottom: int | None = None) -> range:
        """Those that touch the pixels from `top` to `bottom` (the whole height if None)."""
        bottom = self.height_px if bottom is None else bottom
        first = (self.top_px + top) // self.row_height
        last = (self.top_px + max(top, bottom - 1)) // self.row_height
        return range(max(0, first), min(self.rows, last + 1))

    # ------------------------------------------------------------------ how far it goes

    @property
    def scroll_frames(self) -> float:
        """The highest first frame."""
        whole = self.length_frames * MARGIN - self.width_px * self.frames_per_px
        return max(0.0, whole, float(self.reach_frames))

    @property
    def scroll_px(self) -> int:
        """The highest top pixel."""
        return max(0, self.rows * self.row_height - self.height_px)

    @property
    def coarsest(self) -> float:
        """Frames a pixel when all is in view."""
        end = max(self.length_frames, self.reach_frames) * MARGIN
        return max(FINEST, end / max(1, self.width_px))

    # ------------------------------------------------------------------ moving

    def show(
        self,
        *,
        first_frame: float | None = None,
        frames_per_px: float | None = None,
        top_px: int | None = None,
        row_height: int | None = None,
    ) -> None:
        """Within what there is; `changed` if it differs."""
        before = (self.first_frame, self.frames_per_px, self.top_px, self.row_height)
        if frames_per_px is not None or first_frame is not None:
            self._is_whole = False
        if frames_per_px is not None:
            self.frames_per_px = min(self.coarsest, max(FINEST, frames_per_px))
        if first_frame is not None:
            self.first_frame = first_frame
        if row_height is not None:
            self.row_height = min(HIGHEST_ROW, max(LOWEST_ROW, row_height))
        if top_px is not None:
            self.top_px = top_px
        self._keep_within()
        if before != (self.first_frame, self.frames_per_px, self.top_px, self.row_height):
            self.changed.emit()

    def zoom(self, factor: float, about_x: float) -> None:
        """Nearer if `factor` is above 1; the frame at `about_x` stays there."""
        frame = self.first_frame + about_x * self.frames_per_px
        scale = min(self.coarsest, max(FINEST, self.frames_per_px / factor))
        self.show(frames_per_px=scale, first_frame=frame - about_x * scale)

    def fit(self) -> None:
        """The whole song."""
        self.show(frames_per_px=self.length_frames * 1.04 / max(1, self.width_px), first_frame=0.0)
        self._is_whole = True

    def take_size(self, width: int, height: int) -> None:
        self.width_px, self.height_px = max(1, width), max(1, height)
        self._settle()

    def take_content(self, rows: int, length_frames: int) -> None:
        if (rows, length_frames) != (self.rows, self.length_frames):
            self.rows, self.length_frames = rows, max(1, length_frames)
            self._settle()

    def take_reach(self, frame: int) -> None:
        """The song is played past its end, or was: to there."""
        if frame != self.reach_frames:
            self.reach_frames = frame
            self._keep_within()
            self.changed.emit()

    def _settle(self) -> None:
        self.frames_per_px = min(self.coarsest, max(FINEST, self.frames_per_px))
        self._keep_within()
        if self._is_whole:
            self.fit()
        self.changed.emit()

    def _keep_within(self) -> None:
        self.first_frame = min(self.scroll_frames, max(0.0, self.first_frame))
        self.top_px = min(self.scroll_px, max(0, self.top_px))
