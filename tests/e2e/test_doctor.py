"""`reknit doctor`, and projects whose environment has to be found."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.machine import CALC, PYPROJECT, TESTS, Project, build_environment, make
from tests.e2e.test_layouts import HEAL

FIXED = CALC.replace(b"    if value > high:\n        return low\n", b"    if value > high:\n        return high\n")


def quiet(project: Project) -> Project:
    """Without the active environment that the other tests have."""
    return Project(root=project.root, state=project.state, env={**project.env, "VIRTUAL_ENV": ""})


def test_all_is_well(tmp_path: Path) -> None:
    project = make(tmp_path, {"calc.py": CALC, "test_calc.py": TESTS})
    before = project.fingerprint()
    done = project.run("doctor")
    assert (done.status, done.last) == (0, "reknit can heal here"), done.out + done.err
    lines = done.out.splitlines()
    assert [line.split()[1] for line in lines[:-1] if not line.startswith(" ")] == [
        "reknit", "project", "isolation", "interpreter", "pytest", "tests", "imports", "candidates", "coverage", "state",
    ]  # fmt: skip
    assert f"{project.env['VIRTUAL_ENV']}/bin/python" in done.out
    assert "\x1b" not in done.out
    assert project.fingerprint() == before


def test_json_has_the_same_in_parts(tmp_path: Path) -> None:
    project = make(tmp_path, {"src/calc.py": CALC, "README.md": b""})
    done = project.run("doctor", "--json")
    data = json.loads(done.out)
    assert (data["verb"], data["exit_code"], done.status) == ("doctor", 4, 4)
    found = {f["topic"]: (f["health"], f["slug"]) for f in data["result"]["findings"]}
    assert found["tests"] == ("ill", "no-tests")
    assert found["coverage"] == ("unchecked", None)
    assert data["result"]["python_origin"] == "active environment"


def test_what_is_missing_comes_with_a_command_that_mends_it(tmp_path: Path) -> None:
    """The command is what a shell takes, and what it leaves behind is what was wanted."""
    project = quiet(make(tmp_path, {"calc.py": CALC, "test_calc.py": TESTS}))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project.root / ".venv"], check=True)
    done = project.run("doctor")
    assert done.status == 4
    assert "✗ pytest       there is none in" in done.out
    command = next(line.partition("try: ")[2] for line in done.out.splitlines() if "try: " in line)
    assert str(project.root / ".venv/bin/python") in command
    shutil.rmtree(project.root / ".venv")
    build_environment(project.root / ".venv")
    assert project.run("doctor").status == 0


def test_a_hostile_conftest_is_run_in_the_sandbox_only(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("safe")
    conftest = f"open({str(outside)!r}, 'w').write('owned')\n".encode()
    project = make(tmp_path, {"calc.py": CALC, "conftest.py": conftest, "test_calc.py": TESTS})
    assert project.run("doctor").status == 0
    assert outside.read_text() == "safe"
    by_hand = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    subprocess.run(by_hand, cwd=project.root, check=True, capture_output=True)
    assert outside.read_text() == "owned", "it would have done so"


@pytest.mark.parametrize("name", ["py311", "tests"])
def test_a_project_that_has_only_toxs_environments_is_healed(tmp_path: Path, name: str) -> None:
    project = quiet(make(tmp_path, {"calc.py": CALC, "test_calc.py": TESTS}))
    build_environment(project.root / ".tox" / name)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project.root / ".tox" / "lint"], check=True)
    done = project.heal(*HEAL)
    assert done.status == 0, done.out + done.err
    assert project.read("calc.py") == FIXED


def test_a_member_of_a_workspace_sees_its_siblings_and_nothing_else(tmp_path: Path) -> None:
    """The environment lies at the root and has the members installed as editable, as uv makes it."""
    member = make(tmp_path, {"pyproject.toml": b'[project]\nname = "repo"\nversion = "1"\n'})
    secret = tmp_path.resolve() / "secret"
    secret.mkdir()
    (secret / "hidden_module.py").write_text("")
    tests = b"import base\nimport pytest\n" + TESTS + (
        b"\n\ndef test_nothing_outside_is_seen():\n    with pytest.raises(ImportError):\n        import hidden_module\n"
    )  # fmt: skip
    member.write({
        "packages/base/pyproject.toml": PYPROJECT,
        "packages/base/src/base.py": b"",
        "packages/calc/pyproject.toml": PYPROJECT,
        "packages/calc/src/calc.py": b"import base\n" + CALC,
        "packages/calc/tests/test_calc.py": tests,
    })  # fmt: skip
    (member.root / ".git").mkdir()
    site = build_environment(member.root / ".venv")
    (site / "members.pth").write_text(f"{member.root}/packages/base/src\n{member.root}/packages/calc/src\n{secret}\n")
    project = quiet(Project(root=member.root / "packages" / "calc", state=member.state, env=member.env))
    done = project.heal(*HEAL)
    assert done.status == 0, done.out + done.err
    assert project.read("src/calc.py") == b"import base\n" + FIXED
    assert "../../.venv" in project.run("doctor").out


def test_a_broken_environment_is_noted_and_does_not_stop_a_heal(tmp_path: Path) -> None:
    project = quiet(make(tmp_path, {"calc.py": CALC, "test_calc.py": TESTS}))
    build_environment(project.root / "venv")
    (project.root / ".venv" / "bin").mkdir(parents=True)
    (project.root / ".venv" / "pyvenv.cfg").write_text("home = /gone/bin\n")
    (project.root / ".venv" / "bin" / "python").symlink_to("/gone/bin/python3")
    done = project.heal()
    assert done.status == 3, done.out + done.err
    assert "passed over: .venv" in done.out
    assert "which is gone" in done.out
    named = project.heal("--python", ".venv")
    assert named.status == 2
    assert "more: docs/errors.md#broken-environment" in named.err
