"""Ways to leave something behind that runs, or is believed, later: after a job all that is the user's is as it was."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from reknit.sandbox import Sandbox
from tests.escape.jail import CONFINED_FILES, PATIENCE, Attempt, is_root, open_jail

#: Written by the job, each by its own way in; `home`, `root`, `site`, `state`, `tmp` are the user's.
APPEND = "open({}, 'a').write('ESCAPED')"
CREATE = "os.makedirs(os.path.dirname({0}), exist_ok=True); open({0}, 'w').write('ESCAPED')"
PLACES = {
    "a git hook": CREATE.format("root + '/.git/hooks/pre-commit'"),
    "git's configuration": APPEND.format("root + '/.git/config'"),
    "git's configuration of the user": CREATE.format("home + '/.gitconfig'"),
    "history": APPEND.format("root + '/.git/HEAD'"),
    "the source": APPEND.format("root + '/mod.py'"),
    "conftest": CREATE.format("root + '/conftest.py'"),
    "a module in front": CREATE.format("root + '/json.py'"),
    "sitecustomize in the project": CREATE.format("root + '/sitecustomize.py'"),
    "settings of tools": CREATE.format("root + '/pytest.ini'"),
    "settings of the editor": CREATE.format("root + '/.vscode/tasks.json'"),
    "direnv": CREATE.format("root + '/.envrc'"),
    "hooks of pre-commit": CREATE.format("root + '/.pre-commit-config.yaml'"),
    "pytest's cache": CREATE.format("root + '/.pytest_cache/v/cache/lastfailed'"),
    "bytecode of the project": CREATE.format("root + '/__pycache__/mod.cpython-311.pyc'"),
    "the project's environment": CREATE.format("root + '/.venv/lib/python3.11/site-packages/x.pth'"),
    "a module of the environment": APPEND.format("site + '/module.py'"),
    "a .pth file": CREATE.format("site + '/x.pth'"),
    "sitecustomize of the environment": CREATE.format("site + '/sitecustomize.py'"),
    "bytecode of the environment": CREATE.format("site + '/__pycache__/module.cpython-311.pyc'"),
    "the user's packages": CREATE.format("home + '/.local/lib/python3.11/site-packages/usercustomize.py'"),
    "the shell": APPEND.format("home + '/.bashrc'"),
    "a command of the user's": CREATE.format("home + '/.local/bin/git'"),
    "a login": CREATE.format("home + '/.config/autostart/x.desktop'"),
    "a service": CREATE.format("home + '/.config/systemd/user/x.service'"),
    "keys that may log in": CREATE.format("home + '/.ssh/authorized_keys'"),
    "the debugger": CREATE.format("home + '/.pdbrc'"),
    "reknit's trust": CREATE.format("state + '/trust.json'"),
    "reknit's journal": APPEND.format("state + '/journal/1.json'"),
    "reknit's memory": APPEND.format("state + '/store.db'"),
    "temporary files of later runs": CREATE.format("tmp + '/pytest-of-user/pytest-0/x'"),
    "a removed file": "os.unlink(root + '/mod.py')",
    "an emptied file": "os.truncate(site + '/module.py', 0)",
    "another mode": "os.chmod(root + '/mod.py', 0o777); os.chmod(root, 0o700)",
    "a label": "os.setxattr(site + '/module.py', 'user.x', b'ESCAPED')",
    "another time": "os.utime(root + '/mod.py', (1, 1))",
    "a renamed folder": "os.rename(site, site + '2')",
    "a link in place of the project": "os.rename(root, root + '2'); os.symlink(home, root)",
    "a hard link": (
        "os.link(site + '/module.py', 'x'); open('x', 'a').write('ESCAPED')"
        " if os.path.samefile('x', site + '/module.py') else None"
    ),
    "an exchange": (
        "open('x', 'w').close(); ctypes.CDLL(None).renameat2(-100, b'x', -100, (site + '/module.py').encode(), 2)"
    ),
    "through a link": "os.symlink(site, 'x'); open('x/module.py', 'a').write('ESCAPED')",
    "through a descriptor": (
        "fd = os.open(site + '/module.py', os.O_RDONLY)\n    open('/proc/self/fd/%d' % fd, 'a').write('ESCAPED')"
    ),
    "by mapping": (
        "fd = os.open(site + '/module.py', os.O_RDONLY)\n"
        "    fd = os.open('/proc/self/fd/%d' % fd, os.O_RDWR)\n    mmap.mmap(fd, 0)[:1] = b'E'"
    ),
}
CODE = """
import ctypes, mmap, os, sys
home, root, site, state, tmp = sys.argv[1:]
print("tried")
try:
    {}
except (OSError, ValueError) as exc:
    print(exc)
"""


class World:
    """What is a user's: a home with a project in it, an environment, reknit's state, temporary files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home, self.site, self.state, self.tmp = (folder / n for n in ("home", "site", "state", "tmp"))
        self.root = self.home / "project"
        for path in ("home/.bashrc", "state/journal/1.json", "state/store.db", "site/module.py", "home/project/mod.py"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text("before")
        for path in (".git/hooks/pre-commit.sample", ".git/config", ".git/HEAD", ".venv/pyvenv.cfg"):
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text("before")
        self.tmp.mkdir()

    def seen(self) -> dict[str, tuple[object, ...]]:
        """All of it, by path."""
        found: dict[str, tuple[object, ...]] = {}
        for path in [self.folder, *self.folder.rglob("*")]:
            state, content = path.lstat(), path.read_bytes() if path.is_file() else b""
            labels = os.listxattr(path, follow_symlinks=False)
            found[str(path)] = (content, state.st_mode, state.st_mtime_ns, state.st_uid, *labels)
        return found

    def attempt(self, statement: str) -> Attempt:
        """It, told where everything is."""
        places = (self.home, self.root, self.site, self.state, self.tmp)
        return Attempt(code=CODE.format(statement), args=[str(p) for p in places])


@pytest.fixture(params=CONFINED_FILES)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return open_jail(request.param)


@pytest.mark.parametrize("statement", PLACES.values(), ids=list(PLACES))
def test_nothing_is_left_behind(sandbox: Sandbox, tmp_path: Path, statement: str) -> None:
    if sandbox.level == "landlock" and not is_root() and statement in (PLACES["another mode"], PLACES["another time"]):
        pytest.skip("Landlock does not look at it, as docs/isolation.md says: only another user is kept from it")
    free = World(tmp_path.resolve() / "free")
    before = free.seen()
    assert "tried" in free.attempt(statement).free(free.root).output
    assert free.seen() != before

    world = World(tmp_path.resolve() / "world")
    before = world.seen()
    job = world.attempt(statement).job(world.root)
    job = type(job)(argv=job.argv, view=job.view, env={}, readable=[*job.readable, world.site])
    with sandbox.start(job) as running:
        assert running.wait(PATIENCE) == 0
        assert b"tried" in running.output()
    assert world.seen() == before


@pytest.mark.parametrize(
    "path",
    [
        "/etc/cron.d/x", "/var/spool/cron/crontabs/root", "/etc/ld.so.preload", "/etc/profile.d/x.sh", "/etc/passwd",
        "/etc/systemd/system/x.service", "/usr/local/bin/x", "/usr/lib/python3/dist-packages/x.pth",
        "/sys/fs/cgroup/x/release_agent", "/sys/kernel/uevent_helper", "/dev/shm/x", f"{sys.base_prefix}/x", "/boot/x",
    ],
)  # fmt: skip
def test_nothing_is_left_in_the_system(sandbox: Sandbox, tmp_path: Path, path: str) -> None:
    """A control would change this machine: that the folder could be written is all it tells."""
    place = Path(path).with_name(f"reknit-test-{os.getpid()}") if Path(path).name == "x" else Path(path)
    before = place.read_bytes() if place.is_file() else None
    code = """
import os, sys
print("tried")
for how in (os.O_WRONLY | os.O_APPEND, os.O_WRONLY | os.O_CREAT):
    try:
        os.makedirs(os.path.dirname(sys.argv[1]), exist_ok=True)
        os.write(os.open(sys.argv[1], how), b"ESCAPED")
    except OSError as exc:
        print(exc)
"""
    assert "tried" in Attempt(code=code, args=[str(place)]).inside(sandbox, tmp_path.resolve()).output
    assert (place.read_bytes() if place.is_file() else None) == before
    if not any(os.access(p, os.W_OK) for p in (place, *place.parents[:-1])):
        pytest.skip(f"tried and stopped, but {path} is closed to this user anyway")
