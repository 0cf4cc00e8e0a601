# SPDX-License-Identifier: GPL-3.0-or-later
"""Exceptions for plugins: which fits, what they add up to, and the file that people edit."""

from pathlib import Path

import pytest

from host.permission_file import (
    CONFIG_VARIABLE,
    load_permissions,
    parse_permissions,
    permission_file,
    remove_rule,
    rule_of,
    save_rule,
)
from host.permissions import PermissionRules, PluginRule, rule_id
from ipc.errors import InputError

ZAM = "vst3:/usr/lib/vst3/ZamVerb.vst3"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config" / "permissions.toml"


def test_a_plugin_without_a_rule_has_the_default() -> None:
    made = PermissionRules().of(ZAM)
    assert (made.profile, made.read, made.write, made.network) == ("default", (), (), False)
    assert not made.display
    assert PermissionRules(forced="open").of("clap:/x").display  # it may whatever its user may
    assert PermissionRules(profile="strict").of(ZAM).profile == "strict"


def test_rules_add_up_and_the_last_word_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    rules = PermissionRules(
        rules=(
            PluginRule(id="vst3:*", read=("~/Samples",), network=True, memory_mb=100),
            PluginRule(id="*", display=True),
            PluginRule(id=ZAM, profile="strict", read=("/a/../b",), network=False),
            PluginRule(id="vst3:*/Other.vst3", profile="open"),
        )
    )
    made = rules.of(ZAM)
    assert made.profile == "strict"
    assert made.read == ("/home/me/Samples", "/b")
    assert (made.network, made.display, made.memory_mb) == (False, True, 100)
    assert rules.of("lv2:urn:x").read == ()
    forced = rules.forcing("default").of(ZAM)
    assert (forced.profile, forced.read) == ("default", made.read)


def test_brackets_in_an_id_mean_themselves() -> None:
    assert PluginRule(id="vst3:/x/Echo [beta]*").fits("vst3:/x/Echo [beta].vst3")
    assert not PluginRule(id="vst3:/x/Echo [beta]*").fits("vst3:/x/Echo b.vst3")


def test_a_question_mark_in_an_id_means_itself() -> None:
    assert PluginRule(id="fault:segv?after=*").fits("fault:segv?after=1")
    assert not PluginRule(id="vst3:/x/Wh?t.vst3").fits("vst3:/x/What.vst3")


@pytest.mark.parametrize("plugin", ["lv2:urn:*", "clap:/x/*.clap", "lv2:urn:[*]", "lv2:urn:[[*]*]"])
def test_a_rule_for_one_plugin_fits_no_other_whatever_that_is_called(
    file: Path, plugin: str
) -> None:
    save_rule(PluginRule(id=rule_id(plugin), display=True), file)
    rules = load_permissions(file)
    assert rules.of(plugin).display and rule_of(rule_id(plugin), rules).display
    for other in (plugin.replace("*", "other"), plugin.replace("[", ""), plugin + "*"):
        assert other == plugin or not rules.of(other).display


def test_a_file_is_read_as_it_is_documented() -> None:
    text = f'''
profile = "strict"

[[plugin]]
id = "{ZAM}"
profile = "default"
read = ["~/Samples", "/srv/irs"]
write = ["~/Verb"]
network = true
display = true
memory_mb = 4096
'''
    assert parse_permissions(text, "f") == PermissionRules(
        profile="strict",
        rules=(
            PluginRule(
                id=ZAM,
                profile="default",
                read=("~/Samples", "/srv/irs"),
                write=("~/Verb",),
                network=True,
                display=True,
                memory_mb=4096,
            ),
        ),
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("profile = open", "f: line 1, column 11: "),
        ('\nprofile = "wide"', "f: line 2: profile must be one of strict, default, open"),
        ('\n\nprofil = "open"', "f: line 3: profil is not known here; known: profile, plugin"),
        ('[[plugin]]\nid = "vst3"', "f: line 2: id must be a plugin id"),
        ("[[plugin]]\nnetwork = true", "f: line 1: id must be a plugin id"),
        ('[[plugin]]\nid = "a:b"\n\n[[plugin]]\nid = "a:c"\nnetwork = 1', "f: line 6: network"),
        ('[[plugin]]\nid = "a:b"\nread = "/x"', "f: line 3: read must be a list of paths"),
        ('[[plugin]]\nid = "a:b"\nwrite = ["x"]', "f: line 3: write must hold absolute paths"),
        ('[[plugin]]\nid = "a:b"\nmemory_mb = true', "f: line 3: memory_mb must be a whole"),
        ('[[plugin]]\nid = "a:b"\nmemory_mb = 1', "f: line 3: memory_mb must be a whole"),
        ('[plugin]\nid = "a:b"', "f: line 1: plugin is written as [[plugin]]"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(text: str, told: str) -> None:
    with pytest.raises(InputError) as error:
        parse_permissions(text, "f")
    assert str(error.value).startswith(told)
    assert "\n" not in str(error.value)


def test_no_file_is_no_exception(file: Path) -> None:
    assert load_permissions(file) == PermissionRules()
    file.parent.mkdir()
    file.touch()
    assert load_permissions(file) == PermissionRules()


def test_a_rule_is_written_and_read_back(file: Path) -> None:
    rule = PluginRule(
        id='vst3:/x/Ec"ho\\ 1.vst3', profile="strict", read=("/a b",), write=("~/ü",), network=False
    )
    save_rule(rule, file)
    assert load_permissions(file).rules == (rule,)
    assert remove_rule(rule.id, file)
    assert not remove_rule(rule.id, file)
    assert load_permissions(file) == PermissionRules()


def test_what_people_wrote_stays(file: Path) -> None:
    file.parent.mkdir()
    file.write_text(
        '# mine\nprofile = "strict"  # careful\n\n# the reverb\n[[plugin]]\n'
        f'id = "{ZAM}"\nread = ["/a"]  # irs\n\n# all others\n[[plugin]]\nid = "lv2:*"\n'
    )
    save_rule(PluginRule(id=ZAM, read=("/a", "/b")), file)
    save_rule(PluginRule(id="clap:/x", network=True), file)
    text = file.read_text()
    for kept in ("# mine\n", "# careful\n", "# the reverb\n[[plugin]]", "# all others\n[[plugin]]"):
        assert kept in text
    rules = load_permissions(file)
    assert rules.profile == "strict"
    assert [rule.id for rule in rules.rules] == [ZAM, "lv2:*", "clap:/x"]
    assert rule_of(ZAM, rules).read == ("/a", "/b")


def test_a_file_with_a_mistake_is_not_rewritten(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("profile = nonsense")
    with pytest.raises(InputError, match="line 1"):
        save_rule(PluginRule(id=ZAM, network=True), file)
    assert file.read_text() == "profile = nonsense"


def test_the_file_is_among_the_users_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", "/home/me/.config")
    assert permission_file() == Path("/home/me/.config/isobooth/permissions.toml")
    monkeypatch.setenv(CONFIG_VARIABLE, "/elsewhere")
    assert permission_file() == Path("/elsewhere/permissions.toml")
