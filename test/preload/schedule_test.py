"""schedule=random: one seed is one order of tasks, and `vigil explore` finds the seed that makes a program fail.

usage: schedule_test.py BUILD PROGRAMS [unittest arguments]
"""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from run_under_shim import Runner

PROGRAM = pathlib.Path(sys.argv.pop(2)) / "rare_order.o2"
RUNNER = Runner(sys.argv.pop(1))
COMMAND = RUNNER.build / "bin/vigil"


def order(seed):
    run = RUNNER.shimmed(PROGRAM, "order", options=f"schedule=random:formats=:seed={seed}")
    assert run.status == 0, run.err
    return run.out


def explore(*words):
    with tempfile.TemporaryDirectory(prefix="vigil-test-") as folder:
        done = subprocess.run([COMMAND, "explore", f"--report_dir={folder}", "--formats=json", *words],
                              capture_output=True, text=True, timeout=300)
        left = sorted(file.suffix for file in pathlib.Path(folder).iterdir())
    return done, left


class Schedule(unittest.TestCase):
    def test_one_seed_is_one_order(self):
        self.assertEqual(len({order(7) for _ in range(20)}), 1)

    def test_other_seeds_are_other_orders(self):
        self.assertGreater(len({order(seed) for seed in range(1, 11)}), 5)

    def test_a_seed_is_drawn_and_named(self):
        run = RUNNER.shimmed(PROGRAM, "order", options="schedule=random")
        seed = re.search(r":seed=(\d+)$", run.report["options"])
        self.assertIsNotNone(seed, run.report["options"])
        self.assertTrue(any(f"--seed={seed[1]}" in note for note in run.report["notes"]), run.report["notes"])
        self.assertEqual(order(seed[1]), run.out)

    def test_tasks_that_hold_a_std_mutex_are_not_made_to_wait(self):
        for seed in range(1, 6):
            run = RUNNER.shimmed(PROGRAM, "held", options=f"schedule=random:formats=:deadline=20:seed={seed}")
            self.assertEqual((run.status, run.out), (0, "400\n"), run.err)

    def test_timers_fire_though_the_others_poll(self):
        for seed in range(1, 6):
            run = RUNNER.shimmed(PROGRAM, "poll", options=f"schedule=random:formats=:deadline=20:detect=-busy-select:seed={seed}")
            self.assertEqual((run.status, run.out), (0, "polled\n"), run.err)

    def test_helpers_of_blocking_calls_hold_nobody_up(self):
        run = RUNNER.shimmed(PROGRAM, "pipe", options="schedule=random:formats=:deadline=20:seed=3")
        self.assertEqual((run.status, run.out), (0, "piped\n"), run.err)


class Explore(unittest.TestCase):
    def test_finds_a_rare_order_and_how_to_have_it_again(self):
        done, left = explore("--seed=1", "--runs=300", "--", PROGRAM, "latch")
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertIn("in 3 of 3 runs", done.stdout)
        self.assertEqual(left, [".json", ".jsonl"])  # of the run that failed, and of no other
        self.assertRegex(done.stdout, r"\nvigil: 1 of \d+ runs? failed - \S+\.json\nnext: .*\n$")
        seed = re.search(r"again: vigil run --schedule=random --seed=(\d+) ", done.stdout)[1]
        run = RUNNER.shimmed(PROGRAM, "latch", options=f"schedule=random:seed={seed}")
        self.assertEqual(run.kinds, ["deadlock"])

    def test_finds_nothing_in_a_sound_program(self):
        done, left = explore("--seed=1", "--runs=10", "--", PROGRAM, "order")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"(?m)^vigil: nothing found in 10 runs, seeds 1 to 10\nnext: other seeds: vigil explore --runs=10 --seed=11 ")
        self.assertTrue(done.stdout.endswith(f" -- {PROGRAM} order\n"), done.stdout)
        self.assertEqual(left, [])

    def test_a_failing_program_is_a_failure(self):
        done, _ = explore("--runs=2", "--all", "--", "/bin/sh", "-c", "echo spoken; exit 9")
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertIn("its exit status was 9", done.stdout)
        self.assertIn("spoken", done.stdout)
        self.assertIn("2 of 2 runs failed", done.stdout)

    def test_wrong_words_are_one_line(self):
        for words in (["--runs=0", "x"], ["--expect=deadlock", "x"], ["--schedule=wild", "x"], []):
            done, _ = explore(*words)
            self.assertEqual(done.returncode, 2, words)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)


if __name__ == "__main__":
    unittest.main()
