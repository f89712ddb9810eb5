"""Mistakes drawn from a project and put into copies of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from reknit.bench.case import run_case
from reknit.bench.inject import (
    Drawing,
    DrawnBug,
    draw_bugs,
    inject_cases,
    injected,
    read_drawing,
    source_files,
    write_drawing,
)
from reknit.config import Options
from reknit.errors import CannotJudgeError, ConflictError, UsageError
from reknit.model.outcome import Report

from .reports import patch, proposed, report

SOURCE = "def bigger(a, b):\n    return a > b\n\n\ndef unused(a):\n    return a + 1\n"
TEST = "from calc import bigger\n\n\ndef test_bigger():\n    assert bigger(2, 1)\n    assert not bigger(1, 1)\n"
PYTEST = ("-q", "-p", "no:cacheprovider")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "calc"
    for name, text in {"calc.py": SOURCE, "tests/test_calc.py": TEST, "setup.py": "1 + 1\n", ".git/x.py": ""}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def quiet(text: str) -> None:
    assert text


def drawn(project: Path, seed: int, count: int = 2) -> Drawing:
    return draw_bugs(project, Path(sys.executable), PYTEST, count=count, seed=seed, tell=quiet)


def test_only_sources_are_drawn_from(project: Path) -> None:
    assert source_files(project) == ["calc.py"]


def test_a_drawn_bug_is_noticed_and_comes_again(project: Path, tmp_path: Path) -> None:
    drawing = drawn(project, 1, count=1)
    assert [(b.file, b.line, b.noticed_by) for b in drawing.bugs] == [("calc.py", 2, "tests/test_calc.py::test_bigger")]
    assert (project / "calc.py").read_text() == SOURCE
    write_drawing(tmp_path / "list.json", drawing)
    assert read_drawing(tmp_path / "list.json") == drawing == drawn(project, 1, count=1)


def test_a_suite_that_is_not_green_is_refused(project: Path) -> None:
    (project / "calc.py").write_text(SOURCE.replace(">", "<"))
    with pytest.raises(CannotJudgeError, match="nothing was drawn") as caught:
        drawn(project, 1)
    assert caught.value.slug == "bench-not-green"


def a_bug(source: bytes = SOURCE.encode()) -> DrawnBug:
    from hashlib import sha256

    at, digest = source.index(b">"), sha256(source).hexdigest()
    return DrawnBug(
        id="01-comparison", file="calc.py", line=2, kind="comparison", before=">", after="<",
        start=at, end=at + 1, sha256=digest, noticed_by="t",
    )  # fmt: skip


def test_a_bug_goes_into_the_file_that_it_was_drawn_from_only() -> None:
    assert injected(a_bug(), SOURCE.encode()) == SOURCE.replace(">", "<").encode()
    with pytest.raises(ConflictError, match=r"calc\.py"):
        injected(a_bug(), SOURCE.encode() + b"#")


def test_a_case_holds_the_bug_and_knows_the_answer(project: Path) -> None:
    drawing = Drawing(seed=1, src_root=".", pytest_args=PYTEST, bugs=(a_bug(),), dropped={})
    (case,) = inject_cases(project, drawing, Options(project=project))

    def heal(options: Options) -> Report:
        broken = (options.project / "calc.py").read_bytes()
        assert broken == SOURCE.replace(">", "<").encode()
        assert not (options.project / ".git").exists()
        assert options.env["PYTHONPATH"] == str(options.project)
        at = broken.index(b"<")
        return report({"t": proposed(patch("calc.py", broken, at, at + 1, b">"))})

    row = run_case(case, heal=heal)
    assert (row.outcome, row.exact, row.why) == ("plausible", True, "")


def test_an_unknown_case_is_refused(project: Path) -> None:
    drawing = Drawing(seed=1, src_root=".", pytest_args=PYTEST, bugs=(a_bug(),), dropped={})
    with pytest.raises(UsageError, match="02-name"):
        inject_cases(project, drawing, Options(project=project), ["02-name"])
