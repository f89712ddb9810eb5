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
    "by a process that is left behind": (
        "import time\nif os.fork() == 0:\n    os.setsid()\n    open('kept.py', 'a').write('late')\n    time.sleep(100)\ntime.sleep(0.5)"
    ),
}
SEALED = ("kept.py", "sub/deep.py", "sub/conftest.py", "patched.py")


@pytest.fixture(params=ALL)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return open_jail(request.param)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path.resolve() / "project"
    (project / "sub").mkdir(parents=True)
    for name in ("kept.py", "sub/deep.py", "patched.py", "free.py"):
        (project / name).write_text("kept\n")
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
    wanted = {"another folder": "sub/deep.py", "made where none was": "sub/conftest.py"}.get(change, "kept.py")
    if getattr(sandbox, "view_kind", None) is ViewKind.BIND:
        assert (broken, b"tried" in said) == ((), change.startswith("by a process")), "it is read-only"
    else:
        assert broken == (wanted,)


def test_a_job_that_must_be_ended_is_looked_at_too(sandbox: Sandbox, root: Path) -> None:
    code = "import time\ntry: open('kept.py', 'a').write('x')\nexcept OSError: pass\nprint('tried', flush=True)\ntime.sleep(1000)"
    with sandbox.start(job(root, code)) as running:
        while b"tried" not in running.output():
            assert running.wait(0.05) is None
        broken = running.broken()
    assert broken == (() if getattr(sandbox, "view_kind", None) is ViewKind.BIND else ("kept.py",))
