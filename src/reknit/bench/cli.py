"""The verbs of `reknit bench`. What they do is imported when one runs, so that `--help` is quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

app = typer.Typer(
    name="bench",
    help="Measure the engine: on public benchmarks, on mistakes put into a project, on real bugs.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Only = Annotated[list[str] | None, typer.Option("--only", help="This case alone; may be repeated.", show_default=False)]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="JSONL: a row a case is appended, cases with a row are not run again.", dir_okay=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, errors too.")]
Jobs = Annotated[int | None, typer.Option("--jobs", "-j", help="Workers side by side.", show_default=False)]
Seed = Annotated[int, typer.Option(help="For every choice that is left to chance.")]
Python = Annotated[
    Path | None, typer.Option(help="Interpreter or virtual environment of the tests.", show_default=False)
]
Isolation = Annotated[str | None, typer.Option(help="As for `reknit heal`.", show_default=False)]


@app.command()
def quixbugs(
    repository: Annotated[Path, typer.Argument(help="Your clone of QuixBugs.", file_okay=False, exists=True)],
    *,
    only: Only = None,
    seconds: Annotated[float, typer.Option(help="Wall clock a program.")] = 60.0,
    python: Python = None,
    jobs: Jobs = None,
    seed: Seed = 0,
    isolation: Isolation = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Heal each Python program of QuixBugs, alone with its tests, in a temporary folder."""
    from reknit.bench.quixbugs import quixbugs_cases
    from reknit.bench.show import run_and_show
    from reknit.config import Options
    from reknit.loop import heal

    options = Options(project=repository, python=python, max_time=seconds, jobs=jobs, seed=seed, isolation=isolation)
    run_and_show(
        "bench quixbugs",
        quixbugs_cases(repository, only or (), options),
        heal=lambda o: heal(options=o),
        out=out,
        as_json=as_json,
    )


@app.command()
def inject(
    project: Annotated[Path, typer.Argument(help="A project whose suite is green.", file_okay=False, exists=True)],
    pytest_args: Annotated[
        list[str] | None, typer.Argument(help="Arguments for pytest, after --.", metavar="[-- PYTEST ARGUMENTS]")
    ] = None,
    *,
    count: Annotated[int, typer.Option(help="How many mistakes to draw.")] = 10,
    seed: Seed = 0,
    python: Python = None,
    draw_only: Annotated[
        Path | None, typer.Option(help="Write the list of mistakes there, and heal nothing.", dir_okay=False)
    ] = None,
    drawn: Annotated[
        Path | None, typer.Option(help="Heal the mistakes of this list.", dir_okay=False, exists=True)
    ] = None,
    seconds: Annotated[float, typer.Option(help="Wall clock a mistake.")] = 120.0,
    only: Only = None,
    jobs: Jobs = None,
    isolation: Isolation = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Put one-token mistakes into copies of a project, and heal those that a test notices."""
    from reknit.bench.inject import draw_or_read, inject_cases, write_drawing
    from reknit.bench.show import run_and_show
    from reknit.config import Options

    drawing = draw_or_read(
        project,
        python,
        pytest_args or (),
        drawn=drawn,
        count=count,
        seed=seed,
        tell=lambda text: typer.echo(text, err=True),
    )
    if draw_only is not None:
        write_drawing(draw_only, drawing)
        _end("bench inject", 0, as_json=as_json)
    from reknit.loop import heal

    options = Options(project=project, python=python, max_time=seconds, jobs=jobs, seed=seed, isolation=isolation)
    run_and_show(
        "bench inject",
        inject_cases(project, drawing, options, only or ()),
        heal=lambda o: heal(options=o),
        out=out,
        as_json=as_json,
    )


@app.command()
def corpus(
    cases: Annotated[Path, typer.Argument(help="Facts of real bugs, one JSON object a line.", exists=True)],
    *,
    clones: Annotated[Path, typer.Option(help="Folder of the repositories' clones, `owner+name` each.")],
    envs: Annotated[Path, typer.Option(help="Folder of the cases' environments.")],
    only: Only = None,
    cpu_seconds: Annotated[float, typer.Option(help="CPU a case, children included.")] = 30.0,
    seconds: Annotated[float, typer.Option(help="Wall clock a case.")] = 300.0,
    make_envs: Annotated[
        bool, typer.Option("--make-envs", help="Make the environments that are missing (needs a network), and end.")
    ] = False,
    base_python: Annotated[
        Path, typer.Option(help="With --make-envs: the interpreter that they are made from.")
    ] = Path("python3"),
    check: Annotated[
        bool, typer.Option("--check", help="Heal nothing: are the cases as their facts say, before and after the fix?")
    ] = False,
    jobs: Jobs = None,
    seed: Seed = 0,
    isolation: Isolation = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Heal real bugs of public projects: each at the commit before its fix, with the fix's tests."""
    from reknit.bench import corpus as bugs_of
    from reknit.bench.show import run_and_show
    from reknit.config import Options

    bugs = bugs_of.read_bugs(cases, only or ())
    if make_envs:
        bugs_of.build_envs(bugs, envs, base=base_python, done=lambda name: typer.echo(name, err=True))
        _end("bench corpus", 0, as_json=as_json)
    if check:
        status = bugs_of.check_all(bugs, clones, envs, tell=lambda text: typer.echo(text, err=as_json))
        _end("bench corpus", status, as_json=as_json)
    from reknit.loop import heal

    options = Options(project=clones, max_time=seconds, max_cpu=cpu_seconds, jobs=jobs, seed=seed, isolation=isolation)
    run_and_show(
        "bench corpus",
        bugs_of.corpus_cases(bugs, clones, envs, options),
        heal=lambda o: heal(options=o),
        out=out,
        as_json=as_json,
    )


def _end(verb: str, status: int, *, as_json: bool) -> NoReturn:
    """End a verb that has healed nothing."""
    from reknit.bench.show import print_result

    if as_json:
        print_result(verb, (), as_json=True, status=status)
    raise typer.Exit(status)
