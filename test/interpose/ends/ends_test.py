"""Runs program.cpp's ways out with and without the shim: same output, same exit status, and a record of what was found.

usage: ends_test.py PROGRAM SHIM COMMAND [unittest arguments]   (COMMAND: the vigil command, or "" when it is not built)
"""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

PROGRAM, SHIM, COMMAND = sys.argv[1:4]
WAYS = re.findall(r"WAY\((\w+)\)", pathlib.Path(__file__).with_name("program.cpp").read_text())[1:]

# How the record says that the program ended; what is not here ends as "exit".
ENDS = {name: "signal" for name in (
    "segv segv_sent bus fpe ill trap sys term int hup pipe alarm usr1 rt term_in_thread one_shot handler_resignals").split()}
ENDS |= {name: "abort" for name in "abort abort_ignored abort_handler_returns throw".split()}
ENDS |= {name: "_exit" for name in "_exit _Exit handler_exits".split()}
ENDS |= {name: "exec" for name in "execl execle exec_itself".split()}
ENDS |= {"kill": "killed"}


class Run:
    """One run of the program in a folder of its own."""

    def __init__(self, way, *arguments, shim=True, options="", wrapper=(), cwd=None, stdin=b"first\nsecond\n", handshake=False):
        self.folder = pathlib.Path(cwd or tempfile.mkdtemp(prefix="vigil-ends-"))
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("VIGIL_", "LD_"))}
        descriptors = ()
        if shim:
            environment["LD_PRELOAD"] = SHIM
            environment["VIGIL_OPTIONS"] = options
            environment["VIGIL_COMMAND"] = COMMAND or "/nonexistent"
            if handshake:
                reading, writing = os.pipe()
                environment["VIGIL_HANDSHAKE"] = f"{writing}:{os.fstat(writing).st_ino}"
                descriptors = (writing,)
        (self.folder / "input").write_bytes(stdin)
        with open(self.folder / "input", "rb") as source:
            done = subprocess.run([*wrapper, PROGRAM, way, *arguments], cwd=self.folder, env=environment, stdin=source,
                                  capture_output=True, timeout=60, pass_fds=descriptors)
            self.input_left_at = source.seek(0, os.SEEK_CUR)
        if handshake:
            os.close(writing)
            self.handshake = os.read(reading, 1000).decode()
            os.close(reading)
        self.status, self.out = done.returncode, done.stdout.decode()
        lines = done.stderr.decode().splitlines()
        self.vigil = [line for line in lines if line.startswith("vigil: ")]
        self.err = [line for line in lines if not line.startswith(("vigil: ", "  "))]
        self.records = sorted((self.folder / "vigil-reports").glob("*.jsonl"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)


def load(path, may_be_torn=False):
    """The records of a file; fails on anything that does not carry its right checksum, but for a last one that SIGKILL tore."""
    lines = [line for line in path.read_bytes().replace(b"\0", b"").split(b"\n") if line]
    records = []
    for line in lines:
        match = re.fullmatch(rb'(.*),"crc":"([0-9a-f]{8})"}', line)
        if match is None or int(match[2], 16) != zlib.crc32(match[1]):
            assert may_be_torn and line is lines[-1], line
            continue
        records.append(json.loads(line))
    return records


def end_of(records):
    return records[-1]["end"] if records[-1]["type"] == "end" else "killed"


class SameWithAndWithoutTheShim(unittest.TestCase):
    """Without a finding nothing at all is different."""


class FindingIsInTheRecord(unittest.TestCase):
    """With a finding the output is the same, an exit status of 0 becomes 66, and the record has it."""


class BusyProgramEndsTheSame(unittest.TestCase):
    """Tasks and threads at work while it ends change nothing. (exitcode=0: what they wait for in that moment is no matter.)"""


def expected_with_finding(way, status):
    if way in ("execl", "execle", "exec_itself"):
        return status  # the new image's
    return 66 if status == 0 else status


def add_way(way):
    def without_finding(self):
        with Run(way, shim=False) as plain, Run(way) as watched:
            self.assertEqual(watched.out, plain.out)
            self.assertEqual((watched.status, watched.err, watched.vigil), (plain.status, plain.err, []))
            self.assertEqual(watched.input_left_at, plain.input_left_at)

    def with_finding(self):
        with Run(way, "finding", shim=False) as plain, Run(way, "finding") as watched:
            self.assertEqual(watched.out, plain.out)
            self.assertEqual(watched.err, plain.err)
            self.assertEqual(watched.status, expected_with_finding(way, plain.status))
            own = [load(path) for path in watched.records]
            own = [records for records in own if any(one["type"] == "finding" for one in records)]
            self.assertEqual(len(own), 1, "one process made the finding")
            findings = [one["kind"] for one in own[0] if one["type"] == "finding"]
            self.assertEqual(findings, ["close-of-nil"])
            self.assertEqual(own[0][0]["type"], "header")
            self.assertEqual(end_of(own[0]), ENDS.get(way, "exit"))
            silent = way in ("kill", "closes_everything", "data_file_as_stderr", "broken_pipe_as_stderr")
            told = [line for line in watched.vigil if "close-of-nil" in line]
            self.assertEqual(bool(told), not silent, watched.vigil)
            if way == "data_file_as_stderr":
                self.assertEqual((watched.folder / "data").read_bytes(), b"")

    def while_busy(self):
        with Run(way, "busy", shim=False) as plain, Run(way, "busy", options="exitcode=0") as watched:
            self.assertEqual((watched.out, watched.err, watched.status), (plain.out, plain.err, plain.status))
            own = [records for records in map(load, watched.records) if records[0]["program"]["args"][1] == way]
            self.assertEqual([end_of(records) for records in own], [ENDS.get(way, "exit")])

    # In the first the runtime's threads keep the process alive, with the shim and without; in the second a worker that starts
    # puts its own handler on SIGSEGV, sooner or later.
    if way not in ("main_thread_leaves", "own_handlers"):
        setattr(BusyProgramEndsTheSame, "test_" + way, while_busy)
    setattr(SameWithAndWithoutTheShim, "test_" + way, without_finding)
    setattr(FindingIsInTheRecord, "test_" + way, with_finding)


for name in WAYS:
    if name == "quit":
        continue
    add_way(name)


class Surroundings(unittest.TestCase):
    def test_sigquit_goes_on_when_there_is_a_runtime(self):
        with Run("quit", "finding", shim=False) as plain, Run("quit", "finding") as watched:
            self.assertEqual(plain.status, -3)
            self.assertEqual(watched.status, 66)
            self.assertIn("static destructor", watched.out)

    def test_handshake_is_answered_and_opens_the_record(self):
        with Run("return", handshake=True) as run:
            self.assertRegex(run.handshake, r"\Avigil-shim 1 \d+\n\Z")
            self.assertEqual(len(run.records), 1)
            self.assertEqual(end_of(load(run.records[0])), "exit")

    def test_a_program_without_runtime_and_findings_leaves_no_files(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="vigil-ends-"))
        environment = dict(os.environ, LD_PRELOAD=SHIM)
        subprocess.run(["/bin/sh", "-c", "ls >/dev/null; true"], cwd=folder, env=environment, check=True)
        self.assertEqual(list(folder.iterdir()), [])
        shutil.rmtree(folder)

    def test_the_header_says_what_ran(self):
        with Run("return", "finding", options="exitcode=5") as run:
            self.assertEqual(run.status, 5)
            header = load(run.records[0])[0]
            self.assertEqual(header["format"], "vigil-record/1")
            self.assertEqual(header["program"]["path"], os.path.realpath(PROGRAM))
            self.assertEqual(header["program"]["args"], [PROGRAM, "return", "finding"])
            self.assertEqual(header["program"]["cwd"], str(run.folder))
            self.assertEqual(header["options"], "exitcode=5")

    def test_exitcode_0_keeps_the_programs(self):
        with Run("return", "finding", options="exitcode=0") as run:
            self.assertEqual(run.status, 0)

    def test_bad_options_are_one_line_each_and_harmless(self):
        with Run("return", options="exit_code=1:strict=maybe") as run:
            self.assertEqual(run.status, 0)
            self.assertEqual(len(run.vigil), 2, run.vigil)

    def test_help_lists_the_options_and_runs_on(self):
        with Run("return", options="help=1") as run:
            self.assertEqual((run.status, run.out), (0, "begin\nstatic destructor\n"))

    def test_a_folder_that_cannot_be_written_is_one_line_and_the_findings_are_told(self):
        with Run("return", "finding", options="report_dir=/proc/no/such") as run:
            self.assertEqual(run.status, 66)
            self.assertTrue(any("no record file" in line for line in run.vigil), run.vigil)
            self.assertTrue(any("close-of-nil" in line for line in run.vigil), run.vigil)

    def test_no_file_size_allowed_is_no_signal(self):
        with Run("return", "finding", wrapper=("prlimit", "--fsize=0:0")) as run:
            self.assertEqual(run.status, 66)
            self.assertEqual(run.out, "caught\nbegin\nstatic destructor\n")

    def test_little_address_space_is_enough(self):
        with Run("return", shim=False, wrapper=("prlimit", "--as=1000000000")) as plain:
            if plain.status != 0:
                self.skipTest("the runtime itself needs more")
        with Run("return", "finding", wrapper=("prlimit", "--as=1000000000")) as run:
            self.assertEqual(run.status, 66)
            self.assertEqual(len(run.records), 1)

    def test_few_descriptors_are_enough(self):
        with Run("return", "finding", wrapper=("prlimit", "--nofile=20:20")) as run:
            self.assertEqual(run.status, 66)
            self.assertEqual(len(run.records), 1)

    def test_without_the_command_findings_are_told_as_text_with_names(self):
        with Run("return", "finding", options="command=/nonexistent") as run:
            self.assertEqual(run.status, 66)
            self.assertTrue(any(line.startswith("vigil: error: close-of-nil") for line in run.vigil), run.vigil)

    def test_a_command_that_hangs_or_fails_is_not_waited_for_for_ever(self):
        with Run("return", "finding", options="command=/bin/false") as run:
            self.assertEqual(run.status, 66)
            self.assertTrue(any("close-of-nil" in line for line in run.vigil), run.vigil)

    def test_deadline_ends_a_program_that_hangs(self):
        with Run("exit_from_thread", "finding", options="deadline=30") as run:
            self.assertEqual(run.status, 66)
        with Run("hang", "finding", options="deadline=0.3") as run:
            self.assertEqual(run.status, 66)
            self.assertEqual(end_of(load(run.records[0])), "deadline")
            self.assertIn("hanging", run.out, "what the program had printed is flushed")

    def test_halt_on_error_ends_at_the_first(self):
        with Run("return", "finding", options="halt_on_error=1") as run:
            self.assertEqual(run.status, 66)
            self.assertNotIn("begin", run.out)
            self.assertEqual(end_of(load(run.records[0])), "_exit")

    def test_detect_leaves_out_what_is_not_wanted(self):
        with Run("return", "finding", options="detect=-close-of-nil") as run:
            self.assertEqual(run.status, 0)

    def test_two_runs_never_share_a_file(self):
        with Run("exec_itself", "finding") as run:
            self.assertGreaterEqual(len(run.records), 1)
            for path in run.records:
                self.assertEqual(load(path)[0]["type"], "header")

    def test_the_log_is_written_where_it_is_told(self):
        with Run("return", "finding", options="log_level=debug:log_path=log.txt") as run:
            self.assertEqual(run.status, 66)
            self.assertRegex((run.folder / "log.txt").read_text(), r"vigil\[\d+\]")


class RandomMoments(unittest.TestCase):
    """A signal from outside, at any moment of a program whose tasks and threads are at work."""

    RUNS = 15

    def end_by(self, number):
        seed = random.randrange(2**32)
        moments = random.Random(seed)
        for i in range(self.RUNS):
            with self.subTest(seed=seed, run=i), tempfile.TemporaryDirectory(prefix="vigil-ends-") as folder:
                environment = dict(os.environ, LD_PRELOAD=SHIM, VIGIL_COMMAND=COMMAND or "/nonexistent", VIGIL_OPTIONS="")
                child = subprocess.Popen([PROGRAM, "hang_after_telling", "finding", "busy"], cwd=folder, env=environment,
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                while (line := child.stdout.readline()) != b"ready\n":
                    self.assertNotEqual(line, b"")
                time.sleep(moments.random() * 0.02)
                child.send_signal(number)
                child.communicate(timeout=60)
                self.assertEqual(child.returncode, -number)
                record = next(pathlib.Path(folder, "vigil-reports").glob("*.jsonl"))
                records = load(record, may_be_torn=number == signal.SIGKILL)
                self.assertEqual([one["kind"] for one in records if one["type"] == "finding"], ["close-of-nil"])
                expected = {signal.SIGKILL: "killed", signal.SIGABRT: "abort"}.get(number, "signal")
                self.assertEqual(end_of(records), expected)

    def test_sigterm(self):
        self.end_by(signal.SIGTERM)

    def test_sigkill(self):
        self.end_by(signal.SIGKILL)

    def test_sigsegv(self):
        self.end_by(signal.SIGSEGV)

    def test_sigabrt(self):
        self.end_by(signal.SIGABRT)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
