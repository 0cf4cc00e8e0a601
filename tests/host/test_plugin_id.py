# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugin ids are read in one way, written back as they were, and refused with an example."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from host.plugin_id import EXAMPLES, PluginFormat, PluginId
from ipc.errors import InputError


@pytest.mark.parametrize(
    "text",
    [
        *EXAMPLES.values(),
        "vst3:/opt/My Plugins/Ω#1?.vst3",
        "lv2:urn:zamaudio:ZaMaximX2",
        "lv2:http://example.org/x?a=b&c=d#e",
        "ladspa:/opt/c#/amp.so#amp",
        "clap:/opt/c#/two.clap",
        "clap:/opt/c#/X#1.clap",
        "clap:/opt/two.clap#http://example.org/synth#2",
        "clap:/opt/two.so#synth",
        "fault:segv",
        "builtin:latency?frames=512",
        "fault:sleep?ms=2.5&after=100",
    ],
)
def test_an_id_comes_back_as_it_was_written(text: str) -> None:
    assert str(PluginId.parse(text)) == text


def test_the_parts_of_an_id() -> None:
    ladspa = PluginId.parse("ladspa:/opt/c#/amp.so#amp")
    assert (ladspa.format, ladspa.path, ladspa.label) == (
        PluginFormat.LADSPA,
        "/opt/c#/amp.so",
        "amp",
    )
    clap = PluginId.parse("clap:/opt/c#/two.CLAP#com.example.Synth")
    assert (clap.path, clap.label) == ("/opt/c#/two.CLAP", "com.example.Synth")
    assert PluginId.parse("clap:/opt/c#/X#1.clap").label == ""
    fault = PluginId.parse("fault:sleep?ms=2.5&after=100")
    assert (fault.target, fault.args, fault.path) == (
        "sleep",
        (("ms", "2.5"), ("after", "100")),
        None,
    )
    assert PluginId.parse("lv2:urn:a:b").target == "urn:a:b"
    assert len({PluginId.parse("builtin:gain"), PluginId.parse("builtin:gain")}) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foo", 'expected an id such as "vst3:/usr/lib/vst3/X.vst3", got "foo"'),
        ("Zam EQ2", "; `isobooth plugins search 'Zam EQ2'` finds ids by names"),
        ("/a/X.vst3", 'did you mean "vst3:/a/X.vst3"?'),
        ("http://a/b", 'did you mean "lv2:http://a/b"?'),
        ("VST3:/a", 'the format is written "vst3"'),
        ("vst:/a", "the formats are vst3, lv2, clap, ladspa, pedalboard, builtin, fault"),
        ("/a/X.clap", 'did you mean "clap:/a/X.clap"?'),
        ("clap:X.clap", "the absolute path of a CLAP plugin"),
        ("clap:/a/X.clap#", "# and an id"),
        ("clap:#b", "the absolute path"),
        ("vst3:X.vst3", "the absolute path of a VST3 plugin"),
        ("vst3:", "the absolute path"),
        ("lv2:amp", "the URI of an LV2 plugin"),
        ("lv2:http://a b", "the URI"),
        ("ladspa:/a.so", "# and a label"),
        ("ladspa:/a.so#", "# and a label"),
        ("ladspa:#amp", "# and a label"),
        ("pedalboard:1x", "the class of a pedalboard effect"),
        ("builtin:Gain", "the name of a built-in device"),
        ("fault:segv?", "key=value"),
        ("fault:segv?after", "key=value"),
        ("fault:segv?after=1&after=2", "key=value"),
        ("fault:?after=1", "key=value"),
        ("vst3:/a\nb", 'got "vst3:/a?b"'),
        ("", 'got ""'),
    ],
)
def test_a_wrong_id_is_answered_with_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        PluginId.parse(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@given(
    st.text()
    | st.sampled_from([*PluginFormat]).flatmap(
        lambda head: st.text().map(lambda tail: f"{head}:{tail}")
    )
)
@example("vst3:/\ud800")
@example("clap:/a.clap#")
@example("clap:/a.CLAP#b.clap#c")
def test_any_text_is_an_id_that_round_trips_or_an_input_error(text: str) -> None:
    try:
        parsed = PluginId.parse(text)
    except InputError as error:
        str(error).encode()
        assert len(str(error).splitlines()) == 1
    else:
        assert str(parsed) == text
        assert PluginId.parse(str(parsed)) == parsed


def test_what_is_quoted_can_be_printed_whatever_it_is() -> None:
    with pytest.raises(InputError) as refused:
        PluginId.parse("\U00018d09\x1b[2J")
    assert str(refused.value).isprintable()
