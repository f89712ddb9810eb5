"""The stages in order: detect → diagnose → propose → verify → apply. Read this first.

Each stage takes values and gives values; only this file knows more than one of them. `Healing` is the state between
the steps, and `heal` runs the steps in a row.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from reknit.apply.journal import Journal
from reknit.archiving import archiving
from reknit.auditing import Audit
from reknit.config import Options, find_root
from reknit.config.options import usual_jobs
from reknit.control import SEARCH, Control, Held
from reknit.debug_log import logging
from reknit.detect.flaky import OUT_OF_ORDER, Rerun
from reknit.detect.tests import (
    LAST_FAILED,
    by_test,
    first_things_first,
    last_failed,
    left_out,
    out_of_sight,
    passed_in_suite,
    settled,
    trace_anew,
    wanted,
    with_earlier,
    with_known,
)
from reknit.detect.tests import signals as detect_signals
from reknit.diagnose.context import context
from reknit.diagnose.faults import faults
from reknit.diagnose.revision import git_revision
from reknit.errors import CannotJudgeError, SandboxError
from reknit.events import Observer, ignore
from reknit.guard.breaker import Ending
from reknit.healing import Healing, keep_found, kept, report_of
from reknit.kit import Kit
from reknit.kit import kit as make_kit
from reknit.lang.python import Source, functions, parse
from reknit.memory import Tried
from reknit.model.fault import Fault
from reknit.model.outcome import (
    CircuitOpen,
    Failed,
    NotHealed,
    Outcome,
    Proposed,
    Quarantined,
    Report,
    ValidationFailed,
)
from reknit.model.patch import Entry, Patch, Tree
from reknit.model.signal import ErrorContext, Signal
from reknit.model.verdict import CheckStatus, Verdict
from reknit.propose.engine import Engine, Proposal
from reknit.propose.hints import hints_for
from reknit.propose.rank import why
from reknit.runner.base import SuiteRun, Trials
from reknit.runner.layout import judge_of_tests
from reknit.settling import also_healed, told, turns
from reknit.store.db import Store
from reknit.store.place import project_state
from reknit.verify.gate import judge
from reknit.verify.suite import SuiteCheck
from reknit.writing import Writing, against_policy, writable

#: Patches that one fault may put before the gate.
_VERIFIED = 5


def heal(
    signals: Iterable[Signal] | None = None,
    *,
    options: Options,
    observe: Observer = ignore,
    confirm: Callable[[Report], bool] = lambda _report: True,
) -> Report:
    """Find what fails, search for patches, prove them, and apply those that `options` and `confirm` allow.

    With `signals`, of failing tests, only those are healed; one whose test no longer fails ends as `Healthy`.
    `CannotJudgeError` where nothing can be said; nothing of the project is changed unless a patch is applied.
    """
    asked = None if signals is None else by_test(signals)
    state = project_state(find_root(options.project), options.state_dir)
    with logging(options, state, observe) as watching:
        audit = Audit.of(options, state, watching)
        with audit.heal(options) as ended:
            return ended(_heal(asked, options, watching, confirm, audit))


def _heal(
    asked: Mapping[str, Signal] | None,
    options: Options,
    observe: Observer,
    confirm: Callable[[Report], bool],
    audit: Audit,
) -> Report:
    root = find_root(options.project)
    state = project_state(root, options.state_dir)
    recovered = Journal(root, state).recover()
    with Store.open(state / "store.db", root=root) as store:
        kit = make_kit(options, root, observe, store)
        kit.audit = audit
        healing = detect(kit, asked)
        healing = replace(healing, notes=(*(r.note for r in recovered), *healing.notes))
        control = Control(
            store.controls,
            tell=lambda text: kit.tell("control", text),
            changed=audit.change,
            patches_a_day=options.patches_a_day,
        )
        try:
            if healing.open:
                healing = _searched(kit, healing, control)
            healing = replace(healing, held=(*healing.held, *against_policy(options, healing.outcomes)))
            report = report_of(kit, healing)
            if writable(options, healing.outcomes) and confirm(report):
                with _writing(kit, healing, _archived(kit, store, Journal(root, state)), control) as writing:
                    return kept(store, report_of(kit, apply(healing, writing)))
        except KeyboardInterrupt as exc:
            keep_found(kit, healing, store, exc)
            raise
        return kept(store, report)


def _searched(kit: Kit, healing: Healing, control: Control) -> Healing:
    """Search patches for what is open, unless the breaker of searches holds that back; its end is counted."""
    permit = control.ask(SEARCH)
    if isinstance(permit, Held):
        why = f"searching is held back: the breaker {SEARCH} is {permit}"
        outcomes = {s.test or "": CircuitOpen(level=str(permit)) for s in healing.open}
        return replace(healing, outcomes={**healing.outcomes, **outcomes}, held=(why,))
    ending = Ending.IGNORED
    try:
        sources, entries, run = _sources(kit, healing)
        healing = diagnose(kit, healing, run, sources)
        healing = propose(kit, healing, run, sources, entries)
        harmful = any(isinstance(outcome, ValidationFailed | Failed) for outcome in healing.outcomes.values())
        ending = Ending.FAILED if harmful else Ending.SUCCEEDED
    finally:
        control.ended(SEARCH, permit, ending)
    return healing


def _archived(kit: Kit, store: Store, journal: Journal) -> Journal:
    journal.done = archiving(store.record, lambda note: kit.tell("apply", f"note: {note}"), kit.audit.act)
    return journal


def detect(kit: Kit, asked: Mapping[str, Signal] | None = None) -> Healing:
    """Run what failed when the user last ran pytest, then the suite as it is."""
    again = asked is None and not kit.options.pytest_args and kit.options.pytest_cache
    earlier = _recheck(kit) if again else None
    kit.tell("detect", "running the tests")
    run = kit.runner.suite(deadline=kit.meter.first_deadline, hang_seconds=kit.meter.hang_seconds)
    kit.meter.tests += run.cpu_seconds
    base = run if earlier is None else with_earlier(run, earlier)
    if asked is not None:
        found = wanted(asked, base)
    else:
        failing = first_things_first(detect_signals(base), earlier)
        found = (*((s, None) for s in failing), *(passed_in_suite(run, earlier) if earlier else ()))
    kit.memory.at(base)
    outcomes = {s.test: o or _known_flaky(kit, s.test) for s, o in found if s.test is not None}
    outcomes |= out_of_sight(base, [t for t, o in outcomes.items() if o is None])
    return Healing(
        baseline=base,
        signals=tuple(s for s, _ in found),
        outcomes={test: outcome for test, outcome in outcomes.items() if outcome is not None},
        notes=left_out(base),
    )


def _known_flaky(kit: Kit, test: str) -> Quarantined | None:
    why = kit.memory.flaky(test)
    return Quarantined(flaky=f"{why} (in an earlier run; nothing has changed since)") if why else None


def _recheck(kit: Kit) -> SuiteRun | None:
    """The tests that failed last time, run by themselves; None where nothing is known or none of them is left."""
    known = kit.legible([LAST_FAILED]).get(LAST_FAILED)
    tests = last_failed(known.content) if known and not known.is_link else ()
    if not tests:
        return None
    kit.tell("detect", f"running what failed last time: {len(tests)}")
    deadline = kit.meter.recheck_deadline
    try:
        run = kit.runner.suite(tests=tests, deadline=deadline, hang_seconds=kit.meter.hang_seconds)
    except SandboxError:
        raise
    except CannotJudgeError:  # they were renamed or deleted: the suite says what there is
        return None
    kit.meter.tests += run.cpu_seconds
    kit.tell("detect", f"still failing: {len(run.bad)} of {len(run.tests)}")
    return run


def _sources(kit: Kit, healing: Healing) -> tuple[dict[str, Source], dict[str, Entry], SuiteRun]:
    """Trace the failing tests and their neighbours; the project's files that ran, as bytes and parsed."""
    kit.tell("diagnose", f"tracing what runs in failing tests: {len(healing.open)}")
    base, known = healing.baseline, kit.memory.coverage()
    anew = trace_anew(base, {s.test or "" for s in healing.open}, known)
    # With another order of sets, so that a test that depends on it is seen without a run of its own.
    run = kit.runner.suite(
        tests=anew, trace=True, deadline=kit.meter.deadline, hang_seconds=kit.meter.hang_seconds, hash_seed=1
    )
    kit.meter.tests += run.cpu_seconds
    run = with_known(base, run, known)
    kit.memory.keep_coverage(run.coverage)
    is_test = judge_of_tests(base.own)
    paths = sorted({p for lines in run.coverage.values() for p in lines if p.endswith(".py") and not is_test(p)})
    entries = {p: e for p, e in kit.legible(paths).items() if not e.is_link}
    parsed = {p: parse(p, e.content) for p, e in entries.items()}
    for path, found in parsed.items():
        if not isinstance(found, Source):
            kit.notes += (f"{path} was not searched: {found.reason}",)
    return {p: s for p, s in parsed.items() if isinstance(s, Source)}, entries, run


def diagnose(kit: Kit, healing: Healing, run: SuiteRun, sources: Mapping[str, Source]) -> Healing:
    """Group the signals by cause and rank suspects; a test that passes when run again is quarantined."""
    done = {s.test: o for s in healing.open if s.test is not None and (o := settled(s.test, run)) is not None}
    revision = git_revision(kit.root) if kit.options.git else None

    def about(signal: Signal) -> ErrorContext:
        facts = run.facts
        return context(
            signal,
            probe_facts={"interpreter": facts.python, "platform": facts.platform, "packages": dict(facts.packages)},
            environment_names=sorted(os.environ),
            revision=revision,
            history=kit.history(signal.fingerprint),
            disk=kit.root,
        )

    found = faults(
        [s for s in healing.open if s.test not in done],
        run.coverage,
        [t for t, r in run.tests.items() if r.outcome == "passed"],
        {p: _ranges(s) for p, s in sources.items()},
        is_test=judge_of_tests(healing.baseline.own),
        context=about,
    )
    return replace(healing, faults=found, outcomes={**healing.outcomes, **done})


def _ranges(source: Source) -> list[tuple[int, int, str]]:
    return [(f.first_line, f.node.end_lineno or f.first_line, f.qualname) for f in functions(source)]


def propose(
    kit: Kit, healing: Healing, run: SuiteRun, sources: Mapping[str, Source], entries: Mapping[str, Entry]
) -> Healing:
    """Search each fault within its share of the budget, and put the best patches before the gate."""
    engine = Engine(
        runner=kit.runner,
        faults=healing.faults,
        sources=sources,
        entries=entries,
        run=run,
        hints=lambda tests: hints_for(tests, kit.legible),
        jobs=kit.options.jobs or usual_jobs(),
        fuel=kit.options.fuel,
        deadline=kit.meter.deadline,
    )
    base = healing.baseline
    clean_seconds, clean_cpu = sum(r.seconds for r in base.tests.values()), base.cpu_seconds
    with engine.trials() as trials:
        healing, leaning = _run_again(kit, healing, engine, trials)
        outcomes, notes = kit.outcomes, list(healing.notes)
        outcomes |= healing.outcomes
        for fault, left in turns(kit, healing.faults):
            share = kit.within(kit.meter.share(clean_seconds, clean_cpu, left=left))
            lead = tuple(t for test in fault.tests for t in leaning.get(test, ()))
            proposal = _search(kit, base, engine, trials, fault, lead, share)
            notes += [n for n in proposal.notes if n not in notes]
            outcome = _gate(kit, healing, fault, proposal, entries)
            healed = also_healed(outcome, healing.signals, outcomes)
            if isinstance(outcome, Proposed):
                outcome = replace(outcome, verdict=told(outcome.verdict))
            outcomes |= dict.fromkeys((*fault.tests, *healed), outcome)
            kit.steps = {str(step): count for step, count in trials.judged.items()}
    return replace(healing, outcomes=dict(outcomes), notes=tuple(notes))


def _search(
    kit: Kit,
    base: SuiteRun,
    engine: Engine,
    trials: Trials,
    fault: Fault,
    lead: tuple[str, ...],
    spent: Callable[[float], bool],
) -> Proposal:
    """The engine's proposal for one fault; what tests spoke against before is not tried again."""
    key = kit.memory.fault_key((*lead, *fault.tests), base)
    known = kit.tried.get(fault.tests) or kit.memory.tried(key)
    tell = _counter(kit, fault, searched=engine.out_of_reach(fault) is None)
    proposal = engine.propose(
        fault, trials, spent=spent, now=kit.started, tell=tell, known=known.ids, near=known.near, lead=lead
    )
    kit.tried[fault.tests] = tried = Tried(ids=proposal.rejected, near=proposal.why_not.rejected)
    kit.memory.keep_tried(key, tried)
    kit.meter.tests += proposal.cpu_seconds
    return proposal


def _counter(kit: Kit, fault: Fault, *, searched: bool) -> Callable[[int], None]:
    """Counts the candidates of one fault on top of those before it."""
    more = f" and {len(fault.tests) - 1} more" if len(fault.tests) > 1 else ""
    if searched:
        kit.tell("propose", f"searching a patch for {fault.tests[0]}{more}")
    before = kit.candidates

    def tell(count: int) -> None:
        kit.candidates = before + count
        kit.tell("propose", "", kit.candidates)

    return tell


def _run_again(
    kit: Kit, healing: Healing, engine: Engine, trials: Trials
) -> tuple[Healing, Mapping[str, tuple[str, ...]]]:
    """Quarantine the failing tests that do not fail each time; of those that lean on others, name these."""
    base, meter = healing.baseline, kit.meter
    tests = [t for f in healing.faults if engine.out_of_reach(f) is None for t in f.tests]
    kit.tell("diagnose", f"running failing tests again: {len(tests)}")
    before = trials.cpu_seconds
    rerun = Rerun(
        kit.runner, trials, base, deadline=meter.deadline, seconds=meter.again_seconds, hang_seconds=meter.hang_seconds
    )
    found = rerun.steadiness(tests)
    meter.tests += trials.cpu_seconds - before + found.cpu_seconds
    kit.memory.keep_flaky(found.flaky)
    outcomes: dict[str, Outcome] = {t: Quarantined(flaky=why) for t, why in found.flaky.items()}
    outcomes |= {t: OUT_OF_ORDER for t, lead in found.leaning.items() if not lead}
    notes = (*healing.notes, found.note) if found.note else healing.notes
    return replace(healing, outcomes={**healing.outcomes, **outcomes}, notes=notes), found.leaning


def _gate(kit: Kit, healing: Healing, fault: Fault, proposal: Proposal, entries: Mapping[str, Entry]) -> Outcome:
    """The first patch that a clean process accepts, or why there is none."""
    refused: list[Verdict] = []
    for patch in proposal.patches[:_VERIFIED]:
        kit.tell("verify", f"checking {patch.id} in a clean process")
        verdict = _judge(kit, healing, patch, entries, fault.tests)
        kit.audit.judged(patch, verdict)
        if verdict.passed:
            kit.tell("verify", f"found {patch.id[:8]}, {', '.join(patch.files)}: {patch.origin.note}")
            return Proposed(patch=patch, verdict=verdict, why=why(patch, proposal.patches, len(refused)))
        refused.append(verdict)
    if refused:
        return ValidationFailed(errors=tuple(c for v in refused for c in v.checks if c.status is CheckStatus.FAILED))
    return NotHealed(why_not=proposal.why_not)


def _judge(kit: Kit, healing: Healing, patch: Patch, tree: Tree, tests: tuple[str, ...]) -> Verdict:
    """The gate's word on a patch that is to make `tests` pass."""
    options = kit.options
    check = SuiteCheck(
        runner=kit.runner,
        baseline=healing.baseline,
        must_pass=tests,
        whole=options.whole_suite or not options.pytest_args,
        selected=bool(options.pytest_args),
        hang_seconds=kit.meter.hang_seconds,
    )
    deadline = kit.meter.accept_deadline()
    verdict, cpu_seconds = judge(patch, tree, check, is_test=judge_of_tests(healing.baseline.own), deadline=deadline)
    kit.meter.tests += cpu_seconds
    return verdict


def _writing(kit: Kit, healing: Healing, journal: Journal, control: Control | None = None) -> Writing:
    return Writing(kit, journal, lambda patch, tree, tests: _judge(kit, healing, patch, tree, tests), control)


def apply(healing: Healing, writing: Writing) -> Healing:
    """Write the patches that may be written."""
    outcomes = writing.write(healing.outcomes)
    return replace(
        healing, outcomes=outcomes, notes=(*healing.notes, *writing.notes), held=(*healing.held, *writing.held)
    )
