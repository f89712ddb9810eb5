"""From a candidate to what a worker needs to try it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from reknit.lang.python import Function, Source, functions
from reknit.propose.base import Candidate, FunctionRef
from reknit.runner.base import Swap, Trial

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


class TrialMaker:
    """Makes trials of one set of sources; functions are looked up once."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        must: tuple[str, ...],
        keep: Callable[[Candidate], tuple[str, ...]],
    ) -> None:
        self._sources = sources
        self._must = must
        self._keep = keep
        self._functions: dict[str, dict[tuple[str, int], Function]] = {}

    def trials(self, candidates: Iterator[Candidate]) -> Iterator[tuple[Candidate, Trial]]:
        """Candidates with their trials."""
        for candidate in candidates:
            content = render(self._sources[candidate.path], candidate)
            yield (
                candidate,
                Trial(
                    path=candidate.path,
                    content=content,
                    swap=self._swap(candidate, content) if candidate.function else None,
                    must=self._must,
                    keep=self._keep(candidate),
                ),
            )

    def _swap(self, candidate: Candidate, content: bytes) -> Swap | None:
        source = self._sources[candidate.path]
        function = self._function(candidate.path, candidate.function)
        if function is None or function.node.end_lineno is None:
            return None
        start = 3 if content.startswith(b"\xef\xbb\xbf") else 0
        lines = _LINE.findall(content[start:].decode(source.encoding))
        last = function.node.end_lineno + len(lines) - len(source.lines)
        *classes, name = function.qualname.split(".")
        return Swap(
            line=function.first_line,
            name=name,
            classes=tuple(classes),
            snippet="".join(lines[function.first_line - 1 : last]),
        )

    def _function(self, path: str, ref: FunctionRef | None) -> Function | None:
        if path not in self._functions:
            self._functions[path] = {(f.qualname, f.first_line): f for f in functions(self._sources[path])}
        return self._functions[path].get((ref.qualname, ref.first_line)) if ref else None


def render(source: Source, candidate: Candidate) -> bytes:
    """The whole file after the change."""
    return source.raw[: candidate.start] + candidate.new + source.raw[candidate.end :]
