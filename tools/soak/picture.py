# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws a soak: memory and counts over time, while songs played and between them."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from host.user_file import AtomicFile
from tools.soak.footprint import Footprint
from tools.soak.run import SoakReport
from tools.soak.verdict import COUNTS

_MIB = 2**20
_MEMORY = {"anonymous_bytes": "own", "pss_bytes": "PSS", "rss_bytes": "RSS"}
_COLOURS = ("#2a78b5", "#d9822b", "#7a8794")


def draw(report: SoakReport, path: Path) -> None:
    """Writes a PNG file: one panel for memory, one for each count."""
    figure = Figure(figsize=(11, 12), dpi=100, layout="constrained")
    panels = figure.subplots(1 + len(COUNTS), 1, sharex=True, height_ratios=[3] + [1] * len(COUNTS))
    figure.suptitle(_title(report))
    memory: Axes = panels[0]
    for (field, label), colour in zip(_MEMORY.items(), _COLOURS, strict=True):
        _plot(memory, report.looks, field, label, colour, _MIB)
    memory.set_ylabel("memory, MiB")
    memory.legend(loc="center right", title="line: between songs; dots: playing")
    for panel, name in zip(panels[1:], COUNTS, strict=True):
        _plot(panel, report.looks, name, name, _COLOURS[0], 1)
        panel.set_ylabel(name)
        panel.set_ylim(bottom=0)
    for panel in panels:
        panel.grid(alpha=0.3)
    panels[-1].set_xlabel("seconds")
    with AtomicFile(path) as output:
        figure.savefig(output.file, format="png")


def _plot(
    panel: Axes, looks: list[Footprint], field: str, label: str, colour: str, unit: int
) -> None:
    for playing, style in ((True, "."), (False, "o-")):
        chosen = [look for look in looks if look.playing is playing]
        panel.plot(
            [look.at_s for look in chosen],
            [getattr(look, field) / unit for look in chosen],
            style,
            color=colour,
            alpha=0.35 if playing else 1.0,
            markersize=3,
            label=None if playing else label,
        )


def _title(report: SoakReport) -> str:
    verdict = "nothing grew" if not report.verdict.growth else "; ".join(report.verdict.growth)
    return (
        f"{report.songs} songs, {report.restarts} restarts, {report.seconds / 60:.1f} minutes: "
        f"{verdict}"
    )
