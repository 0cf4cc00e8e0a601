# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose files are trusted: what is new is, what has changed is told or refused, what is signed by
somebody known needs no more."""

import os
from collections.abc import Iterator
from pathlib import Path

import minisign
import pytest

from host.store.database import Database
from host.store.trust_store import TrustedBy, TrustStore
from host.trust import gate as gate_module
from host.trust.gate import Standing, TrustGate
from host.trust.settings import Policy, TrustedKey, TrustSettings, load_trust, save_trust
from host.trust.signature import Signed, signed
from ipc.errors import InputError

PAIR = minisign.KeyPair.generate()
OTHER = minisign.KeyPair.generate()
KEY = TrustedKey("Zam Audio", PAIR.public_key.to_base64().decode())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TrustStore]:
    with Database(tmp_path / "data") as database:
        yield TrustStore(database)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A VST3 bundle with two binaries."""
    folder = tmp_path / "Eq.vst3" / "Contents" / "x86_64-linux"
    folder.mkdir(parents=True)
    (folder / "Eq.so").write_bytes(b"\x7fELF first")
    (folder / "helper.so").write_bytes(b"\x7fELF helper")
    return tmp_path / "Eq.vst3"


def binary(bundle: Path, name: str = "Eq.so") -> Path:
    return bundle / "Contents" / "x86_64-linux" / name


def sign(file: Path, pair: minisign.KeyPair = PAIR) -> None:
    signature = pair.secret_key.sign(file.read_bytes(), trusted_comment="of a test")
    Path(f"{file}.minisig").write_bytes(bytes(signature))


def sign_all(bundle: Path, pair: minisign.KeyPair = PAIR) -> None:
    for name in ("Eq.so", "helper.so"):
        sign(binary(bundle, name), pair)


def gate(
    store: TrustStore, policy: Policy = Policy.REFUSE, keys: tuple[TrustedKey, ...] = ()
) -> TrustGate:
    return TrustGate(store, TrustSettings(policy, keys))


def test_what_is_seen_first_is_trusted_and_remembered(store: TrustStore, bundle: Path) -> None:
    plugin = f"vst3:{bundle}"
    assert gate(store).examine(plugin).standing is Standing.FIRST
    assert gate(store).admit(plugin).allowed
    [entry] = store.list()
    assert (entry.plugin_id, entry.path, entry.by) == (plugin, str(bundle), TrustedBy.FIRST_USE)
    assert gate(store).examine(plugin).standing is Standing.SAME


def test_a_replaced_inner_binary_is_told_or_refused(store: TrustStore, bundle: Path) -> None:
    plugin = f"vst3:{bundle}"
    gate(store).admit(plugin)
    binary(bundle, "helper.so").write_bytes(b"\x7fELF other")
    for policy in (Policy.REFUSE, Policy.ASK):
        refused = gate(store, policy).admit(plugin)
        assert not refused.allowed
        assert f"isobooth trust accept '{plugin}'" in refused.told
    warned = gate(store, Policy.WARN).admit(plugin)
    assert warned.allowed
    assert "has changed since it was trusted" in warned.told
    assert gate(store).admit(plugin).told == ""  # once


def test_what_the_user_accepts_is_loaded_again(store: TrustStore, bundle: Path) -> None:
    plugin = f"vst3:{bundle}"
    gate(store).admit(plugin)
    first = store.list()[0]
    binary(bundle).write_bytes(b"\x7fELF second")
    gate(store).accept(gate(store).examine(plugin))
    assert gate(store).admit(plugin).allowed
    now = store.list()[0]
    assert (now.by, now.first_at) == (TrustedBy.USER, first.first_at)
    assert now.sha256 != first.sha256
    assert now.since >= first.since


def test_new_times_alone_are_no_change(store: TrustStore, bundle: Path) -> None:
    plugin = f"vst3:{bundle}"
    gate(store).admit(plugin)
    os.utime(binary(bundle), (1, 1))
    assert gate(store).examine(plugin).standing is Standing.SAME


def test_a_signature_of_somebody_trusted_needs_no_question(store: TrustStore, bundle: Path) -> None:
    plugin = f"vst3:{bundle}"
    gate(store).admit(plugin)
    binary(bundle).write_bytes(b"\x7fELF update")
    sign_all(bundle)
    assert not gate(store).admit(plugin).allowed  # nobody whom we know
    assert gate(store, keys=(KEY,)).admit(plugin).allowed
    [entry] = store.list()
    assert (entry.by, entry.signer) == (TrustedBy.SIGNATURE, "Zam Audio")


@pytest.mark.parametrize("policy", list(Policy))
def test_a_forged_signature_is_refused_under_every_policy(
    policy: Policy, store: TrustStore, bundle: Path
) -> None:
    sign_all(bundle)
    binary(bundle).write_bytes(b"\x7fELF evil")
    refused = gate(store, policy, (KEY,)).admit(f"vst3:{bundle}")
    assert not refused.allowed
    assert str(binary(bundle)) in refused.told
    assert store.list() == []


def test_all_binaries_must_be_signed(bundle: Path) -> None:
    assert signed(bundle, (KEY,)) == Signed()
    sign(binary(bundle))
    assert signed(bundle, (KEY,)) == Signed()
    sign(binary(bundle, "helper.so"))
    assert signed(bundle, (KEY,)) == Signed(by=("Zam Audio",))
    assert not signed(bundle, ()).by
    sign(binary(bundle, "helper.so"), OTHER)
    found = signed(bundle, (KEY,))
    assert not found.by
    assert found.stranger is not None


@pytest.mark.parametrize("content", [b"", b"nonsense", b"a\nb\nc\nd", bytes(range(256)) * 40])
def test_a_signature_that_cannot_be_read_is_none_that_fits(content: bytes, bundle: Path) -> None:
    sign_all(bundle)
    Path(f"{binary(bundle)}.minisig").write_bytes(content)
    assert signed(bundle, (KEY,)).forged == str(binary(bundle))


def test_an_lv2_plugin_is_remembered_once_it_is_loaded(store: TrustStore, tmp_path: Path) -> None:
    bundle = tmp_path / "amp.lv2"
    bundle.mkdir()
    (bundle / "amp.so").write_bytes(b"\x7fELF amp")
    (bundle / "manifest.ttl").write_text("<urn:amp> a <urn:b> .")
    assert gate(store).admit("lv2:urn:amp").allowed
    assert gate(store).loaded("lv2:urn:amp", str(bundle)).allowed
    assert gate(store).admit("lv2:urn:amp").allowed
    (bundle / "amp.so").write_bytes(b"\x7fELF other")
    assert not gate(store).admit("lv2:urn:amp").allowed


def test_an_lv2_plugin_from_another_bundle_does_not_stay_unasked(
    store: TrustStore, tmp_path: Path
) -> None:
    for name in ("amp.lv2", "other.lv2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "amp.so").write_bytes(b"\x7fELF amp")
    gate(store).loaded("lv2:urn:amp", str(tmp_path / "amp.lv2"))
    refused = gate(store).loaded("lv2:urn:amp", str(tmp_path / "other.lv2"))
    assert not refused.allowed
    assert "comes from" in refused.told
    assert store.list()[0].path == str(tmp_path / "amp.lv2")
    warned = gate(store, Policy.WARN).loaded("lv2:urn:amp", str(tmp_path / "other.lv2"))
    assert warned.allowed and "comes from" in warned.told


def test_an_lv2_plugin_with_a_forged_signature_is_loaded_once_at_most(
    store: TrustStore, tmp_path: Path
) -> None:
    bundle = tmp_path / "amp.lv2"
    bundle.mkdir()
    (bundle / "amp.so").write_bytes(b"\x7fELF amp")
    sign(bundle / "amp.so")
    (bundle / "amp.so").write_bytes(b"\x7fELF evil")
    known = gate(store, Policy.WARN, (KEY,))
    assert known.admit("lv2:urn:amp").allowed  # where it is is not known yet
    assert not known.loaded("lv2:urn:amp", str(bundle)).allowed
    assert not known.admit("lv2:urn:amp").allowed


def test_what_cannot_be_read_any_more_is_not_taken_for_the_same(
    store: TrustStore, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = f"vst3:{bundle}"
    gate(store).admit(plugin)
    binary(bundle).write_bytes(b"\x7fELF changed")
    monkeypatch.setattr(gate_module, "sha256_of", lambda path: None)
    assert not gate(store).admit(plugin).allowed
    assert "cannot be read" in gate(store, Policy.WARN).admit(plugin).told


def test_a_signature_that_comes_later_is_looked_at(store: TrustStore, tmp_path: Path) -> None:
    file = tmp_path / "amp.so"
    file.write_bytes(b"\x7fELF amp")
    plugin = f"ladspa:{file}#amp"
    assert gate(store, keys=(KEY,)).admit(plugin).allowed
    other = tmp_path / "other"
    other.write_bytes(b"something else")
    sign(other)
    Path(f"{other}.minisig").rename(f"{file}.minisig")
    assert not gate(store, keys=(KEY,)).admit(plugin).allowed


def test_a_key_that_comes_later_finds_what_is_forged(store: TrustStore, bundle: Path) -> None:
    plugin = f"vst3:{bundle}"
    sign_all(bundle)
    binary(bundle).write_bytes(b"\x7fELF evil")
    assert gate(store).admit(plugin).allowed
    assert not gate(store, keys=(KEY,)).admit(plugin).allowed


def test_a_signature_of_nobody_known_is_told(store: TrustStore, bundle: Path) -> None:
    sign_all(bundle, OTHER)
    told = gate(store, keys=(KEY,)).admit(f"vst3:{bundle}").told
    assert "a key that you do not trust" in told


@pytest.mark.parametrize("plugin", ["builtin:gain", "fault:segv", "vst3:/nowhere/X.vst3"])
def test_what_has_no_files_is_not_judged(plugin: str, store: TrustStore) -> None:
    assert gate(store).admit(plugin).allowed
    assert store.list() == []


def test_settings_survive_being_written(tmp_path: Path) -> None:
    path = tmp_path / "trust.toml"
    assert load_trust(path) == TrustSettings()
    settings = TrustSettings(Policy.ASK).with_key('A "B"', KEY.key)
    save_trust(settings, path)
    assert load_trust(path) == settings
    assert load_trust(path).without_key('A "B"').keys == ()


@pytest.mark.parametrize(
    "text, says",
    [
        ('policy = "no"', "policy must be one of ask, warn, refuse"),
        ("policy =", "trust.toml: "),
        ("other = 1", "other is not known here"),
        ("[[key]]\nname = 1", "has a name and a key"),
        ('[[key]]\nname = "x"\nkey = "RWx"', "no minisign public key"),
        ("key = 3", "written as [[key]]"),
    ],
)
def test_a_mistake_in_the_file_is_one_line(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "trust.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_trust(path)
    assert says in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
