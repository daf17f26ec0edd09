"""samples/demo, on a machine that has built: a verdict and the path of a report that is there.

usage: demo_test.py BUILD [unittest arguments]
"""
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(sys.argv.pop(1)).resolve()


class Demo(unittest.TestCase):
    def test_it_prints_a_verdict_and_the_path_of_the_report(self):
        if BUILD != ROOT / "build/release":
            self.skipTest("the demo builds build/release, which is not this build")
        done = subprocess.run([ROOT / "samples/demo"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("task-leak", done.stderr)
        report = pathlib.Path(done.stdout.splitlines()[-1].removeprefix("report:").strip())
        self.assertIn("gateway-exhaustion", report.name)
        self.assertIn("consume", report.read_text())

    def test_an_unknown_sample_is_explained(self):
        done = subprocess.run([ROOT / "samples/demo", "nonsense"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^vigil: no such sample: nonsense; there are: .*receive-forever")


if __name__ == "__main__":
    unittest.main()
