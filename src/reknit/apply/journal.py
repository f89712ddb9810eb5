"""Changes of a tree that a crash cannot leave half done, and that can be taken back.

An act goes: lock → compare every file with what the patch was made for → write and sync an intent that holds the images
before and after → write and sync all new files beside the old ones → look at every file again → exchange them with the
old ones, each taken back if it was not the one expected, removals last → sync their folders → rename the intent to a
record, synced.

Invariant: while an intent exists, each of its files is the image before, or the image after, or somebody else's. So
recovery needs no log of steps: all after, and the act is completed; some before, or somebody else's that the act had not
come to, and those that are after are brought back; any somebody else's that may be made of the image after, and nothing is
written and the intent is set aside with its images. Bringing back is made of the same steps, so recovery that crashes is
recovered from in the same way.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reknit.apply.base import Act, Head, Images, Recovered, Verb, digest, same, standing
from reknit.apply.carry import based, paths_of
from reknit.apply.records import Records
from reknit.apply.reverse import reverse
from reknit.apply.tree import Root, explained, read, stage, swap, temporaries
from reknit.errors import ConflictError, IrreversibleError, JournalError, ReknitError, UsageError
from reknit.model.patch import Entry, Patch, Rename
from reknit.model.verdict import Receipt, Reversible, Verdict

_ASIDE_HINT = "compare the files with the versions in the record, and mend them by hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """An act as somebody wants it."""

    verb: Verb
    now: dt.datetime
    reason: str
    effects: tuple[str, ...] = ()
    #: What cannot be taken back may be done; whoever takes an application back, or again, has allowed it before.
    irreversible: bool = True


class Journal:
    """Applies, undoes and redoes patches in one project; `state` is the project's folder in the user's state."""

    def __init__(self, root: Path, state: Path) -> None:
        self._root = root.resolve()
        self._records = Records(state.resolve() / "journal")
        #: Told of each act when it is done; the journal does not depend on what comes of that.
        self.done: Callable[[Act], None] = lambda _act: None

    def apply(
        self,
        patch: Patch,
        *,
        verdicts: tuple[Verdict, ...],
        now: dt.datetime,
        reason: str = "",
        effects: Sequence[str] = (),
        irreversible: bool = False,
    ) -> Receipt:
        """Write a patch; `ConflictError` if a file is not as it was when the patch was made.

        `effects`: in words, what it will cause outside of the files. `IrreversibleError` where there are any, or where a
        file would lose what cannot be given back, unless `irreversible` allows it.
        """
        asked = _Asked(verb="apply", now=now, reason=reason, effects=tuple(effects), irreversible=irreversible)
        with self._records.locked():
            self._recover()
            return self._perform(asked, patch, verdicts, None)

    def undo(self, receipt_id: str | None = None, *, now: dt.datetime, reason: str = "") -> Receipt:
        """Take an application back, by default the last one in force; later ones stay, or `ConflictError`."""
        return self._turn(_Asked(verb="undo", now=now, reason=reason), receipt_id)

    def redo(self, receipt_id: str | None = None, *, now: dt.datetime, reason: str = "") -> Receipt:
        """Apply again what was undone, by default the last one undone."""
        return self._turn(_Asked(verb="redo", now=now, reason=reason), receipt_id)

    def history(self, last: int | None = None) -> tuple[Act, ...]:
        """Every act, or so many of the last, oldest first; `standing` tells which applications are in force."""
        with explained("read the journal in"):
            return self._records.done(last)

    def in_force(self) -> dict[str, bool]:
        """As `standing` of all acts, by the names of their records."""
        with explained("read the journal in"):
            return standing(self._records.heads())

    def recover(self) -> tuple[Recovered, ...]:
        """Finish or take back what a crash cut short; to be called before anything reads the tree."""
        with explained("read the journal in"):
            if not self._records.pending():
                return ()
        with self._records.locked():
            return self._recover()

    def trim(self, *, acts: int, size: int) -> tuple[int, int]:
        """Forget the oldest acts, which then cannot be undone any more, so that at most so many, of so many bytes, are left.

        The last one stays in any case. How many went, and their bytes.
        """
        with self._records.locked():
            self._recover()
            return self._records.trim(most=acts, size=size)

    def _turn(self, asked: _Asked, receipt_id: str | None) -> Receipt:
        with self._records.locked():
            self._recover()
            heads = self._records.heads()
            index = _choose(asked.verb, heads, receipt_id)
            acts = [act for head in heads[index:] if (act := self._records.act(head.name)) is not None]
            if not acts or acts[0].number != heads[index].number:
                raise JournalError(
                    f"the record {heads[index].name} is damaged; nothing was written", slug="damaged-record"
                )
            last = acts[0]
            edits = reverse(acts, 0, self._read)
            if edits is None:
                raise self._both_sides(last)
            patch = based(last.receipt.patch, edits, self._read(paths_of(edits)))
            first = self._records.act(next(head.name for head in heads if head.target == last.target))
            verdicts = first.receipt.verdicts if first and asked.verb == "redo" else ()
            try:
                return self._perform(asked, patch, verdicts, last)
            except ConflictError as exc:
                raise _in_the_way(exc.path) from exc

    def _both_sides(self, act: Act) -> ConflictError:
        """Others are in the way of taking the act back: what it left, and what is there now, of the first such file."""
        found = self._read(act.after)
        changed = [path for path, entry in act.after.items() if not same(entry, found.get(path))]
        path = (changed or list(act.receipt.patch.files))[0]
        error = _in_the_way(path)
        left, now = act.after.get(path), found.get(path)
        error.left, error.found = (left.content if left else b""), (now.content if now else b"")
        return error

    def _perform(self, asked: _Asked, patch: Patch, verdicts: tuple[Verdict, ...], last: Act | None) -> Receipt:
        """Do one act; `last` is the one that it turns round."""
        tree = self._read({*patch.files, *patch.base})
        rendered = patch.render(tree)
        paths = [path for path in patch.files if not same(tree.get(path), rendered.get(path))]
        before, after = ({path: side.get(path) for path in paths} for side in (tree, rendered))
        number = self._records.next_number()
        token = self._token(number, asked, patch)
        with explained("write"), Root(self._root) as root:
            receipt = Receipt(
                id=token,
                patch=patch,
                at=asked.now,
                verdicts=verdicts,
                reversible=_reversible(root, asked, patch, before, after),
                after={path: digest(entry) for path, entry in after.items()},
                reason=asked.reason,
            )
            act = Act(
                number=number,
                verb=asked.verb,
                target=last.target if last else token,
                receipt=receipt,
                before=before,
                after=after,
                made=root.missing_folders(path for path, entry in after.items() if entry is not None),
                dropped=last.made if last else (),
            )
            self._write(root, act)
        self.done(act)
        return receipt

    def _token(self, number: int, asked: _Asked, patch: Patch) -> str:
        """Of this try alone: what a try before it has left under its temporary names is somebody's."""
        text = f"{self._root}\0{number}\0{asked.verb}\0{patch.id}\0{asked.now.isoformat()}"
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:12]

    def _write(self, root: Root, act: Act) -> None:
        intent = self._records.begin(act)
        names = temporaries(act.after, act.receipt.id, "on")
        try:
            stage(root, act.before, act.after, names, origins=_origins(act.receipt.patch))
        except BaseException:  # Ctrl-C too; no file was touched yet
            self._abandon(root, intent, act)
            raise
        try:
            swap(root, act.before, act.after, names)
            root.drop_folders(act.dropped)
            root.sync()
            self._records.commit(intent)
        except BaseException as exc:  # Ctrl-C too: the tree goes back to what it was
            if intent.exists():
                self._take_back(root, intent, act, exc)
            raise

    def _take_back(self, root: Root, intent: Path, act: Act, cause: BaseException) -> None:
        """Undo a half-done act at once; where that fails, say that it is left to `recover`."""
        try:
            recovered = self._settle(root, intent, act, complete=False)
        except (OSError, ReknitError) as exc:
            message = f"{act.verb} of {', '.join(act.after)} failed half-way and could not be taken back yet: {exc}"
            hint = "run any reknit command once the cause is gone: it takes the rest back first"
            raise JournalError(message, slug="half-done", hint=hint) from cause
        if recovered.ending == "set aside":
            raise JournalError(recovered.note, slug="set-aside", hint=_ASIDE_HINT) from cause

    def _abandon(self, root: Root, intent: Path, act: Act) -> None:
        """End an intent that no file was touched for; what cannot be removed now is left to `recover`."""
        with contextlib.suppress(OSError, ReknitError):
            _clear(root, act)
            root.drop_folders(act.made)
            root.sync()
            self._records.forget(intent)

    def _recover(self) -> tuple[Recovered, ...]:
        with explained("recover"), Root(self._root) as root:
            return tuple(self._resolve(root, intent) for intent in self._records.tidy())

    def _resolve(self, root: Root, intent: Path) -> Recovered:
        act = self._records.load(intent)
        if act is not None:
            return self._settle(root, intent, act, complete=True)
        kept = self._records.set_aside(intent)
        note = (
            f"a record of the journal, of an act that was cut short, is damaged or of another version, and was set aside as "
            f"{kept}; files that it was changing may be half-way"
        )
        return Recovered(id="", ending="set aside", note=note)

    def _settle(self, root: Root, intent: Path, act: Act, *, complete: bool) -> Recovered:
        """Bring the tree to one side of an intent: the new one only if it is there already and `complete` says so."""
        found, foreign, mixed = _look(root, act)
        files, others = ", ".join(act.after), ", ".join(foreign)
        if mixed:
            _clear(root, act)
            kept = self._records.set_aside(intent)
            note = (
                f"{act.verb} of {files} was cut short and {', '.join(mixed)} changed since; "
                f"no file was touched, the versions before and after are kept in {kept}"
            )
            return Recovered(id=act.receipt.id, ending="set aside", note=note)
        if complete and not foreign and all(same(found[path], act.after[path]) for path in found):
            _clear(root, act)
            root.drop_folders(act.dropped)
            root.sync()
            self._records.commit(intent)
            return Recovered(id=act.receipt.id, ending="completed", note=f"{act.verb} of {files} was completed")
        before = {path: act.before[path] for path in found}
        names = temporaries(act.after, act.receipt.id, "back")
        for path in found:  # a recovery that was itself cut short may have left them
            root.discard(path, names[path], old=act.after[path], new=act.before[path])
        stage(root, found, before, names, origins={old: new for new, old in _origins(act.receipt.patch).items()})
        swap(root, found, before, names)
        _clear(root, act)
        root.drop_folders(act.made)
        root.sync()
        self._records.forget(intent)
        apart = f"; {others} had changed before it got there, and is as it was found" if others else ""
        note = f"{act.verb} of {files} was rolled back{apart}"
        return Recovered(id=act.receipt.id, ending="rolled back", note=note)

    def _read(self, paths: Iterable[str]) -> dict[str, Entry]:
        return read(self._root, paths)


def _clear(root: Root, act: Act) -> None:
    """Remove the act's temporary files, and those of taking it back."""
    back, on = (temporaries(act.after, act.receipt.id, way) for way in ("back", "on"))
    for path in act.after:
        with contextlib.suppress(JournalError):  # a folder that became a link: nothing of ours is behind it
            root.discard(path, back[path], old=act.after[path], new=act.before[path])
            root.discard(path, on[path], old=act.before[path], new=act.after[path])


def _reversible(root: Root, asked: _Asked, patch: Patch, before: Images, after: Images) -> Reversible:
    """Whether it can be taken back; `IrreversibleError` where not, and that is not allowed."""
    moved = set(_origins(patch).values())
    reasons = list(asked.effects)
    for path, entry in before.items():
        if entry is not None:
            reasons += root.losses(path, removed=after[path] is None and path not in moved)
    if reasons and not asked.irreversible:
        raise IrreversibleError("; ".join(reasons))
    return Reversible(yes=not reasons, reason="; ".join(reasons))


def _look(root: Root, act: Act) -> tuple[dict[str, Entry | None], list[str], list[str]]:
    """The act's files that are as before or as after; the names of the others; and of these those that may hold both.

    Somebody's change of a file that the act had changed already is mixed with it. Where the new file still lies beside it
    the act had not come to it; and where it was to be removed nothing of the act can be in it.
    """
    found: dict[str, Entry | None] = {}
    foreign: list[str] = []
    mixed: list[str] = []
    back, on = (temporaries(act.after, act.receipt.id, way) for way in ("back", "on"))
    for path, old in act.before.items():
        new = act.after[path]
        try:
            root.restore(path, back[path], old=new, new=old)
            root.restore(path, on[path], old=old, new=new)
            entry = root.read(path)
            untouched = new is None or root.holds(path, on[path], new)
        except JournalError:  # a folder, a device, or behind a link by now
            foreign.append(path)
            mixed.append(path)
            continue
        if same(entry, old) or same(entry, new):
            found[path] = entry
            continue
        foreign.append(path)
        if not untouched:
            mixed.append(path)
    return found, foreign, mixed


def _in_the_way(path: str) -> ConflictError:
    error = ConflictError(path, why="changed since, too near to what this change touched or in a way that hides it")
    error.hint = "undo the later changes first (`reknit log` lists them), or edit the file by hand"
    return error


def _origins(patch: Patch) -> dict[str, str]:
    """New name → old one, of what a patch renames."""
    return {edit.to: edit.path for edit in patch.edits if isinstance(edit, Rename)}


def _choose(verb: Verb, heads: Sequence[Head], receipt_id: str | None) -> int:
    """Index of the last act on the application that `receipt_id`, or a prefix of it, means."""
    wanted = {key for key, applied in standing(heads).items() if applied == (verb == "undo")}
    indexes = [at for at, head in enumerate(heads) if head.target in wanted]
    if receipt_id is not None:
        indexes = [at for at in indexes if heads[at].target.startswith(receipt_id)]
        if len({heads[at].target for at in indexes}) > 1:
            message = f"{receipt_id} is the start of more than one receipt; nothing was written"
            raise UsageError(message, slug="ambiguous-receipt", hint="give more digits")
    if not indexes:
        what = f"no receipt {receipt_id} to {verb}" if receipt_id else f"nothing to {verb}"
        raise UsageError(f"there is {what}; nothing was written", slug=f"nothing-to-{verb}", hint="see `reknit log`")
    return indexes[-1]
