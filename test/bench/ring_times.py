"""Prints how soon rings are told: from the moment they closed, and how long the whole program took to its end.

usage: ring_times.py BUILD_FOLDER

Run under the shim are cases of test/interpose/threads (built by `ninja -C BUILD_FOLDER` as interpose_threads_*), with one
worker and with four. A ring closed when its last member began to wait, which is the least of the waits that the finding
tells; its clock ticks every four milliseconds.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

CASES = {
    "stuck_cases": [
        "stuck_two_mutexes",
        "twice_mutex_taken",
        "stuck_join_while_holding",
        "stuck_condition_while_holding_another",
        "stuck_ring_with_the_only_worker",
    ],
    "lock_cases": [
        "stuck_tasks_ring_while_main_runs",
        "twice_task_locks",
        "held_wait_for_a_task_while_holding_its_lock",
        "stuck_task_waits_on_a_condition_under_another_lock",
        "stuck_threads_ring_while_main_runs",
    ],
    "ring_cases": [
        "twice_task_locks_its_variable_while_main_sleeps",
        "twice_task_locks_a_shared_structure",
        "twice_task_locks_what_main_has_that_waits_for_it",
        "told_while_main_sleeps",
        "told_while_a_thread_computes",
        "told_in_a_busy_server",
        "told_threads_that_main_joins",
        "told_session_with_two_channels",
    ],
}


def findings_in(folder):
    for path in pathlib.Path(folder).glob("*.jsonl"):
        for line in path.read_bytes().replace(b"\0", b"").split(b"\n"):
            if line.strip() and (record := json.loads(line))["type"] == "finding":
                yield record


def run(program, shim, case, procs):
    """Milliseconds since the ring closed, and seconds of the whole run; None where there is no such case."""
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, LD_PRELOAD=shim, VIGIL_PROCS=str(procs), VIGIL_COMMAND="/bin/true")
        environment["VIGIL_OPTIONS"] = f"report_dir={folder}"
        begin = time.monotonic()
        subprocess.run([program, case], env=environment, capture_output=True, timeout=60, check=False)
        seconds = time.monotonic() - begin
        for finding in findings_in(folder):
            if finding["kind"] == "deadlock":
                waits = [one["waited_ms"] for one in finding["participants"] if one.get("waited_ms", -1) >= 0]
                return min(waits), seconds
    raise SystemExit(f"{case}: no deadlock was told")


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    shim = str(build / "lib/libvigil_shim.so")
    print("case                                                 workers  ms after the ring closed  s in all")
    for name, cases in CASES.items():
        program = str(build / f"bin/interpose_threads_{name}")
        for case in cases:
            for procs in (1, 4):
                told_ms, seconds = run(program, shim, case, procs)
                print(f"{case:52} {procs:7}  {told_ms:24}  {seconds:8.2f}")


if __name__ == "__main__":
    main()
