# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings of an audit name functions as a crash report would, and keep their keys whether or not
names are there."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from host.stress.checks import ALL
from host.stress.runner import StressOptions, StressRun
from host.stress.verdict import Finding
from host.stress.workshop import Workshop
from sandbox._native import audit_sees_numbers
from tests.fixtures.build import fixture_library

LIBRARY = Path(__file__).parents[2] / "sandbox" / "libisobooth_audit.so"

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(
        not LIBRARY.exists(), reason="sandbox/libisobooth_audit.so is not built (make native)"
    ),
]


@pytest.fixture
def auditor() -> Iterator[Workshop]:
    with Workshop(audits=True) as made:
        yield made


def found(auditor: Workshop, library: Path, label: str, check: str) -> list[Finding]:
    options = StressOptions(only=frozenset({check}), reruns=0)
    report = StressRun([f"ladspa:{library}#{label}"], ALL, options, auditor, auditor).run()
    return report.plugins[0].checks[0].findings


def test_a_static_function_is_named_and_its_key_is_that_of_the_stripped_library(
    auditor: Workshop, tmp_path: Path
) -> None:
    whole = tmp_path / "whole" / "plugin.so"
    stripped = tmp_path / "stripped" / "plugin.so"
    for copy in (whole, stripped):
        copy.parent.mkdir()
        shutil.copy(fixture_library("audit_fixture"), copy)
    subprocess.run(["strip", "--strip-all", stripped], check=True)

    check = "allocates-nothing-in-process"
    named, plain = (found(auditor, one, "private", check) for one in (whole, stripped))
    assert [one.key for one in named] == [one.key for one in plain]
    assert [one.key.partition("+")[0] for one in named] == ["malloc plugin.so", "free plugin.so"]
    for finding in named:
        assert finding.stack[0].startswith("allocate_in_private+0x"), finding
        assert "plugin.so+0x" in finding.stack[0] and " at audit_fixture.c:" in finding.stack[0]
        assert finding.stack[1].startswith("run_private+0x"), finding
        assert finding.stack[0] in finding.message
    # No name is left, but where the function begins is known, as for a crash.
    assert [one.stack[0].partition("+")[0] for one in plain] == ["?", "?"]
    assert [one.stack[0].partition(" in ")[2] for one in plain] == [
        one.stack[0].partition(" in ")[2].partition(" at ")[0] for one in named
    ]


@pytest.mark.skipif(not audit_sees_numbers(), reason="this processor cannot trap bad numbers")
def test_the_key_of_an_exported_function_is_its_name(auditor: Workshop) -> None:
    library = fixture_library("audit_fixture")
    [finding] = found(auditor, library, "nan", "makes-good-numbers")
    assert finding.key == f"invalid operation run_nan in {library.name}"
    assert finding.stack[0].startswith("run_nan+0x")


def test_a_name_that_is_no_text_is_escaped(auditor: Workshop) -> None:
    findings = found(
        auditor, fixture_library("audit_fixture"), "odd", "allocates-nothing-in-process"
    )
    lines = [line for line in findings[0].stack if "run_odd" in line]
    assert len(lines) == 1
    assert lines[0].startswith(r"run_odd_\xff+0x") and lines[0].isprintable()
