"""CPU that `import reknit` and `reknit --help` cost, as multiples of `python -c pass`.

The three commands take turns, so that a machine that slows down slows all of them; each figure is the least of its
rounds, as every disturbance only adds. Run it with the interpreter that reknit is installed for:

    python bench/startup.py [ROUNDS]

The last line is JSON: seconds of each, `import_ratio` and `help_ratio`. Bars: at most 10 and at most 30.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

COMMANDS = {
    "pass": ("-c", "pass"),
    "import": ("-c", "import reknit"),
    "help": ("-c", "import sys; from reknit.cli.main import run; sys.argv = ['reknit', '--help']; run()"),
}


def cpu_seconds(arguments: tuple[str, ...]) -> float:
    """User and system time of one interpreter run; exits if the command fails."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(arguments)} ended with {process.returncode}; nothing was measured")
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure in turns and print the ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    for arguments in COMMANDS.values():
        cpu_seconds(arguments)  # the first run compiles and fills the disk cache
    least = dict.fromkeys(COMMANDS, float("inf"))
    for _ in range(rounds):
        for name, arguments in COMMANDS.items():
            least[name] = min(least[name], cpu_seconds(arguments))
    result = {f"{name}_seconds": round(seconds, 4) for name, seconds in least.items()}
    result["import_ratio"] = round(least["import"] / least["pass"], 2)
    result["help_ratio"] = round(least["help"] / least["pass"], 2)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
