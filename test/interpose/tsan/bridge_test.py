"""Both race engines on the same samples: vigil's own, and ThreadSanitizer's under the shim.

usage: bridge_test.py BUILD
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from run_under_shim import ROOT, Runner, place, user_frames

RUNNER = Runner(sys.argv.pop(1))
SAMPLES = [sample for sample in json.loads((ROOT / "samples/catalog.json").read_text()) if sample["instrumented"]]
CLANG_RUNTIME = pathlib.Path(subprocess.run(
    ["clang++-19", "--print-file-name=libclang_rt.tsan-x86_64.so"], capture_output=True, text=True, check=True).stdout.strip()
    if shutil.which("clang++-19") else "/nowhere")
TASK_PROGRAM = """
#include "vigil/vigil.hpp"
int main() {
  const vigil::Channel<int> answers(0);
  vigil::go([=] { answers.send(7); });
  return answers.receive().value_or(0) - 7;
}
"""


def run(sample, form, suffix=""):
    return RUNNER.shimmed(RUNNER.build / "bin" / f"{sample['id']}_{form}{suffix}", options=sample["options"])


def races(sample_run, sample):
    """Each finding as its kind and the two places, whichever of them came first."""
    return {(finding["kind"], tuple(sorted(place(user_frames(one["stack"])[0]) for one in finding["participants"])))
            for finding in sample_run.findings if finding["kind"] not in sample["may"]}


def lines_of(found):
    return {(kind, tuple(one.rsplit(" at ", 1)[1] for one in places)) for kind, places in found}


class Bridge(unittest.TestCase):
    maxDiff = None

    def test_both_engines_name_the_same_races(self):
        for sample in SAMPLES:
            with self.subTest(sample=sample["id"]):
                native, tsan = run(sample, "buggy"), run(sample, "buggy", "_tsan")
                self.assertEqual((native.report["engine"], tsan.report["engine"]), ("native", "tsan"))
                self.assertEqual(races(native, sample), races(tsan, sample))

    def test_neither_accuses_the_fixed_ones(self):
        for sample in SAMPLES:
            with self.subTest(sample=sample["id"]):
                fixed = run(sample, "fixed", "_tsan")
                self.assertEqual((fixed.findings, fixed.status, fixed.err), ([], 0, ""))

    def test_a_race_says_who_where_and_what(self):
        counter = next(sample for sample in SAMPLES if sample["id"] == "counter")
        finding = run(counter, "buggy", "_tsan").findings[0]
        for participant in finding["participants"]:
            self.assertEqual(participant["actor"]["type"], "task")
            self.assertEqual(place(user_frames(participant["actor"]["created_at"])[0]), "main at buggy.cpp:10")
            self.assertEqual(participant["stack"][-1]["module"].rsplit("/")[-1][:8], "libvigil")  # the task's first call
        self.assertRegex(finding["suppression"], "^data-race:")

    def test_the_sanitizer_prints_nothing_and_the_status_is_ours(self):
        counter = next(sample for sample in SAMPLES if sample["id"] == "counter")
        watched = run(counter, "buggy", "_tsan")
        self.assertNotIn("ThreadSanitizer", watched.err)
        self.assertEqual(watched.status, 66)
        kept = RUNNER.shimmed(RUNNER.build / "bin/counter_buggy_tsan", options="exitcode=0")
        self.assertEqual((kept.status, kept.kinds), (0, ["data-race"]))

    def test_tasks_beyond_those_it_can_follow_are_told_of_once(self):
        program = next(RUNNER.build.rglob("interpose_tsan_cases"))
        few = RUNNER.shimmed(program, "clean_more_tasks_than_are_followed", env={"VIGIL_TSAN_TASKS": "64"})
        self.assertEqual((few.status, few.findings), (0, []), few.err)
        self.assertEqual(few.err.count("follows 64 tasks at a time"), 1, few.err)
        self.assertIn("vigil_instrument", few.err)

    # Debian's clang 14 has none that starts; 19 is the first that does.
    @unittest.skipUnless(CLANG_RUNTIME.exists(), "no clang 19 with its runtime as a library here")
    def test_the_runtime_of_clang_19_as_a_library_is_led_too(self):
        counter = next(sample for sample in SAMPLES if sample["id"] == "counter")
        with tempfile.TemporaryDirectory() as folder:
            for form in ("buggy", "fixed"):
                subprocess.run(["clang++-19", "-std=c++20", "-g", "-O1", "-fsanitize=thread", "-shared-libsan",
                                f"-I{ROOT}/runtime/include", ROOT / f"samples/counter/{form}.cpp",
                                RUNNER.build / "lib/libvigil.so", f"-Wl,-rpath,{RUNNER.build}/lib:{CLANG_RUNTIME.parent}",
                                "-o", f"{folder}/{form}"], check=True)
            buggy, fixed = (RUNNER.shimmed(f"{folder}/{form}", options=counter["options"]) for form in ("buggy", "fixed"))
        self.assertEqual((buggy.report["engine"], buggy.status), ("tsan", 66), buggy.err)
        # Lambdas have other names there.
        self.assertEqual(lines_of(races(buggy, counter)), lines_of(races(run(counter, "buggy"), counter)))
        self.assertNotIn("ThreadSanitizer", buggy.err)
        self.assertEqual((fixed.findings, fixed.status, fixed.err), ([], 0, ""))

    @unittest.skipUnless(shutil.which("clang++"), "no clang++ here")
    def test_a_program_with_clangs_runtime_inside_is_told_of_in_one_line(self):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "program"
            subprocess.run(["clang++", "-std=c++20", "-fsanitize=thread", f"-I{ROOT}/runtime/include", "-x", "c++", "-",
                            "-x", "none", RUNNER.build / "lib/libvigil.so", f"-Wl,-rpath,{RUNNER.build}/lib", "-o", program],
                           input=TASK_PROGRAM, text=True, check=True)
            watched = RUNNER.shimmed(program)
        self.assertEqual((watched.status, watched.findings), (0, []), watched.err)
        self.assertEqual(len(watched.err.splitlines()), 1, watched.err)
        self.assertIn("linked into this program itself", watched.err)
        self.assertIn("vigil_instrument", watched.err)


if __name__ == "__main__":
    unittest.main()
