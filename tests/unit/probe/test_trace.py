"""The tracer on every interpreter found here, loaded by file path as the probe loads it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import reknit.probe
from tests.unit.probe.traced import RICH, SIMPLE

TRACE = Path(reknit.probe.__file__).with_name("trace.py")
VERSIONS = ["3.9", "3.10", "3.11", "3.12", "3.13"]
BACKENDS = ["monitoring", "coverage", "settrace"]
WITH_MONITORING = ["3.12", "3.13"]
PAIRS = [(v, b) for v in VERSIONS for b in BACKENDS if b != "monitoring" or v in WITH_MONITORING]

#: Loads the tracer, runs the body in `argv[3]` with it, prints what it saw with paths relative to the root.
DRIVER = """
import importlib.util, json, os, sys
trace_path, root, backend, body = sys.argv[1:5]
spec = importlib.util.spec_from_file_location("_trace_under_test", trace_path)
trace = importlib.util.module_from_spec(spec)
spec.loader.exec_module(trace)
sys.path.insert(0, root)
sys.path.append(os.path.join(root, "lib"))
tracer = trace.Tracer([root], [os.path.join(root, "skipped")], backend or None)
extra = {}
exec(body)
lines = {t: {os.path.relpath(p, root): n for p, n in f.items()} for t, f in tracer.lines().items()}
print(json.dumps({"backend": tracer.backend, "lines": lines, "extra": extra}))
"""


def interpreter(version: str) -> str:
    if ".".join(map(str, sys.version_info[:2])) == version:
        return sys.executable
    found = shutil.which(f"python{version}")
    # A pyenv shim of a version that is not chosen is there and does not run.
    homes = sorted(map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python")))
    for path in [*homes, *([found] if found else [])]:
        if subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
            return path
    pytest.skip(f"needs python{version}")


def trace(version: str, root: Path, body: str, backend: str = "") -> dict[str, Any]:
    python = interpreter(version)
    env: Mapping[str, str] = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COVERAGE"))}
    argv: Sequence[str] = [python, "-B", "-W", "error", "-c", DRIVER, str(TRACE), str(root), backend, body]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)
    if backend == "coverage" and "cannot be used here" in done.stderr:
        pytest.skip(f"needs python{version} with coverage.py and its C tracer")
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    assert not backend or seen["backend"] == backend
    return seen


each_version = pytest.mark.parametrize("version", VERSIONS)
each_backend = pytest.mark.parametrize(("version", "backend"), PAIRS)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for name in ["skipped", "lib/python3/site-packages", ".venv"]:
        (root / name).mkdir(parents=True)
        (root / name / f"foreign_{name[:1].strip('.') or 'v'}.py").write_text("def f():\n    return 1\n")
    (root / "simple.py").write_text(SIMPLE)
    (root / "rich.py").write_text(RICH)
    return root


@each_backend
def test_lines_belong_to_the_test_that_ran_them(version: str, backend: str, project: Path) -> None:
    body = """
tracer.start()
import simple
tracer.switch("t1"); simple.small(1)
tracer.switch("t2"); simple.small(1); simple.small(2)
tracer.switch("t3"); simple.total([0, 5, 1, 7])
tracer.switch("empty")
tracer.switch(None); simple.Box().grow()
tracer.switch("t1"); simple.small(3)
tracer.stop()
simple.Box().grow(); simple.total([])
"""
    assert trace(version, project, body, backend)["lines"] == {
        "": {"simple.py": [1, 4, 10, 19, 20, 22, 23]},
        "t1": {"simple.py": [5, 6, 7]},
        "t2": {"simple.py": [5, 6, 7]},
        "t3": {"simple.py": [5, 6, 7, 11, 12, 13, 14, 15, 16]},
    }


@each_version
def test_every_backend_sees_the_same(version: str, project: Path) -> None:
    body = """
tracer.start()
import asyncio, rich
tracer.switch("build"); rich.build("x")
tracer.switch("deep"); rich.deep(2)
tracer.switch("async"); asyncio.run(rich.outer())
tracer.stop()
"""
    interpreter(version)  # where there is none, this skips
    seen = {}
    for backend in [b for v, b in PAIRS if v == version]:
        try:
            seen[backend] = trace(version, project, body, backend)["lines"]
        except pytest.skip.Exception:
            continue
    first = seen["settrace"]
    assert {8, 24, 30, 33, 35, 49, 55} <= set(first["build"]["rich.py"])
    assert 40 not in first["build"]["rich.py"]
    assert set(first) == {"", "build", "deep", "async"}
    for lines in seen.values():
        assert lines == first


@each_backend
def test_foreign_code_is_not_recorded(version: str, backend: str, project: Path) -> None:
    body = """
tracer.start()
import glob, importlib.util, json
tracer.switch("t")
for path in glob.glob(os.path.join(root, "**", "foreign_*.py"), recursive=True) + [
    os.path.join(root, ".venv", "foreign_v.py"), os.path.join(root, "simple.py")]:
    spec = importlib.util.spec_from_file_location("m", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    extra[os.path.basename(path)] = 1
    module.f() if hasattr(module, "f") else module.small(1)
exec(compile("a = 1\\nb = 2", "<string>", "exec"))
tracer.stop()
"""
    seen = trace(version, project, body, backend)
    assert len(seen["extra"]) == 4
    assert list(seen["lines"]["t"]) == ["simple.py"]


@each_backend
def test_a_test_with_its_own_trace_function(version: str, backend: str, project: Path) -> None:
    body = """
tracer.start()
import simple
tracer.switch("debugger")
own = []
def debugger(frame, event, arg):
    own.append(event)
    return debugger
sys.settrace(debugger)
simple.small(1)
sys.settrace(None)
tracer.switch("after"); simple.small(1)
tracer.switch("polite")
before = sys.gettrace()
sys.settrace(debugger)
sys.settrace(before)
simple.small(1)
tracer.stop()
extra["own"] = "line" in own
extra["left"] = repr(sys.gettrace())
"""
    seen = trace(version, project, body, backend)
    assert seen["extra"] == {"own": True, "left": "None"}
    assert seen["lines"]["after"] == seen["lines"]["polite"] == {"simple.py": [5, 6]}


@each_backend
def test_threads_are_traced(version: str, backend: str, project: Path) -> None:
    body = """
import threading
tracer.start()
import simple
tracer.switch("t")
worker = threading.Thread(target=simple.small, args=(1,)); worker.start(); worker.join()
tracer.stop()
extra["hook"] = repr(threading._trace_hook)
"""
    seen = trace(version, project, body, backend)
    assert seen["lines"]["t"] == {"simple.py": [5, 6]}
    assert backend != "settrace" or seen["extra"]["hook"] == "None"


@each_version
def test_the_best_backend_is_taken(version: str, project: Path) -> None:
    body = "tracer.start(); extra['can'] = hasattr(sys, 'monitoring'); tracer.stop()"
    seen = trace(version, project, body)
    assert (seen["backend"] == "monitoring") == seen["extra"]["can"]


def test_other_tools_keep_their_ids(project: Path) -> None:
    body = """
m = sys.monitoring
for tool in (4, 3):
    m.use_tool_id(tool, "other")
heard = []
m.register_callback(4, m.events.LINE, lambda code, line: heard.append(line))
tracer.start()
import simple
tracer.switch("t")
m.set_local_events(4, simple.small.__code__, m.events.LINE)
simple.small(1)
tracer.stop()
extra["tools"] = [m.get_tool(i) for i in range(6)]
extra["heard"] = heard
extra["left"] = m.get_local_events(4, simple.small.__code__) == m.events.LINE
"""
    seen = trace("3.12", project, body, "monitoring")
    assert seen["lines"]["t"] == {"simple.py": [5, 6]}
    assert seen["extra"] == {"tools": [None, None, None, "other", "other", None], "heard": [5, 6], "left": True}


def test_nothing_is_left_behind(project: Path) -> None:
    body = """
tracer.start()
import simple
simple.small(1)
tracer.stop()
m = sys.monitoring
m.use_tool_id(4, "next")
extra["local"] = m.get_local_events(4, simple.small.__code__)
extra["events"] = m.get_events(4)
"""
    assert trace("3.12", project, body, "monitoring")["extra"] == {"local": 0, "events": 0}


def test_all_ids_taken_means_the_next_backend(project: Path) -> None:
    body = """
for tool in range(6):
    sys.monitoring.use_tool_id(tool, "other")
tracer.start()
import simple
tracer.switch("t"); simple.small(1)
tracer.stop()
"""
    seen = trace("3.12", project, body)
    assert seen["backend"] != "monitoring"
    assert seen["lines"]["t"] == {"simple.py": [5, 6]}


@each_version
def test_an_earlier_trace_function_is_given_back(version: str, project: Path) -> None:
    body = """
def mine(frame, event, arg):
    return None
sys.settrace(mine)
tracer.start()
tracer.stop()
extra["same"] = sys.gettrace() is mine
"""
    assert trace(version, project, body, "settrace")["extra"] == {"same": True}


@each_backend
def test_a_forked_child_goes_on_recording(version: str, backend: str, project: Path) -> None:
    body = """
tracer.start()
import simple
tracer.switch("t1"); simple.small(1)
read, write = os.pipe()
if not os.fork():
    tracer.switch("t2"); simple.small(2)
    tracer.stop()
    os.write(write, json.dumps({t: [n for f in v.values() for n in f] for t, v in tracer.lines().items()}).encode())
    os._exit(0)
extra["child"] = json.loads(os.read(read, 65536))
os.wait()
tracer.stop()
"""
    child = trace(version, project, body, backend)["extra"]["child"]
    assert (child["t1"], child["t2"]) == ([5, 6], [5, 7])


@each_backend
def test_a_link_to_the_project_is_the_project(version: str, backend: str, project: Path) -> None:
    (project.parent / "link").symlink_to(project)
    body = """
sys.path[0] = os.path.join(os.path.dirname(root), "link")
tracer.start()
import simple
tracer.switch("t"); simple.small(1)
tracer.stop()
"""
    assert trace(version, project, body, backend)["lines"]["t"] == {"simple.py": [5, 6]}


@each_version
def test_a_folder_named_like_a_pattern(version: str, project: Path) -> None:
    odd = project.rename(project.with_name("[a]*{b}"))
    body = "tracer.start(); import simple; tracer.switch('t'); simple.small(1); tracer.stop()"
    assert trace(version, odd, body)["lines"]["t"] == {"simple.py": [5, 6]}


def test_a_coverage_that_cannot_be_used_is_passed_over(project: Path) -> None:
    (project / "lib" / "coverage").mkdir()
    (project / "lib/coverage/__init__.py").write_text("raise RuntimeError('built for another interpreter')")
    body = "sys.path.insert(0, os.path.join(root, 'lib')); tracer.start(); import simple; tracer.stop()"
    assert trace("3.11", project, body)["backend"] == "settrace"


def test_an_unknown_backend_is_named(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(TRACE), str(project), "magic", ""],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "no trace backend 'magic'; there are monitoring, coverage, settrace" in done.stderr
