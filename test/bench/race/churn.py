"""Whether a program whose tasks and blocks come and go holds its memory steady under the engine: `race_limits churn`.

usage: churn.py BUILD [--quick | --minutes M]

Exits with 1 when the most memory of the second half of the rounds is more than that of the first (its first fifth left
out: until then everything is used for the first time) by what a leak of 64 bytes for each task of the second half would
make. --quick, for the suite: so few rounds that the run takes a second; the limit is one of memory, not of time.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

TASKS = 1000  # of a round
LEAK = 64  # bytes a task
QUICK_ROUNDS = 120


def rounds_of(build, rounds, minutes):
    """The memory after each round, in KiB. minutes: the program is ended after so many; None: it ends by itself."""
    with tempfile.TemporaryDirectory() as folder:
        # Two workers on every machine: each needs its time until it has used all of its memory once.
        environment = os.environ | {"LD_PRELOAD": str(build / "lib/libvigil_shim.so"), "VIGIL_PROCS": "2",
                                    "VIGIL_OPTIONS": f"command=/bin/true:report_dir={folder}"}
        with subprocess.Popen([build / "bin/race_limits", "churn", str(rounds), str(TASKS)], env=environment,
                              stdout=subprocess.PIPE, text=True) as program:
            end = time.monotonic() + minutes * 60 if minutes else None
            memory = []
            for line in program.stdout:
                memory.append(int(line))
                if end is not None and time.monotonic() > end:
                    program.kill()
                    return memory
        if program.returncode != 0:
            sys.exit(f"race_limits churn ended with {program.returncode}: it has races, or crashed")
        return memory


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--quick", action="store_true")
    how.add_argument("--minutes", type=float, default=10)
    args = parser.parse_args()
    memory = rounds_of(args.build.resolve(), *((QUICK_ROUNDS, None) if args.quick else (10**9, args.minutes)))
    half = len(memory) // 2
    first, second = max(memory[len(memory) // 5:half]), max(memory[half:])
    allowed = LEAK * TASKS * (len(memory) - half) / 1024
    print(f"{len(memory):,} rounds of {TASKS:,} tasks: at most {first:,} KiB in the first half, {second:,} KiB in the second;"
          f" {allowed:,.0f} KiB more would be a leak of {LEAK} bytes a task")
    return 1 if second - first >= allowed else 0


if __name__ == "__main__":
    sys.exit(main())
