"""One kernel under the shim: its buggy form is found, with those who take part; its corrected form is clean.

usage: kernels_test.py BUILD PROGRAM KERNEL.cpp [unittest arguments]
"""
import pathlib
import sys
import unittest

from kernels_runs import MOST_SEEDS, Kernel, Runs

KERNEL = Kernel.read(sys.argv.pop(3))
RUNS = Runs(sys.argv.pop(1), sys.argv.pop(1))
FEW = 3  # kernels_table.py runs a hundred
TAKE_PART = {"waiter", "older", "newer", "access"}  # roles of those whose places the kernel's file must name

ACCESSES = {"older", "newer"}


def line_of(participant):
    """Where a participant is, in the kernel's own code."""
    frames = (frame for frame in participant["stack"] if pathlib.Path(frame["file"]).name == KERNEL.file)
    frame = next(frames, None)
    return frame["line"] if frame else None


class KernelTest(unittest.TestCase):
    def test_the_file_says_what_to_expect(self):
        self.assertTrue(KERNEL.expect and KERNEL.summary and KERNEL.here, KERNEL)

    def test_the_buggy_form_is_found(self):
        for seed in range(1, (FEW if KERNEL.every else MOST_SEEDS) + 1):
            run = RUNS.run(KERNEL, "buggy", seed)
            self.assertLessEqual(run.kinds, KERNEL.expect | KERNEL.may, f"seed {seed}: {run.err}")
            found = KERNEL.expect <= run.kinds
            self.assertTrue(found or not KERNEL.every, f"seed {seed}: found {run.kinds}; {run.err}")
            if found and (seed == 1 or not KERNEL.every):
                self.check_participants(run)
                if not KERNEL.every:
                    return
        self.assertTrue(KERNEL.every, f"not found in {MOST_SEEDS} runs")

    def check_participants(self, run):
        told = RUNS.report(run)["findings"]
        self.assertEqual(run.status != 0, any(finding["level"] == "error" for finding in told))
        findings = [finding for finding in told if finding["kind"] in KERNEL.expect]
        participants = [participant for finding in findings for participant in finding["participants"]]
        self.assertEqual(KERNEL.here - {line_of(one) for one in participants}, set(), "lines that no participant is at")
        pairs = {"-".join(sorted(one["operation"].split()[0] for one in finding["participants"] if one["role"] in ACCESSES))
                 for finding in findings}
        self.assertLessEqual(KERNEL.operations, pairs)
        for one in participants:
            if one["role"] in TAKE_PART:
                self.assertIn(line_of(one), KERNEL.here | KERNEL.maybe_here, one)

    def test_the_corrected_form_is_clean(self):
        for seed in range(1, FEW + 1):
            run = RUNS.run(KERNEL, "fixed", seed)
            self.assertEqual((run.status, run.kinds, run.err), (0, set(), ""), f"seed {seed}")


if __name__ == "__main__":
    unittest.main()
