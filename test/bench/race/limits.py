"""Counts the races that vigil's engine finds where others lose some: test/bench/race/limits.cpp at its promised sizes.

usage: limits.py BUILD [--quick] [--write]

Prints a table and exits with 1 when any case found more or fewer than it makes. --quick: sizes that take no time, for
the suite. --write puts the table into docs/race_engine.md.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
PAGE = ROOT / "docs/race_engine.md"
MARKS = "<!-- limits -->\n", "<!-- /limits -->"
TIMEOUT = 600
# What a million tasks alive may take; the seconds, on two processors that nobody else uses.
MOST = {"alive_tasks": (15, 4700)}  # seconds, MiB

# What it shows; the case; its sizes; quick ones; races made by (n, k); dedup: whether equal ones are counted as one.
ROWS = (
    ("variables between an early task and a late one", "precision", (1000, 0), (20, 0), lambda n, k: n, False),
    ("... with 2,000 tasks alive and working in between", "precision", (200, 2000), (20, 30), lambda n, k: n, False),
    ("... with 5,000", "precision", (1000, 5000), (30, 50), lambda n, k: n, False),
    ("... with 100,000", "precision", (1000, 100_000), (30, 500), lambda n, k: n, False),
    ("after own accesses since", "own_accesses", (5_000_000, 0), (50_000, 0), lambda n, k: 1, False),
    ("after own lock/unlock pairs since, a thread's", "own_locks", (6_000_000, 0), (10_000, 0), lambda n, k: 1, False),
    ("... a task's", "locks_of_tasks", (6_000_000, 0), (10_000, 0), lambda n, k: 1, False),
    ("... of the rest of the process", "locks_of_others", (6_000_000, 0), (10_000, 0), lambda n, k: 1, False),
    ("words with 16 readers each, then written", "readers", (1000, 16), (20, 16), lambda n, k: n, False),
    ("tasks alive, each with a race", "alive_tasks", (1_000_000, 0), (1000, 0), lambda n, k: n, True),
    ("threads alive, each with a race", "alive_threads", (20_000, 0), (50, 0), lambda n, k: n, True),
    ("locks held by one side", "locks_held", (10_000, 0), (200, 0), lambda n, k: 1, False),
    ("calls deep", "deep", (100_000, 0), (2000, 0), lambda n, k: 1, False),
)


def found_in(folder):
    """(how many races, on how many different addresses, kinds of other errors) of the only record there."""
    totals, places, others = {}, set(), set()
    for path in folder.glob("*.jsonl"):
        for line in path.read_bytes().replace(b"\0", b"").split(b"\n"):
            if not line.strip():
                continue
            record = json.loads(line)
            if record["type"] == "finding" and record["kind"] == "data-race":
                totals[record["id"]] = record["count"]
                places.add(record["objects"][0]["address"])
            elif record["type"] == "finding" and record["level"] == "error":  # main may end before a task has returned
                others.add(record["kind"])
            elif record["type"] == "repeat" and record["finding"] in totals:
                totals[record["finding"]] = record["count"]
    return sum(totals.values()), len(places), others


def run(build, case, size, dedup):
    """(races found, each address once unless they are counted; what else went wrong or None; seconds; MiB)."""
    with tempfile.TemporaryDirectory() as folder:
        options = f"command=/bin/true:exitcode=0:dedup={int(dedup)}:report_dir={folder}"
        environment = os.environ | {"LD_PRELOAD": str(build / "lib/libvigil_shim.so"), "VIGIL_OPTIONS": options}
        started = time.monotonic()
        program = subprocess.Popen([build / "bin/race_limits", case, *map(str, size)], env=environment,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        output = program.stdout.read()
        _, status, usage = os.wait4(program.pid, 0)
        seconds = time.monotonic() - started
        races, places, others = found_in(pathlib.Path(folder))
    status = os.waitstatus_to_exitcode(status)
    trouble = f"status {status}: {output.strip()[-200:]}" if status != 0 else f"also {sorted(others)}" if others else None
    if case == "precision" and races != places:
        trouble = f"{races} races on {places} variables"
    return races if dedup else places, trouble, seconds, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    lines = ["| races | size | made | found | seconds | MiB |", "|---|---:|---:|---:|---:|---:|"]
    wrong = []
    for what, case, size, quick, races_of, dedup in ROWS:
        size = quick if args.quick else size
        made = races_of(*size)
        found, trouble, seconds, mib = run(args.build.resolve(), case, size, dedup)
        numbers = ", ".join(f"{number:,}" for number in size if number)
        lines.append(f"| {what} | {numbers} | {made:,} | {found:,} | {seconds:.1f} | {mib:.0f} |")
        print(lines[-1], flush=True)
        most_seconds, most_mib = (None, None) if args.quick else MOST.get(case, (None, None))
        if most_mib and mib > most_mib:
            trouble = f"{mib:.0f} MiB, more than {most_mib}"
        if most_seconds and seconds > most_seconds:
            print(f"{case}: {seconds:.1f} s, more than {most_seconds}: was the machine busy?")
        if found != made or trouble:
            wrong.append(f"{case} {size}: made {made}, found {found}; {trouble or ''}")
    for line in wrong:
        print("WRONG:", line)
    if args.write and not wrong and not args.quick:
        before, rest = PAGE.read_text().split(MARKS[0])
        PAGE.write_text(before + MARKS[0] + "\n".join(lines) + "\n" + MARKS[1] + rest.split(MARKS[1])[1])
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
