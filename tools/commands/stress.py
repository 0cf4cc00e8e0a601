# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth stress`: is a plugin safe to ship, or to use?"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from tools import console
from tools.options import JsonOption, ProfileOption, file_name, number
from tools.progress_lines import ProgressOption

if TYPE_CHECKING:
    from host.stress.call_log import CallLog
    from host.stress.check import Check
    from host.stress.replay import Replayed
    from host.stress.verdict import CheckResult

_RUN = "run"


class _RunByDefault(TyperGroup):
    """`stress PLUGIN` is `stress run PLUGIN`: plugins' ids have a colon, commands have none."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = [_RUN, *args]
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """With all options of the command that needs no name."""
        super().format_help(ctx, formatter)
        run = self.commands[_RUN]
        run.format_help(
            run.context_class(run, info_name=ctx.info_name, parent=ctx.parent), formatter
        )


stress = typer.Typer(
    cls=_RunByDefault, no_args_is_help=True, help="Is a plugin safe to ship, or to use?"
)

SeedOption = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of all that is random.")]
TimeoutOption = Annotated[
    float,
    typer.Option(
        "--timeout",
        parser=number(0.5, 3600.0),
        metavar="S",
        help="Seconds for which a plugin may stand still before it hangs.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add `stress` to the command line."""
    app.add_typer(stress, name="stress")


@stress.command(_RUN)
def run_command(
    plugins: Annotated[
        list[str] | None, typer.Argument(metavar="PLUGIN_ID…", help="One plugin, or many.")
    ] = None,
    level: Annotated[
        int, typer.Option(min=1, max=10, help="1: seconds, and never wrong; 5: before a release.")
    ] = 5,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="CHECK,…", help="These, of any level.")
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option("--skip", metavar="CHECK,…", help="All but these.")
    ] = None,
    seed: SeedOption = 1,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Workers at a time; without it, one a core."),
    ] = None,
    timeout_s: TimeoutOption = 20.0,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="DIR",
            parser=file_name,
            help="A folder for report.json, report.html, junit.xml and the logs of calls.",
        ),
    ] = None,
    junit: Annotated[str | None, typer.Option(metavar="F", help="JUnit XML goes there.")] = None,
    json: Annotated[
        str | None, typer.Option(metavar="F", help="JSON goes there; - is standard output.")
    ] = None,
    html: Annotated[str | None, typer.Option(metavar="F", help="One HTML file.")] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline",
            metavar="F",
            parser=file_name,
            help="An earlier JSON report: only what is worse than there fails.",
        ),
    ] = None,
    suppressions: Annotated[
        Path | None,
        typer.Option(
            "--suppressions",
            metavar="F",
            parser=file_name,
            help="Findings that are known, and why they are all right.",
        ),
    ] = None,
    list_checks: Annotated[bool, typer.Option("--list", help="Say what checks there are.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace files that are no reports.")
    ] = False,
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster", metavar="ADDRESS", help="Run on a Dask cluster, such as tcp://host:8786."
        ),
    ] = None,
    profile: ProfileOption = None,
    progress: ProgressOption = "auto",
) -> None:
    """Run checks on plugins, each in a process of its own.

    A check that a plugin does not pass is run three times, to tell what happens always from what
    happens now and then. Exit code 0: nothing failed; 1: something did (with a baseline: something
    that was better there).
    """
    from host.stress.checks import ALL

    if list_checks:
        if plugins:
            raise typer.BadParameter(f"--list lists all checks; what is {plugins[0]} for?")
        _print_checks(ALL, json)
        return
    if not plugins:
        raise typer.BadParameter("which plugins? `isobooth plugins` lists what was scanned")
    from host.plugin_id import PluginId
    from host.plugin_there import check_is_there
    from host.stress.baseline import compare, load_baseline
    from host.stress.death import PluginMissing
    from host.stress.runner import StressOptions, StressRun, chosen
    from host.stress.suppressions import load_suppressions
    from host.stress.verdict import settle
    from host.stress.workshop import Workshop
    from ipc.errors import IsoboothError
    from tools.commands.permission_rules import permission_rules
    from tools.foreground import Stop, in_foreground
    from tools.stress.events import StressEvents, tell_end
    from tools.stress.folder import ReportFolder
    from tools.stress.outcome import exit_code
    from tools.stress.outputs import Outputs
    from tools.stress.progress import StressProgress
    from tools.stress.terminal import print_report

    ids = [PluginId.parse(plugin) for plugin in plugins]
    if cluster is None:  # else it is for other machines to say
        for one in ids:
            check_is_there(one)
    wanted = [str(one) for one in ids]
    names = {check.name for check in ALL}
    options = StressOptions(
        level=level,
        only=_names(only, names),
        skip=_names(skip, names),
        seed=seed,
        jobs=jobs or os.cpu_count() or 1,
        timeout_s=timeout_s,
    )
    if not chosen(ALL, options):
        raise typer.BadParameter("--skip leaves nothing of what was chosen")
    earlier = load_baseline(baseline) if baseline is not None else None
    known = load_suppressions(suppressions, names) if suppressions is not None else None
    outputs = Outputs(json, junit, html)
    outputs.check([one for one in (baseline, suppressions) if one is not None], force)
    rules = permission_rules(profile)
    quiet = json == "-"

    with ReportFolder(report, keeps_logs=report is not None, force=force) as folder:

        def work(stop: Stop) -> StressRun:
            checks = chosen(ALL, options)
            total = len(checks) * len(set(wanted))
            follower = (
                StressEvents(checks=total, level=level)
                if progress == "json"
                else StressProgress(
                    plugins=len(set(wanted)), checks=total, level=level, quiet=quiet
                )
            )
            with (
                follower as watcher,
                Workshop(rules, timeout_s=timeout_s) as workshop,
                Workshop(rules, timeout_s=timeout_s, audits=True) as auditor,
            ):
                run = StressRun(
                    plugins=wanted,
                    checks=ALL,
                    options=folder.with_logs(options),
                    workshop=workshop,
                    auditor=auditor,
                    watcher=watcher,
                    stop=stop.check,
                )
                if known is not None:
                    run.judge = known.apply_to_check
                run.report.run.words = ["isobooth", *sys.argv[1:]]
                runs.append(run)
                if cluster is not None:
                    from host.stress.cluster import run_on_cluster

                    run_on_cluster(cluster, run, rules, watcher.say)
                run.run()
                return run

        runs: list[StressRun] = []
        interrupted = False
        failure: Exception | None = None
        try:
            in_foreground(work)
        except KeyboardInterrupt:
            interrupted = True
            if not runs:
                raise
        except PluginMissing:
            raise  # no check has begun
        except Exception as error:  # a full disk, a mistake of ours: not a word may be lost
            if not runs or not any(plugin.checks for plugin in runs[0].report.plugins):
                raise
            interrupted, failure = True, error
        made = runs[0].report
        made.run.interrupted = made.run.interrupted or interrupted
        settle(made)
        remarks = known.remarks() if known is not None and not interrupted else []
        if earlier is not None:
            made.run.baseline = earlier.name
            remarks += compare(made, earlier)
        for files in (outputs, folder):
            try:
                files.write(made)
            except (IsoboothError, OSError) as error:
                failure = failure or error
        for remark in remarks:
            console.warn(remark)
        if progress == "json":
            tell_end(made)
        if not quiet:
            print_report(made)
        if failure is not None:
            raise failure
        raise typer.Exit(exit_code(made))


@stress.command("replay")
def replay_command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", parser=file_name, help="A log that stress has kept.")
    ],
    shrink: Annotated[
        bool, typer.Option("--shrink", help="Find the shortest that still fails.")
    ] = False,
    times: Annotated[int, typer.Option(min=1, max=10000, help="Do it so often.")] = 1,
    script: Annotated[
        Path | None,
        typer.Option(
            "--script", metavar="F", parser=file_name, help="Write it as a Python program."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="F", parser=file_name, help="The shrunk log."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    timeout_s: TimeoutOption = 20.0,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Do again what a log says, to the bit, and say whether it comes to the same end.

    Where the answers alone do not tell, because a check compares or measures them, the check is
    asked again. Exit code 0: it comes to the same end, each time; 1: it does not, or the shrunk
    log does not.
    """
    from host.stress.call_log import read_log, write_log
    from host.stress.judgement import judge, needs_audit
    from host.stress.replay import replay, shows
    from host.stress.script import script_of, write_script
    from host.stress.shrink import shrink as shrink_log
    from host.stress.workshop import Workshop
    from tools.commands.permission_rules import permission_rules
    from tools.foreground import Stop, in_foreground
    from tools.job_files import behind_the_work
    from tools.stress.replay_files import ReplayFiles, replay_files

    log = read_log(file)
    files = replay_files(file, shrink=shrink, output=output, script=script)
    files.check(file, force)
    rules = permission_rules(profile)

    def work(stop: Stop) -> tuple[list[Replayed], CallLog | None, CheckResult | None]:
        with (
            Workshop(rules, timeout_s=timeout_s, audits=needs_audit(log)) as workshop,
            stop.covering(workshop),
        ):
            done: list[Replayed] = []
            for _ in range(times):
                stop.check()
                done.append(replay(workshop, log))
            judged = judge(workshop, log, stop=stop.check)
            if not shrink or not all(one.is_same(log) for one in done) or not shows(log):
                return done, None, judged
            tell = _quiet_progress if as_json else _shrink_progress
            return done, shrink_log(workshop, log, tell=tell, stop=stop.check), None

    done, shrunk, judged = in_foreground(work)
    agrees = judged is None or (log.end is not None and judged.verdict == log.end.verdict)
    same = sum(one.is_same(log) for one in done)
    kept = shrunk or log
    flaky = shrunk.end.flaky if shrunk is not None and shrunk.end is not None else ""
    if shrunk is None and (shrink or script is None):
        files = ReplayFiles(None, None)  # a program that does not fail is of use to nobody
    with behind_the_work():
        if shrunk is not None and files.log is not None:
            write_log(shrunk, files.log)
        if files.script is not None:
            write_script(kept, files.script)
    end = done[0].end
    if as_json:
        console.print_json(
            {
                "plugin": log.plugin,
                "calls": len(log.calls),
                "times": times,
                "same": same,
                "end": end,
                "differs": done[0].differs,
                "judged": None
                if judged is None
                else {
                    "check": judged.check,
                    "verdict": judged.verdict,
                    "message": judged.message,
                },
                "shrunk": str(files.log) if shrunk else None,
                "shrunk_calls": len(shrunk.calls) if shrunk else None,
                "flaky": flaky or None,
                "script": str(files.script) if files.script else None,
            }
        )
    else:
        _tell_replayed(log, done, same)
        if log.end is not None and not shows(log):
            _tell_judged(log, judged)
        if shrunk is not None:
            left = console.counted(len(shrunk.calls), "call")
            print(f"shrunk from {len(log.calls)} to {left}: {files.log}")
        elif shrink:
            why = "it does not fail as in the log" + (" each time" if same else "")
            why = why if shows(log) else "no call fails by itself"
            print(f"nothing is cut down, and no program written: {why}")
        if flaky:
            print(f"{flaky} runs of the shrunk log failed")
        if files.script is not None:
            print(f"as a program: {files.script}")
            print()
            print(script_of(kept), end="")
    if same < times or flaky or not agrees:
        raise typer.Exit(console.ExitCode.FAILED)


def _tell_judged(log: CallLog, judged: CheckResult | None) -> None:
    """Of a complaint that is about several answers, or about times."""
    assert log.end is not None
    print(f"what {log.check or 'the check'} complained of, only it can tell: {log.end.message}")
    if judged is None:
        print(f"there is no check '{log.check}' any more that could be asked")
        return
    again = "again" if judged.verdict == log.end.verdict else "now"
    print(f"asked again, it says {again}: {judged.verdict.value}: {judged.message or 'nothing'}")


def _tell_replayed(log: CallLog, done: list[Replayed], same: int) -> None:
    from host.stress.replay import shows

    first = done[0]
    how = first.end.message if first.end is not None else "nothing goes wrong"
    if first.end is None and log.end is not None and not shows(log):
        how = "no call fails by itself"
    print(f"{log.plugin}: {console.counted(len(log.calls), 'call')}: {how}")
    if same == len(done):
        print(f"the same to the bit, {same} of {len(done)} times")
        return
    different = next(one for one in done if not one.is_same(log))
    was = log.end.message if log.end is not None else "nothing went wrong"
    print(f"the same {same} of {len(done)} times; in the log: {was}")
    if different.differs is not None:
        print(f"the answer to call {different.differs} is another one")


def _shrink_progress(calls: int, tries: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{calls} calls left, {tries} tries ", end="", file=sys.stderr, flush=True)


def _quiet_progress(calls: int, tries: int) -> None:
    pass


def _names(given: list[str] | None, known: set[str]) -> frozenset[str]:
    from difflib import get_close_matches

    names = [name for word in given or [] for name in word.split(",") if name]
    for name in names:
        if name not in known:
            near = get_close_matches(name, sorted(known), 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise typer.BadParameter(f"there is no check '{name}'{hint} (`isobooth stress --list`)")
    return frozenset(names)


def _print_checks(checks: tuple[type[Check], ...], json: str | None) -> None:
    from host.plugin_id import PluginFormat

    shown = [one for one in ("vst3", "lv2", "clap", "ladspa")]
    listed = [
        {
            "name": check.name,
            "level": check.level,
            "formats": [one for one in shown if PluginFormat(one) in check.formats],
            "what": check.what,
            "means": check.means,
            "alone": check.is_timed,
        }
        for check in checks
    ]
    if json is not None:
        from tools.job_files import check_report, write_report

        if json == "-":
            console.print_json(listed)
        else:
            check_report(json, [], False)
            write_report(json, listed)
        return
    for one in listed:
        formats = ", ".join(one["formats"]) if len(one["formats"]) < len(shown) else "all formats"  # type: ignore[arg-type]
        print(f"{one['name']}  (level {one['level']}, {formats})")
        print(f"    {one['what']}")
        print(f"    a failure means: {one['means']}")
