"""A second process compiles the same objects as ours; and whatever becomes of it, ours has them all, and nothing stays behind."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

import minitorch as torch
from minitorch.native import worklist
from minitorch.native.emit import emitted, versions
from minitorch.native.link import host, object_of, objects_of
from minitorch.native.process import Process
from minitorch.native.worklist import ENOUGH, WORK, helped

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there, ours compiles alone")

HOST = host().triple, host().cpu, host().features


def text(number):
    """A loop that no other test compiles."""
    return textwrap.dedent(f"""
        define void @f{number}(ptr %p, i64 %n) {{
        entry:
          br label %loop
        loop:
          %i = phi i64 [ 0, %entry ], [ %next, %loop ]
          %at = getelementptr float, ptr %p, i64 %i
          %x = load float, ptr %at
          %y = fmul float %x, {number}.0
          store float %y, ptr %at
          %next = add i64 %i, 1
          %more = icmp slt i64 %next, %n
          br i1 %more, label %loop, label %end
        end:
          ret void
        }}
    """)


TEXTS = [(text(number), level) for number in range(12) for level in ("loops", "vectors")]
ALONE = [emitted(source, HOST, level) for source, level in TEXTS]


@pytest.fixture(autouse=True)
def afresh(tmp_path, monkeypatch):
    """Nothing on disk, two threads, two cores, even if this machine has but one, and anything is worth it."""
    monkeypatch.setenv("MINITORCH_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("MINITORCH_CACHE", raising=False)
    monkeypatch.setattr(worklist, "cores", lambda: 2)
    monkeypatch.setattr(worklist, "ENOUGH", 0)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    WORK.end(wait=True)
    WORK.refused = False
    yield
    WORK.end(wait=True)
    WORK.refused = False
    torch.set_num_threads(before)


def started():
    """The other process, as soon as it has been greeted: it is at work, or waits for some."""
    with helped():
        WORK.start(worklist.ENOUGH)
    thread = WORK.thread
    until(lambda: WORK.process is not None or not thread.is_alive())
    return WORK.process


def until(true, seconds=20):
    """Wait for something."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def is_gone(pid):
    """Whether a process has ended; whether somebody has waited for it is its parent's business."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    if not os.path.isdir("/proc/self"):
        return subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()[:1] in ("", "Z")
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def pretender(tmp_path, monkeypatch, script):
    """Let ``script`` be what Python is started as."""
    path = tmp_path / "python3"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(path))


GREETING = "".join([f"\\{byte:03o}" for byte in len(versions()).to_bytes(8, "little") + versions().encode()])


class TestTheOther:
    def test_makes_the_same_objects(self):
        process = Process()
        try:
            process.greeted()
            assert [process.emitted(source, HOST, level) for source, level in TEXTS] == ALONE
            assert process.emitted("no such text", HOST, "loops") is None
            assert process.emitted(TEXTS[0][0], HOST, "loops") == ALONE[0]
        finally:
            process.end()

    def test_is_in_a_group_of_its_own_and_has_nothing_open(self):
        kept, left = os.pipe()
        os.set_inheritable(left, True)
        process = Process()
        try:
            process.greeted()
            os.close(left)
            assert os.read(kept, 1) == b""  # nobody else could write to it
            assert os.getpgid(process.pid) == process.pid
        finally:
            process.end()
            os.close(kept)

    def test_ends_with_us_however_we_end(self):
        script = "import os, signal; from minitorch.native.process import Process; p = Process(); p.greeted(); print(p.pid, flush=True)"
        script += "; os.kill(os.getpid(), signal.SIGKILL)"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
        assert done.returncode == -signal.SIGKILL
        until(lambda: is_gone(int(done.stdout)))

    def test_is_not_started_where_standard_streams_are_closed(self, tmp_path):
        """A pipe would be one of them."""
        script = "import sys; from minitorch.native.process import Process\ntry: Process()\nexcept OSError as e: open(sys.argv[1], 'w').write(str(e))"
        command = ["sh", "-c", 'exec "$0" -c "$1" "$2" <&- >&-', sys.executable, script, str(tmp_path / "said")]
        assert subprocess.run(command, timeout=60).returncode == 0
        assert (tmp_path / "said").read_text() == "no standard streams"

    def test_may_be_waited_for_by_others(self):
        process = Process()
        process.greeted()
        os.kill(process.pid, signal.SIGKILL)
        while os.wait()[0] != process.pid:
            pass
        process.end()
        assert process.pid is None


class TestOurs:
    def test_has_all_of_them_in_order(self):
        with helped():
            assert objects_of(TEXTS, host()) == ALONE
            assert [object_of(source, host(), level) for source, level in TEXTS] == ALONE

    def test_lets_the_other_do_what_it_has_not_claimed(self):
        pid = started().pid
        jobs = WORK.add([worklist.Job(f"{k:064x}", source, HOST, level) for k, (source, level) in enumerate(TEXTS)])
        until(lambda: all([job.done.is_set() for job in jobs]))
        assert [WORK.wait(job) for job in jobs] == ALONE
        with helped():
            assert objects_of(TEXTS, host()) == ALONE
        WORK.end(wait=True)
        assert is_gone(pid)
        assert WORK.jobs == {}

    @pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP], ids=str)
    def test_does_it_if_the_other_is_killed_or_stopped(self, end, monkeypatch):
        monkeypatch.setattr(worklist, "PATIENCE", 0.2)
        process = started()
        pid, thread = process.pid, WORK.thread
        os.kill(pid, end)
        with helped():
            assert objects_of(TEXTS, host()) == ALONE
        WORK.end(wait=True)
        thread.join(20)
        assert not thread.is_alive() and is_gone(pid)

    @pytest.mark.parametrize(
        "script", ["echo Python 2.7", "exit 1", f"printf '{GREETING}'", f"printf '{GREETING}'; exec sleep 100", "exec sleep 100",
                   f"printf '{GREETING}'; head -c 100 /dev/zero | tr '\\0' '\\377'", "exec cat"]
    )  # fmt: skip
    def test_does_it_if_the_other_is_no_such_thing(self, script, tmp_path, monkeypatch):
        monkeypatch.setattr(worklist, "PATIENCE", 0.2)
        pretender(tmp_path, monkeypatch, script)
        process = started()
        thread = WORK.thread
        with helped():
            assert objects_of(TEXTS, host()) == ALONE
        WORK.end(wait=True)
        assert process is None or process.pid is None
        assert thread is None or not thread.is_alive()

    @pytest.mark.parametrize("program", [None, "", "/nowhere/python3", "/usr/bin/uwsgi", "/bin/sh"])
    def test_starts_no_other_program(self, program, monkeypatch):
        tried, spawn = [], os.posix_spawn
        monkeypatch.setattr(sys, "executable", program)
        monkeypatch.setattr(os, "posix_spawn", lambda path, *rest, **more: tried.append(path) or spawn(path, *rest, **more))
        assert started() is None
        until(lambda: WORK.refused)
        assert tried == (["/nowhere/python3"] if program == "/nowhere/python3" else [])
        with helped():
            assert objects_of(TEXTS, host()) == ALONE

    def test_starts_one_where_it_helps(self):
        with helped():
            objects_of(TEXTS, host())
        assert WORK.thread is not None

    @pytest.mark.parametrize("why", ["nobody records", "all is on disk", "one thread", "one core", "so little"])
    def test_starts_none_where_it_would_not_help(self, why, monkeypatch):
        if why == "all is on disk":
            objects_of(TEXTS, host())
        if why == "one thread":
            torch.set_num_threads(1)
        if why == "one core":
            monkeypatch.setattr(worklist, "cores", lambda: 1)
        if why == "so little":
            monkeypatch.setattr(worklist, "ENOUGH", ENOUGH)
        with nullcontext() if why == "nobody records" else helped():
            assert objects_of(TEXTS[:4], host()) == ALONE[:4]
        assert WORK.thread is None

    def test_says_what_llvm_says(self):
        with helped(), pytest.raises(RuntimeError, match="expected"):
            objects_of([*TEXTS[:4], ("no such text", "loops")], host())
        assert [job for job in WORK.jobs.values() if not job.claimed] == []

    def test_lets_it_go_after_a_while(self, monkeypatch):
        monkeypatch.setattr(worklist, "IDLE", 0.1)
        pid, thread = started().pid, WORK.thread
        thread.join(20)
        assert not thread.is_alive() and is_gone(pid) and WORK.thread is None and not WORK.refused


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
class TestForks:
    def test_both_sides_go_on_alone(self):
        """The other process is gone before a fork: a child has no part in it."""
        pid = started().pid
        child = os.fork()
        if child == 0:
            good = WORK.thread is None and WORK.process is None and not WORK.turn._is_owned()
            with helped():
                good = good and objects_of(TEXTS, host()) == ALONE
                WORK.end(wait=True)
            os._exit(not good)
        assert is_gone(pid)
        assert os.waitpid(child, 0)[1] == 0
        with helped():
            assert objects_of(TEXTS, host()) == ALONE

    def test_while_others_compile(self):
        """No fork falls between the claim of a text and its end for good: nobody waits for who isn't there."""
        stop = threading.Event()

        def compile_on():
            number = 100
            while not stop.is_set():
                with helped():
                    objects_of([(text(number + k), "loops") for k in range(4)], host())
                number += 4

        thread = threading.Thread(target=compile_on)
        thread.start()
        try:
            for _ in range(5):
                time.sleep(0.02)
                child = os.fork()
                if child == 0:
                    os._exit(objects_of(TEXTS, host()) != ALONE)
                assert os.waitpid(child, 0)[1] == 0
        finally:
            stop.set()
            thread.join()

    pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


SCRIPT = """
import signal, sys
import minitorch as torch
from minitorch.native import worklist

worklist.cores = lambda: 2
torch.set_num_threads(int(sys.argv[1]))
signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # then a pipe that nobody reads would end us

def step(x, w):
    y = (x @ w).relu().softmax(-1)
    return (y.exp() * x).sum(1), (x.sin() + y).cumsum(0), y.tanh().amax(0)

double = torch.compile(step)
x, w = torch.ones(300, 200), torch.ones(200, 200)
for _ in range(3):
    out = double(x, w)
print(*[(y.sum().item()) for y in out], len(double.explain(measure=False).kernels))
"""


def test_a_program_is_the_same_with_one_thread_and_two(tmp_path):
    """Names and bytes of all that is on disk, and what is computed."""
    found = []
    for threads in ("1", "2"):
        env = {**os.environ, "MINITORCH_CACHE_DIR": str(tmp_path / threads)}
        done = subprocess.run([sys.executable, "-c", SCRIPT, threads], capture_output=True, text=True, env=env, timeout=120)
        assert done.stderr == ""
        files = {path.name: path.read_bytes() for path in Path(tmp_path, threads, "objects").iterdir()}
        found.append((done.stdout, files))
    (said, alone), (said_too, shared) = found
    assert said == said_too
    assert {name: shared[name] for name in alone} == alone
