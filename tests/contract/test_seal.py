"""Files that a job shall leave as they are: what it did to them is seen from outside, at every level."""

from __future__ import annotations

from pathlib import Path

import pytest

from reknit.sandbox import Job, Sandbox, ViewKind
from tests.escape.jail import ALL, PATIENCE, Attempt, open_jail

#: Each changes `kept.py`, or tries to, and says so.
CHANGES = {
    "written and put back": (
        "was, data = os.stat('kept.py'), open('kept.py', 'rb').read()\nopen('kept.py', 'wb').write(b'other')\n"
        "open('kept.py', 'wb').write(data)\nos.utime('kept.py', ns=(was.st_atime_ns, was.st_mtime_ns))"
    ),
    "removed": "os.unlink('kept.py')",
    "another in its place": "open('x', 'w').write('kept\\n')\nos.replace('x', 'kept.py')",
    "a link in its place": "os.rename('kept.py', 'x')\nos.symlink('x', 'kept.py')",
    "another mode": "os.chmod('kept.py', 0o777)",
    "another folder": (
        "import shutil\nshutil.copytree('sub', 'old')\nshutil.rmtree('sub')\nshutil.copytree('old', 'sub')"
    ),
    "made where none was": "open('sub/conftest.py', 'w').close()",
    "made where none was, and removed": "open('sub/conftest.py', 'w').close()\nos.unlink('sub/conftest.py')",
    "moved where none was, and back": (
        "open('sub/x', 'w').close()\nos.rename('sub/x', 'sub/conftest.py')\nos.rename('sub/conftest.py', 'sub/x')"
    ),
    "a folder where none was, and removed": (
        "import shutil\nos.makedirs('no/such')\nopen('no/such/file.py', 'w').close()\nshutil.rmtree('no')"
    ),
    "another folder, and the old one back": (
        "import shutil\nos.rename('deep/er', 'old')\nshutil.copytree('old', 'deep/er')\n"
        "open('deep/er/file.py', 'w').write('other')\nshutil.rmtree('deep/er')\nos.rename('old', 'deep/er')"
    ),
    "another folder further up, and the old one back": (
        "import shutil\nos.rename('deep', 'old')\nshutil.copytree('old', 'deep')\n"
        "open('deep/er/file.py', 'w').write('other')\nshutil.rmtree('deep')\nos.rename('old', 'deep')"
    ),
    "what a link leads to": (
        "was, data = os.stat('real.py'), open('real.py', 'rb').read()\nopen('real.py', 'wb').write(b'other')\n"
        "open('real.py', 'wb').write(data)\nos.utime('real.py', ns=(was.st_atime_ns, was.st_mtime_ns))"
    ),
    "another link on the way, and the old one back": (
        "os.rename('way', 'old')\nos.symlink('sub', 'way')\nos.unlink('way')\nos.rename('old', 'way')"
    ),
    "so much that the kernel loses count": (
        "open('sub/a', 'w').close()\nfor _ in range(20_000):\n    os.rename('sub/a', 'sub/b')\n    os.rename('sub/b', 'sub/a')"
    ),
    "opened to be written": "open('kept.py', 'r+').close()",
    "held open by a process that is left behind, slow to go": (
        "import time\nr, w = os.pipe()\nif os.fork() == 0:\n    os.setsid()\n    f, big = open('patched.py', 'r+'), b'x' * (300 << 20)\n"
        "    os.write(w, b'1')\n    time.sleep(100)\nos.close(w)\nos.read(r, 1)"
    ),
    "through memory": (
        "import mmap\nwas = os.stat('kept.py')\n"
        "with open('kept.py', 'r+b') as f, mmap.mmap(f.fileno(), 0) as m:\n    m[:1] = b'K'\n    m[:1] = b'k'\n"
        "os.utime('kept.py', ns=(was.st_atime_ns, was.st_mtime_ns))"
    ),
    "by another name": (
        "os.link('kept.py', 'x')\nwas = os.stat('x')\nopen('x', 'w').write('KEPT\\n')\nopen('x', 'w').write('kept\\n')\n"
        "os.utime('x', ns=(was.st_atime_ns, was.st_mtime_ns))\nos.unlink('x')"
    ),
    "by a process that is left behind": (
        "import time\nif os.fork() == 0:\n    os.setsid()\n    open('kept.py', 'a').write('late')\n    time.sleep(100)\ntime.sleep(0.5)"
    ),
}
SEALED = (
    "kept.py", "sub/deep.py", "sub/conftest.py", "patched.py", "no/such/file.py", "deep/er/file.py", "link.py",
    "way/file.py",
)  # fmt: skip
#: Where it is not `kept.py` that is changed.
CHANGED = {
    "another folder": ("sub/deep.py", "sub/conftest.py"),
    "made where none was": ("sub/conftest.py",),
    "made where none was, and removed": ("sub/conftest.py",),
    "moved where none was, and back": ("sub/conftest.py",),
    "a folder where none was, and removed": ("no/such/file.py",),
    "another folder, and the old one back": ("deep/er/file.py",),
    "another folder further up, and the old one back": ("deep/er/file.py",),
    "so much that the kernel loses count": SEALED,
    "held open by a process that is left behind, slow to go": ("patched.py",),
    "what a link leads to": ("link.py",),
    "another link on the way, and the old one back": ("way/file.py",),
}
#: An overlay refuses to move a folder of the layer below.
REFUSED = {"another folder, and the old one back", "another folder further up, and the old one back"}


@pytest.fixture(params=ALL)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return open_jail(request.param)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path.resolve() / "project"
    (project / "sub").mkdir(parents=True)
    for folder in ("deep/er", "led"):
        (project / folder).mkdir(parents=True)
    for name in ("kept.py", "sub/deep.py", "patched.py", "free.py", "deep/er/file.py", "led/file.py", "real.py"):
        (project / name).write_text("kept\n")
    (project / "link.py").symlink_to("real.py")
    (project / "way").symlink_to("led")
    return project


def job(root: Path, code: str) -> Job:
    made = Attempt(code=f"import os\n{code}\nprint('tried')", files={"patched.py": b"patched\n"}).job(root)
    return Job(argv=made.argv, view=made.view, env={}, readable=made.readable, sealed=SEALED)


def test_who_only_reads_breaks_no_seal(sandbox: Sandbox, root: Path) -> None:
    code = "for n in ('kept.py', 'sub/deep.py', 'patched.py'): open(n).read()\nos.listdir('sub')\n"
    code += "try: open('free.py', 'w').write('mine')\nexcept OSError: pass"
    with sandbox.start(job(root, code)) as running:
        assert running.wait(PATIENCE) == 0
        assert running.broken() == ()


@pytest.mark.parametrize("change", CHANGES)
def test_a_broken_seal_is_seen(sandbox: Sandbox, root: Path, change: str) -> None:
    with sandbox.start(job(root, CHANGES[change])) as running:
        running.wait(PATIENCE)
        broken, said = running.broken(), running.output()
    if getattr(sandbox, "view_kind", None) is ViewKind.BIND:
        assert (broken, b"tried" in said) == ((), "left behind" in change), "it is read-only"
    elif change in REFUSED and getattr(sandbox, "view_kind", None) is ViewKind.OVERLAY:
        assert (broken, b"Invalid cross-device link" in said) == ((), True)
    else:
        assert b"tried" in said, said
        assert broken == CHANGED.get(change, ("kept.py",))


def test_a_job_that_must_be_ended_is_looked_at_too(sandbox: Sandbox, root: Path) -> None:
    code = "import time\ntry: open('kept.py', 'a').write('x')\nexcept OSError: pass\nprint('tried', flush=True)\ntime.sleep(1000)"
    with sandbox.start(job(root, code)) as running:
        while b"tried" not in running.output():
            assert running.wait(0.05) is None
        broken = running.broken()
    assert broken == (() if getattr(sandbox, "view_kind", None) is ViewKind.BIND else ("kept.py",))
