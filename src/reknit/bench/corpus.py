"""Real bugs with real failing tests: a list of facts, the user's clones, and an environment a case."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from reknit.bench import envs, trees
from reknit.bench.case import Case
from reknit.bench.plain import run_plain
from reknit.config import Options
from reknit.errors import CannotJudgeError, UsageError
from reknit.model import codec


@dataclass(frozen=True, slots=True, kw_only=True)
class RealBug:
    """One line of a corpus file: facts of a bug's history, no source."""

    id: str
    #: "owner/name".
    repo: str
    parent_commit: str
    #: For judging only, as `src_files`: neither reaches the engine.
    fix_commit: str
    src_files: tuple[str, ...]
    #: Such as "3.11".
    python: str
    #: Relative; goes on PYTHONPATH.
    src_root: str
    #: Pins, "name==version".
    deps: tuple[str, ...]
    #: The pin that is the project itself, present for its metadata.
    self_release: str | None = None
    #: Taken from the fix.
    test_files: tuple[str, ...]
    #: What pytest is given.
    test_modules: tuple[str, ...]
    failing_tests: tuple[str, ...]
    known_failing_both: tuple[str, ...] = ()
    pytest_opts: tuple[str, ...] = ()

    @property
    def own(self) -> tuple[str, ...]:
        """Distributions in which the fix could be read."""
        named = {envs.canonical(self.repo.rpartition("/")[2])}
        if self.self_release is not None:
            named.add(envs.canonical(self.self_release))
        return tuple(sorted(named))

    @property
    def env(self) -> str:
        """Folder name of its environment."""
        return envs.env_key(self.deps, python=self.python, own=self.own)

    @property
    def pytest_args(self) -> tuple[str, ...]:
        """What pytest is given: the options it was verified with, the modules, what fails with the fix too left out."""
        left_out = tuple(f"--deselect={test}" for test in self.known_failing_both)
        return (*self.pytest_opts, *left_out, *self.test_modules)


def read_bugs(path: Path, only: Iterable[str] = ()) -> list[RealBug]:
    """The bugs of a JSONL file, or those that `only` names; `UsageError` names an id that is not there."""
    bugs = [codec.loads(RealBug, line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    wanted = set(only)
    missing = wanted - {bug.id for bug in bugs}
    if missing:
        raise UsageError(f"{path} has no case {', '.join(sorted(missing))}; nothing was run", slug="bench-case")
    return [bug for bug in bugs if not wanted or bug.id in wanted]


def clone_of(bug: RealBug, clones: Path) -> Path:
    """The clone: `owner+name`, or `name` alone."""
    for name in (bug.repo.replace("/", "+"), bug.repo.rpartition("/")[2]):
        if (clones / name).is_dir():
            return clones / name
    raise CannotJudgeError(
        f"no clone of {bug.repo} in {clones}; {bug.id} was not run",
        slug="bench-clone",
        hint=f"git clone --bare https://github.com/{bug.repo} {bug.repo.replace('/', '+')}",
    )


def lay_out_bug(bug: RealBug, clone: Path, to: Path) -> None:
    """The parent commit with the fix's test files: what the author saw before the fix."""
    trees.export(clone, bug.parent_commit, to)
    trees.export(clone, bug.fix_commit, to, only=bug.test_files)


def build_envs(bugs: Iterable[RealBug], folder: Path, *, base: Path, done: Callable[[str], None]) -> None:
    """Make the environments that are missing; `done` hears each name.

    `UsageError` (slug `bench-python`) where `base` is another Python than the one that a case was verified with.
    """
    folder.mkdir(parents=True, exist_ok=True)
    version = envs.version(base)
    for bug in bugs:
        if bug.python != version:
            raise UsageError(
                f"{bug.id} needs Python {bug.python}, {base} is {version}; its environment was not made",
                slug="bench-python",
                hint="give another interpreter with --base-python",
            )
        envs.make_env(folder / bug.env, bug.deps, base=base, own=bug.own)
        done(bug.env)


def corpus_cases(bugs: Iterable[RealBug], clones: Path, environments: Path, options: Options) -> list[Case]:
    """A case for each bug; one whose clone or environment is missing says so when it is laid out."""
    return [_case(bug, clones, environments, options) for bug in bugs]


def _case(bug: RealBug, clones: Path, environments: Path, options: Options) -> Case:
    def lay_out(project: Path) -> Options:
        python = environment_of(bug, environments)
        lay_out_bug(bug, clone_of(bug, clones), project)
        return replace(
            options,
            python=python,
            pytest_args=bug.pytest_args,
            whole_suite=False,
            env={**options.env, "PYTHONPATH": str(project / bug.src_root)},
        )

    def answer() -> Mapping[str, bytes]:
        clone = clone_of(bug, clones)
        found = {path: trees.file_at(clone, bug.fix_commit, path) for path in bug.src_files}
        return {path: content for path, content in found.items() if content is not None}

    return Case(id=bug.id, lay_out=lay_out, answer=answer, required=bug.failing_tests)


def environment_of(bug: RealBug, environments: Path) -> Path:
    """The interpreter of the case's own environment, or of the one for its pins."""
    for name in (bug.id, bug.env):
        python = envs.interpreter(environments / name)
        if python.exists():
            return python
    raise CannotJudgeError(
        f"no environment {bug.env} in {environments}; {bug.id} was not run",
        slug="bench-environment",
        hint="make it once, with a network: --make-envs --base-python PATH",
    )


def check_bug(bug: RealBug, clones: Path, environments: Path) -> str:
    """The word "usable" if exactly the named tests fail at the parent and none at the fix, else what is different."""
    python, clone = environment_of(bug, environments), clone_of(bug, clones)
    with tempfile.TemporaryDirectory(prefix="reknit-bench-", ignore_cleanup_errors=True) as temporary:
        before, after = Path(temporary).resolve() / "before", Path(temporary).resolve() / "after"
        lay_out_bug(bug, clone, before)
        trees.export(clone, bug.fix_commit, after)
        broken = run_plain(before, python, bug.pytest_args, src_root=bug.src_root, seconds=300)
        fixed = run_plain(after, python, bug.pytest_args, src_root=bug.src_root, seconds=300)
    if not fixed.green:
        return f"fails at the fix: {fixed.said()}"
    if broken.failed != set(bug.failing_tests):
        return f"at the parent fail {sorted(broken.failed)[:3]}, not {list(bug.failing_tests)[:3]}: {broken.said()}"
    return "usable"


def check_all(bugs: Iterable[RealBug], clones: Path, environments: Path, *, tell: Callable[[str], None]) -> int:
    """Say of each case whether it is usable; exit status 1 where one is not."""
    unusable = 0
    for bug in bugs:
        try:
            said = check_bug(bug, clones, environments)
        except CannotJudgeError as exc:
            said = exc.message
        unusable += said != "usable"
        tell(f"{bug.id}: {said}")
    return 1 if unusable else 0
