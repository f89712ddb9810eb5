"""What every level of isolation promises to the runner."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reknit.errors import SandboxError
from reknit.sandbox import Job, Sandbox, View, ViewKind
from tests.escape.jail import ALL, PATIENCE, Attempt, nobody_writes, open_jail

REPOSITORY = Path(__file__).parents[2]

SHOW_TREE = """
import json, os
found = {}
for folder, _, files in os.walk("."):
    for name in files:
        path = os.path.relpath(os.path.join(folder, name))
        found[path] = open(path, "rb").read().decode()
print(json.dumps({"cwd": os.getcwd(), "files": found}))
"""


@pytest.fixture(params=ALL)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return open_jail(request.param)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path.resolve() / "a project, with: odd\\name"
    (project / "pkg").mkdir(parents=True)
    (project / "pkg" / "mod.py").write_text("committed\n")
    (project / "uncommitted.py").write_text("changed\n")
    (project / "ignored.log").write_text("ignored\n")
    return project


def snapshot(root: Path) -> dict[str, tuple[bytes, int, int]]:
    return {
        str(p.relative_to(root)): (p.read_bytes() if p.is_file() else b"", p.stat().st_mode, p.stat().st_mtime_ns)
        for p in [root, *root.rglob("*")]
    }


def creates(sandbox: Sandbox) -> bool:
    return not (sandbox.level == "bubblewrap" and getattr(sandbox, "view_kind", None) is ViewKind.BIND)


def test_shows_the_tree_as_it_is(sandbox: Sandbox, root: Path) -> None:
    """Uncommitted, untracked and ignored files too; where it says it is."""
    with sandbox.start(Attempt(code=SHOW_TREE).job(root)) as running:
        assert running.wait(PATIENCE) == 0, running.output()
        seen = json.loads(running.output())
        assert seen["cwd"] == str(running.root)
        assert seen["files"] == {
            "pkg/mod.py": "committed\n",
            "uncommitted.py": "changed\n",
            "ignored.log": "ignored\n",
        }
        assert running.view_kind is ViewKind.COPY or running.root == root


def test_shows_patched_files(sandbox: Sandbox, root: Path) -> None:
    """The new content, with the old permissions and another time, so that no stale .pyc is taken for it."""
    (root / "pkg" / "mod.py").chmod(0o755)
    code = "import os; s = os.stat('pkg/mod.py'); print(open('pkg/mod.py').read(), oct(s.st_mode), int(s.st_mtime))"
    before = snapshot(root)
    ended = Attempt(code=code, files={"pkg/mod.py": b"patched"}).inside(sandbox, root)
    time_before = int((root / "pkg" / "mod.py").stat().st_mtime)
    assert ended.output.split() == ["patched", "0o100755", str(time_before + 1)]
    assert snapshot(root) == before


def test_creates_and_hides_files(sandbox: Sandbox, root: Path) -> None:
    if not creates(sandbox):
        pytest.skip("a bind can only replace files")
    files = {"pkg/mod.py": None, "new/deep/x.py": b"new"}
    ended = Attempt(code=SHOW_TREE, files=files).inside(sandbox, root)
    seen = json.loads(ended.output)["files"]
    assert "pkg/mod.py" not in seen
    assert seen["new/deep/x.py"] == "new"
    assert (root / "pkg" / "mod.py").exists()
    assert not (root / "new").exists()


@pytest.mark.needs_tool("bwrap")
def test_a_bind_says_that_it_cannot_create(root: Path) -> None:
    sandbox = open_jail("bubblewrap-bind")
    with pytest.raises(SandboxError, match="neither created nor hidden") as caught:
        sandbox.start(Attempt(code="", files={"new.py": b""}).job(root))
    assert "nothing was run" in caught.value.message


def test_writes_are_dropped(sandbox: Sandbox, root: Path) -> None:
    """Whatever happens to files inside, the user's tree stays byte for byte."""
    code = """
import os, shutil
for step in (
    lambda: open("pkg/mod.py", "a").write("x"),
    lambda: os.unlink("uncommitted.py"),
    lambda: os.rename("pkg", "moved"),
    lambda: os.chmod("ignored.log", 0),
    lambda: open("new", "w").write("x"),
    lambda: os.utime("."),
):
    try:
        step()
    except OSError:
        pass
"""
    before = snapshot(root)
    files = {"ignored.log": b"patched"}  # a view without patched files is the tree itself where nothing is isolated
    assert Attempt(code=code, files=files).inside(sandbox, root).status == 0
    assert snapshot(root) == before


def test_has_a_home_and_a_temporary_folder(sandbox: Sandbox, root: Path) -> None:
    code = """
import os, tempfile
for folder in (os.path.expanduser("~"), tempfile.gettempdir()):
    open(os.path.join(folder, "x"), "w").close()
print(os.environ["HOME"], os.environ["TMPDIR"])
"""
    ended = Attempt(code=code).inside(sandbox, root)
    assert ended.status == 0, ended
    home, temporary = ended.output.split()
    assert home != os.path.expanduser("~")  # noqa: PTH111 - as the job reads it
    assert not (Path(home) / "x").exists()
    assert not (Path(temporary) / "x").exists()


def test_environment_is_the_jobs_own(sandbox: Sandbox, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is inherited; HOME and TMPDIR are set."""
    monkeypatch.setenv("REKNIT_TEST_SECRET", "secret")
    ended = Attempt(code="import json, os; print(json.dumps(dict(os.environ)))", env={"A": "1=2"}).inside(sandbox, root)
    seen = json.loads(ended.output)
    seen.pop("LC_CTYPE", None)  # PEP 538: the interpreter sets it for itself
    assert sorted(seen) == ["A", "HOME", "TMPDIR"]
    assert seen["A"] == "1=2"


def test_starts_in_the_folder_asked_for(sandbox: Sandbox, root: Path) -> None:
    ended = Attempt(code="import os; print(os.path.basename(os.getcwd()))", cwd="pkg").inside(sandbox, root)
    assert ended.output.strip() == "pkg"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("pass", 0),
        ("raise SystemExit(7)", 7),
        ("raise SystemExit(137)", 137),
        ("import os; os.kill(os.getpid(), 15)", -15),
        ("import os; os.kill(os.getpid(), 9)", -9),
    ],
)
def test_tells_exits_from_signals(sandbox: Sandbox, root: Path, code: str, status: int) -> None:
    assert Attempt(code=code).inside(sandbox, root).status == status


def test_a_missing_program_is_an_error(sandbox: Sandbox, root: Path) -> None:
    job = Job(argv=["/no/such/program"], view=View(root=root), env={})
    with pytest.raises(SandboxError) as caught:
        sandbox.start(job)
    assert caught.value.slug == "sandbox-start"
    assert "/no/such/program" in caught.value.message


def test_wait_gives_up_and_kill_ends(sandbox: Sandbox, root: Path) -> None:
    with sandbox.start(Attempt(code="import time; time.sleep(600)").job(root)) as running:
        assert running.wait(0.05) is None
        begin = time.monotonic()
        running.kill()
        assert running.wait(1) == -signal.SIGKILL
        running.kill()
        assert time.monotonic() - begin < 10


#: Leaves, in a session of its own, a process that holds `fd` open; its parent waits or ends.
LEAVE = """
import os, sys, time
fd, stay = int(sys.argv[1]), sys.argv[2]
reading, writing = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(fd, b"x")
        os.write(writing, b"x")
        time.sleep(600)
    os._exit(0)
os.read(reading, 1)
if stay == "stay":
    time.sleep(600)
"""


@pytest.mark.parametrize("end", ["kill", "leave", "exit"])
def test_nothing_survives(sandbox: Sandbox, root: Path, end: str) -> None:
    """A grandchild in its own session ends with the job, however that ends."""
    reading, writing = os.pipe()
    try:
        job = Attempt(code=LEAVE, args=[str(writing), "go" if end == "exit" else "stay"], pass_fds=[writing]).job(root)
        with sandbox.start(job) as running:
            os.close(writing)
            writing = -1
            assert os.read(reading, 1) == b"x"
            if end == "exit":
                assert running.wait(PATIENCE) == 0
            if end == "kill":
                running.kill()
        assert nobody_writes(reading)
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)


STARTER = """
import os, sys
from pathlib import Path
from tests.contract.test_sandbox import LEAVE
from tests.escape.jail import Attempt, open_jail
name, root, fd, reading = sys.argv[1:]
running = open_jail(name).start(Attempt(code=LEAVE, args=[fd, "stay"], pass_fds=[int(fd)]).job(Path(root)))
os.read(int(reading), 1)
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("name", ALL)
def test_ends_with_reknit(name: str, root: Path) -> None:
    """A job does not outlive the process that started it, even one that was killed."""
    open_jail(name)
    reading, writing = os.pipe()
    # Killed as it is, it leaves its scratch folder; here that goes with the test's own.
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "TMPDIR": str(root.parent)}
    command = [sys.executable, "-c", STARTER, name, str(root), str(writing), str(reading)]
    starter = subprocess.Popen(command, pass_fds=[writing, reading], env=env, cwd=REPOSITORY)
    os.close(writing)
    try:
        assert starter.wait(PATIENCE) == -signal.SIGKILL
        assert nobody_writes(reading)
    finally:
        os.close(reading)


def test_a_flood_of_output_is_cut(sandbox: Sandbox, root: Path) -> None:
    """The last 64 KiB are kept, and a job that writes more is not held up."""
    code = "import sys; sys.stdout.write('x' * (20 << 20)); print('end'); sys.stderr.write('last')"
    ended = Attempt(code=code).inside(sandbox, root)
    assert ended.status == 0
    assert len(ended.output) == 64 << 10
    assert "end" in ended.output
    assert "last" in ended.output


def test_descriptors_keep_their_numbers_and_others_are_closed(sandbox: Sandbox, root: Path) -> None:
    reading, writing = os.pipe()
    secret = os.open(root / "uncommitted.py", os.O_RDONLY)
    os.set_inheritable(secret, True)
    try:
        code = f"import os; os.write({writing}, b'hello'); print(sorted(map(int, os.listdir('/proc/self/fd'))))"
        ended = Attempt(code=code, pass_fds=[writing]).inside(sandbox, root)
        assert os.read(reading, 5) == b"hello"
        listed = json.loads(ended.output)
        assert [fd for fd in listed if fd > 2 and fd != writing][1:] == []  # one is the listing itself
    finally:
        for fd in (reading, writing, secret):
            os.close(fd)


def test_threads_and_processes_work(sandbox: Sandbox, root: Path) -> None:
    """What tests commonly do is still possible: threads, pipes, subprocesses, temporary files, event loops."""
    code = """
import asyncio, subprocess, sys, tempfile, threading
thread = threading.Thread(target=print); thread.start(); thread.join()
assert subprocess.run([sys.executable, "-c", "print(3)"], capture_output=True).stdout == b"3\\n"
tempfile.TemporaryFile().write(b"x")
async def main():
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "", stdout=asyncio.subprocess.PIPE)
    assert await process.wait() == 0
asyncio.run(main())
print("fine")
"""
    assert Attempt(code=code).inside(sandbox, root).output.endswith("fine\n")


def test_a_project_in_a_home_with_its_interpreter(sandbox: Sandbox, tmp_path: Path) -> None:
    """A .venv in the project whose python is a link out of it, in a folder that is otherwise not shown."""
    project = tmp_path.resolve() / "home" / "project"
    (project / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / "home" / "secret").write_text("secret")
    hop = tmp_path.resolve() / "hop"
    hop.symlink_to(sys.executable)
    (project / ".venv" / "bin" / "python").symlink_to(hop)
    (project / ".venv" / "pyvenv.cfg").write_text(f"home = {sys.base_prefix}/bin\n")
    program = str(project / ".venv" / "bin" / "python")
    job = Job(
        argv=[program, "-c", "import sys; print(sys.prefix)"],
        view=View(root=project),
        env={},
        readable=[Path(sys.base_prefix), Path(sys.prefix)],
    )
    with sandbox.start(job) as running:
        assert running.wait(PATIENCE) == 0, running.output()
        assert running.output().decode().strip() == str(project / ".venv")


def test_two_jobs_do_not_meet(sandbox: Sandbox, root: Path) -> None:
    if sandbox.level == "none":
        pytest.skip("without isolation all share everything")
    code = "import os, sys; print(os.listdir(os.environ['TMPDIR'])); open(os.environ['TMPDIR'] + '/left', 'w').close()"
    first = Attempt(code=code).inside(sandbox, root)
    second = Attempt(code=code).inside(sandbox, root)
    assert "left" not in first.output + second.output
