# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check finds the fault that was planted for it, and has nothing to say of a clean plugin."""

import io
import platform
import re
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from host.stress import denormals
from host.stress.checks import ALL, BY_NAME
from host.stress.display import is_there
from host.stress.runner import StressOptions, StressRun
from host.stress.verdict import CheckResult, Verdict
from host.stress.workshop import Workshop
from ipc.description import PluginDescription
from tests.fixtures.build import fixture_library
from tests.fixtures.lv2_bundle import make_lv2_bundle

# The plugin with a fault that the check must find, and what it makes of it: of stress_fixture.c, or
# with "lv2 " before its name of stress_lv2_fixture.c; the VST3 one is the second of vst3_fixture.c.
PLANTED = (
    ("once", "lives-and-dies", Verdict.FAIL, "cannot be created twice"),
    ("nan", "sends-numbers", Verdict.FAIL, "NaN"),
    ("unwritten", "sends-numbers", Verdict.FAIL, "unwritten"),
    ("unset-memory", "sends-numbers", Verdict.FAIL, "memory that it has not written"),
    ("runaway", "sends-numbers", Verdict.FAIL, "runs away"),
    ("subnormal", "sends-numbers", Verdict.WARN, "told to make none"),
    ("subnormal-sound", "sends-numbers", Verdict.WARN, "for noise, in hosts that do not help"),
    ("subnormal-tail", "sends-numbers", Verdict.WARN, "4 s after its input has ended"),
    ("hangs", "sends-numbers", Verdict.HANG, "did not come back"),
    ("hang-threads", "sends-numbers", Verdict.HANG, "waiting in pthread_mutex_lock for process in"),
    ("locale", "leaves-the-process-alone", Verdict.FAIL, "the locale"),
    ("float-mode", "leaves-the-process-alone", Verdict.FAIL, "floating-point mode"),
    ("phones", "asks-for-nothing-forbidden", Verdict.WARN, "asked for"),
    ("pid", "same-each-time", Verdict.WARN, "two runs differ"),
    ("edge", "every-parameter", Verdict.FAIL, "with 'Gain' at 1"),
    ("edge-crash", "every-parameter", Verdict.CRASH, "with 'Gain' at 1: crashed with SIGSEGV"),
    ("forgets", "state-is-the-sound", Verdict.FAIL, "does not hold 'Echo'"),
    ("forgets-quietly", "state-is-the-sound", Verdict.WARN, "which is not heard"),
    ("state-stale", "state-is-the-sound", Verdict.FAIL, "Hz, with the same values"),
    ("slow", "meets-its-deadlines", Verdict.FAIL, "µs"),
    ("rarely-slow", "meets-its-deadlines", Verdict.FAIL, "the same ones each time"),
    ("per-block", "any-block-size", Verdict.WARN, "sounds different"),
    ("high-rate", "any-rate-and-size", Verdict.FAIL, "at 176400 Hz"),
    ("rate-gain", "same-at-any-rate", Verdict.WARN, "at 96 kHz it sounds different"),
    ("not-in-place", "in-place-or-not", Verdict.FAIL, "in place it sounds different"),
    ("offset", "keeps-the-middle", Verdict.WARN, "an offset of 0.05"),
    ("late", "latency-is-true", Verdict.WARN, "64 later"),
    ("clicks", "no-clicks-between-blocks", Verdict.FAIL, "clicks of"),
    ("inside-clicks", "no-clicks-inside-blocks", Verdict.WARN, "48 clicks of up to"),
    ("clips", "leaves-the-tops-round", Verdict.WARN, "it clips at 0.050"),
    ("clips-at-full", "leaves-the-tops-round", Verdict.WARN, "it clips at 1.000"),
    ("lv2 not-in-place", "in-place-or-not", Verdict.FAIL, "in place it sounds different"),
    ("lv2 key-first", "in-place-or-not", Verdict.FAIL, "in place it sounds different"),
    ("vst3 not-in-place", "in-place-or-not", Verdict.FAIL, "in place it sounds different"),
    ("writes-beyond", "stays-in-its-buffers", Verdict.CRASH, "SIGSEGV"),
    ("lv2 writes-beyond", "stays-in-its-buffers", Verdict.CRASH, "SIGSEGV"),
    ("vst3 writes-beyond", "stays-in-its-buffers", Verdict.CRASH, "SIGSEGV"),
    ("lv2 reads-before", "stays-in-its-buffers", Verdict.CRASH, "SIGSEGV"),
    ("reads-before", "stays-in-its-buffers", Verdict.CRASH, "SIGSEGV"),
    ("reads-key-beyond", "stays-in-its-buffers", Verdict.CRASH, "SIGSEGV"),
    ("writes-key", "stays-in-its-buffers", Verdict.CRASH, "SIGSEGV"),
    ("allocates", "allocates-nothing-in-process", Verdict.FAIL, "malloc"),
    ("locks", "locks-nothing-in-process", Verdict.WARN, "pthread_mutex_lock"),
    ("system-call", "asks-the-kernel-for-nothing-in-process", Verdict.FAIL, "getppid"),
    ("divides", "makes-good-numbers", Verdict.WARN, "invalid operation in process+0x"),
    ("tiny", "makes-good-numbers", Verdict.WARN, "underflow in process+0x"),
    ("words", "words-mean-what-they-say", Verdict.WARN, "means nothing to it"),
    ("lazy", "automation-is-on-time", Verdict.WARN, "frames late"),
    ("late-one", "automation-is-on-time", Verdict.WARN, "'Echo' is heard"),
    ("late-far", "automation-is-on-time", Verdict.WARN, "'Spare 20' is heard"),
    ("ignores-times", "automation-is-on-time", Verdict.WARN, "frames before its frame"),
    ("deaf", "hears-its-side-chain", Verdict.WARN, "its side-chain changes nothing"),
    ("shared", "many-at-once", Verdict.FAIL, "among others"),
    ("denormals", "not-slower-for-quiet-sounds", Verdict.WARN, "times as long"),
    ("poisoned", "recovers-from-nonsense", Verdict.WARN, "still sends them"),
    ("trusts-state", "survives-broken-state", Verdict.CRASH, "SIGSEGV"),
    ("long-tail", "tail-is-true", Verdict.WARN, "sounds for 0.5"),
    ("sleeps", "touches-only-memory-that-is-there", Verdict.FAIL, "it waited"),
    ("faults-pages", "touches-only-memory-that-is-there", Verdict.WARN, "page faults"),
    ("leaks", "gives-back-what-it-takes", Verdict.FAIL, "KiB are lost"),
    ("leaks-maps", "gives-back-what-it-takes", Verdict.FAIL, "maps stay behind"),
    ("leaks-threads", "gives-back-what-it-takes", Verdict.FAIL, "threads stay behind"),
    ("leaks-files", "gives-back-what-it-takes", Verdict.FAIL, "files stay behind"),
    ("rare-crash", "survives-anything", Verdict.CRASH, "SIGSEGV"),
    ("hungry", "bears-lack-of-memory", Verdict.CRASH, "SIGSEGV"),
    ("lv2 empty-block", "any-block-size", Verdict.CRASH, "SIGFPE"),
    ("lv2 broken-program", "every-program", Verdict.FAIL, "in program 0 'Loud'"),
    ("lv2 crashing-program", "every-program", Verdict.CRASH, "in program 0 'Loud': crashed with"),
    ("fixed-room", "survives-wrong-block-sizes", Verdict.WARN, "larger than it was prepared for"),
    ("empty-block", "survives-wrong-block-sizes", Verdict.WARN, "blocks without frames"),
    ("trusts-malloc", "survives-failed-allocations", Verdict.WARN, "creation does not survive"),
    ("trusts-disk", "survives-a-full-disk", Verdict.CRASH, "SIGSEGV"),
    ("needs-a-file", "survives-a-full-disk", Verdict.CRASH, "SIGSEGV"),
    ("no-room", "survives-a-full-disk", Verdict.CRASH, "SIGSEGV"),
    (
        "maps-to-disk",
        "survives-a-full-disk",
        Verdict.FAIL,
        r"writes to 'planted\udcff\n.map' through memory",
    ),
    ("gives-up", "survives-a-slow-disk", Verdict.FAIL, "saves no state on a slow disk"),
    ("hasty", "survives-a-slow-disk", Verdict.FAIL, "does not hold 'Echo'"),
    ("slow-crash", "survives-a-slow-disk", Verdict.CRASH, "SIGSEGV"),
    ("impatient", "survives-a-slow-disk", Verdict.FAIL, "cannot be created on a slow disk"),
    ("impatient-maps", "survives-a-slow-disk", Verdict.FAIL, "cannot be created on a slow disk"),
    ("editor-crash", "opens-its-editor", Verdict.CRASH, "SIGSEGV"),
    ("blank-editor", "opens-its-editor", Verdict.WARN, "300 × 200 stays blank"),
    ("flat-editor", "opens-its-editor", Verdict.FAIL, "reports a size of 300 × 0"),
    ("vast-editor", "opens-its-editor", Verdict.FAIL, "reports a size of 100000 × 200"),
    ("grows-editor", "opens-its-editor", Verdict.FAIL, "reports a size of 4000000000 × "),
    ("lv2 editor-crash", "opens-its-editor", Verdict.CRASH, "SIGSEGV"),
    ("lv2 blank-editor", "opens-its-editor", Verdict.WARN, "300 × 100 stays blank"),
    ("lv2 stuck-editor", "opens-its-editor", Verdict.HANG, "did not come back"),
    ("vst3 editor-crash", "opens-its-editor", Verdict.CRASH, "SIGSEGV"),
    ("waits", "survives-no-network", Verdict.WARN, "without a network, it takes"),
)
# What is no fault, or the business of another check.
QUIET = [
    ("impatient", "asks-for-nothing-forbidden"),  # reads what it may
    ("hisses", "many-at-once"),
    ("keyed", "hears-its-side-chain"),
    ("keyed", "stays-in-its-buffers"),
    ("lv2 keyed", "hears-its-side-chain"),
    ("vst3 editor", "hears-its-side-chain"),
    ("unwritten", "no-clicks-between-blocks"),
    ("unset-memory", "keeps-the-middle"),
    ("runaway", "keeps-the-middle"),
    ("reserves-room", "survives-a-full-disk"),
    ("vst3 two-outputs", "hears-its-side-chain"),
    ("vst3 two-outputs", "in-place-or-not"),
    ("writes-much", "survives-a-slow-disk"),  # 30 s long, where it hangs after 4
]
# Checks that clean LV2 and VST3 plugins must pass as well, hosted as they are by JUCE.
ALSO_JUCE = ("in-place-or-not", "stays-in-its-buffers")
ALSO_LV2 = (
    *ALSO_JUCE,
    "any-block-size",
    "any-rate-and-size",
    "every-program",
    "survives-a-slow-disk",
    "survives-failed-allocations",
)
# Clean plugins that have what a check is about; the others have nothing to skip.
CLEAN = {
    "every-program": "lv2 clean",
    "opens-its-editor": "editor",
    "hears-its-side-chain": "keyed",
}
CLEAN_EDITORS = ("editor", "lv2 editor", "lv2 inside-editor", "vst3 editor")
# Plugins that say that they cannot work in place, and are not asked to.
NOT_IN_PLACE = [
    (name, "in-place-or-not") for name in ("says-not-in-place", "lv2 says-not-in-place")
]
# LV2 plugins without an editor that can be opened, and what is said of it.
NO_EDITORS = {
    "lv2 clean": "the plugin has no editor",
    "lv2 gtk-editor": "only of another kind: GtkUI",
    "lv2 needy-editor": "asks of its host what is not offered: windowOfGold",
}
VST3_CLASSES = {"vst3 editor-crash": "#49736F62FF6F74684669787475726532"}
# Those that lie in a folder of their name, by which they know what to be.
VST3_FOLDERS = ("clean", "not-in-place", "two-outputs", "writes-beyond")


needs_display = pytest.mark.skipif(
    not is_there(), reason="there is no Xvfb on this machine (package xvfb)"
)
needs_slow_denormals = pytest.mark.skipif(
    not denormals.are_slow(), reason="this processor is as quick with denormals"
)
pytestmark = pytest.mark.timeout(300)  # the first test waits for all


NEEDS = {
    "opens-its-editor": needs_display,
    "not-slower-for-quiet-sounds": needs_slow_denormals,
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("planted") / "planted.clap"
    shutil.copy(fixture_library("stress_fixture"), copy)
    return copy


@pytest.fixture(scope="module")
def vst3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a folder for each fault."""
    folder = tmp_path_factory.mktemp("vst3")
    for fault in VST3_FOLDERS:
        code = folder / fault / "planted.vst3" / "Contents" / f"{platform.machine()}-linux"
        code.mkdir(parents=True)
        shutil.copy(fixture_library("vst3_fixture"), code / "planted.so")
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With an LV2 bundle, where JUCE looks for one."""
    home = tmp_path_factory.mktemp("home")
    make_lv2_bundle(home / ".lv2")
    return home


@pytest.fixture(scope="module")
def found(library: Path, vst3: Path, home: Path) -> dict[tuple[str, str], CheckResult]:
    """What each check says of the plugin with its fault, and of the clean one."""
    pairs = [(fault, check) for fault, check, _, _ in PLANTED]
    pairs += [("clean", check) for check in BY_NAME]
    pairs += [("lv2 clean", check) for check in ALSO_LV2]
    pairs += [("vst3 clean", check) for check in ALSO_JUCE]
    pairs += NOT_IN_PLACE
    editors = ("late-editor", *CLEAN_EDITORS, *NO_EDITORS)
    pairs += [(fault, "opens-its-editor") for fault in editors]
    pairs += QUIET
    timed = [pair for pair in pairs if BY_NAME[pair[1]].is_timed]
    others = [pair for pair in pairs if not BY_NAME[pair[1]].is_timed]
    with (
        Workshop(timeout_s=4.0, environment={"HOME": str(home)}) as workshop,
        Workshop(timeout_s=4.0, audits=True, environment={"HOME": str(home)}) as auditor,
    ):

        def ask(pair: tuple[str, str]) -> CheckResult:
            fault, check = pair
            options = StressOptions(only=frozenset({check}), reruns=0)
            plugin = f"clap:{library}#{fault}"
            if fault.startswith("lv2 "):
                plugin = fault.replace("lv2 ", "lv2:urn:isobooth:planted:")
            if fault.startswith("vst3 "):
                name = fault.removeprefix("vst3 ")
                folder = vst3 / (name if name in VST3_FOLDERS else "clean")
                plugin = f"vst3:{folder / 'planted.vst3'}{VST3_CLASSES.get(fault, '')}"
            report = StressRun([plugin], ALL, options, workshop, auditor).run()
            [result] = report.plugins[0].checks
            return result

        with ThreadPoolExecutor(2) as pool:
            results = dict(zip(others, pool.map(ask, others), strict=True))
        return results | {pair: ask(pair) for pair in timed}


@pytest.mark.parametrize(
    ("fault", "check", "verdict", "words"),
    [pytest.param(*one, marks=NEEDS.get(one[1], ())) for one in PLANTED],
)
def test_a_planted_fault_is_found(
    found: dict[tuple[str, str], CheckResult],
    fault: str,
    check: str,
    verdict: Verdict,
    words: str,
) -> None:
    result = found[fault, check]
    assert result.verdict is verdict, result
    assert words in result.message, result.message
    if verdict is Verdict.CRASH:
        assert result.signal and result.signature
        assert any("planted." in line for line in result.backtrace)
    if verdict is Verdict.HANG:
        assert any("planted." in line for line in result.backtrace)


def test_files_that_it_may_have_are_noted(found: dict[tuple[str, str], CheckResult]) -> None:
    result = found["impatient", "asks-for-nothing-forbidden"]
    assert [one.message for one in result.findings] == ["it reads /etc/passwd"]
    assert result.figures == {"files_outside": 1}
    assert found["clean", "asks-for-nothing-forbidden"].figures == {"files_outside": 0}


def test_a_hang_keeps_the_stacks_of_all_threads(
    found: dict[tuple[str, str], CheckResult],
) -> None:
    threads = found["hang-threads", "sends-numbers"].threads
    [holder] = [one for one in threads if any("holds_it_for_ever" in line for line in one.stack)]
    assert len(threads) > 1 and "pause" in holder.stack[0]


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("pid", "same-each-time"),
        ("per-block", "any-block-size"),
        ("not-in-place", "in-place-or-not"),
        ("state-stale", "state-is-the-sound"),
        ("shared", "many-at-once"),
    ],
)
def test_what_should_be_the_same_has_a_spectrum_of_its_difference(
    found: dict[tuple[str, str], CheckResult], fault: str, check: str
) -> None:
    plots = [plot for plot in found[fault, check].plots if plot.title.startswith("Difference")]
    assert plots and all(len(plot.y) == 128 and plot.y_label == "dBFS" for plot in plots)


def test_the_slowest_block_is_in_the_histogram(
    found: dict[tuple[str, str], CheckResult],
) -> None:
    result = found["rarely-slow", "meets-its-deadlines"]
    [histogram] = [plot for plot in result.plots if plot.kind == "histogram"]
    assert histogram.x[-1] < result.figures["max_us"] < 1.5 * histogram.x[-1]
    assert histogram.y[-1] >= 1


@pytest.mark.parametrize(
    "check", [pytest.param(name, marks=NEEDS.get(name, ())) for name in sorted(BY_NAME)]
)
def test_a_clean_plugin_passes(found: dict[tuple[str, str], CheckResult], check: str) -> None:
    result = found[CLEAN.get(check, "clean"), check]
    assert result.verdict is Verdict.PASS, result


@pytest.mark.parametrize(("fault", "check"), QUIET)
def test_nothing_is_told_twice_or_without_need(
    found: dict[tuple[str, str], CheckResult], fault: str, check: str
) -> None:
    assert found[fault, check].verdict is Verdict.PASS, found[fault, check]


@pytest.mark.parametrize("check", ALSO_LV2)
def test_a_clean_lv2_plugin_passes(found: dict[tuple[str, str], CheckResult], check: str) -> None:
    assert found["lv2 clean", check].verdict is Verdict.PASS, found["lv2 clean", check]


@pytest.mark.parametrize("check", ALSO_JUCE)
def test_a_clean_vst3_plugin_passes(found: dict[tuple[str, str], CheckResult], check: str) -> None:
    result = found["vst3 clean", check]
    assert result.verdict is Verdict.PASS and not result.findings, result


@pytest.mark.parametrize(("plugin", "check"), NOT_IN_PLACE)
def test_who_says_no_is_not_asked(
    found: dict[tuple[str, str], CheckResult], plugin: str, check: str
) -> None:
    result = found[plugin, check]
    assert result.verdict is Verdict.SKIP and "it cannot" in result.message, result


@needs_display
@pytest.mark.parametrize("plugin", CLEAN_EDITORS)
def test_a_clean_editor_passes(found: dict[tuple[str, str], CheckResult], plugin: str) -> None:
    result = found[plugin, "opens-its-editor"]
    assert result.verdict is Verdict.PASS, result
    assert result.figures["can_be_resized"] == 1.0
    with Image.open(io.BytesIO(result.pictures[0].png)) as picture:
        assert picture.size == (300, 200)
        assert picture.getpixel((60, 35)) == (255, 255, 255)  # inside of what it draws
        assert picture.getpixel((250, 150)) == (0, 0, 0)


@needs_display
def test_an_editor_that_draws_a_second_late_is_seen(
    found: dict[tuple[str, str], CheckResult],
) -> None:
    result = found["late-editor", "opens-its-editor"]
    assert result.verdict is Verdict.PASS, result
    assert result.figures["colours"] == 3


@needs_display
@pytest.mark.parametrize("plugin", NO_EDITORS)
def test_why_an_editor_cannot_be_opened_is_said(
    found: dict[tuple[str, str], CheckResult], plugin: str
) -> None:
    result = found[plugin, "opens-its-editor"]
    assert result.verdict is Verdict.SKIP, result
    assert NO_EDITORS[plugin] in result.message


def test_a_side_chain_that_no_host_of_ours_reaches_is_not_called_deaf() -> None:
    check = BY_NAME["hears-its-side-chain"]()
    remark = "its side-chain input (2 channels) cannot be reached and hears silence"
    about = PluginDescription(id="x", name="x", format="lv2", out_channels=2)
    assert check.unfit(about) == "it has no side-chain"
    assert check.unfit(msgspec.structs.replace(about, remarks=["slow", remark])) == remark
    assert not check.unfit(msgspec.structs.replace(about, sidechain_channels=1))


def test_every_check_has_a_planted_fault() -> None:
    assert {check for _, check, _, _ in PLANTED} == set(BY_NAME)


def test_the_documented_faults_are_those_that_are_planted() -> None:
    page = (Path(__file__).parents[2] / "docs" / "stress.md").read_text()
    table = page.partition("| planted fault |")[2].partition("\n\n")[0]
    told: Counter[tuple[str, str]] = Counter()
    for line in table.splitlines()[2:]:
        check, fault, verdict, clean = (cell.strip(" `") for cell in line.strip("|").split("|"))
        formats = re.search(r"\(((?:CLAP|LV2|VST3)(?:, (?:CLAP|LV2|VST3))*)\)$", fault)
        told[check, verdict] += len(formats[1].split(", ")) if formats else 1
        assert clean == "pass", line
    assert told == Counter((check, str(verdict)) for _, check, verdict, _ in PLANTED)
