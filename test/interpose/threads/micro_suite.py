"""The micro-suite: 22 small programs on which detectors of deadlocks and of lock order are compared, each in the form of
threads and in that of tasks. A row is right when both forms are: what must be found is, and nothing else.

usage: micro_suite.py [--names] SHIM PROGRAM...

--names only checks that each case is in one of the programs; cases_test.py runs them all.
"""

import subprocess
import sys

import cases_test

# What it is, the form of threads, the form of tasks. The first word of a case is its right answer (cases_test.py).
ROWS = [
    ("two locks in opposite order", "cycle_threads_two", "cycle_tasks_two"),
    ("three locks in a ring", "cycle_threads_three", "cycle_tasks_three"),
    ("the first lock by try", "cycle_threads_first_by_try", "cycle_tasks_first_by_try"),
    ("read and write locks crossing", "cycle_threads_read_and_write", "cycle_tasks_read_and_write"),
    ("a gate lock around both", "clean_threads_gate", "clean_tasks_gate"),
    ("one actor alone", "clean_threads_one_alone", "clean_tasks_one_alone"),
    ("one ended before the other began", "clean_threads_joined_before", "clean_tasks_waited_for_before"),
    ("the second lock by try", "clean_threads_second_by_try", "clean_tasks_second_by_try"),
    ("read locks crossing, no writer", "clean_threads_read_read", "clean_tasks_read_read"),
    (
        "a mutex at a reused stack address",
        "clean_threads_mutex_at_a_reused_stack_address",
        "clean_tasks_mutex_at_a_reused_stack_address",
    ),
    ("semaphores in opposite order", "stuck_threads_on_semaphores", "stuck_tasks_on_semaphores"),
    ("65 locks held", "clean_threads_hold_65", "clean_tasks_hold_65"),
    ("129 locks held", "clean_threads_hold_129", "clean_tasks_hold_129"),
    ("opposite order that hangs", "stuck_two_mutexes", "stuck_tasks_ring_while_main_runs"),
    ("join while holding its lock", "stuck_join_while_holding", "held_wait_for_a_task_while_holding_its_lock"),
    (
        "wait on a condition while holding another lock",
        "stuck_condition_while_holding_another",
        "stuck_task_waits_on_a_condition_under_another_lock",
    ),
    ("lock twice", "twice_mutex_taken", "twice_task_locks"),
    ("a lost signal", "stuck_lost_signal", "leak_task_missed_its_signal"),
    ("never joined", "clean_thread_never_joined", "leak_task_nobody_waits_for"),
    ("unlocked by another", "other_thread_unlocks", "other_task_unlocks"),
    ("unlocked twice", "unheld_thread_unlocks_twice", "unheld_task_unlocks_twice"),
    ("ended while holding", "stuck_thread_ended_with_the_lock", "stuck_main_wants_the_lock_of_an_ended_task"),
]


def main():
    arguments = sys.argv[1:]
    only_names = arguments[0] == "--names"
    shim, *programs = arguments[1:] if only_names else arguments
    home = {}
    for program in programs:
        for case in subprocess.run([program], capture_output=True, text=True, check=True).stdout.split():
            home[case] = program
    right = 0
    for what, *forms in ROWS:
        troubles = [f"{case}: no such case" for case in forms if case not in home]
        if not troubles and not only_names:
            answers = {case: cases_test.run(home[case], shim, case, 4) for case in forms}
            troubles = [f"{case}: {trouble}" for case, trouble in answers.items() if trouble]
        right += not troubles
        print(f"{'wrong' if troubles else 'right'}  {what}: {', '.join(forms)}")
        for trouble in troubles:
            print(f"       {trouble}")
    print(f"{right} of {len(ROWS)}")
    return 0 if right == len(ROWS) == 22 else 1


if __name__ == "__main__":
    sys.exit(main())
