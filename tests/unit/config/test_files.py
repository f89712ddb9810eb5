"""Files that cannot be used, and files that mean harm."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from reknit.errors import UsageError
from tests.unit.config.settings import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path.resolve())


def check(place: Place, slug: str, says: str, hint: str | None = None) -> None:
    with pytest.raises(UsageError) as caught:
        place.load()
    assert caught.value.message == f"{says}; nothing was run"
    assert (caught.value.slug, caught.value.exit_code) == (slug, 2)
    assert caught.value.hint is None if hint is None else (caught.value.hint or "").startswith(hint)


@pytest.mark.parametrize(
    ("text", "slug", "says", "hint"),
    [
        ("\nmax_tme = 3", "config-key", "reknit.toml, line 2: there is no setting max_tme", "did you mean max_time?"),
        ("max-time = 3", "config-key", "reknit.toml, line 1: there is no setting max-time", "did you mean max_time?"),
        (
            "qqqq = 3",
            "config-key",
            "reknit.toml, line 1: there is no setting qqqq",
            "choose one of apply, debugging, env, fuel",
        ),
        (
            "[security]\nstrict_policys = true",
            "config-key",
            "reknit.toml, line 2: there is no setting security.strict_policys",
            "did you mean strict_policies?",
        ),
        (
            "strict_policies = true",
            "config-key",
            "reknit.toml, line 1: there is no setting strict_policies",
            "strict_policies stands in the table security",
        ),
        (
            "[env.staging.performance]\nmax-time = 1",
            "config-key",
            "reknit.toml, line 2: there is no setting env.staging.performance.max-time",
            "max_time stands before all tables",
        ),
        (
            "[env.prod]\njobs = 1",
            "config-key",
            "reknit.toml, line 1: there is no setting env.prod",
            "did you mean production?",
        ),
        (
            "jobs = 1\n[env.staging]\n\njob = 1",
            "config-key",
            "reknit.toml, line 4: there is no setting env.staging.job",
            "did you mean jobs?",
        ),
        (
            'python = """\nmax_tme = 1\n"""\nmax_tme = 2',
            "config-key",
            "reknit.toml, line 4: there is no setting max_tme",
            "did you mean max_time?",
        ),
        ('"a\\nb" = 1', "config-key", r"reknit.toml: there is no setting a\nb", "choose one of"),
        ('max_time = "3"', "config-value", "reknit.toml, line 1: max_time should be a valid number", None),
        ("max_time = true", "config-value", "reknit.toml, line 1: max_time should be a valid number", None),
        (
            "max_time = inf",
            "config-value",
            "reknit.toml, line 1: max_time should be less than or equal to 1000000",
            None,
        ),
        ("max_cpu = 0", "config-value", "reknit.toml, line 1: max_cpu should be greater than 0", None),
        ("jobs = 1.0", "config-value", "reknit.toml, line 1: jobs should be a valid integer", None),
        ("apply = 1", "config-value", "reknit.toml, line 1: apply should be a valid boolean", None),
        (
            "pytest_args = [\n  'a',\n  3,\n]",
            "config-value",
            "reknit.toml, line 1: pytest_args.1 should be a valid string",
            None,
        ),
        (
            "[variables]\nA = 1",
            "config-value",
            "reknit.toml, line 2: variables.A should be a valid string",
            None,
        ),
        (
            "[variables]\n'A B' = '1'",
            "config-value",
            "reknit.toml, line 2: variables.A B is no name of an environment variable",
            None,
        ),
        (
            'python = "a\\u0000b"',
            "config-value",
            "reknit.toml, line 1: python must not hold a zero byte",
            None,
        ),
        (
            "isolation = 'wrap'",
            "config-value",
            "reknit.toml, line 1: isolation should be 'bubblewrap', 'landlock', 'seatbelt' or 'none'",
            None,
        ),
        (
            "jobs = 1\njobs == 1",
            "config-syntax",
            "reknit.toml cannot be used: Invalid value (at line 2, column 7)",
            None,
        ),
    ],
)
def test_mistakes_are_shown_where_they_stand(place: Place, text: str, slug: str, says: str, hint: str | None) -> None:
    place.project(text)
    check(place, slug, says, hint)


def test_in_pyproject_only_our_table_is_ours(place: Place) -> None:
    place.project("[tool.other]\nmax_tme = 1\n\n[tool.reknit]\njobs = 1\nmax_tme = 1\n", "pyproject.toml")
    check(place, "config-key", "pyproject.toml, line 6: there is no setting max_tme", "did you mean max_time?")
    place.project("[tool]\nreknit = 1\n", "pyproject.toml")
    check(place, "config-value", "pyproject.toml: reknit should be a table")
    place.project("[project]\nname = 'reknit'\n", "pyproject.toml")
    assert place.load().notes == ()


def test_a_mistake_in_a_file_without_our_settings_is_not_ours(place: Place) -> None:
    place.project("[[[", "pyproject.toml")
    assert place.load().notes == ()


def test_two_files_are_one_too_many(place: Place) -> None:
    place.project("jobs = 1")
    place.project("[project]\nname = 'reknit'", "pyproject.toml")
    assert place.load().options.jobs == 1
    place.project("[tool.reknit]\n", "pyproject.toml")
    says = "settings stand in both reknit.toml and pyproject.toml [tool.reknit]"
    check(place, "config-two-files", says, "keep one")


def test_latin_1_is_said_with_its_line(place: Place) -> None:
    place.project(b"jobs = 1\n# caf\xe9\n")
    check(place, "config-syntax", "reknit.toml cannot be used: line 2 is not UTF-8")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_said(place: Place) -> None:
    path = place.project("jobs = 1")
    path.chmod(0)
    check(place, "config-unreadable", f"{path} cannot be read for settings: Permission denied")


class TestHostile:
    def test_a_link_out_of_the_project_is_not_read(self, place: Place) -> None:
        """Its content may be the user's secret, which a message would show."""
        secret = place.folder / "secret"
        secret.write_text("password = 'hunter2'")
        place.root.mkdir()
        (place.root / "reknit.toml").symlink_to(secret)
        place.project("[tool.reknit]\njobs = 1\n", "pyproject.toml")
        loaded = place.load()
        assert loaded.options.jobs == 1
        assert loaded.notes == ("reknit.toml is a link that leads out of the project; its settings were not read",)

    def test_a_link_inside_is_followed(self, place: Place) -> None:
        path = place.project("jobs = 1", "elsewhere.toml")
        (place.root / "reknit.toml").symlink_to(path.name)
        assert place.load().options.jobs == 1

    def test_links_in_a_circle(self, place: Place) -> None:
        place.root.mkdir()
        (place.root / "reknit.toml").symlink_to("reknit.toml")
        with pytest.raises(UsageError) as caught:
            place.load()
        assert caught.value.slug == "config-unreadable"

    def test_a_pipe_keeps_nobody_waiting(self, place: Place) -> None:
        place.root.mkdir()
        os.mkfifo(place.root / "reknit.toml")
        path = place.root / "reknit.toml"
        check(place, "config-unreadable", f"{path} cannot be read for settings: it is no regular file")

    def test_a_folder(self, place: Place) -> None:
        (place.root / "reknit.toml").mkdir(parents=True)
        path = place.root / "reknit.toml"
        check(place, "config-unreadable", f"{path} cannot be read for settings: it is no regular file")

    def test_a_huge_file(self, place: Place) -> None:
        path = place.project("#" * (256 * 1024) + "\n")
        check(place, "config-unreadable", f"{path} cannot be read for settings: it has more than 256 KiB")

    def test_a_huge_pyproject_is_a_mistake_only_if_it_has_settings(self, place: Place) -> None:
        huge = "[tool.locks]\nwords = 'tool, reknit'\n" + "#" * (256 * 1024) + "\n"
        path = place.project(huge, "pyproject.toml")
        assert place.load().notes == ()
        for table in ("[tool.reknit]", "[tool]\nreknit = {jobs = 1}", '["tool" . "reknit"]', "tool.reknit.jobs = 1"):
            place.project(huge + table + "\n", "pyproject.toml")
            check(place, "config-unreadable", f"{path} cannot be read for settings: it has more than 256 KiB")

    @pytest.mark.parametrize("deep", ["a = " + "[" * 100_000, "a = " + "{a=" * 60_000, "a = [" * 1 + "[" * 2000])
    def test_nesting(self, place: Place, deep: str) -> None:
        place.project(deep)
        check(place, "config-syntax", "reknit.toml cannot be used: its values are nested too deep")

    @pytest.mark.parametrize(
        "text",
        [
            "{} = 1",
            "[{}]",
            "[[ {} ]]",
            "x = {{{} = 1}}",
            "x = '''a''''\n{} = 1",
            'x = [ """a"""", {{{} = 1}} ]',
            'x = """\\""""\n{} = 1',
            "x = '#'\n{} = 1",
        ],
    )
    @pytest.mark.parametrize("part", ["a.", "a . ", '"!".', "'='.", "é.", '"\\"".'])
    def test_keys_without_end_take_no_time(self, place: Place, text: str, part: str) -> None:
        """The parser of the standard library takes minutes for these."""
        place.project(text.format(part * (150_000 // len(part)) + "a"))
        start = time.process_time()
        check(place, "config-syntax", "reknit.toml cannot be used: a dotted key has more than 32 parts")
        assert time.process_time() - start < 5

    @pytest.mark.parametrize("text", ["jobs = " + "9" * 100_000, "jobs = 1979-99-99", "jobs = 0x" + "f" * 100_000])
    def test_numbers_without_end(self, place: Place, text: str) -> None:
        place.project(text)
        with pytest.raises(UsageError) as caught:
            place.load()
        assert caught.value.slug in {"config-syntax", "config-value"}
        assert len(caught.value.message) < 400

    def test_an_ordinary_file_has_dots(self, place: Place) -> None:
        """Strings, comments and lists of versions are no keys."""
        dotted = ".".join("x" * 50)
        text = f'# {dotted}\n[tool.reknit]\njobs = 1\n[tool.other]\na = \'{dotted}\'\nb = """\n{dotted}\n"""\n'
        place.project(text + "c = [" + ", ".join(["1.5"] * 50) + "]\n", "pyproject.toml")
        assert place.load().options.jobs == 1


class TestTheUsersFile:
    def test_it_may_not_lie_in_the_project(self, place: Place) -> None:
        """The repository could have brought it along."""
        path = place.project("apply = true", "mine.toml")
        with pytest.raises(UsageError) as caught:
            place.load(REKNIT_CONFIG=str(path))
        assert caught.value.slug == "config-inside-project"
        link = place.folder / "link.toml"
        link.symlink_to(path)
        with pytest.raises(UsageError):
            place.load(REKNIT_CONFIG=str(link))

    def test_one_that_is_named_must_be_there(self, place: Place) -> None:
        with pytest.raises(UsageError, match="nowhere cannot be read for settings: No such file") as caught:
            place.load(REKNIT_CONFIG=str(place.folder / "nowhere"))
        assert caught.value.slug == "config-unreadable"

    def test_paths_count_from_it(self, place: Place) -> None:
        place.user('python = "envs/a/bin/python"')
        assert place.load().options.python == place.folder / "envs/a/bin/python"
        place.user('python = "python3.12"')
        assert place.load().options.python == Path("python3.12")
        (place.folder / ".venv").mkdir()
        place.user('python = ".venv"')
        assert place.load().options.python == place.folder / ".venv"
        place.user('python = "~/bin/python"')
        assert place.load().options.python == Path("~/bin/python").expanduser()

    def test_a_home_of_nobody(self, place: Place) -> None:
        place.user('python = "~no-such-user/bin/python"')
        assert place.load().options.python == place.folder / "~no-such-user/bin/python"
