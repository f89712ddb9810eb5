"""Who wins, and that a repository's file only tightens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reknit.config import Options
from reknit.config.load import Layer
from reknit.config.options import usual_jobs
from reknit.config.schema import NAMES, TABLES, USUAL, Deployment
from reknit.errors import UsageError
from tests.unit.config.settings import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path.resolve())


#: name, as a file says it, as a variable says it, as a flag or None, the value of each
ONE_OF_EACH: list[tuple[str, tuple[str, Any], tuple[str, Any], Any]] = [
    ("python", ('"/file/python"', Path("/file/python")), ("/env/python", Path("/env/python")), Path("/flag/python")),
    ("pytest_args", ('["-k", "a b"]', ("-k", "a b")), ("-k 'c d'", ("-k", "c d")), ("tests",)),
    ("variables", ('{A = "1"}', {"A": "1"}), ("B=2 C='3 =4'", {"B": "2", "C": "3 =4"}), None),
    ("isolation", ('"landlock"', "landlock"), ("bubblewrap", "bubblewrap"), "none"),
    ("max_time", ("20", 20.0), ("30.5", 30.5), 40.0),
    ("max_cpu", ("2.5", 2.5), ("3", 3.0), None),
    ("fuel", ("1_000", 1000), ("2000", 2000), 3000),
    ("jobs", ("1", 1), ("2", 2), 3),
    ("seed", ("7", 7), ("-8", -8), 9),
    ("apply", ("true", True), ("1", True), False),
    ("unsafe", ("true", True), ("yes", True), False),
    ("whole_suite", ("false", False), ("off", False), None),
    ("irreversible_paths", ('["a/*"]', ("a/*",)), ("'b *' c", ("b *", "c")), None),
    ("verbose_logging", ("true", True), ("1", True), None),
    ("strict_validation", ("true", True), ("1", True), None),
    ("relaxed_policies", ("true", True), ("on", True), None),
    ("strict_policies", ("true", True), ("1", True), None),
    ("auditing_enabled", ("true", True), ("yes", True), None),
    ("max_candidates", ("20", 20), ("30", 30), None),
    ("max_dollars", ("2.5", 2.5), ("0", 0.0), None),
    ("max_tokens", ("1_000", 1000), ("0", 0), None),
    ("patches_a_day", ("3", 3), ("0", 0), None),
    ("git", ("false", False), ("off", False), None),
    ("pytest_cache", ("false", False), ("0", False), None),
]
IDS = [name for name, *_ in ONE_OF_EACH]


def field(options: Options, name: str) -> Any:
    return options.env if name == "variables" else getattr(options, name)


def setting(name: str, value: str) -> str:
    """The setting, as a file says it."""
    return f"[{TABLES[name]}]\n{name} = {value}" if TABLES[name] else f"{name} = {value}"


def test_every_setting_is_tried() -> None:
    assert tuple(IDS) == NAMES


@pytest.mark.parametrize(("name", "file", "variable", "flag"), ONE_OF_EACH, ids=IDS)
def test_precedence(place: Place, name: str, file: tuple[str, Any], variable: tuple[str, Any], flag: Any) -> None:
    """Flag, environment, project (trusted), user, default: each taken away, the next one holds."""
    place.user(setting(name, file[0]))
    other = "[variables]\nZ = '9'" if name == "variables" else setting(name, file[0])
    project = place.project(other)
    place.trust()
    flags = {name: flag} if flag is not None else {}
    names = {f"REKNIT_{name.upper()}": variable[0]}

    def expect(flags: dict[str, object], names: dict[str, str], value: Any, layer: Layer, origin: str) -> None:
        loaded = place.load(flags, REKNIT_ENV="staging", **names)
        assert field(loaded.options, name) == value
        found = loaded.settings[name]
        assert (found.value, found.layer, found.origin) == (value, layer, origin)
        assert loaded.notes == ()

    if flag is not None:
        option = "arguments after --" if name == "pytest_args" else "--" + name.replace("_", "-")
        expect(flags, names, flag, Layer.FLAG, option)
    expect({name: None}, names, variable[1], Layer.ENVIRONMENT, f"REKNIT_{name.upper()}")
    theirs = {"Z": "9"} if name == "variables" else file[1]
    table = f" [{TABLES[name]}]" if TABLES[name] else ""
    expect({}, {f"REKNIT_{name.upper()}": ""}, theirs, Layer.PROJECT, f"reknit.toml{table}")
    project.unlink()
    expect({}, {}, file[1], Layer.USER, f"user.toml{table}" if table else str(place.folder / "user.toml"))
    place.user("")
    expect({}, {}, field(Options(project=Path()), name), Layer.DEFAULT, "default")


@pytest.mark.parametrize(
    ("user", "tighter", "looser"),
    [
        ("", None, 'python = "bin/python"'),
        ("", None, 'pytest_args = ["-k", "not slow"]'),
        ("", None, 'variables = {A = "1"}'),
        ("", None, 'isolation = "none"'),
        ("", None, 'isolation = "landlock"'),
        ('isolation = "landlock"', 'isolation = "bubblewrap"', 'isolation = "none"'),
        ('isolation = "none"', 'isolation = "landlock"', None),
        ("", "max_time = 299.5", "max_time = 300.5"),
        ("max_time = 1000", "max_time = 999", "max_time = 1001"),
        ("", "max_cpu = 1e6", None),
        ("max_cpu = 10", "max_cpu = 9.5", "max_cpu = 11"),
        ("", None, "fuel = 5"),
        ("fuel = 10", "fuel = 9", "fuel = 11"),
        ("", "jobs = 1", f"jobs = {usual_jobs() + 1}"),
        ("jobs = 5", "jobs = 4", "jobs = 6"),
        ("", "seed = 5", None),
        ("apply = true", "apply = false", None),
        ("apply = false", None, "apply = true"),
        ("unsafe = true", "unsafe = false", None),
        ("", None, "unsafe = true"),
        ("whole_suite = false", "whole_suite = true", None),
        ("", None, "whole_suite = false"),
        ("", "irreversible_paths = ['a']", None),
        ("irreversible_paths = ['a']", "irreversible_paths = ['b', 'a']", "irreversible_paths = ['b']"),
        ("", "debugging.verbose_logging = false", None),
        ("debugging.verbose_logging = false", None, "debugging.verbose_logging = true"),
        ("", "debugging.strict_validation = true", None),
        ("debugging.strict_validation = true", None, "debugging.strict_validation = false"),
        ("", "security.relaxed_policies = false", None),
        ("security.relaxed_policies = false", None, "security.relaxed_policies = true"),
        ("", "security.strict_policies = true", None),
        ("security.strict_policies = true", None, "security.strict_policies = false"),
        ("", "security.auditing_enabled = true", None),
        ("security.auditing_enabled = true", None, "security.auditing_enabled = false"),
        ("", "performance.max_candidates = 5", None),
        ("performance.max_candidates = 5", "performance.max_candidates = 4", "performance.max_candidates = 6"),
        ("performance.max_dollars = 5", "performance.max_dollars = 0", "performance.max_dollars = 5.01"),
        ("performance.max_tokens = 5", "performance.max_tokens = 0", "performance.max_tokens = 6"),
        ("performance.patches_a_day = 5", "performance.patches_a_day = 0", "performance.patches_a_day = 6"),
        ("", "integration.git = false", None),
        ("integration.git = false", None, "integration.git = true"),
        ("integration.pytest_cache = false", None, "integration.pytest_cache = true"),
    ],
)
def test_a_project_may_only_tighten(place: Place, user: str, tighter: str | None, looser: str | None) -> None:
    place.user(user)
    name = (tighter or looser or "").partition(" ")[0].rpartition(".")[2]
    before = place.load().settings[name]
    if tighter:
        place.project(tighter)
        loaded = place.load()
        assert (loaded.settings[name].layer, loaded.notes) == (Layer.PROJECT, ())
        assert loaded.settings[name].value != before.value
    if looser:
        place.project(looser)
        loaded = place.load()
        assert loaded.settings[name] == before
        (note,) = loaded.notes
        assert note.startswith(f"reknit.toml: not taken, since a project's file may only tighten: {name} = ")
        assert "`reknit trust`" in note
        place.trust()
        loaded = place.load()
        assert (loaded.settings[name].layer, loaded.notes) == (Layer.PROJECT, ())
        assert loaded.settings[name].value != before.value


def test_the_strongest_isolation_can_always_be_asked_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reknit.config.schema._STRONGEST", "bubblewrap")
    place.project('isolation = "bubblewrap"')
    assert place.load().options.isolation == "bubblewrap"
    monkeypatch.setattr("reknit.config.schema._STRONGEST", "seatbelt")
    place.project('isolation = "seatbelt"')
    assert place.load().options.isolation == "seatbelt"


def test_what_holds_anyway_needs_no_trust(place: Place) -> None:
    place.user('variables = {A = "1"}\napply = true')
    place.project('variables = {A = "1"}\napply = true')
    assert place.load().notes == ()


def test_a_flag_is_neither_tightened_nor_noted(place: Place) -> None:
    """What the user says now holds; what the file asks for there does not matter."""
    place.project('max_time = 10\nisolation = "none"\npytest_args = ["x"]')
    loaded = place.load({"max_time": 500.0, "pytest_args": ("y",)}, REKNIT_ISOLATION="landlock")
    assert (loaded.options.max_time, loaded.options.isolation) == (500.0, "landlock")
    assert loaded.options.pytest_args == ("y",)
    assert loaded.notes == ()


def test_a_flag_that_sets_nothing_is_a_mistake_of_ours(place: Place) -> None:
    with pytest.raises(ValueError, match=r"these flags set nothing: .*nosuch"):
        place.load({"nosuch": 1})


class TestTrust:
    def test_a_changed_file_is_a_stranger_again(self, place: Place) -> None:
        path = place.project("max_time = 900")
        place.trust()
        assert place.load().options.max_time == 900
        path.write_text("max_time = 900 # safe, really\n")
        loaded = place.load()
        assert loaded.options.max_time == 300
        assert "it has changed since you trusted it: max_time = 900.0" in loaded.notes[0]

    def test_it_holds_for_one_file_only(self, place: Place) -> None:
        """The same bytes mean something else under another name."""
        text = "max_time = 900\n[tool.reknit]\napply = true\n"
        place.project("[tool.reknit]\napply = true\n", "pyproject.toml")
        place.trust()
        assert place.load().options.apply
        (place.root / "pyproject.toml").unlink()
        place.project(text.partition("[")[0])
        assert place.load().options.max_time == 300

    def test_a_pin_that_the_repository_brings_along_is_not_believed(self, place: Place) -> None:
        place.project("max_time = 900")
        place.trust()
        pin = (place.state / "trust.json").read_bytes()
        (place.state / "trust.json").unlink()
        for name in ("trust.json", ".reknit/trust.json", "state/trust.json"):
            place.project(pin, name)
        assert place.load().options.max_time == 300


class TestEnvironments:
    TEXT = "max_time = 200\njobs = 1\n[env.production]\nmax_time = 100\n[env.staging]\nmax_time = 150\n"

    @pytest.mark.parametrize(
        ("flag", "variable", "seconds", "origin"),
        [
            (None, "", 200, "reknit.toml"),
            (None, "production", 100, "reknit.toml [env.production]"),
            ("staging", "production", 150, "reknit.toml [env.staging]"),
            ("development", "production", 200, "reknit.toml"),
        ],
    )
    def test_their_table_holds(self, place: Place, flag: str | None, variable: str, seconds: int, origin: str) -> None:
        place.project(self.TEXT)
        loaded = place.load({"env": flag}, REKNIT_ENV=variable)
        assert (loaded.options.max_time, loaded.options.jobs) == (seconds, 1)
        assert loaded.settings["max_time"].origin == origin
        assert loaded.environment == (flag or variable or "development")

    def test_in_pyproject(self, place: Place) -> None:
        place.project("[tool.reknit]\njobs = 1\n[tool.reknit.env.production]\nmax_time = 9\n", "pyproject.toml")
        settings = place.load(REKNIT_ENV="production").settings
        assert settings["max_time"].origin == "pyproject.toml [tool.reknit.env.production]"
        assert settings["jobs"].origin == "pyproject.toml [tool.reknit]"

    def test_of_the_user_too(self, place: Place) -> None:
        place.user("[env.production]\napply = true")
        assert place.load({"env": "production"}).options.apply
        assert not place.load().options.apply

    def test_they_loosen_nothing(self, place: Place) -> None:
        place.project(self.TEXT + "apply = true\n")
        loaded = place.load({"env": "staging"})
        assert not loaded.options.apply
        assert "apply = true (only `false`)" in loaded.notes[0]

    @pytest.mark.parametrize("environment", list(Deployment))
    def test_what_is_usual_in_each(self, place: Place, environment: Deployment) -> None:
        switches = {name for usual in USUAL.values() for name in usual}
        settings = place.load(REKNIT_ENV=environment).settings
        assert {name for name in switches if settings[name].value} == set(USUAL[environment])
        assert {settings[name].origin for name in USUAL[environment]} <= {f"default in {environment}"}
        for name in switches:
            place.user(setting(name, str(not settings[name].value).lower()))
            assert place.load(REKNIT_ENV=environment).settings[name].value is not settings[name].value

    def test_a_project_cannot_loosen_what_is_usual(self, place: Place) -> None:
        off = "\n".join(f"{name} = false" for name in ("strict_policies", "auditing_enabled"))
        place.project(f"[debugging]\nstrict_validation = false\n[env.production.security]\n{off}\n")
        loaded = place.load(REKNIT_ENV="production")
        assert loaded.options.strict_validation
        assert loaded.options.strict_policies
        assert loaded.options.auditing_enabled
        assert "strict_policies = false (only `true`)" in loaded.notes[0]

    def test_sections_in_an_environment(self, place: Place) -> None:
        text = "[tool.reknit.security]\nstrict_policies = true\n[tool.reknit.env.staging.security]\nauditing_enabled = true\n"
        place.project(text, "pyproject.toml")
        settings = place.load(REKNIT_ENV="staging").settings
        assert settings["strict_policies"].origin == "pyproject.toml [tool.reknit.security]"
        assert settings["auditing_enabled"].origin == "pyproject.toml [tool.reknit.env.staging.security]"
        assert not place.load().options.auditing_enabled

    def test_there_are_three(self, place: Place) -> None:
        with pytest.raises(UsageError, match="REKNIT_ENV: there is no environment prod; nothing was run") as caught:
            place.load(REKNIT_ENV="prod")
        assert caught.value.hint == "did you mean production?"
        with pytest.raises(UsageError, match="--env: there is no environment x"):
            place.load({"env": "x"})


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("MAX_TIME", "abc", "REKNIT_MAX_TIME should be a valid number"),
        ("MAX_TIME", "nan", "REKNIT_MAX_TIME should be"),
        ("MAX_TIME", "-1", "REKNIT_MAX_TIME should be greater than 0"),
        ("JOBS", "257", "REKNIT_JOBS should be less than or equal to 256"),
        ("JOBS", "1.5", "REKNIT_JOBS should be a valid integer"),
        ("APPLY", "perhaps", "REKNIT_APPLY should be a valid boolean"),
        ("ISOLATION", "magic", "REKNIT_ISOLATION should be 'bubblewrap', 'landlock', 'seatbelt' or 'none'"),
        ("PYTEST_ARGS", "-k 'a", "REKNIT_PYTEST_ARGS cannot be read: No closing quotation"),
        ("VARIABLES", "A", "REKNIT_VARIABLES should be words of the form NAME=VALUE"),
        ("VARIABLES", "1A=2", "REKNIT_VARIABLES is no name of an environment variable"),
        ("SEED", "9" * 5000, "REKNIT_SEED"),
        ("PATCHES_A_DAY", "-1", "REKNIT_PATCHES_A_DAY should be greater than or equal to 0"),
        ("MAX_DOLLARS", "nan", "REKNIT_MAX_DOLLARS should be"),
        ("STRICT_POLICIES", "maybe", "REKNIT_STRICT_POLICIES should be a valid boolean"),
    ],
)
def test_variables_that_cannot_be_used(place: Place, name: str, text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        place.load({}, **{f"REKNIT_{name}": text})
    assert caught.value.message.startswith(says)
    assert caught.value.message.endswith("; nothing was run")
    assert (caught.value.slug, caught.value.exit_code) == ("config-value", 2)


def test_a_variable_that_is_no_setting_is_noted(place: Place) -> None:
    loaded = place.load(REKNIT_MAX_TMIE="3", REKNIT_STATE_DIR=str(place.folder / "elsewhere"))
    assert loaded.notes == ("REKNIT_MAX_TMIE is no setting; did you mean REKNIT_MAX_TIME?",)
    assert loaded.options.state_dir == place.folder / "elsewhere"


def test_the_users_own_file_is_found(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(place.folder / "config"))
    monkeypatch.setattr("platformdirs.user_config_path", lambda name: place.folder / "config" / name)
    assert place.load(REKNIT_CONFIG="").options.max_time == 300
    own = place.folder / "config" / "reknit" / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text("max_time = 77")
    assert place.load(REKNIT_CONFIG="").options.max_time == 77
    own.write_text("max_tme = 77")
    with pytest.raises(UsageError, match=r"config\.toml, line 1: there is no setting max_tme"):
        place.load(REKNIT_CONFIG="")


class TestStrictValidation:
    STRICT = "[debugging]\nstrict_validation = true"

    def test_a_variable_that_nobody_knows_is_an_error(self, place: Place) -> None:
        assert place.load(REKNIT_MAX_TMIE="3").notes != ()
        place.user(self.STRICT)
        with pytest.raises(UsageError, match="REKNIT_MAX_TMIE is no setting; did you mean REKNIT_MAX_TIME") as caught:
            place.load(REKNIT_MAX_TMIE="3")
        assert (caught.value.slug, caught.value.exit_code) == ("config-strict", 2)
        assert f"({place.folder.name}" not in caught.value.message
        assert "strict_validation (user.toml [debugging])" in caught.value.message

    def test_settings_that_are_not_read_are_an_error(self, place: Place) -> None:
        place.root.mkdir()
        (place.root / "reknit.toml").symlink_to(place.user("jobs = 1"))
        assert "is a link that leads out" in place.load().notes[0]
        with pytest.raises(UsageError, match="is a link that leads out"):
            place.load(REKNIT_ENV="production")

    def test_what_a_stranger_asks_for_in_vain_is_none(self, place: Place) -> None:
        """Otherwise nobody could heal a project without trusting it."""
        place.project("apply = true")
        assert len(place.load(REKNIT_ENV="production").notes) == 1
