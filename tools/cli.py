# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: one app, a module of tools/commands/ for each command, by its name.

`isobooth --help` must answer at once, so this module and the command modules import nothing heavy
at their top (numpy, SQLAlchemy, matplotlib and the rest are imported by the command that runs),
and a test measures it.
"""

import importlib
import inspect
import os
from collections.abc import Sequence
from typing import Annotated

import typer

from tools import console

# In the order of the help. Each module has `register(app)`.
COMMANDS = (
    "demo",
    "render",
    "plugin",
    "plugins",
    "scan",
    "stress",
    "soak",
    "play",
    "open",
    "ui",
    "crashes",
    "blacklist",
    "permissions",
    "trust",
    "grouping",
    "doctor",
    "bench",
)


# Where one of these is set, Qt finds a screen.
SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


def build_app(commands: Sequence[str] = COMMANDS) -> typer.Typer:
    """The whole command line, or some of its commands."""
    app = typer.Typer(
        name="isobooth",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in commands:
        importlib.import_module(f"tools.commands.{name}").register(app)
    _let_flow(app)
    return app


def _let_flow(app: typer.Typer) -> None:
    """Joins the lines of each paragraph of the help: Typer does so for the first one only, and
    the others would break where the source does and where the terminal does."""
    for command in app.registered_commands:
        text = inspect.getdoc(command.callback) or ""
        command.help = "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
    for group in app.registered_groups:
        if group.typer_instance is not None:
            _let_flow(group.typer_instance)


def run(arguments: Sequence[str]) -> int:
    """Run one command to its end; its exit code. None named: a window is opened where there is a
    screen, else the help is shown."""
    if not arguments and any(os.environ.get(name) for name in SCREENS):
        arguments = ["open"]
    # Where one is named, nothing tells of the others, and to get them ready takes a moment.
    commands = [name for name in COMMANDS if name in arguments[:1]] or COMMANDS

    def command() -> object:
        return build_app(commands)(list(arguments), prog_name="isobooth", standalone_mode=False)

    return console.exit_code_of(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        from host.version import isobooth_version

        typer.echo(f"isobooth {isobooth_version()}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """A DAW host in which every plugin plays in its own process."""


def main() -> None:
    """Run the command that was typed, and exit, as the installed command does."""
    from tools import entry

    entry.main()


if __name__ == "__main__":
    main()
