"""Environments are found where each manager puts them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reknit.runner import interpreter, places
from reknit.runner.environments import Kind, Place
from tests.unit.runner.environments import conda, environment

#: A project, and the names that poetry 2.5, hatch 1.18, pdm 2.29 and pipenv 2026.10 themselves gave to its environments.
PROJECT = Path("/tmp/B/n/My Proj")
MADE = {
    Kind.POETRY: ".cache/pypoetry/virtualenvs/my-proj-x-FS0fltuE-py3.12",
    Kind.HATCH: ".local/share/hatch/env/virtual/my-proj-x/FS0fltuE/my-proj-x",
    Kind.PDM: ".local/share/pdm/venvs/My Proj-Jfxrc-X2-x",
    Kind.PIPENV: ".local/share/virtualenvs/My_Proj-RWnqpD8J",
}


#: Hidden from a look at the bytes.
NUL = b'[virtualenvs]\npath = "a\\u0000b"\n'


def found(project: Path, **environ: str | Path) -> list[Place]:
    """Places in order, as far as there are environments."""
    groups = places.of_the_project(project, "", {n: str(v) for n, v in environ.items()})
    return [p for group in groups for p in group if (p.folder / "bin").is_dir()]


@pytest.mark.parametrize("kind", MADE)
def test_as_the_managers_themselves_name_them(tmp_path: Path, kind: Kind) -> None:
    environment(tmp_path / MADE[kind])
    (place,) = found(PROJECT, HOME=tmp_path)
    assert (place.folder, place.kind) == (tmp_path / MADE[kind], kind)
    assert found(PROJECT.parent, HOME=tmp_path) == [], "another project's"
    assert found(PROJECT) == []


def test_where_the_user_has_moved_them(tmp_path: Path) -> None:
    for kind, made in MADE.items():
        environment(tmp_path / kind / Path(made).name if kind is not Kind.HATCH else tmp_path / made)
    variables = {
        "POETRY_VIRTUALENVS_PATH": tmp_path / "poetry",
        "WORKON_HOME": tmp_path / "pipenv",
        "HATCH_DATA_DIR": tmp_path / ".local/share/hatch",
        "PDM_CONFIG_FILE": tmp_path / "pdm.toml",
    }
    (tmp_path / "pdm.toml").write_text(f"[venv]\nlocation = '{tmp_path}/pdm'\n")
    assert {p.kind for p in found(PROJECT, HOME=tmp_path / "home", **variables)} == set(MADE)


def test_poetry_by_its_own_configuration(tmp_path: Path) -> None:
    name = Path(MADE[Kind.POETRY]).name
    (tmp_path / ".config" / "pypoetry").mkdir(parents=True)
    (tmp_path / ".config" / "pypoetry" / "config.toml").write_text(
        f"cache-dir = '{tmp_path}/c'\n[virtualenvs]\npath = '{{cache-dir}}/v'\n"
    )
    environment(tmp_path / "c" / "v" / name)
    assert [p.folder.name for p in found(PROJECT, HOME=tmp_path)] == [name]


def test_the_one_that_poetry_was_told_to_use(tmp_path: Path) -> None:
    """Else the newest."""
    folder = tmp_path / ".cache/pypoetry/virtualenvs"
    for minor in (9, 12):
        environment(folder / f"my-proj-x-FS0fltuE-py3.{minor}", version=f"3.{minor}.1")
    assert len(found(PROJECT, HOME=tmp_path)) == 2
    (folder / "envs.toml").write_text('[my-proj-x-FS0fltuE]\nminor = "3.9"\npatch = "3.9.1"\n')
    assert [p.origin for p in found(PROJECT, HOME=tmp_path)] == ["poetry's my-proj-x-FS0fltuE-py3.9"]


@pytest.mark.parametrize(
    ("folder", "kind"), [(".tox/py312", Kind.TOX), (".nox/tests-3-12", Kind.NOX), (".pixi/envs/default", Kind.PIXI)]
)
def test_in_the_project(tmp_path: Path, folder: str, kind: Kind) -> None:
    environment(tmp_path / folder)
    assert [(p.origin, p.kind, p.special) for p in found(tmp_path)] == [(folder, kind, True)]


class TestConda:
    @pytest.mark.parametrize("root", ["miniconda3/envs", ".conda/envs", "elsewhere"])
    def test_the_name_leads_to_the_users_own(self, tmp_path: Path, root: str) -> None:
        home, project = tmp_path / "home", tmp_path / "project"
        project.mkdir()
        (project / "environment.yml").write_text("# mine\nname: 'data-1'  # for work\ndependencies: [pytest]\n")
        conda(home / root / "data-1")
        (home / ".conda").mkdir(exist_ok=True)
        (home / ".conda" / "environments.txt").write_text(f"{home}/miniconda3\n{home}/elsewhere/data-1\n")
        (place,) = found(project, HOME=home)
        assert (place.folder, place.by_name) == (home / root / "data-1", True)

    @pytest.mark.parametrize("name", ["../../secret", "/secret", "..", ".", "base", "", "a/b", "{x: y}"])
    def test_a_name_is_no_path(self, tmp_path: Path, name: str) -> None:
        home = tmp_path / "home"
        for folder in (home / "secret", home / "miniconda3", home / "miniconda3" / "envs" / "base"):
            conda(folder)
        (tmp_path / "environment.yml").write_text(f"name: {name}\n")
        assert found(tmp_path, HOME=home) == []


@pytest.mark.parametrize(
    ("lock", "kind"),
    [("poetry.lock", Kind.POETRY), ("pdm.lock", Kind.PDM), ("Pipfile", Kind.PIPENV), ("uv.lock", Kind.UV)],
)
def test_who_made_a_venv_is_told_by_what_lies_beside_it(tmp_path: Path, lock: str, kind: Kind) -> None:
    environment(tmp_path / ".venv")
    assert places.recognised(Place(folder=tmp_path / ".venv", origin="")).kind is Kind.PLAIN
    (tmp_path / lock).write_text("")
    assert places.recognised(Place(folder=tmp_path / ".venv", origin="")).kind is kind


def test_uv_leaves_its_mark_in_the_environment(tmp_path: Path) -> None:
    environment(tmp_path / "env")
    with (tmp_path / "env" / "pyvenv.cfg").open("a") as file:
        file.write("uv = 0.5.1\n")
    assert places.recognised(Place(folder=tmp_path / "env", origin="")).kind is Kind.UV


def test_pipes_in_place_of_files_do_not_stop_anything(tmp_path: Path) -> None:
    for name in ("poetry.toml", "environment.yml", ".pdm-python", ".venv", "venv/pyvenv.cfg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        os.mkfifo(tmp_path / name)
    assert interpreter.find(tmp_path, None, {"HOME": str(tmp_path)}).passed_over == ()


@pytest.mark.parametrize(
    "content", [b"\xff\x00", b"[", b"virtualenvs = 3", b"a." * 9999, b"[" * 30000, b"x = " + b"1" * 5000, NUL]
)
def test_files_that_are_none_are_left_alone(tmp_path: Path, content: bytes) -> None:
    for name in ("poetry.toml", "environment.yml", "Pipfile", ".pdm-python"):
        (tmp_path / name).write_bytes(content)
    for name in (".config/pypoetry", ".cache/pypoetry/virtualenvs"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / ".config/pypoetry/config.toml").write_bytes(content)
    (tmp_path / ".cache/pypoetry/virtualenvs/envs.toml").write_bytes(content)
    own = environment(tmp_path / ".venv")
    assert interpreter.find(tmp_path, None, {"HOME": str(tmp_path)}).python == own
    own.unlink()
    assert interpreter.find(tmp_path, None, {"HOME": str(tmp_path)}).python != own
