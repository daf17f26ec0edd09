"""What the samples' reports say, beyond the kinds that the sample.* tests check: samples/<id>/expected.txt.

usage: samples_test.py BUILD PROGRAMS [unittest arguments]
       samples_test.py BUILD PROGRAMS --write     writes the expected.txt files from what is found now; read the diff!

A line of expected.txt is a finding (`kind xCOUNT: title`); an indented one is a participant and the first place in the
user's code (`role operation: function at file:line`). Counts that are up to the schedule are left out, and of a data
race who did what. Also checked: output and end of every sample are the same with
and without the shim, but for the exit status that findings set.
"""
import json
import pathlib
import re
import sys
import unittest

from run_under_shim import ROOT, Runner, place, user_frames

WRITE = "--write" in sys.argv
sys.argv = [arg for arg in sys.argv if arg != "--write"]
del sys.argv[2]
RUNNER = Runner(sys.argv.pop(1))
SAMPLES = ROOT / "samples"
# How often these are found is up to the schedule.
BY_CHANCE = ("data-race", "close-send-race", "wait-group-race", "wait-group-reuse", "busy-select", "long-block",
             "task-running-at-exit")
# Main is no part of the deadlock, which is the point of the sample: it goes on, and ends as it would have.
MAIN_GOES_ON = ("masked-deadlock",)
CATALOG = json.loads((SAMPLES / "catalog.json").read_text())


def shimmed(sample, form):
    return RUNNER.shimmed(RUNNER.build / "bin" / f"{sample['id']}_{form}", options=sample["options"])


def in_any_order(finding):
    """Which of two racing accesses came first is up to the schedule; a local variable's name, to the compiler."""
    title = finding["title"]
    if "on the stack of" in finding["message"]:
        title = re.sub(r"(race on|races with itself on) `[^`]*`$", r"\1 a variable", title)
    race = re.fullmatch(r"(.+) and (.+) race on (.+)", title)
    return "{} and {} race on {}".format(*sorted(race.groups()[:2]), race[3]) if race else title


# Who of several touched a channel last is up to the schedule.
BY_SCHEDULE = {"earlier send", "earlier receive", "earlier close"}


def summary(run, sample):
    """The findings that must come, as expected.txt has them, in an order that does not depend on the schedule."""
    findings = []
    for finding in run.findings:
        if finding["kind"] in sample["may"]:
            continue
        lines = []
        for participant in finding["participants"]:
            if participant["role"] in BY_SCHEDULE:
                continue
            frames = user_frames(participant["stack"])
            where = place(frames[0]) if frames else "no frame of the user"
            # Whether a read or a write met the write, and which came first, is up to the schedule.
            did = "" if finding["kind"] == "data-race" else f"{participant['role']} {participant['operation']}: "
            lines.append(f"  {did}{where}\n")
        count = "" if finding["kind"] in BY_CHANCE else f" x{finding['count']}"
        told = f"{finding['kind']}{count}: {in_any_order(finding)}\n" + "".join(sorted(lines))
        if finding["kind"] not in BY_CHANCE or told not in findings:  # which of a place's accesses met is chance, too
            findings.append(told)
    return "".join(sorted(findings))


class Samples(unittest.TestCase):
    def test_any_number_of_rounds_is_no_spin_when_it_is_told_so(self):
        for name, option in (("closed-read-spin", "closed_spin=0"), ("zero-taken-for-data", "closed_spin=0"), ("default-spin", "busy_select=0")):
            with self.subTest(sample=name):
                self.assertEqual(RUNNER.shimmed(RUNNER.build / "bin" / f"{name}_buggy", options=option).kinds, [])

    maxDiff = None

    def test_every_report_says_what_is_expected(self):
        for sample in CATALOG:
            with self.subTest(sample=sample["id"]):
                expected = SAMPLES / sample["id"] / "expected.txt"
                found = summary(shimmed(sample, "buggy"), sample)
                if WRITE:
                    expected.write_text(found)
                self.assertEqual(found, expected.read_text())

    def test_the_shim_does_not_change_what_a_sample_does(self):
        for sample in CATALOG:
            for form in ("buggy", "fixed"):
                if form == "buggy" and "deadlock" in sample["expect"] + sample["may"]:
                    continue  # without the shim it would hang
                with self.subTest(sample=sample["id"], form=form):
                    plain = RUNNER.plain(RUNNER.build / "bin" / f"{sample['id']}_{form}")
                    run = shimmed(sample, form)
                    kinds = {finding["kind"] for finding in run.report["findings"]}
                    if form == "buggy" and "task-exception" in sample["may"] and (plain.status != 0 or "task-exception" in kinds):
                        continue  # chance ended one of the two early, before or after main() printed
                    # Tasks that print at the same time may do so in any order.
                    self.assertEqual(sorted(run.out.splitlines()), sorted(plain.out.splitlines()))
                    self.assertEqual(run.status, 66 if run.has_errors and plain.status == 0 else plain.status, run.err)
                    if form == "fixed":
                        self.assertEqual(run.err, plain.err)

    def test_the_picture_of_a_ring_of_channels_is_a_ring(self):
        run = shimmed(next(sample for sample in CATALOG if sample["id"] == "channel-ring"), "buggy")
        follows = {}
        for edge in run.report["wait_for"]["edges"]:
            follows.setdefault(edge["from"], set()).add(edge["to"])
        reached, new = set(), {"task 1"}
        while new:
            reached |= new
            new = set().union(*(follows.get(one, set()) for one in new)) - reached
        self.assertLessEqual({"task 1", "task 2", "task 3", "c1", "c2", "c3"}, reached)
        self.assertIn("task 1", set().union(*(follows.get(one, set()) for one in reached)))

    def test_long_waits_at_one_place_are_one_finding_with_a_histogram(self):
        run = shimmed(next(sample for sample in CATALOG if sample["id"] == "slow-holder"), "buggy")
        finding = next(finding for finding in run.findings if finding["kind"] == "long-block")
        waits, histogram = re.search(r"^(\d+) long waits? for a lock at this place: ([^;]+);", finding["message"]).groups()
        self.assertEqual(sum(int(bar.split()[0]) for bar in histogram.split(", ")), int(waits))
        self.assertEqual(finding["count"], int(waits))

    def test_a_deadlock_ends_at_once_and_not_in_a_hang(self):
        for sample in CATALOG:
            if "deadlock" in sample["expect"]:
                with self.subTest(sample=sample["id"]):
                    run = shimmed(sample, "buggy")
                    self.assertEqual(run.status, 66, run.err)
                    end = "exit" if sample["id"] in MAIN_GOES_ON else "deadlock"
                    self.assertEqual(run.report["program"]["end"], end, run.err)


if __name__ == "__main__":
    unittest.main()
