"""Runs each case of a program under the shim and compares what was found with the first word of the case's name.

usage: cases_test.py PROGRAM SHIM [CASE...]
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

# What each first word promises: the kinds found, and how the program ends.
PROMISES = {
    "race": ({"data-race"}, 66),
    "freed": ({"use-after-free"}, 66),
    "clean": (set(), 0),
    "stuck": ({"deadlock"}, 66),
    "held": ({"deadlock", "lock-held-while-blocked"}, 66),
    "twice": ({"deadlock", "double-lock"}, 66),
    "again": ({"double-lock"}, 66),
    "moves": (set(), 0),
    "cycle": ({"lock-cycle"}, 66),
    "cycles": ({"lock-cycle"}, 66),
    "other": ({"unlock-by-other"}, 66),
    "unheld": ({"unlock-not-held"}, 66),
    "destroyed": ({"destroy-locked"}, 66),
    "leak": ({"task-leak"}, 66),
    "lost": ({"context-leak"}, 0),
    "closes": ({"close-send-race"}, 66),
    "adds": ({"wait-group-race"}, 66),
    "proved": ({"task-leak"}, -signal.SIGTERM),
    "slow": (set(), -signal.SIGTERM),
    "ring": ({"deadlock"}, -signal.SIGTERM),
    "own": ({"deadlock", "double-lock"}, -signal.SIGTERM),
    "told": ({"deadlock"}, 66),
}
# Where the machine's speed decides which of two it is: one of them, and never both.
EITHER = {
    "leak_task_that_works_at_first": ({"task-leak"}, {"task-running-at-exit"}),
}
# What a finding's message must say, beyond its kind.
WORDS = {
    "unheld_wait_without_the_mutex": r"waited on a condition, and by that unlocked mutex \S+, which nobody had locked",
    "other_wait_with_anothers_mutex": r"thread \d+ waited on a condition, and by that unlocked mutex \S+, which thread \d+ had locked",
    "destroyed_with_its_memory": r"main freed the memory of mutex \S+ while thread \d+ holds it",
    "destroyed_only_thread_holds": r"destroyed mutex \S+ while it holds it itself",
    "other_thread_unlocks_what_main_locked_alone": r"unlocked mutex \S+, which main had locked",
    "told_thread_that_waits_for_who_joins_it": r"main waits for thread \d+ to end",
    "told_threads_that_main_joins": r"main waits for thread \d+ to end",
    "twice_task_locks": r"holds mutex (m\d+) and waits for mutex \1: it waits for itself$",
    "twice_task_locks_its_variable_while_main_sleeps": r"waits for mutex m\d+: it waits for itself, and nobody else alive can reach that lock$",
    "stuck_join_while_holding": r"main holds mutex m\d+ and waits for thread \d+ to end",
    "stuck_condition_while_holding_another": r"main holds mutex m\d+ and waits for a condition variable; .* waits for mutex m\d+, which main holds",
    "stuck_only_worker_waits_for_a_task_that_is_ready": r"every worker is blocked in a call, so 1 task that could go on cannot",
    "stuck_blocking_call_wants_what_its_task_holds": r"task \d+ holds \S.* and waits for its blocking call on thread \d+ to return",
}
# What its advice must say, where the shape of the waits alone would not tell it.
ADVICE = {
    "stuck_only_worker_waits_for_a_task_that_is_ready": r"vigil::blocking\(\)",
}
# Who takes part in the deadlock: roles and operations. Each of them with a stack.
PARTICIPANTS = {
    "stuck_two_mutexes": ["holder lock", "holder lock", "waiter lock", "waiter lock"],
    "stuck_read_write_locks": ["holder lock", "holder lock", "waiter lock", "waiter lock"],
    "twice_mutex_taken": ["holder lock", "waiter lock"],
    "stuck_join_while_holding": ["holder lock", "waiter join", "waiter lock"],
    "stuck_condition_while_holding_another": ["waiter lock", "waiter wait"],
    "stuck_semaphores": ["waiter wait", "waiter wait"],
    "stuck_barrier": ["waiter wait", "waiter wait"],
    "told_session_with_two_channels": ["waiter receive", "waiter receive"],
    "twice_task_locks_its_variable_while_main_sleeps": ["holder lock", "waiter lock"],
    "twice_one_of_many_that_others_unlock": ["holder lock", "waiter lock"],
}
# Main and one thread are a ring; the other thread belongs to it when it has waited for 200 ms, too.
PARTICIPANTS_EITHER = {
    "told_threads_that_main_joins": (
        ["waiter join", "waiter receive"],
        ["waiter join", "waiter receive", "waiter receive"],
    ),
}
# What a leak's finding says of whether anybody could have ended the wait.
PROVED = {
    "leak_receiver_is_forgotten": True,
    "leak_receiver_of_what_a_global_has": False,
}
SECONDS = 30  # a case takes well under one; a loaded machine may take more


def findings_in(folder):
    """What was found, each as often as it was told."""
    found = []
    for path in folder.glob("*.jsonl"):
        for line in path.read_bytes().replace(b"\0", b"").split(b"\n"):
            if line.strip():
                record = json.loads(line)
                if record["type"] == "finding":
                    found.append(record)
    return found


def run(program, shim, case, procs):
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, LD_PRELOAD=shim, VIGIL_PROCS=str(procs), VIGIL_COMMAND="/bin/true")
        environment["VIGIL_OPTIONS"] = f"report_dir={folder}"
        if procs != 1:
            environment["VIGIL_TEST_WARM"] = "1"
        try:
            done = subprocess.run(
                [program, case],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "it did not end"
        told = findings_in(pathlib.Path(folder))
    kinds = {finding["kind"] for finding in told}
    wanted, status = PROMISES[case.split("_")[0]]
    bugs = 2 if case.startswith("cycles_") else 1
    if ("lock-cycle" in wanted or case.startswith("told_")) and len(told) != bugs:
        return f"{bugs} bugs were told as {len(told)}"
    if kinds not in EITHER.get(case, (wanted,)):
        return f"found {sorted(kinds)}, wanted {sorted(wanted)}; status {done.returncode}\n{done.stderr.decode(errors='replace')}"
    if case in WORDS and not any(re.search(WORDS[case], finding["message"]) for finding in told):
        return f"no finding says {WORDS[case]!r}: {[finding['message'] for finding in told]}"
    if case in ADVICE and not any(re.search(ADVICE[case], finding["hint"]) for finding in told):
        return f"no finding advises {ADVICE[case]!r}: {[finding['hint'] for finding in told]}"
    if case in PROVED and [finding["proved"] for finding in told] != [PROVED[case]]:
        return f"proved: {[finding['proved'] for finding in told]}"
    if case in PARTICIPANTS or case in PARTICIPANTS_EITHER:
        (deadlock,) = (finding for finding in told if finding["kind"] == "deadlock")
        parts = sorted(f"{one['role']} {one['operation']}" for one in deadlock["participants"])
        right = PARTICIPANTS_EITHER.get(case) or (PARTICIPANTS[case],)
        if parts not in right or not all(one["stack"] for one in deadlock["participants"]):
            return f"who takes part: {deadlock['participants']}"
    if (not wanted or status < 0) and done.returncode != status:
        return f"status {done.returncode}\n{done.stderr.decode(errors='replace')}"
    return None


def main():
    program, shim, *cases = sys.argv[1:]
    if not cases:
        cases = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()
    failed = 0
    for case in cases:
        for procs in (1, 4):
            trouble = run(program, shim, case, procs)
            if trouble:
                failed += 1
                print(f"{case} with {procs} workers: {trouble}")
    print(f"{len(cases)} cases, {failed} failures")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
