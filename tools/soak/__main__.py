# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tools.soak`, which is what `make soak` runs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tools import console

_app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@_app.command()
def soak(
    minutes: Annotated[float, typer.Option(min=0.05, max=10080.0, help="How long.")] = 10.0,
    song_seconds: Annotated[
        float, typer.Option(min=1.0, max=3600.0, help="How long each song is played.")
    ] = 8.0,
    json: Annotated[Path | None, typer.Option(help="Write all that was seen here.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Write a PNG with plots here.")] = None,
) -> int:
    """Play songs whose workers are killed, stopped and crashed every second; exit 1 if the host
    has grown or lost a plugin."""
    import msgspec

    from host.user_file import AtomicFile
    from tools.soak.picture import draw
    from tools.soak.run import Soak

    report = Soak(minutes * 60, song_seconds, console.note).run()
    if json is not None:
        with AtomicFile(json) as output:
            output.file.write(msgspec.json.format(msgspec.json.encode(report), indent=2))
    if picture is not None:
        draw(report, picture)
    growth_mib = report.verdict.memory_growth_bytes / 2**20
    print(
        f"{report.songs} songs, {report.blocks} blocks, {report.restarts} restarts in "
        f"{report.seconds:.0f} s; memory {growth_mib:+.1f} MiB over the run"
    )
    for line in (*report.verdict.growth, *report.problems):
        console.error(line)
    return console.ExitCode.OK if report.passed else console.ExitCode.FAILED


def main() -> None:
    """Run as a command of its own."""
    sys.exit(console.exit_code_of(lambda: _app(standalone_mode=False)))


if __name__ == "__main__":
    main()
