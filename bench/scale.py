"""What reknit costs in a repository of 100,000 files, beside what pytest needs for the same tests.

A repository of many packages is generated, the same one each time, committed to git, and one token of one package is
made wrong. Then pytest and `reknit heal` run that package's tests, asked for in three ways: by arguments after `--`,
by the repository's `testpaths`, and from within the package. They take turns, and of several rounds the least counts.

    python bench/scale.py [FOLDER] [--quick] [--files 100000] [--isolation LEVEL]

A FOLDER that does not exist is made and kept, one that was made so before is used again. The last line is JSON, of the
dearest of the three ways:

added_cpu_seconds    CPU of reknit and all that it has started when its first candidate was judged, less pytest's own
added_mb             what all these processes held at most until then (PSS), less pytest's own
warm_added_seconds   wall clock from the start of a run that remembers one before to its first candidate, less that of
                     pytest for the failing test alone

Bars: at most 2, 300 and 2. `figures` has what they were made from. Linux only: it reads /proc.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

#: Of a package: modules, tests, and what is neither (settings, `__init__.py`, data).
MODULES, TESTS, OTHERS = 33, 12, 5
PER_PACKAGE = MODULES + TESTS + OTHERS
#: Modules of other packages that a package imports.
SIBLINGS = 3
QUICK_FILES = 10_000
LINES_PER_FILE = 10
WAYS = ("arguments", "testpaths", "package")
FAILING = "tests/test_p0001_02.py::test_steps"
REKNIT = (sys.executable, "-c", "from reknit.cli.main import run; run()", "heal")
#: As reknit says it where nobody watches.
FIRST = "first candidate"
#: Seconds between looks at the processes.
_GLANCE = 0.03
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024
_WORDS = ("amount", "balance", "count", "delta", "edge", "factor", "gain", "height", "index", "limit", "mass", "price")


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a command has used, up to its end or to its first candidate."""

    cpu_seconds: float
    wall_seconds: float
    most_mb: float


def generate(folder: Path, files: int, lines: int) -> None:
    """A repository of about so many files and lines, committed; `folder` must not exist."""
    packages = max(SIBLINGS + 1, files // PER_PACKAGE)
    functions = max(1, round((lines / max(1, files) - 2) * PER_PACKAGE / MODULES / 5))
    root = folder.resolve()
    root.mkdir(parents=True)
    settings = '[tool.pytest.ini_options]\npythonpath = ["{}"]\ntestpaths = ["{}"]\n'
    (root / "pyproject.toml").write_text(settings.format(".", "pkgs/p0001/tests"))
    (root / ".gitignore").write_text("__pycache__/\n.pytest_cache/\n")
    for number in range(1, packages + 1):
        name = f"p{number:04}"
        package = root / "pkgs" / name
        (package / "tests").mkdir(parents=True)
        (package / "pyproject.toml").write_text(
            f'[project]\nname = "{name}"\nversion = "1"\n\n' + settings.format("../..", "tests")
        )
        (package / "__init__.py").write_text(f'"""Package {number} of {packages}."""\n')
        for data in range(1, OTHERS - 1):
            (package / f"table_{data}.csv").write_text("".join(f"{number},{data},{row}\n" for row in range(10)))
        for module in range(1, MODULES + 1):
            (package / f"m{module:02}.py").write_text(_module(number, module, functions, packages))
        for test in range(1, TESTS + 1):
            (package / "tests" / f"test_{name}_{test:02}.py").write_text(_test(name, test))
    _commit(root)
    _break(root)


def _module(package: int, module: int, functions: int, packages: int) -> str:
    """A module of small functions; the first modules of a package use those of its neighbours."""
    chance = random.Random(package * 1000 + module)  # noqa: S311 - the same each time is what is wanted
    lines = [f'"""Part {module} of package {package}."""', ""]
    if module <= SIBLINGS and package <= packages - SIBLINGS:
        lines += [f"from pkgs.p{package + module:04}.m{MODULES:02} import step_1 as neighbour", ""]
    for function in range(1, functions + 1):
        first, second = chance.sample(_WORDS, 2)
        low = chance.randrange(2, 9)
        lines += [
            "",
            f"def step_{function}({first}, {second}={low}):",
            f"    if {first} >= {second}:",
            f"        return {first} - {second}",
            f"    return {first} + {second}",
        ]
    return "\n".join(lines) + "\n"


def _test(package: str, test: int) -> str:
    modules = [m for m in range(1, MODULES + 1) if m % TESTS == test % TESTS]
    imports = [f"from pkgs.{package} import m{m:02}" for m in modules]
    checks = [f"    assert m{m:02}.step_1(20, 8) == 12\n    assert m{m:02}.step_1(1, 8) == 9" for m in modules]
    return "\n".join([*imports, "", "", "def test_steps():", *checks, ""])


def _break(root: Path) -> None:
    """One wrong token, where the test `FAILING` sees it."""
    file = root / "pkgs" / "p0001" / "m14.py"
    file.write_text(file.read_text().replace(" - ", " * ", 1))


def _commit(root: Path) -> None:
    identity = ["-c", "user.name=scale", "-c", "user.email=scale@example.com"]
    date = "2024-01-01T00:00:00Z"
    env = {**os.environ, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    for command in (
        ["init", "-q", "-b", "main"],
        ["-c", "core.compression=0", "add", "-A"],
        [*identity, "commit", "-q", "-m", "all of it"],
        ["repack", "-adq", "--window=0"],
    ):
        subprocess.run(["git", "-C", root, *command], check=True, env=env)


class Account:
    """Counts CPU of a command and all that it starts.

    By a control group where one may be made, which is exact; else by looking at every process now and then, which
    loses the last moments of each: a process that nobody waits for takes its bill with it.
    """

    def __init__(self, command: Sequence[str], folder: Path, env: dict[str, str]) -> None:
        self._group = _new_group()
        self._began = time.monotonic()
        self._seen: dict[int, int] = {}
        self.most_kb = 0
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=self._enter,  # noqa: PLW1509 - one thread runs here
        )
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _enter(self) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored, by all below too
        if self._group is not None:
            (self._group / "cgroup.procs").write_text(str(os.getpid()))

    def _watch(self) -> None:
        while not self._over.wait(_GLANCE):
            self._look()

    def _look(self) -> None:
        pids = list(_tree(self.process.pid))
        self._seen |= {pid: ticks for pid in pids if (ticks := _own_ticks(pid))}
        self.most_kb = max(self.most_kb, sum(map(_held_kb, pids)))

    def used(self) -> Used:
        """What it has used so far."""
        self._look()
        if self._group is None:
            cpu = sum(self._seen.values()) / _TICK
        else:
            stat = dict(line.split() for line in (self._group / "cpu.stat").read_text().splitlines())
            cpu = int(stat["usage_usec"]) / 1e6
        wall = time.monotonic() - self._began
        return Used(cpu_seconds=cpu, wall_seconds=wall, most_mb=self.most_kb / 1024)

    def end(self) -> Used:
        """What it has used in all, when it has ended."""
        self.process.wait()
        self._over.set()
        self._thread.join()
        used = self.used()
        if self._group is not None:
            _drop(self._group)
        return used


def _new_group() -> Path | None:
    """A control group of version 2 for one command, beside or below our own; None where none may be made."""
    mounts = [line.split() for line in _read("/proc/mounts").splitlines()]
    own = next((line[3:] for line in _read("/proc/self/cgroup").splitlines() if line.startswith("0::")), "/")
    for mount in (fields[1] for fields in mounts if fields[2] == "cgroup2"):
        with contextlib.suppress(OSError):
            return Path(tempfile.mkdtemp(prefix="scale-", dir=mount + own))
    return None


def _drop(group: Path) -> None:
    """Remove the group when its last process is gone."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.05)


def whole(command: Sequence[str], folder: Path, env: dict[str, str]) -> Used:
    """What a command uses from start to end."""
    account = Account(command, folder, env)
    _, said = account.process.communicate()
    used = account.end()
    if account.process.returncode > 1:
        sys.exit(f"{' '.join(command)} ended with {account.process.returncode}; nothing was measured\n{said}")
    return used


def healed(command: Sequence[str], folder: Path, env: dict[str, str], *, to_the_end: bool) -> Used:
    """What `reknit heal` has used when its first candidate was judged, or `to_the_end`."""
    account = Account(command, folder, env)
    first, said = None, []
    for line in account.process.stderr or ():
        said.append(line)
        if FIRST in line and first is None:
            first = account.used()
            if not to_the_end:
                account.process.send_signal(signal.SIGINT)
    end = account.end()
    status = account.process.returncode
    if first is None or status != (3 if to_the_end else 130):
        sys.exit(f"{' '.join(command)} ended with {status}; nothing was measured:\n{''.join(said)}")
    return end if to_the_end else first


def least(rounds: Sequence[Used]) -> Used:
    """The least of each figure: every disturbance only adds."""
    return Used(
        cpu_seconds=min(u.cpu_seconds for u in rounds),
        wall_seconds=min(u.wall_seconds for u in rounds),
        most_mb=min(u.most_mb for u in rounds),
    )


def _tree(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(OSError):  # it has ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in _read(f"{task}/children").split():
                yield from _tree(int(child))


def _read(path: str) -> str:
    with contextlib.suppress(OSError):
        return Path(path).read_text()
    return ""


def _own_ticks(pid: int) -> int:
    """Of the process alone."""
    stat = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return sum(map(int, stat[11:13]))


def _held_kb(pid: int) -> int:
    """Pages shared with others count by their share; where that is not told, in full."""
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return int((_read(f"/proc/{pid}/statm").split() or ["0", "0"])[1]) * _PAGE_KB


def measure(root: Path, way: str, asked: argparse.Namespace) -> dict[str, Used]:
    """Pytest and reknit on the tests of the one package, asked for in that way, taking turns."""
    tests = ["pkgs/p0001/tests"] if way == "arguments" else []
    folder = root / "pkgs" / "p0001" if way == "package" else root
    failing = FAILING if way == "package" else f"pkgs/p0001/{FAILING}"
    pytest = [asked.python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    level = ["--isolation", asked.isolation] if asked.isolation else []
    heal = [*REKNIT, "--python", asked.python, *level, *(["--", *tests] if tests else [])]
    rounds: dict[str, list[Used]] = {name: [] for name in ("pytest", "pytest_one", "cold", "healed", "warm")}
    with tempfile.TemporaryDirectory() as home:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        env = {**kept, "HOME": home, "REKNIT_STATE_DIR": f"{home}/warm"}
        whole([*pytest, *tests], folder, env)  # fills the disk's cache, and Python's
        rounds["healed"].append(healed(heal, folder, env, to_the_end=True))
        for number in range(asked.rounds):
            cold = {**env, "REKNIT_STATE_DIR": f"{home}/cold-{number}"}
            rounds["pytest"].append(whole([*pytest, *tests], folder, env))
            rounds["cold"].append(healed(heal, folder, cold, to_the_end=False))
            rounds["pytest_one"].append(whole([*pytest, failing], folder, env))
            rounds["warm"].append(healed(heal, folder, env, to_the_end=False))
    return {name: least(used) for name, used in rounds.items()}


def result(figures: dict[str, dict[str, Used]]) -> dict[str, float]:
    """The three figures that have bars, of the dearest way each."""
    ways = figures.values()
    return {
        "added_cpu_seconds": round(max(w["cold"].cpu_seconds - w["pytest"].cpu_seconds for w in ways), 2),
        "added_mb": round(max(w["cold"].most_mb - w["pytest"].most_mb for w in ways), 1),
        "warm_added_seconds": round(max(w["warm"].wall_seconds - w["pytest_one"].wall_seconds for w in ways), 2),
    }


@contextlib.contextmanager
def repository(folder: Path | None, files: int, lines: int) -> Iterator[Path]:
    """The generated repository, in a folder that is kept, or in one that is not."""
    if folder is not None:
        if not folder.exists():
            generate(folder, files, lines)
        yield folder.resolve()
        return
    scratch = Path(tempfile.mkdtemp(prefix="scale-"))
    try:
        generate(scratch / "repository", files, lines)
        yield (scratch / "repository").resolve()
    finally:
        shutil.rmtree(scratch)


def main() -> None:
    """Generate, measure, print."""
    parser = argparse.ArgumentParser(description="what reknit costs in a large repository")
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_FILES} files")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--lines", type=int, help=f"by default {LINES_PER_FILE} a file")
    parser.add_argument("--isolation")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, action="append", help="by default all of them")
    parser.add_argument("--python", default=sys.executable, help="an interpreter with pytest")
    asked = parser.parse_args()
    files = QUICK_FILES if asked.quick else asked.files
    with repository(asked.folder, files, asked.lines or LINES_PER_FILE * files) as root:
        figures = {way: measure(root, way, asked) for way in asked.way or WAYS}
    told = {
        way: {name: {k: round(v, 3) for k, v in dataclasses.asdict(u).items()} for name, u in used.items()}
        for way, used in figures.items()
    }
    for way, used in told.items():
        for name, numbers in used.items():
            print(f"{way:9}  {name:11}", "  ".join(f"{k} {v:8.2f}" for k, v in numbers.items()))
    print(json.dumps({**result(figures), "files": files, "figures": told}))


if __name__ == "__main__":
    main()
