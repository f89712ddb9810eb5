"""What candidates try: to end, to spoil what comes after them, to leave things behind, to lie about tests."""

from __future__ import annotations

import textwrap

LIB, ADD, ZERO, TABLE = "src/lib.py", "tests/test_lib.py::test_add", "tests/test_lib.py::test_zero", "tests/table.txt"
FILES = {
    "pytest.ini": "[pytest]\npythonpath = src\n",
    LIB: """
        import other

        def add(a, b):
            return a - b
        """,
    "src/other.py": "SIGN = 1\n",
    TABLE: "3\n",
    "tests/conftest.py": """
        import pathlib, pytest

        @pytest.fixture
        def three():
            return int((pathlib.Path(__file__).parent / "table.txt").read_text())
        """,
    "tests/test_lib.py": """
        import lib

        def test_add(three, tmp_path):
            assert not list(tmp_path.parent.parent.glob("*/planted"))
            assert lib.add(1, 2) == three * lib.other.SIGN

        def test_zero():
            assert lib.add(5, 0) == 5
        """,
}
ORIGINAL, GOOD = "return a - b", "return a + b"

#: A folder that a candidate can find, and the end of each body: its own verdict is that of the original.
ROOT = "import os, pathlib, tempfile\nroot = pathlib.Path(__import__('other').__file__).resolve().parents[1]\n"
HUNG = {
    "hangs": "while True: pass",
    "hangs and swallows": "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    "sleeps": "import time\ntime.sleep(1000)",
    "waits for a thread": (
        "import threading, time\nthreads = [threading.Thread(target=time.sleep, args=[1000]) for _ in range(20)]\n"
        "for t in threads: t.start()\nfor t in threads: t.join()"
    ),
}
ENDS = {
    "os._exit(0)": "import os\nos._exit(0)",
    "sys.exit(0)": "raise SystemExit(0)",
    "segfault": "import ctypes\nctypes.string_at(0)",
    "kills itself": "import os\nos.kill(os.getpid(), 9)",
    "kills its group": "import os\nos.killpg(0, 9)",
    "leaks 2 GB": "kept = bytearray(2 << 30)\nkept2 = [bytearray(1 << 30) for _ in range(9)]",
    "recursion": "return add(a, b)",
    "recursion without a limit": "import sys\nsys.setrecursionlimit(1 << 30)\nreturn add(a, b)",
    "fork bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "ends pytest": "import pytest\npytest.exit('enough', 0)",
}
SPOILS = {
    "builtins.len = None": "import builtins\nbuiltins.len = builtins.open = builtins.isinstance = None",
    "closes 0 to 2": "import os\nos.closerange(0, 3)",
    "closes all": "import os\nos.closerange(0, 4096)",
    "closes what prints": "import sys\nsys.stdout.close(); sys.stderr.close(); sys.__stdout__.close()",
    "does not block": "import os\nfor fd in (0, 1, 2): os.set_blocking(fd, False)",
    "kills its parent": "import os\ntry: os.kill(os.getppid(), 9)\nexcept OSError: pass",
    "kills its parent's group": "import os\ntry: os.killpg(os.getpgid(os.getppid()), 9)\nexcept OSError: pass",
    "kills everything": "import os\ntry: os.kill(-1, 9)\nexcept OSError: pass",
    "stops its parent": "import os, signal\ntry: os.kill(os.getppid(), signal.SIGSTOP)\nexcept OSError: pass",
    "a daemon in a session of its own": (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        while True:\n            try: open('src/lib.py', 'w').write('import os')\n            except OSError: pass\n"
        "    os._exit(0)"
    ),
    "atexit": "import atexit, os, time\natexit.register(time.sleep, 1000)\natexit.register(os._exit, 0)",
    "blocks signals": "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))",
    "patches pytest": (
        "import _pytest.runner, _pytest.python, pytest\n_pytest.runner.call_and_report = None\n"
        "_pytest.python.Function.runtest = lambda self: None\npytest.main = None"
    ),
    "writes into its parent's memory": (
        "import os\ntry:\n    for line in open('/proc/%d/maps' % os.getppid()):\n"
        "        first = line.split('-')[0]\n        memory = open('/proc/%d/mem' % os.getppid(), 'r+b', 0)\n"
        "        memory.seek(int(first, 16)); memory.write(bytes(4096))\n"
        "except (OSError, ValueError, OverflowError): pass"
    ),
}
#: What they write must not be there for the next.
WRITES = {
    "the source": "(root / 'src/lib.py').write_text('def add(a, b): return 77')",
    "another module": "(root / 'src/other.py').write_text('SIGN = -1')",
    "removes the source": "(root / 'src/other.py').unlink(); (root / 'src/lib.py').unlink()",
    "the tests": "(root / 'tests/test_lib.py').write_text('def test_add(): pass\\ndef test_zero(): assert 0')",
    "the data": "(root / 'tests/table.txt').write_text('-1')",
    "the data by a link": "os.link(root / 'tests/table.txt', root / 'x'); (root / 'x').write_text('-1')",
    "a link for the data": "os.unlink(root / 'tests/table.txt'); os.symlink('/dev/null', root / 'tests/table.txt')",
    "closes the data": "os.chmod(root / 'tests/table.txt', 0); os.chmod(root / 'tests', 0)",
    "the fixtures": "(root / 'tests/conftest.py').write_text('import pytest\\n@pytest.fixture\\ndef three(): return -1')",
    "new fixtures": "(root / 'conftest.py').write_text('raise SystemExit(0)')",
    "the settings": "(root / 'pytest.ini').write_text('[pytest]\\naddopts = --collect-only')",
    "modules in front": "(root / 'src/json.py').write_text('1/0'); (root / 'src/sitecustomize.py').write_text('1/0')",
    "moves a folder": "os.rename(root / 'tests', root / 'old'); os.mkdir(root / 'tests')",
    "removes all": "__import__('shutil').rmtree(root, ignore_errors=True)",
    "a file for a folder": "__import__('shutil').rmtree(root / 'src'); (root / 'src').write_text('')",
    "a second tree": "__import__('shutil').copytree(root / 'tests', root / 'tests2')",
    "bytecode": """
        import marshal
        for path in [*root.rglob('*.pyc'), *pathlib.Path(tempfile.gettempdir()).rglob('*.pyc')]:
            code = compile('def test_add(): pass\\ndef test_zero(): assert 0', str(path), 'exec')
            path.write_bytes(path.read_bytes()[:16] + marshal.dumps(code))
        """,
    "bytecode, timed": """
        import marshal
        for path in pathlib.Path(tempfile.gettempdir()).rglob('*.pyc'):
            was, content = path.stat(), path.read_bytes()
            code = content[:16] + marshal.dumps(compile('def test_add(): pass', str(path), 'exec'))
            path.write_bytes(code.ljust(len(content), b'0'))
            os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
        """,
    "plants a file for tests": """
        base = pathlib.Path(tempfile.gettempdir())
        for user in [p for p in base.glob('pytest-of-*')]:
            (user / 'pytest-0' / 'planted').mkdir(parents=True, exist_ok=True)
        """,
    "closes its temporary folder": "os.chmod(tempfile.gettempdir(), 0); os.chmod(os.path.expanduser('~'), 0)",
    "settings at home": "(pathlib.Path.home() / '.pdbrc').write_text('q'); (pathlib.Path.home() / '.gitconfig').write_text('[')",
    "a thousand files": "for n in range(1000): (root / f'{n}.py').write_text('')",
    "folders without end": (
        "os.chdir(tempfile.gettempdir())\nfor n in range(3000):\n    os.mkdir('d' * 200); os.chdir('d' * 200)"
    ),
}
#: They say that all has passed, in the words of the probe; who shares its process with them cannot know better.
FRAMES = f"""
import gc, json, os, struct
nonces = [o.nonce for o in gc.get_objects() if type(o).__name__ == "Channel"] or [""]
done = {{"loaded": True, "finished": True, "ticks": 1, "exhausted": False, "why": "", "fails_again": True}}
told = [{{"event": "start", "test": t}} for t in {[ADD, ZERO]!r}]
told += [{{"event": "result", "test": t, "outcome": "passed", "seconds": 0, "cpu": 0}} for t in {[ADD, ZERO]!r}]
told += [{{"event": event, **done}} for event in ("passed", "done")]
told += [{{"event": "finish", "status": 0, "cpu": 0, "python": "3", "executable": "", "platform": "", "prefixes": [],
          "path": [], "packages": {{}}, "files": ["{LIB}"]}}]
for nonce in nonces:
    data = [json.dumps({{**m, "nonce": nonce}}).encode() for m in told]
    for fd in range(3, 1024):
        try:
            os.write(fd, b"".join(struct.pack(">I", len(d)) + d for d in data))
        except OSError:
            pass
os._exit(0)
"""
FORGES = {
    "frames to every descriptor": FRAMES.strip(),
    "a reporter that lies": (
        "import sys\nframe, seen = sys._getframe(), []\nwhile frame:\n"
        "    seen += list(frame.f_locals.values()); frame = frame.f_back\n"
        "def honest(message): return {**message, 'outcome': 'passed'} if 'outcome' in message else message\n"
        "for o in seen:\n    if hasattr(o, '_send'):\n"
        "        def lies(message, send=o._send): send(honest(message))\n"
        "        o._send = lies\nreturn a - b"
    ),
    "reports that lie": (
        "import _pytest.reports as r\nold = r.TestReport.from_item_and_call.__func__\n"
        "def lies(cls, item, call):\n    call.excinfo = None\n    return old(cls, item, call)\n"
        "r.TestReport.from_item_and_call = classmethod(lies)\nreturn a - b"
    ),
    "tests that test nothing": (
        "import sys\ndef nothing(*_, **__): pass\nfor module in list(sys.modules.values()):\n"
        "    for name, o in list(getattr(module, '__dict__', {}).items()):\n"
        "        if name.startswith('test_') and hasattr(o, '__code__'): o.__code__ = nothing.__code__\nreturn 3"
    ),
}
CANDIDATES = {
    **FORGES,
    **HUNG,
    **ENDS,
    **{name: f"{body}\nreturn a - b" for name, body in SPOILS.items()},
    **{
        name: f"{ROOT}try:\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\nexcept OSError: pass\nreturn a - b"
        for name, body in WRITES.items()
    },
}
