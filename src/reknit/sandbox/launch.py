"""The last step into a sandbox: runs inside the namespaces, ties the remaining knots, starts the job and waits for it.

Standard library only, and little of it, because every job pays for the start. It decides nothing: `spec.Spec`,
made outside, says what to do. Two processes come out of it:

    supervisor   keeps its rights and out of the job's reach; ends every descendant when the job ends or when
                 reknit lets go of the control pipe; tells reknit on the report pipe "ready", "exit N" or "error …"
    job          gives up everything in `_confine`, then becomes the program
"""

from __future__ import annotations

import errno
import marshal
import os
import resource
import select
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reknit.sandbox import kernel, seal
    from reknit.sandbox.spec import Spec, SpecFile
else:
    import kernel
    import seal

_SIGKILL = 9
_PATIENCE = 0.05


def main() -> None:
    """Read the spec from descriptor argv[1]; report on argv[2]; argv[3] reads as closed when reknit lets go."""
    source, report, control = (int(a) for a in sys.argv[1:4])
    try:
        with open(source, "rb") as stream:
            spec: Spec = marshal.load(stream)  # noqa: S302 - made by reknit, in an unlinked file that it alone holds
        child, seals = _start(spec)
    except OSError as exc:
        os.write(report, f"error {exc}\n".encode())
        os._exit(1)
    os.write(report, b"ready\n")
    status = _wait(child, control, spec)
    _end_descendants(spec, child)
    os.write(report, f"broken {' '.join(map(str, seals.broken()))}\nexit {status}\n".encode())
    os._exit(0)


def _start(spec: Spec) -> tuple[int, seal.Seals]:
    """Process id of the job, once it has become its program; and its sealed files as they were before."""
    kernel.forbid_inspection()
    if spec["pid_namespace"]:
        _show(spec)
    elif spec["linux"]:
        kernel.adopt_orphans()
    seals = seal.Seals(spec["root"], spec["sealed"], linux=spec["linux"])
    trouble, complain = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _confine(spec, complain)
            os.execvpe(spec["argv"][0], spec["argv"], spec["env"])
        except BaseException as exc:  # noqa: BLE001 - nothing may return into the supervisor's code
            os.write(complain, f"{type(exc).__name__}: {exc}".encode())
        os._exit(126)
    os.close(complain)
    for fd in spec["pass_fds"]:
        os.close(fd)
    message = os.read(trouble, 4096)
    if message:
        raise OSError(message.decode(errors="replace"))
    os.close(trouble)
    return child, seals


def _show(spec: Spec) -> None:
    """Put the project, with its patched files, over the read-only one that bwrap mounted."""
    scratch, root = spec["scratch"], spec["root"]
    kernel.unshare(kernel.CLONE_NEWNS)  # bwrap may have entered a nested user namespace, which owns no mounts yet
    seen = os.stat(root)
    for name in ("upper", "work", "files"):
        os.mkdir(f"{scratch}/{name}")
    if spec["view"] == "overlay":
        os.chown(f"{scratch}/upper", seen.st_uid, seen.st_gid)
        os.chmod(f"{scratch}/upper", seen.st_mode & 0o7777)
        layers = f"lowerdir={scratch}/lower,upperdir={scratch}/upper,workdir={scratch}/work,userxattr"
        kernel.mount("overlay", root, "overlay", kernel.MS_NOSUID | kernel.MS_NODEV, layers)
        for file in spec["files"]:
            _write_over(root, file)
    else:
        for number, file in enumerate(spec["files"]):
            _bind_over(root, file, f"{scratch}/files/{number}")
    _make_home(spec)
    _seal(scratch, ("lower", "upper") if spec["view"] == "overlay" else ())


def _seal(scratch: str, shown: tuple[str, ...]) -> None:
    """Hide the scratch folder, but for layers to look at: they must not be changed beside the overlay's back."""
    layers = {name: os.open(f"{scratch}/{name}", os.O_PATH) for name in shown}
    kernel.mount("tmpfs", scratch, "tmpfs", 0, "size=16k,mode=555")
    for name, fd in layers.items():
        os.mkdir(f"{scratch}/{name}", 0o555)
        kernel.show_read_only(f"/proc/self/fd/{fd}", f"{scratch}/{name}")
        os.close(fd)
    kernel.make_read_only(scratch)


def _write_over(root: str, file: SpecFile) -> None:
    path, content, mtime = file
    full = f"{root}/{path}"
    if content is None:
        if os.path.lexists(full):
            os.unlink(full)
        return
    os.makedirs(os.path.dirname(full), exist_ok=True)
    if os.path.islink(full):
        os.unlink(full)
    with open(full, "wb") as stream:
        stream.write(content)
    if mtime is not None:
        os.utime(full, ns=(mtime, mtime))


def _bind_over(root: str, file: SpecFile, copy: str) -> None:
    path, content, mtime = file
    full = f"{root}/{path}"
    if content is None or not os.path.isfile(full):
        raise OSError(errno.EOPNOTSUPP, f"{path} can be neither created nor hidden where overlays cannot be mounted")
    with open(copy, "wb") as stream:
        stream.write(content)
    os.chmod(copy, os.stat(full).st_mode & 0o7777)
    if mtime is not None:
        os.utime(copy, ns=(mtime, mtime))
    kernel.show_read_only(copy, full)


def _make_home(spec: Spec) -> None:
    home = spec["env"]["HOME"]
    os.mkdir(home)
    if spec["user"] is not None:
        # The project's files belong to another user than the job's, which git takes for an attack.
        with open(f"{home}/.gitconfig", "w", encoding="ascii") as stream:
            stream.write("[safe]\n\tdirectory = *\n")
        os.chown(home, *spec["user"])


def _confine(spec: Spec, complain: int) -> None:
    """Give up every right that the job shall not have; the order matters, each step needs what later ones take."""
    os.setsid()
    _give_way(spec)
    os.chdir(spec["cwd"])
    for kind, bound in spec["rlimits"]:
        resource.setrlimit(kind, (bound, bound))
    if spec["user"] is not None:
        kernel.keep_capabilities_over_setuid()
        user, group = spec["user"]
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
    if spec["linux"]:
        kernel.die_with_parent()
    if spec["capabilities"] is not None:
        kernel.forbid_new_privileges()
        kernel.set_capabilities(spec["capabilities"])
    if spec["landlock"] is not None:
        kernel.restrict_paths(*spec["landlock"])
    _close_all_but({*spec["pass_fds"], complain, 0, 1, 2})
    if spec["seccomp"] is not None:
        kernel.install_filter(spec["seccomp"])


def _give_way(spec: Spec) -> None:
    """Leave the machine usable: come after whoever else wants a processor, and on no more than a share of them."""
    os.nice(spec["niceness"])
    if spec["cores"]:
        os.sched_setaffinity(0, spec["cores"])
    try:
        # Where the kernel groups by session, the nice value counts within ours only.
        with open("/proc/self/autogroup", "w", encoding="ascii") as stream:
            stream.write(str(spec["niceness"]))
    except OSError:  # no such groups, or /proc is read-only
        pass


def _close_all_but(kept: set[int]) -> None:
    start = 0
    for fd in sorted(kept):
        if start < fd:  # an empty range from 0 closes everything
            os.closerange(start, fd)
        start = fd + 1
    os.closerange(start, max(1 << 16, start))


def _wait(child: int, control: int, spec: Spec) -> int:
    """Exit status of `child`, negative for a signal; -9 when reknit let go, or the scratch folder grew too much."""
    watched = select.poll()
    watched.register(control, select.POLLIN)
    patience = _PATIENCE
    if hasattr(os, "pidfd_open"):
        try:
            watched.register(os.pidfd_open(child), select.POLLIN)
            patience = 10 * _PATIENCE
        except OSError:  # a kernel before 5.3
            pass
    disk = _Disk(spec) if spec["disk"] is not None else None
    while True:
        events = watched.poll(1000 * (min(patience, disk.pause) if disk else patience))
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == child:
                return os.waitstatus_to_exitcode(status)
            if pid == 0:
                break
        if any(fd == control for fd, _ in events) or (disk and disk.is_full()):
            return -_SIGKILL


class _Disk:
    """Looks now and then how much a folder has grown, where no file system of its own bounds it."""

    def __init__(self, spec: Spec) -> None:
        self._folder, self._bound = spec["disk"] or ("", 0)
        self.pause = _PATIENCE
        self._bound += self._used()

    def _used(self) -> int:
        begin = time.process_time()
        used = _blocks(self._folder)
        self.pause = max(_PATIENCE, 20 * (time.process_time() - begin))  # 5 % of a processor at most
        return used

    def is_full(self) -> bool:
        if self._used() <= self._bound:
            return False
        os.write(1, b"\nreknit: the job was ended, it wrote more than its disk limit\n")
        return True


def _blocks(folder: str) -> int:
    """Bytes of disk in use below `folder`; without end where paths are longer than can be looked at."""
    total, pending = 0, [folder]
    while pending:
        try:
            for entry in os.scandir(pending.pop()):
                total += entry.stat(follow_symlinks=False).st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
        except OSError as exc:
            if exc.errno == errno.ENAMETOOLONG:
                return 1 << 62
            # It went away, or the job closed it to us.
    return total


def _end_descendants(spec: Spec, child: int) -> None:
    """Kill whatever the job has left, until nothing is left; outside Linux, its process group."""
    if not spec["linux"]:
        _kill(-child)
        return
    if spec["pid_namespace"]:
        while _kill(-1):  # until all are gone, so that none writes after the look at its files
            while _reaped():
                pass
            select.poll().poll(1)
        return
    user = spec["user"]
    while found := _descendants(os.getpid()):
        if user is not None and os.fork() == 0:
            os.setresuid(user[0], user[0], user[0])
            _kill(-1)  # a user of this job's own: all at once, so that no fork outruns it
            os._exit(0)
        for pid in found:
            _kill(pid)
        while _reaped():
            pass
        select.poll().poll(1)


def _kill(pid: int) -> bool:
    """Whether there was anyone to kill."""
    try:
        os.kill(pid, _SIGKILL)
    except (ProcessLookupError, PermissionError):  # gone, or on macOS: only zombies left in the group
        return False
    return True


def _reaped() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def _descendants(ancestor: int) -> list[int]:
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stream:
                    parents[int(name)] = int(stream.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue  # it ended meanwhile
    found = {ancestor}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return list(found - {ancestor})
