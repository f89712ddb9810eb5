"""Ways out through the file system: each works when free, and not from inside."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reknit.sandbox import Sandbox
from tests.escape.jail import CONFINED_FILES, PATIENCE, Attempt, assert_stopped, is_root, nobody_writes, open_jail

READ = """
import sys
for path in sys.argv[1:]:
    print("tried", path)
    try:
        if "the secret" in open(path).read():
            print("ESCAPED")
    except OSError as exc:
        print(exc)
"""

WRITE = """
import os, sys
for path in sys.argv[1:]:
    print("tried", path)
    for how in (os.O_WRONLY, os.O_WRONLY | os.O_TRUNC, os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_APPEND):
        try:
            os.write(os.open(path, how), b"ESCAPED")
        except OSError as exc:
            print(exc)
print(*("ESCAPED" for path in sys.argv[1:] if os.path.exists(path) and b"ESCAPED" in open(path, "rb").read()))
"""


@pytest.fixture(params=CONFINED_FILES)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return open_jail(request.param)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path.resolve() / "home" / "project"
    project.mkdir(parents=True)
    (project / "mod.py").write_text("")
    return project


@pytest.fixture
def secret(root: Path) -> Path:
    """A key in a home that also holds the project."""
    folder = root.parent / ".ssh"
    folder.mkdir(mode=0o700)
    path = folder / "id_ed25519"
    path.write_text("the secret")
    path.chmod(0o600)
    return path


@pytest.fixture
def bystander(secret: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process outside, of the same user, with a secret in its environment and one in its folder."""
    code = "import time; print('up', flush=True); time.sleep(600)"
    env = {"API_KEY": "the secret"}
    with subprocess.Popen([sys.executable, "-I", "-c", code], env=env, cwd=secret.parent, stdout=subprocess.PIPE) as it:
        assert it.stdout is not None
        assert it.stdout.readline() == b"up\n"
        yield it
        it.kill()


def test_reading_a_key(sandbox: Sandbox, root: Path, secret: Path) -> None:
    assert_stopped(Attempt(code=READ, args=[str(secret), "../.ssh/id_ed25519"]), sandbox, root)


def test_reading_through_a_link_in_the_project(sandbox: Sandbox, root: Path, secret: Path) -> None:
    """The repository may hold any link."""
    (root / "inner").symlink_to(secret)
    (root / "folder").symlink_to(secret.parent)
    assert_stopped(Attempt(code=READ, args=["inner", "folder/id_ed25519"]), sandbox, root)


def test_reading_through_another_process(
    sandbox: Sandbox, root: Path, secret: Path, bystander: subprocess.Popen[bytes]
) -> None:
    """/proc shows the root and the folder of each process of the same user."""
    pids = [str(pid) for pid in (bystander.pid, os.getpid(), "self", *range(1, 12))]
    paths = [path for pid in pids for path in (f"/proc/{pid}/root{secret}", f"/proc/{pid}/cwd/id_ed25519")]
    assert_stopped(Attempt(code=READ, args=paths), sandbox, root)


def test_reading_the_environment_of_another_process(
    sandbox: Sandbox, root: Path, bystander: subprocess.Popen[bytes]
) -> None:
    own = [f"/proc/{pid}/environ" for pid in (bystander.pid, os.getpid(), os.getppid(), "self", 1, 2)]
    assert_stopped(Attempt(code=READ, args=own), sandbox, root)


def test_reading_the_keys_of_the_system(sandbox: Sandbox, root: Path) -> None:
    """What only root can read is closed though root started the job."""
    code = READ.replace('"the secret" in open(path).read()', "open(path).read(1) or True")
    paths = [p for p in ("/etc/shadow", "/etc/gshadow", "/etc/sudoers") if Path(p).exists()]
    assert_stopped(Attempt(code=code, args=paths), sandbox, root)


def test_reading_a_disk(sandbox: Sandbox, root: Path) -> None:
    """Block devices hold everything."""
    code = READ.replace('"the secret" in open(path).read()', 'open(path, "rb").read(512)')
    disks = [str(p) for p in Path("/dev").iterdir() if p.is_block_device()]
    assert_stopped(Attempt(code=code, args=disks), sandbox, root)


def test_making_a_device(sandbox: Sandbox, root: Path) -> None:
    code = """
import os, stat
print("tried")
for kind, number in ((stat.S_IFBLK, os.makedev(253, 0)), (stat.S_IFCHR, os.makedev(1, 1))):
    path = "device%d" % kind
    try:
        os.mknod(path, 0o666 | kind, number)
        os.unlink(path)
        print("ESCAPED")
    except OSError as exc:
        print(exc)
"""
    assert_stopped(Attempt(code=code), sandbox, root)


def test_writing_by_absolute_path(sandbox: Sandbox, root: Path) -> None:
    """Outside there must be no trace; a tmpfs may lie over the place inside."""
    victim = root.parent / "victim"
    code = WRITE.partition("print(*")[0]
    victim.write_text("before")
    Attempt(code=code, args=[str(victim)]).free(root)
    assert "ESCAPED" in victim.read_text()
    victim.write_text("before")
    inside = Attempt(code=code, args=[str(victim), str(root.parent / "new")]).inside(sandbox, root)
    assert "tried" in inside.output
    assert victim.read_text() == "before"
    assert not (root.parent / "new").exists()


def test_writing_through_links(sandbox: Sandbox, root: Path) -> None:
    """A link in the project, and the links that /proc offers."""
    victim = root.parent / "victim"
    victim.write_text("before")
    (root / "link").symlink_to(victim)
    code = WRITE.partition("print(*")[0]
    Attempt(code=code, args=["link"]).free(root)
    assert "ESCAPED" in victim.read_text()
    victim.write_text("before")
    ways = ["link", f"/proc/self/root{victim}", f"/proc/{os.getpid()}/root{victim}", f"/proc/1/root{victim}"]
    inside = Attempt(code=code, args=ways).inside(sandbox, root)
    assert "tried" in inside.output
    assert victim.read_text() == "before"


def test_writing_into_the_users_tree(sandbox: Sandbox, root: Path) -> None:
    """By the tree's own path, also where the job sees it elsewhere."""
    code = WRITE.partition("print(*")[0]
    Attempt(code=code, args=[str(root / "mod.py")]).free(root)
    assert "ESCAPED" in (root / "mod.py").read_text()
    (root / "mod.py").write_text("")
    inside = Attempt(code=code, args=[str(root / "mod.py"), f"/proc/1/root{root}/mod.py"]).inside(sandbox, root)
    assert "tried" in inside.output
    assert (root / "mod.py").read_text() == ""


def test_writing_to_the_interpreter(sandbox: Sandbox, root: Path, tmp_path: Path) -> None:
    """What may be read may not be written: a poisoned module would run outside."""
    packages = tmp_path.resolve() / "site-packages"
    packages.mkdir()
    module = packages / "module.py"
    module.write_text("")
    code = WRITE.partition("print(*")[0]
    Attempt(code=code, args=[str(module)]).free(root)
    assert "ESCAPED" in module.read_text()
    module.write_text("")
    job = Attempt(code=code, args=[str(module), str(packages / "new.pth")]).job(root)
    job = type(job)(argv=job.argv, view=job.view, env={}, readable=[*job.readable, packages])
    with sandbox.start(job) as running:
        running.wait(PATIENCE)
        assert b"tried" in running.output()
    assert module.read_text() == ""
    assert not (packages / "new.pth").exists()


def test_opening_by_handle(sandbox: Sandbox, root: Path, secret: Path) -> None:
    """A file handle names an inode past every path (the way out of early containers)."""
    code = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
class Handle(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int), ("data", ctypes.c_ubyte * 128)]
if sys.argv[1] == "make":
    handle, mount = Handle(128), ctypes.c_int()
    print(libc.name_to_handle_at(-100, sys.argv[2].encode(), ctypes.byref(handle), ctypes.byref(mount), 0))
    print(handle.bytes, handle.type, bytes(handle.data[:handle.bytes]).hex())
else:
    size, kind, data = int(sys.argv[2]), int(sys.argv[3]), bytes.fromhex(sys.argv[4])
    handle = Handle(size, kind, (ctypes.c_ubyte * 128)(*data))
    for place in (".", "/usr", sys.base_prefix, "/tmp"):
        print("tried", place)
        fd = libc.open_by_handle_at(os.open(place, os.O_RDONLY), ctypes.byref(handle), os.O_RDONLY)
        if fd >= 0 and b"the secret" in os.read(fd, 100):
            print("ESCAPED")
"""
    made = Attempt(code=code, args=["make", str(secret)]).free(root).output.split()
    if made[0] != "0":
        pytest.skip("this file system has no handles")
    assert_stopped(Attempt(code=code, args=["use", *made[1:]]), sandbox, root)


def test_changing_the_root(sandbox: Sandbox, root: Path) -> None:
    """chroot twice leads out of a chroot."""
    code = """
import os
print("tried")
try:
    os.mkdir("jail")
    os.chroot("jail")
    print("ESCAPED")
except OSError as exc:
    print(exc)
"""
    free = Attempt(code=code).free(root)
    (root / "jail").rmdir()
    if "ESCAPED" not in free.output:
        pytest.skip("needs root: chroot is closed to this user anyway")
    assert is_root()
    assert_stopped(Attempt(code=code), sandbox, root, control=False)


def test_leaving_a_process_that_writes_later(sandbox: Sandbox, root: Path) -> None:
    """A daemon that outlives the job would change the tree after it was judged."""
    code = """
import os, sys, time
ready, writes = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(writes, b"x")
        for _ in range(2000):
            try:
                open(sys.argv[1], "a").write("ESCAPED")
            except OSError:
                pass
            os.write(int(sys.argv[2]), b".")
            time.sleep(0.005)
    os._exit(0)
os.read(ready, 1)
print("tried")
"""
    victim = root / "mod.py"
    reading, writing = os.pipe()
    attempt = Attempt(code=code, args=[str(victim), str(writing)], pass_fds=[writing])
    assert "tried" in attempt.free(root).output
    while victim.read_text() == "":
        os.read(reading, 1)
    os.close(reading)  # ends the daemon
    os.close(writing)

    victim.write_text("")
    reading, writing = os.pipe()
    inside = Attempt(code=code, args=[str(victim), str(writing)], pass_fds=[writing]).inside(sandbox, root)
    os.close(writing)
    assert "tried" in inside.output
    assert nobody_writes(reading)
    os.close(reading)
    assert victim.read_text() == ""
