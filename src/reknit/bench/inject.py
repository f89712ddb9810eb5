"""One-token mistakes put into a project whose suite is green: drawn by a seed, listed, healed.

Drawing needs no engine, so that a list can be made, and kept, before an operator is written or changed.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path, PurePosixPath

from reknit.bench import trees
from reknit.bench.case import Case
from reknit.bench.mutate import Site, draw, mutated, sites
from reknit.bench.plain import PlainRun, run_plain
from reknit.config import Options
from reknit.errors import CannotJudgeError, ConflictError, UsageError
from reknit.model import codec
from reknit.runner import interpreter

_NOT_SOURCE = {
    "test",
    "tests",
    "testing",
    "doc",
    "docs",
    "example",
    "examples",
    "benchmark",
    "benchmarks",
    "bench",
    "misc",
}
_NOT_SOURCE_FILES = ("test_*.py", "*_test.py", "conftest.py", "setup.py", "noxfile.py", "__main__.py", "_version.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnBug:
    """A mistake that at least one test notices."""

    id: str
    #: Relative, POSIX.
    file: str
    line: int
    kind: str
    before: str
    after: str
    #: Byte offsets of `before` in the right file, half open.
    start: int
    end: int
    #: Of the right file's bytes.
    sha256: str
    #: A test that notices: the first that fails.
    noticed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What `--draw-only` writes."""

    seed: int
    src_root: str
    pytest_args: tuple[str, ...]
    bugs: tuple[DrawnBug, ...]
    #: Mistakes that were tried and are not in the list, by what became of them.
    dropped: Mapping[str, int]


def source_files(project: Path) -> list[str]:
    """Python files that are neither tests nor tooling, relative to the project, sorted."""
    found = []
    for path in project.rglob("*.py"):
        relative = PurePosixPath(path.relative_to(project))
        folders = {part.lower() for part in relative.parts[:-1]}
        if folders & _NOT_SOURCE or any(part.startswith(".") for part in relative.parts):
            continue
        if not any(relative.match(pattern) for pattern in _NOT_SOURCE_FILES):
            found.append(relative.as_posix())
    return sorted(found)


def src_root(project: Path) -> str:
    """What goes on PYTHONPATH, relative: `src` where there is one, so that a copy wins over an editable install."""
    return "src" if (project / "src").is_dir() else "."


def draw_bugs(
    project: Path, python: Path, arguments: Sequence[str], *, count: int, seed: int, tell: Callable[[str], None]
) -> Drawing:
    """`count` mistakes that make a test fail; the same for the same seed, files and suite.

    `CannotJudgeError` (slug `bench-not-green`) where the suite is not green as it is.
    """
    with tempfile.TemporaryDirectory(prefix="reknit-bench-", ignore_cleanup_errors=True) as temporary:
        copy = Path(temporary).resolve() / "project"
        trees.copy_tree(project, copy)
        root = src_root(copy)
        tell("running the suite as it is")
        began = time.monotonic()
        right = run_plain(copy, python, arguments, src_root=root, seconds=600)
        if not right.green:
            raise CannotJudgeError(f"the suite is not green: {right.said()}; nothing was drawn", slug="bench-not-green")
        limit = 10 + 5 * (time.monotonic() - began)

        def run() -> PlainRun:
            return run_plain(copy, python, arguments, src_root=root, seconds=limit, first_only=True)

        bugs, dropped = _collect(copy, run, count=count, rng=random.Random(seed), tell=tell)  # noqa: S311 - no secret
    return Drawing(seed=seed, src_root=root, pytest_args=tuple(arguments), bugs=tuple(bugs), dropped=dropped)


def _collect(
    copy: Path, run: Callable[[], PlainRun], *, count: int, rng: random.Random, tell: Callable[[str], None]
) -> tuple[list[DrawnBug], dict[str, int]]:
    contents = {path: (copy / path).read_bytes() for path in source_files(copy)}
    bugs: list[DrawnBug] = []
    dropped: dict[str, int] = {}
    for path, site in draw({p: sites(c) for p, c in contents.items()}, rng):
        changed = mutated(contents[path], site)
        if changed is None or any((bug.file, bug.line) == (path, site.line) for bug in bugs):
            continue
        (copy / path).write_bytes(changed)
        seen = run()
        (copy / path).write_bytes(contents[path])
        fate = _fate(seen)
        tell(f"{len(bugs)} of {count}; {path}:{site.line} {site.before!r} → {site.after!r}: {fate or 'kept'}")
        if fate:
            dropped[fate] = dropped.get(fate, 0) + 1
            continue
        bugs.append(_drawn(path, site, contents[path], number=len(bugs) + 1, noticed_by=min(seen.failed)))
        if len(bugs) == count:
            break
    return bugs, dropped


def _fate(run: PlainRun) -> str:
    """Why a mistake is not kept; "" if it is."""
    match run.code:
        case 0:
            return "no test notices"
        case 1 if run.failed:
            return ""
        case None:
            return "the suite does not end"
        case _:
            return "the tests cannot be collected"


def _drawn(path: str, site: Site, right: bytes, *, number: int, noticed_by: str) -> DrawnBug:
    return DrawnBug(
        id=f"{number:02}-{site.kind}",
        file=path,
        line=site.line,
        kind=site.kind,
        before=site.before,
        after=site.after,
        start=site.start,
        end=site.end,
        sha256=sha256(right).hexdigest(),
        noticed_by=noticed_by,
    )


def injected(bug: DrawnBug, right: bytes) -> bytes:
    """The file with the mistake; `ConflictError` where it is not the file that the bug was drawn from."""
    if sha256(right).hexdigest() != bug.sha256 or right[bug.start : bug.end] != bug.before.encode():
        raise ConflictError(bug.file, why="is not the file that the bug was drawn from")
    return right[: bug.start] + bug.after.encode() + right[bug.end :]


def draw_or_read(
    project: Path,
    python: Path | None,
    arguments: Sequence[str],
    *,
    drawn: Path | None,
    count: int,
    seed: int,
    tell: Callable[[str], None],
) -> Drawing:
    """The list in `drawn`, else a new one; the suite's interpreter is found as for healing."""
    if drawn is not None:
        return read_drawing(drawn)
    found = interpreter.find(project, python, os.environ).python
    return draw_bugs(project, found, arguments, count=count, seed=seed, tell=tell)


def inject_cases(project: Path, drawing: Drawing, options: Options, only: Iterable[str] = ()) -> list[Case]:
    """A case for each drawn bug: a copy of the project with that one mistake."""
    wanted = set(only)
    missing = wanted - {bug.id for bug in drawing.bugs}
    if missing:
        raise UsageError(f"the list has no {', '.join(sorted(missing))}; nothing was run", slug="bench-case")
    return [_case(project, bug, drawing, options) for bug in drawing.bugs if not wanted or bug.id in wanted]


def _case(project: Path, bug: DrawnBug, drawing: Drawing, options: Options) -> Case:
    def lay_out(copy: Path) -> Options:
        trees.copy_tree(project, copy)
        place = copy / bug.file
        place.write_bytes(injected(bug, place.read_bytes()))
        env = {**options.env, "PYTHONPATH": str(copy / drawing.src_root)}
        return replace(options, pytest_args=drawing.pytest_args, whole_suite=False, env=env)

    def answer() -> Mapping[str, bytes]:
        return {bug.file: (project / bug.file).read_bytes()}

    return Case(id=bug.id, lay_out=lay_out, answer=answer)


def read_drawing(path: Path) -> Drawing:
    """A list written by `--draw-only`; `UsageError` names what does not fit."""
    drawing: Drawing = codec.loads(Drawing, path.read_bytes())
    return drawing


def write_drawing(path: Path, drawing: Drawing) -> None:
    """Write the list as JSON, a field a line, so that two lists can be compared."""
    path.write_text(json.dumps(codec.dump(Drawing, drawing), indent=2, ensure_ascii=False) + "\n", "utf-8")
