# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin can do in its worker what its permissions say, and nothing else; what it is denied is
told."""

import asyncio
import errno
import os
import re
import shutil
import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ipc import confinement
from ipc.confinement import remove_folder
from ipc.denial import Denial
from ipc.errors import WorkerError
from ipc.launcher import Launcher
from ipc.messages import Load, Visit
from ipc.own_folder import make_own_folder
from ipc.permissions import Permissions
from ipc.processes import all_pids, command_line, process_stat
from sandbox._native import landlock_abi
from tests.fixtures.build import fixture_library

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(landlock_abi() < 6, reason="this kernel cannot confine files and signals"),
]

LoadRequest = Callable[..., Load]

OPEN = Permissions(profile="open")
STRICT = Permissions(profile="strict")
DEFAULT = Permissions()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the test's own; the plugins' workers see it too."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    return folder


@pytest.fixture
def secret(home: Path) -> Path:
    path = home / ".ssh" / "id"
    path.parent.mkdir()
    path.write_text("secret")
    return path


class Intrusion:
    """What came of an act: its errno (0: it was let), and what was told of it."""

    def __init__(self, error: int, denials: list[Denial], folder: str) -> None:
        self.error = error
        self.denials = denials
        self.folder = folder


Intrude = Callable[..., Intrusion]


@pytest.fixture
def intrude(load_request: LoadRequest, monkeypatch: pytest.MonkeyPatch) -> Intrude:
    """`intrude(act, permissions, FILE=…, PID=…)`: loads the plugin that does this in its first
    block, which is one of those that warm it up."""

    def run(act: str, permissions: Permissions, **settings: object) -> Intrusion:
        for name, value in settings.items():
            monkeypatch.setenv(f"ISOBOOTH_INTRUDER_{name}", str(value))
        return asyncio.run(_intrude(act, permissions, load_request))

    return run


async def _intrude(act: str, permissions: Permissions, load_request: LoadRequest) -> Intrusion:
    denials: list[Denial] = []
    async with Launcher() as launcher:
        worker = await launcher.spawn()
        worker.on_denial = denials.append
        worker.on_missing = lambda missing: pytest.fail(str(missing))
        plugin = f"ladspa:{fixture_library('intruder')}#{act}"
        await worker.request(load_request(plugin, permissions=permissions), 20.0)
        folder = os.readlink(f"/proc/{worker.pid}/cwd")
        exit = await worker.stop()
    found = re.search(rf"^{act}: (\d+) ", exit.stderr_tail, re.MULTILINE)
    assert found, exit
    return Intrusion(int(found[1]), denials, folder)


def test_a_private_file_cannot_be_read(intrude: Intrude, secret: Path) -> None:
    for permissions in (DEFAULT, STRICT):
        done = intrude("reads", permissions, FILE=secret)
        assert done.error
        assert [d.what for d in done.denials] == [f"read {secret}"]
        assert done.denials[0].allow == f"--read {secret}"


def test_what_is_allowed_by_an_exception_is_let_and_not_told(
    intrude: Intrude, secret: Path
) -> None:
    for permissions in (
        Permissions(read=(str(secret),)),
        Permissions(profile="strict", read=(str(secret.parent),)),
        OPEN,
    ):
        done = intrude("reads", permissions, FILE=secret)
        assert (done.error, done.denials) == (0, [])


def test_a_file_that_is_not_there_is_no_denial(intrude: Intrude, home: Path) -> None:
    done = intrude("reads", DEFAULT, FILE=home / "nothing")
    assert done.error
    assert done.denials == []


def test_a_link_leads_to_no_file_that_is_denied(intrude: Intrude, secret: Path, home: Path) -> None:
    allowed = home / "allowed"
    allowed.mkdir()
    (allowed / "link").symlink_to(secret)
    done = intrude("reads", Permissions(read=(str(allowed),)), FILE=allowed / "link")
    assert done.error
    assert done.denials[0].what == f"read {allowed / 'link'}"


@pytest.mark.parametrize("act", ["writes", "removes", "renames", "truncates"])
def test_the_users_files_cannot_be_changed(intrude: Intrude, secret: Path, act: str) -> None:
    done = intrude(act, DEFAULT, FILE=secret)
    assert done.error
    assert secret.read_text() == "secret"
    assert done.denials and str(secret) in done.denials[0].what
    assert intrude(act, OPEN, FILE=secret).error == 0
    assert not secret.exists() or secret.read_text() != "secret"


def test_rights_of_files_cannot_be_changed(intrude: Intrude, secret: Path) -> None:
    secret.chmod(0o600)
    done = intrude("opens_rights", DEFAULT, FILE=secret)
    assert done.error
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert str(secret) in done.denials[0].what


def test_a_new_file_needs_its_folder_or_itself(intrude: Intrude, home: Path) -> None:
    file = home / "notes.txt"
    done = intrude("writes", DEFAULT, FILE=file)
    assert done.error
    assert [d.allow for d in done.denials] == [f"--write {file}"]
    assert not file.exists()
    assert intrude("writes", Permissions(write=(str(home),)), FILE=file).error == 0
    assert file.read_text() == "intruder"


def test_the_own_settings_may_be_written_but_not_under_strict(intrude: Intrude, home: Path) -> None:
    own = home / ".config" / "Wri_tes"  # the plugin's label, written another way
    own.parent.mkdir()
    make_own_folder(str(own), fixture_library("intruder"))
    assert intrude("writes", DEFAULT, FILE=own / "settings").error == 0
    assert (own / "settings").read_text() == "intruder"
    assert intrude("writes", STRICT, FILE=own / "settings").error


@pytest.mark.parametrize("owner", [None, "/usr/lib/ladspa/another.so"])
def test_a_plugin_called_like_a_program_gets_nothing_of_it(
    intrude: Intrude, home: Path, owner: str | None
) -> None:
    for name in ("writes", "reads"):
        folder = home / ".config" / name  # the plugin's label
        folder.parent.mkdir(exist_ok=True)
        if owner is None:
            folder.mkdir()
        else:
            make_own_folder(str(folder), owner)
        (folder / f"{name}.conf").write_text("login")
        done = intrude(name, DEFAULT, FILE=folder / f"{name}.conf")
        assert done.error
        assert (folder / f"{name}.conf").read_text() == "login"
        assert [d.allow for d in done.denials] == [f"--{name[:-1]} {folder}"]
        allowed = Permissions(**{name[:-1]: (str(folder),)})
        assert intrude(name, allowed, FILE=folder / f"{name}.conf").error == 0


def test_a_folder_that_was_made_for_a_plugin_and_removed_is_not_its_own(
    intrude: Intrude, home: Path
) -> None:
    folder = home / ".config" / "writes"
    folder.parent.mkdir()
    intrude("writes", DEFAULT, FILE=folder / "x")
    assert intrude("writes", DEFAULT, FILE=folder / "x").error == 0
    shutil.rmtree(folder)
    folder.mkdir()
    assert intrude("writes", DEFAULT, FILE=folder / "x").error


def test_settings_in_a_folder_of_another_name_can_be_read(intrude: Intrude, home: Path) -> None:
    own = home / ".config" / "example.org" / "Reads.conf"  # the plugin's label
    own.parent.mkdir(parents=True)
    for name in (own, own.with_name("others.conf")):
        name.write_text("x")
    assert intrude("reads", DEFAULT, FILE=own).error == 0
    assert intrude("reads", STRICT, FILE=own).error
    assert intrude("reads", DEFAULT, FILE=own.with_name("others.conf")).error
    assert intrude("writes", DEFAULT, FILE=own).error


def test_no_name_gives_a_plugin_what_decides_over_plugins(intrude: Intrude, home: Path) -> None:
    for name in ("isobooth", "autostart", "systemd"):
        (home / ".config" / name).mkdir(parents=True)
    from sandbox.identity import Identity
    from sandbox.profiles import rights_of

    names = ("Isobooth", "Auto Start", "systemd", "autostart/evil", "../evil", "evil\n")
    rights = rights_of(DEFAULT, [Identity(files=("/usr/lib/ladspa/evil.so",), names=names)])
    assert not [path for path in rights.write if ".config" in path]
    assert rights.missing == {}


def test_a_settings_folder_that_is_wanted_is_made_for_the_next_start(
    intrude: Intrude, home: Path
) -> None:
    wanted = home / ".config" / "makes_folder"
    wanted.parent.mkdir()
    done = intrude("makes_folder", DEFAULT, FILE=wanted)
    assert wanted.is_dir()
    assert [d.what for d in done.denials] == [
        f"make its own folder {wanted}, which it can use from its next start"
    ]
    assert intrude("makes_folder", DEFAULT, FILE=wanted).denials == []
    # Not once more for each way to write its name.
    intrude("makes_folder", DEFAULT, FILE=wanted.with_name("MAKES-folder"))
    assert os.listdir(wanted.parent) == ["makes_folder"]
    assert intrude("makes_folder", DEFAULT, FILE=wanted / "presets").error == 0


def test_a_plugin_has_a_folder_for_temporary_files_and_loses_it(intrude: Intrude) -> None:
    for permissions in (DEFAULT, STRICT, OPEN):
        done = intrude("writes_temporary", permissions)
        assert (done.error, done.denials) == (0, [])
        assert not os.path.exists(done.folder)


def test_other_programs_and_machines_cannot_be_reached(intrude: Intrude, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as local, socket.socket() as remote:
        local.bind(str(path))
        local.listen()
        remote.bind(("127.0.0.1", 0))
        remote.listen()
        port = remote.getsockname()[1]
        done = intrude("connects_local", DEFAULT, FILE=path)
        assert done.error
        assert [(d.what, d.allow) for d in done.denials] == [(f"connect to {path}", "--network")]
        done = intrude("connects_inet", DEFAULT, PORT=port)
        assert done.error
        assert [d.allow for d in done.denials] == ["--network"]
        for permissions in (Permissions(network=True), OPEN):
            assert intrude("connects_local", permissions, FILE=path).error == 0
            assert intrude("connects_inet", permissions, PORT=port).error == 0


def test_one_socket_can_be_reached_without_the_network(intrude: Intrude, tmp_path: Path) -> None:
    path, other = tmp_path / "socket", tmp_path / "other"
    with (
        socket.socket(socket.AF_UNIX) as local,
        socket.socket(socket.AF_UNIX) as beside,
        socket.socket(socket.AF_UNIX) as abstract,
        socket.socket() as remote,
    ):
        for one, address in ((local, str(path)), (beside, str(other)), (abstract, f"\0{path}")):
            one.bind(address)
        remote.bind(("127.0.0.1", 0))
        for one in (local, beside, abstract, remote):
            one.listen()
            one.setblocking(False)
        may = Permissions(reach=(str(path),))
        done = intrude("asks_local", may, FILE=path)
        assert (done.error, done.denials) == (0, [])
        for _ in range(2):  # an instance of it for each channel
            reached, _ = local.accept()
            with reached:
                assert reached.recv(100) == b"plugin"
                assert reached.recv(100) == b""
        # An abstract socket of that name is another one, at which libxcb must not stop.
        done = intrude("connects_abstract", may, FILE=path)
        assert (done.error, done.denials) == (errno.ECONNREFUSED, [])
        for act, settings in (
            ("connects_local", {"FILE": other}),
            ("connects_local", {"FILE": f"{path}x"}),
            ("connects_abstract", {"FILE": other}),
            ("connects_inet", {"PORT": remote.getsockname()[1]}),
        ):
            done = intrude(act, may, **settings)
            assert done.error in (errno.EACCES, errno.EPERM)
            assert [d.allow for d in done.denials] == ["--network"]
        path.unlink()
        assert intrude("connects_local", may, FILE=path).error == errno.ENOENT
        for one in (local, beside, abstract, remote):
            with pytest.raises(BlockingIOError):
                one.accept()


def test_a_full_queue_of_who_is_reached_keeps_nobody_waiting(
    intrude: Intrude, tmp_path: Path
) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as local, socket.socket(socket.AF_UNIX) as waiting:
        local.bind(str(path))
        local.listen(0)
        waiting.connect(str(path))
        may = Permissions(reach=(str(path),))
        assert intrude("connects_local", may, FILE=path).error == errno.EAGAIN


def test_a_pair_of_sockets_reaches_no_other_program(intrude: Intrude, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as local:
        local.bind(str(path))
        local.setblocking(False)
        done = intrude("pair_reaches_local", DEFAULT, FILE=path)
        assert done.error
        assert [d.allow for d in done.denials] == ["--network"]
        with pytest.raises(BlockingIOError):
            local.recv(1)
        assert intrude("pair_reaches_local", OPEN, FILE=path).error == 0


def test_times_of_files_cannot_be_changed(intrude: Intrude, secret: Path) -> None:
    before = secret.stat().st_mtime_ns
    done = intrude("back_dates", DEFAULT, FILE=secret)
    assert done.error
    assert secret.stat().st_mtime_ns == before
    assert str(secret) in done.denials[0].what
    assert intrude("back_dates", OPEN, FILE=secret).error == 0


def test_semaphores_of_others_cannot_be_waited_for(intrude: Intrude) -> None:
    assert intrude("locks_others", DEFAULT).error == errno.EPERM
    assert intrude("locks_others", OPEN).error != errno.EPERM


@pytest.mark.parametrize("act", ["flags_file", "leases"])
def test_a_file_that_may_only_be_read_stays_as_it_is(
    intrude: Intrude, secret: Path, act: str
) -> None:
    if intrude(act, OPEN, FILE=secret).error:
        pytest.skip("this file system has no such thing")
    assert intrude(act, Permissions(read=(str(secret),)), FILE=secret).error > 0


def test_the_clock_cannot_be_bent(intrude: Intrude) -> None:
    assert intrude("bends_clock", DEFAULT).error == errno.EPERM
    assert intrude("bends_clock", OPEN).error == 0


@pytest.mark.parametrize("act", ["leaves_stranger", "leaves_in_crowd"])
def test_another_program_that_hides_where_it_came_from_ends_with_the_worker(
    intrude: Intrude, act: str
) -> None:
    seconds = f"{1000 + os.getpid() / 1e7:.7f}"  # nobody else sleeps as long
    done = intrude(act, DEFAULT, SECONDS=seconds)
    assert done.error == 0
    assert not [pid for pid in all_pids() if seconds in command_line(pid)]


@pytest.mark.parametrize(
    "act", ["signals", "traces", "peeks", "starves", "limits", "rings", "moves_in", "unshares"]
)
def test_neither_the_host_nor_the_kernel_can_be_reached(intrude: Intrude, act: str) -> None:
    for permissions in (DEFAULT, STRICT, Permissions(network=True)):
        done = intrude(act, permissions, PID=os.getpid())
        assert done.error
        assert done.denials[-1].allow == "--profile open"
    if act in ("signals", "limits"):
        assert intrude(act, OPEN, PID=os.getpid()).error == 0


def test_a_sibling_cannot_be_signalled_traced_or_overheard(
    load_request: LoadRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body() -> None:
        async with Launcher() as siblings:
            sibling = await siblings.spawn()
            request = load_request("builtin:gain")
            await sibling.request(request, 10.0)
            monkeypatch.setenv("ISOBOOTH_INTRUDER_PID", str(sibling.pid))
            output = f"/dev/shm{request.segments.outputs[0]}"
            monkeypatch.setenv("ISOBOOTH_INTRUDER_FILE", output)
            for act in ("signals", "traces", "peeks", "starves", "reads", "writes"):
                done = await _intrude(
                    act, DEFAULT, lambda p, **more: load_request(p, record=1, **more)
                )
                assert done.error, act
                assert done.denials, act
            assert sibling.alive

    asyncio.run(body())


def test_a_filter_of_its_own_cannot_answer_for_the_host(intrude: Intrude) -> None:
    assert intrude("filters", DEFAULT).error == 1  # EPERM


def test_a_worker_whose_host_is_gone_while_it_locks_down_ends() -> None:
    """Nobody holds the listener then, and nobody would ever answer what the worker asks."""

    async def body() -> None:
        async with Launcher() as launcher:
            worker = await launcher.spawn()
            watcher, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            watcher.close()
            with theirs, pytest.raises(WorkerError):
                await worker._connection.request(
                    Visit(plugins=["builtin:gain"]), 20.0, (theirs.fileno(),)
                )
            async with asyncio.timeout(5.0):
                assert (await worker.exited).signal is None

    asyncio.run(body())


def test_its_own_children_and_threads_are_its_own(intrude: Intrude) -> None:
    for act in ("signals_child", "threads"):
        for permissions in (DEFAULT, STRICT):
            done = intrude(act, permissions)
            assert (done.error, done.denials) == (0, []), act


def test_a_path_on_a_disk_that_is_gone_holds_up_nobody(
    load_request: LoadRequest,
    secret: Path,
    monkeypatch: pytest.MonkeyPatch,
    wait_until: Callable[[Callable[[], object], float], None],
) -> None:
    answered = threading.Event()
    looks: list[str] = []

    def look(*_arguments: object) -> None:
        looks.append(threading.current_thread().name)
        answered.wait(60)

    monkeypatch.setattr(confinement, "denial_of", look)
    monkeypatch.setattr(confinement, "_LOOK_S", 0.05)
    monkeypatch.setenv("ISOBOOTH_INTRUDER_FILE", str(secret))
    monkeypatch.setenv("ISOBOOTH_INTRUDER_TIMES", "10")

    async def body() -> None:
        async with Launcher() as launcher:
            worker = await launcher.spawn()
            plugin = f"ladspa:{fixture_library('intruder')}#reads_again"
            await worker.request(load_request(plugin), 20.0)
            await worker.stop()

    try:
        asyncio.run(asyncio.wait_for(body(), 30))
    finally:
        answered.set()
    assert looks == ["isb-aside"]  # not on the control thread, and no thread more for each path
    wait_until(lambda: not any(t.name == "isb-aside" for t in threading.enumerate()), 5.0)


def test_a_fork_bomb_is_stopped_and_cleared_away(intrude: Intrude) -> None:
    done = intrude("bombs", DEFAULT)
    assert done.error
    assert [d.what for d in done.denials] == ["start more than 64 processes (fork)"]
    left = [pid for pid in os.listdir("/proc") if pid.isdigit() and _is_left(int(pid))]
    assert left == []


def _is_left(pid: int) -> bool:
    stat_of = process_stat(pid)
    return (
        stat_of is not None
        and not stat_of.dead
        and stat_of.parent == os.getpid()
        and (stat_of.name == "isb-worker")
    )


def test_a_bad_heritage_is_removed_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "left"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").write_text("x")
    outside = tmp_path / "outside"
    outside.write_text("stays")
    (folder / "a" / "link").symlink_to(outside)
    (folder / "a" / "b").chmod(0)
    (folder / "a").chmod(0)
    remove_folder(str(folder))
    assert not folder.exists()
    assert outside.read_text() == "stays"
