"""Whatever settings a repository brings along, drawn at random, a run is no looser than without them."""

from __future__ import annotations

import tempfile
from math import inf
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from reknit.config import Options
from reknit.config.load import Layer
from reknit.config.options import usual_jobs
from reknit.config.schema import ISOLATION, TABLES, USUAL
from tests.unit.config.settings import Place

SETTINGS = {
    "python": st.sampled_from(['"python3"', '"/x/python"', '"bin/python"']),
    "pytest_args": st.sampled_from(['["-k", "a"]', "[]", '["tests"]']),
    "variables": st.sampled_from(['{A = "1"}', "{}", '{LD_PRELOAD = "x.so"}']),
    "isolation": st.sampled_from([f'"{name}"' for name in ISOLATION]),
    "max_time": st.sampled_from(["0.5", "299", "300", "301", "1000000"]),
    "max_cpu": st.sampled_from(["0.5", "300", "1000000"]),
    "fuel": st.sampled_from(["1", "1000", "1000000000000000"]),
    "jobs": st.integers(1, 256).map(str),
    "seed": st.integers(-3, 3).map(str),
    "apply": st.sampled_from(["true", "false"]),
    "unsafe": st.sampled_from(["true", "false"]),
    "whole_suite": st.sampled_from(["true", "false"]),
    **{name: st.sampled_from(["true", "false"]) for usual in USUAL.values() for name in usual},
    "max_candidates": st.sampled_from(["1", "1000", "1000000000000"]),
    "max_dollars": st.sampled_from(["0", "0.5", "1e6"]),
    "max_tokens": st.sampled_from(["0", "1000000000000"]),
    "patches_a_day": st.sampled_from(["0", "1", "1000000"]),
    "git": st.sampled_from(["true", "false"]),
    "pytest_cache": st.sampled_from(["true", "false"]),
    "irreversible_paths": st.sampled_from(["[]", "['a']", "['b']", "['a', 'b']"]),
}
VALUES = st.fixed_dictionaries({}, optional=SETTINGS)


def text_of(base: dict[str, str], special: dict[str, str]) -> str:
    return "\n".join([*_lines(base, ""), "[env.production]", *_lines(special, "env.production.")])


def _lines(values: dict[str, str], prefix: str) -> list[str]:
    tables = sorted({TABLES[name] for name in values} - {""})
    lines = [f"{name} = {value}" for name, value in values.items() if not TABLES[name]]
    for table in tables:
        lines.append(f"[{prefix}{table}]")
        lines += [f"{name} = {value}" for name, value in values.items() if TABLES[name] == table]
    return lines


def budgets(options: Options) -> tuple[float | None, ...]:
    return (options.max_candidates, options.max_dollars, options.max_tokens, options.patches_a_day)


def looseness(options: Options) -> tuple[float, ...]:
    """Each at least as high, the looser; what has no order is compared apart."""
    return (
        ISOLATION.index(options.isolation or "bubblewrap"),
        options.max_time,
        options.max_cpu or inf,
        options.jobs or usual_jobs(),
        options.apply,
        options.unsafe,
        not options.whole_suite,
        options.verbose_logging,
        not options.strict_validation,
        options.relaxed_policies,
        not options.strict_policies,
        not options.audited,
        *(inf if most is None else most for most in budgets(options)),
        options.git,
        options.pytest_cache,
        *(path not in options.irreversible_paths for path in ("a", "b")),
    )


@given(VALUES, VALUES, VALUES, st.sampled_from(["development", "production"]), st.sampled_from([None, True, False]))
def test_no_file_of_a_repository_loosens_anything(
    user: dict[str, str], base: dict[str, str], special: dict[str, str], environment: str, flag: bool | None
) -> None:
    """Whatever it says, the run is no looser than without it."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder).resolve())
        place.user(text_of(user, {}))
        flags: dict[str, object] = {"env": environment, "apply": flag}
        without = place.load(flags).options
        place.project(text_of(base, special))
        loaded = place.load(flags)
        options = loaded.options
    assert [a <= b for a, b in zip(looseness(options), looseness(without), strict=True)] == [True] * 20
    assert (options.python, options.pytest_args, options.env) == (without.python, without.pytest_args, without.env)
    assert options.fuel == without.fuel or (without.fuel is not None and (options.fuel or 0) < without.fuel)
    assert (options.project, options.state_dir) == (without.project, without.state_dir)
    offered = base | special if environment == "production" else base
    mine = {name for name in offered if loaded.settings[name].layer is Layer.PROJECT}
    left = set(offered) - mine - ({"apply"} if flag is not None else set())
    assert all(any(f"{name} = " in note for note in loaded.notes) for name in left), "each left out is named"
