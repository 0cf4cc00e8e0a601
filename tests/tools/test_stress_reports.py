# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports of stress runs, with what plugins write in bad faith: it stays text, in every format."""

import io
import json
import math
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from rich.cells import cell_len

from host.stress.storable import storable
from host.stress.verdict import (
    CheckResult,
    Finding,
    Plot,
    PluginResult,
    RunInfo,
    StressReport,
    Verdict,
    settle,
)
from ipc.errors import InputError
from tests.fixtures.stress_report import (
    check,
    hostile_report,
    large_report,
    rich_report,
    run_info,
)
from tools.console import ExitCode
from tools.stress.again import again_line
from tools.stress.badge import plugin_badge, run_badge
from tools.stress.figures import figure
from tools.stress.html import html_page
from tools.stress.junit import junit_xml
from tools.stress.outcome import exit_code
from tools.stress.outputs import Outputs
from tools.stress.progress import StressProgress
from tools.stress.svg import plot_svg
from tools.stress.terminal import print_report
from tools.stress.text import block, stack

REPORTS: dict[str, Callable[[], StressReport]] = {
    "rich": rich_report,
    "hostile": hostile_report,
    "large": lambda: large_report(40, 30),
    "empty": lambda: StressReport(run=run_info()),
}
every_report = pytest.mark.parametrize("name", REPORTS)

# Of text that goes to a terminal or a page.
UNSAFE = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


# ---------------------------------------------------------------- terminal


def _printed(report: StressReport) -> str:
    output = io.StringIO()
    print_report(report, output)
    return output.getvalue()


@every_report
def test_a_terminal_is_shown_no_control_characters_and_80_columns(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = _printed(REPORTS[name]())
    assert not UNSAFE.search(text)
    wide = [line for line in text.split("\n") if cell_len(line) > 80]
    assert not [line for line in wide if "again: " not in line]  # those are to be copied


def test_the_terminal_says_what_is_wrong_and_how_to_see_it_again() -> None:
    text = _printed(rich_report())
    assert "ZamEQ2 (vst3) · level 5 · 24 checks · 22 pass 1 warn 1 skip · safe\n" in text
    assert "→ NOT SAFE: crash in state-fuzz and 4 more" in text
    assert "† crash  state-fuzz (new, was pass): SIGSEGV after 17 of 400 damaged states" in text
    assert "#2  BrokenReverb::Processor::setStateInformation(void" in text
    log = "/home/qa/.local/share/isobooth/stress/2025-11-03 run/BrokenReverb-state-fuzz.calls"
    assert f"again: isobooth stress replay '{log}'\n" in text
    assert "suppressed: " in text and "(known, see #12)" in text
    assert "buffer-sizes" not in text  # what passed takes no room


def test_badges_say_whether_a_plugin_is_safe() -> None:
    def judged(*checks: CheckResult) -> str:
        return plugin_badge(PluginResult(plugin="x:y", checks=list(checks)), 5).judgement

    skip, error = check("s", Verdict.SKIP), check("e", Verdict.ERROR)
    assert judged() == judged(skip) == "nothing was checked"
    assert judged(check("a"), skip, check("w", Verdict.WARN)) == "safe"
    assert judged(check("a"), error) == "NOT KNOWN: 1 check could not be done"
    assert judged(check("a", Verdict.HANG), error) == "NOT SAFE: hang in a and 1 more"
    known = check("a", Verdict.FAIL, change="same", was="fail")
    assert judged(known) == "NOT SAFE: fail in a (known before)"
    cut = PluginResult(plugin="x:y", checks=[check("a"), check("can-be-created")], planned=34)
    assert plugin_badge(cut, 5).judgement == "NOT KNOWN: 33 of 34 checks were not done"
    crashed = PluginResult(plugin="x:z", checks=[check("a", Verdict.CRASH)], planned=34)
    assert plugin_badge(crashed, 5).judgement == "NOT SAFE: crash in a"
    run = StressReport(run=run_info(), plugins=[cut, crashed])
    run.run.interrupted = True
    settle(run)
    assert run_badge(run).judgement == "1 NOT SAFE, 1 not known, INTERRUPTED"
    assert [plugin.verdict for plugin in run.plugins] == ["error", "crash"]
    report = rich_report()
    assert run_badge(report).judgement == "1 safe, 1 NOT SAFE, 1 not known, 5 new failures"
    assert run_badge(StressReport(run=run_info())).judgement == "nothing was checked"


def test_a_run_is_done_again_as_it_was_typed() -> None:
    report = rich_report()
    assert again_line(report).startswith("isobooth stress --level 5 --seed 20251103 --jobs 2 ")
    assert "'vst3:/home/qa/builds/1182/artifacts/release/VST3/Broken Reverb.vst3'" in again_line(
        report
    )
    report.run.words = ["isobooth", "stress", "a b"]
    assert again_line(report) == "isobooth stress 'a b'"


def test_long_texts_keep_what_says_most() -> None:
    assert block("a\n" * 10 + "last\n", 2) == "… 9 lines before\na\nlast"
    assert block("\ta\x1b[2J\r\nb", 5) == "        a\\x1b[2J\nb"
    assert stack([str(depth) for depth in range(9)], 2) == ["#0  0", "#1  1", "… 7 more"]
    (line,) = stack(["f" * 300 + " in lib.so"], 2, 40)
    assert len(line) == 40 and line.endswith("f… in lib.so")


# ---------------------------------------------------------------- progress


def _followed(capfd: pytest.CaptureFixture[str], *, shown: bool, quiet: bool = False) -> str:
    report = hostile_report()
    report.plugins += rich_report().plugins
    total = sum(len(plugin.checks) for plugin in report.plugins)
    capfd.readouterr()
    with StressProgress(
        plugins=len(report.plugins), checks=total, level=5, quiet=quiet, shown=shown
    ) as progress:
        for plugin in report.plugins:
            for done in plugin.checks:
                progress.starting(plugin, done.check)
                progress.finished(plugin, done)
            progress.finished_plugin(plugin)
        progress.say("warning: \x1b[2J")
    written = capfd.readouterr()
    assert not written.out
    return written.err


def test_a_log_has_a_line_for_what_is_wrong(capfd: pytest.CaptureFixture[str]) -> None:
    text = _followed(capfd, shown=False)
    assert not UNSAFE.search(text)
    assert "† crash Broken Reverb (vst3): state-fuzz: SIGSEGV after 17 of 400" in text
    assert "ZamEQ2 (vst3) · level 5 · 24 checks · 22 pass 1 warn 1 skip · safe\n" in text
    assert "buffer-sizes" not in text and "warning: \\x1b[2J" in text


def test_a_run_whose_results_are_json_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    assert _followed(capfd, shown=False, quiet=True) == "warning: \\x1b[2J\n"


def test_the_display_shows_how_far_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    text = _followed(capfd, shown=True)
    assert "56/56 checks, 13/13 plugins" in text and "35 pass" in text
    assert "\x1b[2J" not in text and "owned\x07" not in text


def test_the_display_lists_what_is_checked_now_and_no_more_than_fits() -> None:
    progress = StressProgress(plugins=20, checks=100, level=5, shown=False)
    for number in range(20):
        progress.starting(PluginResult(plugin=f"lv2:urn:{number}"), "load")
    assert len(progress._render_current(0.0)[0].rows) == 8  # type: ignore[attr-defined]


# ---------------------------------------------------------------- JSON


def test_keys_of_the_report_are_only_ever_added() -> None:
    """Baselines and other people's programs read them. Add to this list; change nothing in it."""
    promised = {
        Plot: "kind title x_label y_label x y labels limit limit_label",
        Finding: "verdict message key stack suppressed",
        CheckResult: "check verdict seconds message findings figures plots signal signature "
        "backtrace threads stderr log reruns expected change was",
        PluginResult: "plugin name vendor version format path verdict seconds planned checks",
        RunInfo: "started_at seconds level seed jobs timeout_s isobooth machine baseline "
        "interrupted words",
        StressReport: "schema run plugins summary",
    }
    for struct, keys in promised.items():
        assert set(keys.split()) <= set(struct.__struct_fields__), struct
    assert " ".join(Verdict) == "pass skip warn fail hang crash error"
    assert StressReport(run=run_info()).schema == 1


def test_every_key_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "stress-reports.md").read_text()
    for struct in (StressReport, RunInfo, PluginResult, CheckResult, Finding, Plot):
        missing = [key for key in struct.__struct_fields__ if f"`{key}`" not in page]
        assert not missing, struct
    assert not [verdict for verdict in Verdict if f"`{verdict}`" not in page]


@every_report
def test_what_is_stored_can_be_read_again(name: str) -> None:
    report = storable(REPORTS[name]())
    written = msgspec.json.encode(report)
    assert msgspec.json.decode(written, type=StressReport) == report
    assert storable(report) == report


def test_what_json_cannot_hold_is_left_out() -> None:
    plot = Plot(
        kind="bars", title="", x_label="", y_label="", y=[1.0, math.nan, 3.0],
        labels=["a", "b", "c"], limit=math.inf,
    )  # fmt: skip
    done = check("a", figures={"a": 1.0, "b": math.nan}, plots=[plot], stderr="\udcff")
    report = StressReport(run=run_info(), plugins=[PluginResult(plugin="x:y", checks=[done])])
    stored = storable(report).plugins[0].checks[0]
    assert stored.figures == {"a": 1.0} and stored.stderr == "\\udcff"
    assert (stored.plots[0].y, stored.plots[0].labels) == ([1.0, 3.0], ["a", "c"])
    assert stored.plots[0].limit is None
    assert math.isnan(done.figures["b"])  # a copy


# ---------------------------------------------------------------- JUnit


@every_report
def test_junit_is_xml_and_counts_right(name: str) -> None:
    report = REPORTS[name]()  # as it comes, with what is no Unicode
    root = ElementTree.fromstring(junit_xml(report))
    assert root.tag == "testsuites" and len(root) == len(report.plugins)
    for place in (root, *root):
        cases = list(place.iter("testcase"))
        assert int(place.attrib["tests"]) == len(cases)
        for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(place.attrib[key]) == sum(case.find(tag) is not None for case in cases)
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(set(names)) == len(names) == sum(len(plugin.checks) for plugin in report.plugins)
    text = junit_xml(report).decode()
    assert not re.search("[^\n\t\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)


def _case(root: ElementTree.Element, name: str) -> ElementTree.Element:
    found = [case for case in root.iter("testcase") if case.get("name") == name]
    return found[-1]


def test_junit_fails_where_the_run_fails() -> None:
    root = ElementTree.fromstring(junit_xml(rich_report()))
    crash = _case(root, "state-fuzz").find("failure")
    assert crash is not None and crash.get("type") == "crash" and crash.text is not None
    assert crash.get("message", "").startswith("SIGSEGV after 17 of 400 damaged states")
    assert "isobooth stress replay" in crash.text and "setStateInformation" in crash.text
    stderr = _case(root, "state-fuzz").find("system-err")
    assert stderr is not None and "size 4294967295?!" in (stderr.text or "")
    known = _case(root, "rt-safety").find("skipped")
    assert known is not None and known.get("message", "").startswith("fail (expected: ISSUE-418)")
    assert _case(root, "load").find("error") is not None
    warned = _case(root, "memory-growth")
    assert [child.tag for child in warned] == ["system-out"]
    figures = {one.get("name"): one.get("value") for one in root.iter("property")}
    assert figures["timing.p99_us"] == "1890.5"


def test_plugins_of_one_name_are_told_apart_in_junit() -> None:
    plugins = [
        PluginResult(plugin=f"lv2:http://x.org/{one}", name="X", format="lv2", checks=[check("a")])
        for one in "ab"
    ]
    root = ElementTree.fromstring(junit_xml(StressReport(run=run_info(), plugins=plugins)))
    classes = [case.get("classname", "") for case in root.iter("testcase")]
    assert classes == ["stress.X (lv2) lv2:http://x_org/a", "stress.X (lv2) lv2:http://x_org/b"]


# ---------------------------------------------------------------- HTML

_VOID = {"meta", "input", "br", "img", "link", "hr"}
_KNOWN_TAGS = """
    html head meta title style body header main footer section article h1 h2 h3 p a b em small
    code pre span div ul li dl dt dd table thead tbody tr th td label input details summary
    svg text rect line polyline
"""


class _Page(HTMLParser):
    """What the page is made of; tags that are not closed in order are an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@every_report
def test_the_page_is_html_that_needs_nothing_else(name: str) -> None:
    text = html_page(storable(REPORTS[name]())).decode()
    page = _Page(text)
    assert page.tags <= set(_KNOWN_TAGS.split())  # no script, no image, nothing that a plugin wrote
    for attribute, value in page.attributes:
        assert not attribute.startswith("on") and attribute not in ("src", "srcset", "action")
        if attribute == "href":
            assert value[:1] == "#" and value[1:] in page.ids
    assert len(set(page.ids)) == len(page.ids)
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style and "@import" not in style
    assert not UNSAFE.search(text)


def test_the_page_tells_all_that_is_known_of_a_crash() -> None:
    text = html_page(storable(rich_report())).decode()
    for told in (
        "SIGSEGV", "5e1fc0de91ab34d2", "Processor::setStateInformation", "size 4294967295?!",
        "new, was pass", "ISSUE-418", "deadline 2,666.7", "suppressed: known, see #12",
        "AMD Ryzen 7 5800X", "last-night.json", "isobooth stress replay",
        "Other threads, 1", "loader", "holds_the_lock+0x9",
    ):  # fmt: skip
        assert told in text, told
    assert text.count("<svg") == 6


def test_a_long_page_stays_small_and_folds_what_passed() -> None:
    report = large_report(300, 30)
    text = html_page(storable(report)).decode()
    assert len(text) < 6_000_000
    assert len(re.findall(r'<details class="plugin[^>]* open', text)) == 0


def test_what_a_plugin_writes_without_end_is_cut() -> None:
    done = check("a", Verdict.CRASH, stderr="x" * 1_000_000 + "\n" * 100_000, message="y" * 10**6)
    report = StressReport(run=run_info(), plugins=[PluginResult(plugin="x:y", checks=[done])])
    assert len(html_page(report)) < 100_000
    assert len(_printed(report)) < 5_000
    assert len(junit_xml(report)) < 2_000_000


# ---------------------------------------------------------------- plots


def _plot(kind: str, x: list[float], y: list[float], **fields: object) -> Plot:
    return Plot(kind=kind, title="t", x_label="x", y_label="y", x=x, y=y, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["histogram", "line", "bars"])
@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([0.0], [0.0]),
        ([1.0, 2.0], [5.0, 5.0]),
        ([1.0, 1.0], [5.0, 6.0]),
        ([-1e308, 1e308], [-1e308, 1e308]),
        ([1e-320, 2e-320, 4e-320], [1e-320, 2e-320, 0.0]),
        ([10.0**power for power in range(8)], [float(one) for one in range(8)]),
        ([float(one) for one in range(20_000)], [math.sin(one) for one in range(20_000)]),
        ([3.0, 1.0, 2.0], [1.0, 2.0]),
    ],
)
@pytest.mark.parametrize("limit", [None, 0.0, 2.5, -1e300, 1e300, math.nan])
def test_any_numbers_make_a_picture(
    kind: str, x: list[float], y: list[float], limit: float | None
) -> None:
    text = plot_svg(_plot(kind, x, y, limit=limit))
    root = ElementTree.fromstring(text)
    for element in root.iter():
        for name in ("x", "y", "x1", "x2", "y1", "y2", "width", "height"):
            if element.get(name) is not None:
                assert -200 <= float(element.get(name, "")) <= 700
    assert len(text) < 250_000 and "nan" not in text and "inf" not in text


def test_nothing_to_draw_is_no_picture() -> None:
    assert plot_svg(_plot("line", [], [])) == plot_svg(_plot("pie", [1.0], [1.0])) == ""


def test_a_single_late_block_is_seen_beyond_the_deadline() -> None:
    text = plot_svg(
        _plot("histogram", [0.0, 1000.0, 2000.0, 3000.0], [1e6, 50.0, 0.0, 1.0], limit=2666.0,
              limit_label="deadline")
    )  # fmt: skip
    root = ElementTree.fromstring(text)
    bars = [element for element in root if element.tag == "rect"]
    assert [bar.get("class") for bar in bars] == ["bar", "bar", "bar over"]
    assert float(bars[-1].get("height", "")) >= 1.5
    assert "deadline 2,666" in text


def test_a_limit_far_away_does_not_squeeze_the_picture() -> None:
    x = [float(one) for one in range(10)]
    text = plot_svg(_plot("histogram", x, x, limit=2666.0))
    assert "limit 2,666 →" in text and 'class="limit"' not in text


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("p99_us", 1890.5, ("p99", "1,890 µs")),
        ("slope_kib_per_round", 0.02, ("slope", "0.02 KiB/round")),
        ("cpu_percent", 15.1, ("cpu", "15.1 %")),
        ("late_blocks", 20_000.0, ("late blocks", "20,000")),
        ("s", 1.0, ("s", "1")),
        ("tiny", 1e-9, ("tiny", "1e-09")),
        ("none", 0.0, ("none", "0")),
    ],
)
def test_figures_have_units(name: str, value: float, told: tuple[str, str]) -> None:
    assert figure(name, value) == told


# ---------------------------------------------------------------- files and exit codes


def test_the_files_of_a_run_are_written_and_replace_their_last_ones(tmp_path: Path) -> None:
    outputs = Outputs(*(str(tmp_path / f"run.{kind}") for kind in ("json", "xml", "html")))
    for report in (hostile_report(), rich_report()):
        outputs.check([])
        outputs.write(report)
    assert json.loads((tmp_path / "run.json").read_text())["summary"]["crash"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.html", "run.json", "run.xml"]


def test_json_goes_to_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    Outputs(json="-").check([])
    Outputs(json="-").write(hostile_report())
    assert json.loads(capfd.readouterr().out)["schema"] == 1


def test_files_of_others_are_not_replaced_unasked(tmp_path: Path) -> None:
    other = tmp_path / "index.html"
    other.write_text("<html>mine</html>")
    for outputs in (Outputs(html=str(other)), Outputs(junit=str(other)), Outputs(json=str(other))):
        with pytest.raises(InputError, match="exists already and is no"):
            outputs.check([])
        outputs.check([], force=True)
    new = str(tmp_path / "new")
    for outputs, told in (
        (Outputs(html=new, junit=new), "input or output of the same run"),
        (Outputs(html=new, json=new), "input or output of the same job"),
        (Outputs(html=str(tmp_path)), "is no file"),
        (Outputs(junit=new + "/x/y"), "does not exist"),
        (Outputs(junit="/proc/x.xml"), "--junit /proc/x.xml: cannot be written"),
        (Outputs(html="/proc/x.html"), "--html /proc/x.html: cannot be written"),
        (Outputs(json="/proc/x.json"), "--json /proc/x.json: cannot be written"),
    ):
        with pytest.raises(InputError, match=told):
            outputs.check([])
    with pytest.raises(InputError, match="input or output"):
        Outputs(html=new).check([Path(new)])


def test_the_exit_code_says_whether_the_run_failed() -> None:
    report = rich_report()
    assert exit_code(report) is ExitCode.FAILED
    report.run.interrupted = True
    assert exit_code(report) is ExitCode.INTERRUPTED
    known = check("a", Verdict.CRASH, change="same", was="crash")
    report = StressReport(run=run_info(), plugins=[PluginResult(plugin="x:y", checks=[known])])
    assert exit_code(report) is ExitCode.OK
    assert exit_code(StressReport(run=run_info())) is ExitCode.OK
