# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker started dies with it; other children of the host are left alone."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Runs in a process of its own, because it becomes a child subreaper for good. `worker` starts
# what the test is about and dies; `body` finds out what is left.
HARNESS = """
import asyncio, mmap, os, signal, subprocess, sys, time
from ipc.names import WORKER_VARIABLE
from ipc.process_tree import ProcessTree, kill_group
from ipc.processes import ProcessIdentity, adopt_orphans, children_of, own_identity, process_stat

adopt_orphans()
bystander = subprocess.Popen(["sleep", "60"])
owned = "/dev/shm/isobooth-tree-test-%d" % os.getpid()
with open(owned, "wb") as file:
    file.write(bytes(4096))

def fork(body):
    pid = os.fork()
    if pid == 0:
        try:
            body()
        finally:
            os._exit(0)
    return pid

def worker():
    os.setsid()
    os.environ[WORKER_VARIABLE] = str(own_identity())
    file = open(owned, "r+b")
    mapping = mmap.mmap(file.fileno(), 4096)
    mapping[0] = 1
    WORKER
    time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGKILL)

pid = fork(worker)
identity = ProcessIdentity(pid, process_stat(pid).start_time)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
kill_group(pid)
os.waitpid(pid, 0)
tree = ProcessTree(identity, lambda: {bystander.pid})
tree.owned_files.add(owned)
print("ended", asyncio.run(tree.end()))
os.unlink(owned)
print("bystander", bystander.poll())
print("left", [process_stat(p).name for p in children_of(os.getpid()) if p != bystander.pid])
bystander.kill()
bystander.wait()
"""


def run_tree(worker: str) -> str:
    lines = textwrap.indent(textwrap.dedent(worker).strip(), " " * 4)
    script = HARNESS.replace("    WORKER", lines)
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert done.stderr == ""
    return done.stdout


NOTHING_LEFT = "ended True\nbystander None\nleft []\n"


@pytest.mark.parametrize(
    "worker",
    [
        "pass",
        "subprocess.Popen(['sleep', '60'])",
        "[subprocess.Popen(['sh', '-c', 'sleep 60 & sleep 60 & wait']) for _ in range(5)]",
        "subprocess.Popen(['sleep', '60'], process_group=0)",
        "subprocess.Popen(['sleep', '60'], start_new_session=True)",
        "fork(lambda: time.sleep(60))",
        "fork(lambda: (os.setsid(), time.sleep(60)))",
        "fork(lambda: (os.setsid(), fork(lambda: time.sleep(60)), time.sleep(60)))",
        "fork(lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN) or time.sleep(60))",
    ],
    ids=[
        "nothing",
        "a child",
        "a whole tree",
        "a process group of its own",
        "a daemon by exec",
        "a fork",
        "a daemon by fork",
        "a daemon with a child",
        "one that ignores signals",
    ],
)
def test_a_tree_is_gone_to_the_last_leaf(worker: str) -> None:
    assert run_tree(worker) == NOTHING_LEFT


def test_a_process_of_the_host_itself_is_never_touched() -> None:
    # A daemon of somebody else that became our child: no session, no mark, no mapping.
    stranger = run_tree(
        """
        del os.environ[WORKER_VARIABLE]
        subprocess.Popen(["sleep", "1"], start_new_session=True)
        """
    )
    assert stranger == "ended True\nbystander None\nleft ['sleep']\n"
