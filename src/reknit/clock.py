"""What a run may use of time, and has used; the search itself counts candidates and ticks, never seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

#: Shares of the whole time: for the first run of the suite, what failed last time before it, the clean run that
#: accepts, running failing tests again, and one test to end.
_FIRST_SHARE = 0.5
_RECHECK_SHARE = 0.2
_ACCEPT_SHARE = 0.25
_AGAIN_SHARE = 0.1
_HANG_SHARE = 0.05
_HANG_SECONDS = (2.0, 60.0)
#: The least that a search gets, however little is left.
_LEAST_SECONDS = 1.0
_LEAST_CPU = 0.5


@dataclass(slots=True, kw_only=True)
class Meter:
    """Wall clock and CPU time of one run, in seconds."""

    max_time: float
    #: None: no bound but `max_time`.
    max_cpu: float | None = None
    #: CPU time of the tests so far, children included.
    tests: float = 0.0
    began: float = field(default_factory=time.monotonic)
    #: Of this process at the start: it may heal more than once.
    own: float = field(default_factory=time.process_time)

    @property
    def deadline(self) -> float:
        """Of `time.monotonic`."""
        return self.began + self.max_time

    @property
    def first_deadline(self) -> float:
        """When the first run of the suite must end, so that time is left to heal."""
        return self.began + self.max_time * _FIRST_SHARE

    @property
    def recheck_deadline(self) -> float:
        """When a first look at what failed last time must end, so that the suite can be run."""
        return self.began + self.max_time * _RECHECK_SHARE

    def accept_deadline(self) -> float:
        """When a clean run that starts now must end; it may pass `deadline`, since a patch is worth it."""
        return max(self.deadline, time.monotonic()) + self.max_time * _ACCEPT_SHARE

    @property
    def again_seconds(self) -> float:
        """For running the failing tests again, to see that they fail each time."""
        return min(self.max_time, self.max_cpu or self.max_time) * _AGAIN_SHARE

    @property
    def hang_seconds(self) -> float:
        """CPU time in which a test must end."""
        least, most = _HANG_SECONDS
        return max(least, min(most, self.max_time * _HANG_SHARE))

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.began

    @property
    def cpu_seconds(self) -> float:
        """Of this run so far, ours and the tests'."""
        return self.tests + time.process_time() - self.own

    def has_left(self) -> bool:
        """Whether enough is left to take a search up again."""
        time_left = self.deadline - time.monotonic() > self.max_time * _AGAIN_SHARE
        return time_left and (self.max_cpu is None or self.max_cpu - self.cpu_seconds > self.max_cpu * _AGAIN_SHARE)

    def share(self, clean_seconds: float, clean_cpu: float, *, left: int) -> Callable[[float], bool]:
        """Whether a search that starts now, and has used so much CPU time, has had its part of what is left.

        `left` searches share it, and for the clean run of the suite after this one, of so many seconds, some is kept.
        """
        now, own = time.monotonic(), time.process_time()
        clean = min(clean_seconds * 1.5 + 2, self.max_time * _ACCEPT_SHARE)
        until = now + max(_LEAST_SECONDS, (self.deadline - now - clean) / left)
        cpu = self.max_cpu
        if cpu is not None:
            cpu = max(_LEAST_CPU, (cpu - self.cpu_seconds - clean_cpu - _LEAST_CPU) / left)

        def spent(search_cpu: float) -> bool:
            used = search_cpu + time.process_time() - own
            return time.monotonic() >= until or (cpu is not None and used >= cpu)

        return spent
