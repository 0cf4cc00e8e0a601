# SPDX-License-Identifier: GPL-3.0-or-later
"""What every command has in common: fast help, one line an error, exit codes, clean stdout."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from host.version import isobooth_version
from ipc.errors import InputError, IsoboothError, MachineError
from tools import console
from tools.console import ExitCode, exit_code_of

ROOT = Path(__file__).parents[2]

HEAVY = ("numpy", "sqlalchemy", "matplotlib", "minihost", "sounddevice", "pedalboard", "PyQt6")


def _python(code: str, **arguments: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **arguments,
    )


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from tools.cli import run; run(['--help']); "
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    assert _python(code).stderr.strip() == "[]"


def test_a_command_is_not_held_up_by_the_others() -> None:
    code = (
        "import sys; from tools.cli import COMMANDS, run; run(['scan', '--help']); "
        "print([name for name in COMMANDS if f'tools.commands.{name}' in sys.modules],"
        " file=sys.stderr)"
    )
    assert _python(code).stderr.strip() == "['scan']"


def test_a_scan_that_finds_nothing_new_imports_neither_the_orm_nor_what_runs_plugins(
    tmp_path: Path,
) -> None:
    code = (
        f"import sys; from tools.cli import run; run(['scan', {str(tmp_path)!r}]); "
        "print([name for name in ('sqlalchemy.orm', 'host.scan.look', 'numpy', 'rich')"
        " if name in sys.modules], file=sys.stderr)"
    )
    ended = _python(code, env=os.environ | {"ISOBOOTH_DATA": str(tmp_path / "data")})
    assert ended.stderr.strip().endswith("[]")
    assert (tmp_path / "data" / "catalogue.db").exists()


def test_the_version_is_told(run_cli: Any) -> None:
    assert run_cli("--version") == (0, f"isobooth {isobooth_version()}\n", "")


def test_no_command_shows_the_help(run_cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for screen in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(screen, raising=False)
    ended = run_cli()
    assert ended.code == ExitCode.USAGE
    assert "crashes" in ended.out + ended.err


@pytest.mark.parametrize(
    "words", [["nonsense"], ["--nonsense"], ["crashes", "show"], ["crashes", "list", "-n", "x"]]
)
def test_wrong_usage_is_one_line_and_says_where_help_is(run_cli: Any, words: list[str]) -> None:
    ended = run_cli(*words)
    assert ended.code == ExitCode.USAGE
    assert ended.out == ""
    assert ended.err.count("\n") == 1
    assert ended.err.startswith("isobooth: ")
    assert "--help`" in ended.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (IsoboothError("song.json: 2 of 3 files failed"), 1),
        (InputError("song.json: no such file"), 2),
        (MachineError("no audio device"), 3),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], error: IsoboothError, code: int
) -> None:
    def command() -> None:
        raise error

    assert exit_code_of(command) == code
    assert capsys.readouterr() == ("", f"isobooth: {error}\n")


def test_a_message_of_several_lines_becomes_one(capsys: pytest.CaptureFixture[str]) -> None:
    console.error("first\n  second\n")
    assert capsys.readouterr().err == "isobooth: first second\n"


def test_ctrl_c_is_no_error_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        raise KeyboardInterrupt

    assert exit_code_of(command) == ExitCode.INTERRUPTED
    assert capsys.readouterr().err == "isobooth: interrupted\n"


def test_ctrl_c_inside_a_command_is_the_same(run_cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*words: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tools.doctor.check.run_checks", interrupt)
    assert run_cli("doctor") == (ExitCode.INTERRUPTED, "", "isobooth: interrupted\n")


def _bug() -> None:
    raise KeyError("strip 3")


def test_a_bug_is_one_line_and_its_traceback_is_in_a_file(
    data_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(_bug) == ExitCode.FAILED
    log = data_folder / console.LOG_NAME
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "this is a bug: KeyError: 'strip 3'" in told
    assert str(log) in told
    assert "Traceback" in log.read_text()
    exit_code_of(_bug)
    assert log.read_text().count("Traceback") == 2


def test_the_log_of_bugs_does_not_grow_for_ever(data_folder: Path) -> None:
    data_folder.mkdir()
    log = data_folder / console.LOG_NAME
    log.write_bytes(b"x" * (console.LOG_LIMIT_BYTES + 1))
    exit_code_of(_bug)
    assert log.stat().st_size < 100_000


def test_a_bug_without_a_data_folder_is_logged_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ISOBOOTH_DATA", str(tmp_path / "file" / "data"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    exit_code_of(_bug)
    (log,) = tmp_path.glob("isobooth-error-*.log")
    assert str(log) in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--help"], ["blacklist", "--json"], ["blacklist"]])
def test_a_closed_pipe_is_quiet(words: list[str], tmp_path: Path) -> None:
    """As `isobooth … | head -0` does it."""
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-m", "tools.cli", *words],
        cwd=ROOT,
        env=os.environ | {"ISOBOOTH_DATA": str(tmp_path)},
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (ExitCode.OUTPUT_CLOSED, b"")


def _shell(command: str, data: Path) -> subprocess.CompletedProcess[str]:
    python = f"{sys.executable} -m tools.cli"
    return subprocess.run(
        ["sh", "-c", command.replace("isobooth", python)],
        cwd=ROOT,
        env=os.environ | {"ISOBOOTH_DATA": str(data)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_full_disk_is_not_called_a_bug(tmp_path: Path) -> None:
    ended = _shell("isobooth blacklist >/dev/full", tmp_path)
    assert ended.stderr == "isobooth: standard output: cannot be written: the disk is full\n"
    assert ended.returncode == ExitCode.MACHINE


@pytest.mark.parametrize("closed", [">&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_hurt_nobody(tmp_path: Path, closed: str) -> None:
    ended = _shell(f"isobooth blacklist {closed}", tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_errors_never_reach_stdout_where_stderr_is_closed(tmp_path: Path) -> None:
    ended = _shell("isobooth blacklist remove 3 --json 2>&-", tmp_path)
    assert (ended.returncode, ended.stdout) == (ExitCode.USAGE, "")


def test_an_interrupted_process_exits_with_130(tmp_path: Path) -> None:
    code = (
        "import signal; from tools.console import exit_code_of; "
        "raise SystemExit(exit_code_of(lambda: signal.raise_signal(signal.SIGINT)))"
    )
    # A shell that runs tests in the background has them ignore Ctrl-C.
    listen = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    ended = _python(code, preexec_fn=listen)
    assert ended.returncode == ExitCode.INTERRUPTED


def test_what_a_plugin_wrote_cannot_command_the_terminal() -> None:
    assert console.printable("\x1b[2Jgone\r\n") == "\\x1b[2Jgone\\r\\n"


def test_a_table_is_aligned_and_cut_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_table(("A", "B"), [("x" * 300, "[bold]"), ("\u97f3", "")])
    header, first, second = capsys.readouterr().out.splitlines()
    assert first == "x" * 300 + "  [bold]"
    assert header.index("B") == first.index("[")
    assert second == "\u97f3"
