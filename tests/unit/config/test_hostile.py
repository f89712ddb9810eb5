"""What a hostile repository tries with its settings, each beside a control: the same text does it in the user's own file.

An attempt ends in one of two ways: the run is as it is without the file, with a note that names what was left out; or
there is no run. `test_tightening.py` draws whole files at random, `test_files.py` has what a parser can be made to suffer.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from reknit.config import Options
from reknit.config.schema import FREELY, NAMES, RULES
from reknit.errors import UsageError
from tests.unit.config.settings import Place

#: What the user has said before any of it.
USER = """\
pytest_args = ["tests"]
max_cpu = 100
fuel = 1000
irreversible_paths = ["migrations/*"]

[performance]
max_candidates = 50
max_dollars = 1.5
max_tokens = 1000
patches_a_day = 2

[integration]
git = false
pytest_cache = false
"""
STAGING, PRODUCTION = "staging", "production"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(tmp_path.resolve())
    found.user(USER)
    return found


#: The text, the environment, the setting, and what it would be.
ATTEMPTS: list[tuple[str, str, str, Any]] = [
    ("python = 'bin/evil'", STAGING, "python", None),
    ("pytest_args = ['-p', 'evil', '--rootdir=/']", STAGING, "pytest_args", ("-p", "evil", "--rootdir=/")),
    ("pytest_args = []", STAGING, "pytest_args", ()),
    ("variables = {LD_PRELOAD = './evil.so'}", STAGING, "variables", {"LD_PRELOAD": "./evil.so"}),
    ("[variables]\nPYTHONSTARTUP = 'evil.py'", STAGING, "variables", {"PYTHONSTARTUP": "evil.py"}),
    ("variables.PATH = '.'", STAGING, "variables", {"PATH": "."}),
    ("isolation = 'none'", STAGING, "isolation", "none"),
    ("isolation = 'landlock'", STAGING, "isolation", "landlock"),
    ("max_time = 1000000", STAGING, "max_time", 1_000_000),
    ("max_cpu = 1000000", STAGING, "max_cpu", 1_000_000),
    ("fuel = 1000000000000000", STAGING, "fuel", 10**15),
    ("jobs = 256", STAGING, "jobs", 256),
    ("apply = true", STAGING, "apply", True),
    ("unsafe = true", STAGING, "unsafe", True),
    ("whole_suite = false", STAGING, "whole_suite", False),
    ("irreversible_paths = []", STAGING, "irreversible_paths", ()),
    ("irreversible_paths = ['no/such/*']", STAGING, "irreversible_paths", ("no/such/*",)),
    ("debugging.verbose_logging = true", STAGING, "verbose_logging", True),
    ("[debugging]\nstrict_validation = false", PRODUCTION, "strict_validation", False),
    ("[security]\nrelaxed_policies = true", STAGING, "relaxed_policies", True),
    ("[security]\nrelaxed_policies = true", PRODUCTION, "relaxed_policies", True),
    ("[security]\nstrict_policies = false", PRODUCTION, "strict_policies", False),
    ("[security]\nauditing_enabled = false", PRODUCTION, "auditing_enabled", False),
    ("security = {auditing_enabled = false}", PRODUCTION, "auditing_enabled", False),
    ("[performance]\nmax_candidates = 51", STAGING, "max_candidates", 51),
    ("[performance]\nmax_dollars = 1.5000001", STAGING, "max_dollars", 1.5000001),
    ("[performance]\nmax_tokens = 1_000_000", STAGING, "max_tokens", 1_000_000),
    ("[performance]\npatches_a_day = 3", STAGING, "patches_a_day", 3),
    ("[integration]\ngit = true", STAGING, "git", True),
    ("[integration]\npytest_cache = true", STAGING, "pytest_cache", True),
    ("[env.production]\napply = true", PRODUCTION, "apply", True),
    ("apply = false\n[env.staging]\napply = true", STAGING, "apply", True),
    ("[env.production.security]\nstrict_policies = false", PRODUCTION, "strict_policies", False),
    ("env = {production = {security = {strict_policies = false}}}", PRODUCTION, "strict_policies", False),
    ('"isol\\u0061tion" = "none"', STAGING, "isolation", "none"),
    ("python = '${HOME}/evil'", STAGING, "python", None),
    ("irreversible_paths = ['${HOME}', '$(id)', '`id`', '%(home)s']", STAGING, "irreversible_paths", None),
]


def value(options: Options, name: str) -> Any:
    return options.env if name == "variables" else getattr(options, name)


@pytest.mark.parametrize("name", ["reknit.toml", "pyproject.toml"])
@pytest.mark.parametrize(("text", "environment", "setting", "loose"), ATTEMPTS)
def test_nothing_is_loosened(place: Place, text: str, environment: str, setting: str, loose: Any, name: str) -> None:
    without = place.load({"env": environment}).options
    place.project(text if name == "reknit.toml" else in_pyproject(text), name)
    loaded = place.load({"env": environment})
    assert loaded.options == without
    (note,) = loaded.notes
    assert f"{setting} = " in note
    assert note.startswith(f"{name}: not taken")


def in_pyproject(text: str) -> str:
    return "[tool.reknit]\n" + re.sub(r"^\[", "[tool.reknit.", text, flags=re.MULTILINE)


@pytest.mark.parametrize(("text", "environment", "setting", "loose"), ATTEMPTS)
def test_in_the_users_own_file_it_does(place: Place, text: str, environment: str, setting: str, loose: Any) -> None:
    before = value(place.load({"env": environment}).options, setting)
    place.user(text)
    now = value(place.load({"env": environment}).options, setting)
    assert now != before
    if loose is not None:
        assert now == loose


def test_every_setting_that_can_be_loosened_is_tried() -> None:
    assert {setting for _, _, setting, _ in ATTEMPTS} == {name for name in NAMES if RULES[name] is not FREELY}


def test_nothing_is_filled_in_for_what_looks_like_a_variable(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/user")
    place.user("python = '${HOME}/evil'\nirreversible_paths = ['${HOME}', '$(id)', '`id`', '%(home)s']")
    options = place.load().options
    assert options.python == place.folder / "${HOME}/evil"
    assert options.irreversible_paths == ("${HOME}", "$(id)", "`id`", "%(home)s")


#: What no file may say at all; in the user's own it is the same mistake.
NO_SETTING = [
    "extends = '../evil.toml'",
    "include = ['/etc/passwd']",
    "[tool.reknit]\napply = true",
    "state_dir = '.state'",
    "project = '/'",
    "cold = true",
    "model_url = 'http://evil.example/v1'",
    "[model]\nbase_url = 'http://evil.example/v1'",
    "[breaker]\nenabled = false",
    "[security]\nbreaker = 'disabled'",
    "[security]\nprotected_paths = []",
    "[env.test]\napply = true",
    "[env.production.env.production]\napply = true",
    "'а\u0070ply' = true",  # a Cyrillic letter
    "'ａpply' = true",
    "'apply\u200b' = true",
    "'APPLY' = true",
    "' apply' = true",
    "apply = 'true'",
    "apply = 1",
    "jobs = true",
    "jobs = [256]",
    "max_time = nan",
    "max_time = inf",
    "max_time = -inf",
    "max_time = 1e999",
    "performance.max_dollars = nan",
    "performance.max_dollars = inf",
    "performance.patches_a_day = 99999999999999999999999999",
    "performance.patches_a_day = -1",
    "security = true",
    "security = [{strict_policies = false}]",
    "[[security]]\nstrict_policies = false",
    "[security]\nstrict_policies = true\n[security]\nstrict_policies = false",
    "security.strict_policies = true\nsecurity.strict_policies = false",
    "apply = false\napply = true",
    "аpply = true",
    "\ufeffapply = true",
    "apply = true\0",
    "irreversible_paths = ['']",
    "variables = {'A=B' = '1'}",
    'variables = {A = "\\u0000"}',
]


@pytest.mark.parametrize("text", NO_SETTING)
def test_what_is_no_setting_ends_the_run(place: Place, text: str) -> None:
    place.project(text)
    with pytest.raises(UsageError) as caught:
        place.load()
    assert caught.value.message.endswith("nothing was run")
    assert caught.value.message.isprintable()
    (place.root / "reknit.toml").unlink()
    place.user(text)
    with pytest.raises(UsageError) as users:
        place.load()
    assert users.value.slug == caught.value.slug


class TestFiles:
    """What lies in the place of the file, or beside it."""

    LOOSE = "apply = true\nisolation = 'none'\n[tool.reknit]\napply = true\n"

    @pytest.mark.parametrize(
        "name",
        [
            ".reknit.toml",
            "reknit.toml.bak",
            "Reknit.TOML",
            "reknit.yaml",
            "reknit/config.toml",
            ".config/reknit/config.toml",
            "config.toml",
            "setup.cfg",
            "tox.ini",
            "pytest.ini",
            ".env",
            "tests/reknit.toml",
            "tests/pyproject.toml",
        ],
    )
    def test_only_two_names_are_files_of_settings(self, place: Place, name: str) -> None:
        without = place.load().options
        path = place.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.LOOSE + "REKNIT_APPLY=1\n")
        if name == "Reknit.TOML" and (place.root / "reknit.toml").exists():
            pytest.skip("names differ in more than case on this file system only")
        assert place.load().options == without

    @pytest.mark.parametrize("both", ["[tool.reknit]\njobs = 1", "tool.reknit.jobs = 1", "['tool' . \"reknit\"]"])
    def test_two_files_at_once(self, place: Place, both: str) -> None:
        place.project("apply = true")
        place.project(both, "pyproject.toml")
        with pytest.raises(UsageError) as caught:
            place.load()
        assert caught.value.slug == "config-two-files"

    @pytest.mark.parametrize("target", ["/dev/zero", "/dev/stdin", "/proc/self/environ", "user.toml", "../user.toml"])
    def test_a_link_that_leads_out(self, place: Place, target: str) -> None:
        """Also to the user's own settings, which would then count as the project's: nothing of it is read."""
        without = place.load().options
        (place.root / "reknit.toml").symlink_to(place.folder / target if target == "user.toml" else target)
        loaded = place.load()
        assert loaded.options == without
        assert loaded.notes == ("reknit.toml is a link that leads out of the project; its settings were not read",)

    def test_a_link_to_a_folder_that_leads_out(self, place: Place) -> None:
        (place.folder / "elsewhere").mkdir()
        (place.folder / "elsewhere" / "loose.toml").write_text("apply = true")
        without = place.load().options
        (place.root / "linked").symlink_to(place.folder / "elsewhere")
        (place.root / "reknit.toml").symlink_to("linked/loose.toml")
        assert place.load().options == without

    @pytest.mark.parametrize("kind", ["pipe", "folder", "huge"])
    def test_what_is_no_file_of_settings_ends_the_run(self, place: Place, kind: str) -> None:
        place.root.mkdir()
        path = place.root / "reknit.toml"
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        else:
            path.write_bytes(b"apply = true\n" + b"#" * (1 << 20))
        with pytest.raises(UsageError) as caught:
            place.load()
        assert caught.value.slug == "config-unreadable"

    def test_the_users_own_variables_are_not_the_projects(self, place: Place) -> None:
        """A file cannot have a variable of reknit set: those of the tests are only theirs."""
        place.user("[variables]\nREKNIT_APPLY = '1'\nREKNIT_CONFIG = 'evil.toml'")
        loaded = place.load()
        assert not loaded.options.apply
        assert loaded.options.env == {"REKNIT_APPLY": "1", "REKNIT_CONFIG": "evil.toml"}


@pytest.mark.parametrize(("text", "environment", "setting", "loose"), ATTEMPTS)
def test_trust_is_what_it_takes(place: Place, text: str, environment: str, setting: str, loose: Any) -> None:
    """And a byte more in the file ends it."""
    without = place.load({"env": environment}).options
    path = place.project(text)
    place.trust()
    trusted = place.load({"env": environment})
    assert trusted.notes == ()
    if loose is not None:
        assert value(trusted.options, setting) == loose
    path.write_text(text + "\n")
    assert place.load({"env": environment}).options == without
