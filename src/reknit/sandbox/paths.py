"""Which paths of the system a job may read, and where a path leads."""

from __future__ import annotations

from pathlib import Path

#: Of the system; nothing here is secret or of a user. Those that do not exist are left out.
SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/nix/store", "/gnu/store")
ETC = (
    "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "timezone", "os-release", "lsb-release",
    "ssl/certs", "ssl/openssl.cnf", "pki/tls/certs", "pki/ca-trust/extracted", "ca-certificates.conf", "mime.types",
    "protocols", "services", "terminfo", "locale.alias", "debian_version", "gai.conf", "python3",
)  # fmt: skip

#: As the kernel (MAXSYMLINKS): more means a circle.
_MANY_LINKS = 40


def follow(path: Path, links: dict[str, str]) -> Path:
    """Where `path` leads; each symbolic link on the way is added to `links` (its own place → target)."""
    done = Path("/")
    parts = list(path.parts[1:])
    hops = 0
    while parts:
        if parts[0] == "..":  # of where the link before it leads, as the kernel has it
            done, parts = done.parent, parts[1:]
            continue
        step = done / parts.pop(0)
        if not step.is_symlink() or hops == _MANY_LINKS:
            done = step
            continue
        hops += 1
        target = step.readlink()
        if str(step) not in SYSTEM:
            links[str(step)] = str(target)
        parts = [*target.parts, *parts]
        if target.is_absolute():
            done, parts = Path("/"), parts[1:]
    return done
