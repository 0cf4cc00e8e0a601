# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages are what their types say, or refused."""

from typing import Any, get_args

import msgspec
import pytest

from ipc.errors import ProtocolError
from ipc.handshake import check_versions, own_hello, own_welcome
from ipc.messages import (
    LARGE_FRAME_BYTES,
    ORDINARY_FRAME_BYTES,
    PROTOCOL_VERSION,
    Failed,
    Hello,
    LauncherReply,
    LauncherRequest,
    Load,
    Loaded,
    Message,
    Parameters,
    ParameterText,
    SavedState,
    SaveState,
    Spawned,
    Welcome,
    WorkerReply,
    WorkerRequest,
    reply_type,
)


@pytest.mark.parametrize(
    ("requests", "replies"),
    [(LauncherRequest, LauncherReply), (WorkerRequest, WorkerReply)],
    ids=["launcher", "worker"],
)
def test_every_request_names_a_reply_that_its_peer_may_send(requests: Any, replies: Any) -> None:
    for request in get_args(requests):
        assert reply_type(request) in get_args(replies), request


def test_only_messages_with_states_descriptions_or_many_plugins_may_be_large() -> None:
    types: set[type[Message]] = {*get_args(WorkerRequest), *get_args(WorkerReply)}
    large = {t.__name__ for t in types if t.max_frame_bytes == LARGE_FRAME_BYTES}
    with_state = {"Load", "SavedState", "Loaded", "Parameters", "Description"}
    on_a_rig = {"Mounted", "Perform", "Performed"}  # calls hold states, results hold sound
    assert large == {*with_state, *on_a_rig, "Gather", "Visit", "PluginList", "Probed"}
    assert Failed.max_frame_bytes == ORDINARY_FRAME_BYTES


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "saved_state", "data": b"", "applied_edit": -1},
        {"type": "saved_state", "data": 5, "applied_edit": 0},
        {"type": "saved_state", "data": b""},
        {"type": "saved_state", "data": b"", "applied_edit": 0, "more": 1},
        {"type": "parameters", "values": [float("nan")]},
        {"type": "parameters", "values": [1.01]},
        {"type": "failed", "phase": "x" * 65, "message": ""},
        {"type": "spawned", "pid": 0},
    ],
)
def test_a_message_out_of_its_bounds_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        expected = SavedState | Parameters | Failed | Spawned
        msgspec.msgpack.decode(msgspec.msgpack.encode(fields), type=expected)


def test_an_absurd_latency_is_refused() -> None:
    fields = {f.name: f.default for f in msgspec.structs.fields(Loaded) if not f.required}
    fields |= {
        "type": "loaded",
        "description": {"id": "x", "name": "x", "format": "vst3"},
        "state_used": -1,
        "state_errors": [],
        "parameters_rejected": [],
        "applied_edit": 0,
        "latency_frames": 2**40,
        "tail_s": 0.0,
        "accepts_midi": False,
        "produces_midi": False,
        "thread_id": 1,
        "realtime": False,
        "load_ms": 1.0,
        "phases_ms": {},
    }
    with pytest.raises(msgspec.ValidationError, match="latency_frames"):
        msgspec.convert(fields, Loaded)
    assert msgspec.convert({**fields, "latency_frames": 4096}, Loaded).latency_frames == 4096


def test_a_request_for_one_peer_is_unknown_to_the_other() -> None:
    spawn = msgspec.msgpack.encode({"type": "spawn"})
    with pytest.raises(msgspec.ValidationError, match="spawn"):
        msgspec.msgpack.decode(spawn, type=WorkerRequest)


def test_a_parameter_value_outside_0_to_1_cannot_be_asked_about() -> None:
    encoded = msgspec.msgpack.encode(ParameterText(index=0, value=1.5))
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(encoded, type=WorkerRequest)


def test_equal_versions_are_welcome() -> None:
    check_versions(own_hello(), "the host")
    check_versions(own_welcome(), "the worker")


@pytest.mark.parametrize("offset", [-1, 1])
@pytest.mark.parametrize("field", ["protocol", "layout_version"])
@pytest.mark.parametrize("said", [own_hello(), own_welcome()])
def test_a_neighbouring_version_is_refused_by_name(
    said: Hello | Welcome, field: str, offset: int
) -> None:
    other = msgspec.structs.replace(said, **{field: getattr(said, field) + offset})
    with pytest.raises(ProtocolError, match="the launcher speaks protocol") as refused:
        check_versions(other, "the launcher")
    assert f"protocol {other.protocol} with memory layout {other.layout_version}" in str(
        refused.value
    )
    assert f"this process protocol {PROTOCOL_VERSION}" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_request_type_without_a_reply_is_a_mistake() -> None:
    with pytest.raises((TypeError, AttributeError)):
        reply_type(Failed)  # type: ignore[arg-type]
    assert reply_type(SaveState) is SavedState
    assert reply_type(Load) is Loaded
