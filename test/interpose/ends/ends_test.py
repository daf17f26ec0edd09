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
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

PROGRAM, SHIM, COMMAND = sys.argv[1:4]
WAYS = [way for source in sorted(pathlib.Path(__file__).parent.glob("*ways*.cpp"))
        for way in re.findall(r"^ +WAY\((\w+) ?\),", source.read_text(), re.MULTILINE)]
assert len(WAYS) > 50, WAYS

# How the record says that the program ended; what is not here ends as "exit".
ENDS = {name: "signal" for name in (
    "segv segv_sent overflow overflow_in_thread bus fpe ill trap sys term int hup pipe alarm usr1 rt term_in_thread one_shot handler_resignals").split()}
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


# One of each sort: a busy program takes a second of processor time to end. (main_thread_leaves cannot be among them, the runtime's
# threads keep the process alive; nor own_handlers, a worker that starts puts its own handler on SIGSEGV.)
BUSY_WAYS = ("return", "exit_in_atexit", "_exit", "quick_exit", "abort", "throw", "exit_from_thread", "segv", "term_in_thread", "kill",
             "one_shot", "execl", "closefrom")


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
            silent = way in ("kill", "confined", "confined_by_syscall", "closes_everything", "data_file_as_stderr", "broken_pipe_as_stderr")
            told = [line for line in watched.vigil if "close-of-nil" in line]
            self.assertEqual(bool(told), not silent, watched.vigil)
            if way == "data_file_as_stderr":
                self.assertEqual((watched.folder / "data").read_bytes(), b"")

    def while_busy(self):
        with Run(way, "busy", shim=False) as plain, Run(way, "busy", options="exitcode=0") as watched:
            self.assertEqual((watched.out, watched.err, watched.status), (plain.out, plain.err, plain.status))
            own = [records for records in map(load, watched.records) if records[0]["program"]["args"][1] == way]
            self.assertEqual([end_of(records) for records in own], [ENDS.get(way, "exit")])

    if way in BUSY_WAYS:
        setattr(BusyProgramEndsTheSame, "test_" + way, while_busy)
    setattr(SameWithAndWithoutTheShim, "test_" + way, without_finding)
    setattr(FindingIsInTheRecord, "test_" + way, with_finding)


for name in WAYS:
    # no ways out, not alike, or not watched to the end
    if name in ("quit", "hang", "hang_after_telling", "no_more_memory_among_locks"):
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

    def test_who_forbids_himself_further_memory_goes_on_without_the_shim(self):
        with Run("no_more_memory_among_locks", shim=False) as plain, Run("no_more_memory_among_locks") as run:
            self.assertEqual((run.status, run.out, run.err), (plain.status, plain.out, plain.err))
            self.assertEqual(run.vigil, ["vigil: the watching ends here, the program runs on: the system has no more memory"])

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

    def test_a_program_with_its_own_malloc_runs_the_same(self):
        program = str(pathlib.Path(PROGRAM).with_name("interpose_ends_own_malloc"))
        for shim in ({}, {"LD_PRELOAD": SHIM}):
            done = subprocess.run([program], env=os.environ | shim, capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "400 words, freed some: 1, strangers freed: 0\n", ""))

    def test_a_preloaded_malloc_may_come_before_the_shim_or_behind(self):
        library = str(pathlib.Path(SHIM).with_name("libinterpose_ends_preloaded_malloc.so"))
        for libraries in (f"{SHIM}:{library}", f"{library}:{SHIM}"):
            for way in ("smallest_stack", "exit_from_thread", "double_fork"):
                with self.subTest(libraries=libraries, way=way), Run(way, "finding", shim=False) as plain:
                    with Run(way, "finding", wrapper=("env", f"LD_PRELOAD={libraries}")) as run:
                        self.assertEqual((run.status, run.out, run.err), (66, plain.out, plain.err))
                        self.assertTrue(any("close-of-nil" in line for line in run.vigil), run.vigil)

    def test_a_folder_that_must_not_be_changed_is_one_line_and_the_findings_are_told(self):
        wrapper = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs -o ro none . && cd . && exec "$@"', "sh")
        with Run("return", shim=False, wrapper=wrapper) as plain:
            if plain.status != 0:
                self.skipTest("may not mount")
            with Run("return", wrapper=wrapper) as run:
                self.assertEqual((run.status, run.out, run.err), (plain.status, plain.out, plain.err))
            with Run("return", "finding", wrapper=wrapper) as run:
                self.assertEqual(run.status, 66)
                self.assertTrue(any("no record file" in line for line in run.vigil), run.vigil)
                self.assertTrue(any("close-of-nil" in line for line in run.vigil), run.vigil)

    def run_command(self, folder, *words):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("VIGIL_", "LD_"))}
        return subprocess.run([COMMAND, "run", f"--shim={SHIM}", f"--report_dir={folder}", *words], env=environment, cwd=folder,
                              capture_output=True, text=True, timeout=60)

    @unittest.skipUnless(COMMAND, "the command is not built")
    def test_what_a_started_process_finds_counts_for_the_run(self):
        starts = ("sh", "-c", '"$0" return finding; true', PROGRAM)
        for words, status in ((("--", *starts), 66), (("--exitcode=9", "--", *starts), 9), (("--expect=close-of-nil", "--", *starts), 0),
                              (("--expect=", "--", *starts), 4), (("--", "sh", "-c", '"$0" return; true', PROGRAM), 0)):
            with self.subTest(words=words), tempfile.TemporaryDirectory(prefix="vigil-ends-") as folder:
                done = self.run_command(folder, *words)
                self.assertEqual(done.returncode, status, done.stderr)

    @unittest.skipUnless(COMMAND, "the command is not built")
    def test_what_another_run_left_in_the_folder_does_not_count(self):
        with tempfile.TemporaryDirectory(prefix="vigil-ends-") as folder:
            self.assertEqual(self.run_command(folder, "--", PROGRAM, "return", "finding").returncode, 66)
            self.assertEqual(self.run_command(folder, "--expect=", "--", "true").returncode, 0)

    @unittest.skipUnless(COMMAND, "the command is not built")
    def test_a_started_process_that_was_killed_gets_its_report(self):
        with tempfile.TemporaryDirectory(prefix="vigil-ends-") as folder:
            done = self.run_command(folder, "--", "sh", "-c", '"$0" kill finding; true', PROGRAM)
            self.assertEqual(done.returncode, 66, done.stderr)
            self.assertRegex(done.stderr, r"vigil: process \d+: 1 error: a nil channel is closed - report: .*\.html")

    @unittest.skipUnless(COMMAND, "the command is not built")
    def test_who_waits_for_a_started_process_outlives_its_deadline(self):
        starts = {"sh": ("sh", "-c", '"$0" hang finding; echo after $?', PROGRAM), "timeout": ("timeout", "60", PROGRAM, "hang", "finding"),
                  "below a fork": ("sh", "-c", '("$0" hang finding; true); echo after 66', PROGRAM)}
        for option, names in (("--deadline=1", starts), ("--stall=1", ("sh",))):
            for name in names:
                words = starts[name]
                with self.subTest(option=option, name=name), tempfile.TemporaryDirectory(prefix="vigil-ends-") as folder:
                    done = self.run_command(folder, option, "--", *words)
                    self.assertEqual(done.returncode, 66, done.stderr)
                    self.assertEqual("after 66" in done.stdout, name != "timeout", done)
                    ends = {path.with_suffix("").name: json.loads(path.read_text())["program"]["end"] for path in pathlib.Path(folder).glob("*.json")}
                    self.assertEqual([end for of, end in ends.items() if of.startswith("interpose_ends")], ["deadline"], ends)

    @unittest.skipUnless(COMMAND, "the command is not built")
    def test_who_hangs_when_a_started_process_has_ended_is_ended(self):
        for wait in ("read line", "(read line) >told 2>&1"):  # the second in a fork's child, which has no deadline but its parent's
            with self.subTest(wait=wait), tempfile.TemporaryDirectory(prefix="vigil-ends-") as folder:
                os.mkfifo(pathlib.Path(folder) / "never")
                done = self.run_command(folder, "--deadline=0.5", "--", "sh", "-c", f'"$0" hang; {wait} <>never; echo after', PROGRAM)
                self.assertEqual((done.returncode, "after" in done.stdout), (66, False), done)
                with open(pathlib.Path(folder) / "never", "r+b", buffering=0) as fifo:
                    fifo.write(b"\n")

    @unittest.skipUnless(COMMAND, "the command is not built")
    def test_the_last_words_are_of_the_whole_run(self):
        one = '"$0" return finding; true'
        cases = ((one, r"the whole run: 1 error: .* - report: .*interpose_ends.*\.html", r"or read it here: .*interpose_ends\S*\.jsonl"),
                 (f"{one}; {one}", r"the whole run: 2 errors: .* - in 2 processes, reports in ", r"next: vigil report --formats=text --out=- \S+ \S+"),
                 ("; ".join([one] * 4), r"the whole run: 4 errors: .* - in 4 processes, reports in ", r"next: .*vigil merge -o all.html \S+"))
        for script, whole, advice in cases:
            with self.subTest(script=script), tempfile.TemporaryDirectory(prefix="vigil-ends-") as folder:
                last = self.run_command(folder, "--", "sh", "-c", script, PROGRAM).stderr.splitlines()[-2:]
                self.assertRegex(last[0], f"^vigil: {whole}")
                self.assertRegex(last[1], advice)

    def test_a_full_disk_is_no_end_of_the_program(self):
        wrapper = ("unshare", "-m", "sh", "-c", 'mkdir -p disk && mount -t tmpfs -o size=16k,mode=777 none disk && '
                   'head -c 30000 /dev/zero >disk/full; exec "$@"', "sh")
        if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
            self.skipTest("may not mount")
        with Run("return", "finding", shim=False, wrapper=wrapper) as plain:
            if plain.status != 0:
                self.skipTest("may not mount")
            with Run("return", "finding", wrapper=wrapper, options="report_dir=disk") as run:
                self.assertEqual((run.status, run.out), (66, plain.out))
                self.assertTrue(any("close-of-nil" in line for line in run.vigil), run.vigil)

    def test_deadline_ends_a_program_that_hangs(self):
        with Run("exit_from_thread", "finding", options="deadline=30") as run:
            self.assertEqual(run.status, 66)
        with Run("hang", "finding", options="deadline=0.3") as run:
            self.assertEqual(run.status, 66)
            self.assertEqual(end_of(load(run.records[0])), "deadline")
            self.assertIn("hanging", run.out, "what the program had printed is flushed")

    def test_stall_ends_a_program_in_which_nothing_moves(self):
        with Run("hang", options="stall=0.3") as run:
            self.assertEqual(run.status, 66)
            self.assertEqual(end_of(load(run.records[0])), "deadline")
            self.assertIn("hanging", run.out)
            self.assertTrue(any("nothing has moved" in line for line in run.vigil), run.vigil)

    def test_stall_leaves_a_program_that_moves(self):
        with Run("hang", "busy", options="stall=0.1:deadline=1") as run:
            self.assertEqual(end_of(load(run.records[0])), "deadline")
            self.assertFalse(any("nothing has moved" in line for line in run.vigil), run.vigil)

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


class Tasks(unittest.TestCase):
    """A running program tells its tasks to who asks: docs/tasks_protocol.md."""

    def ask(self, pid):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            deadline = time.monotonic() + 60
            while True:  # it listens from its first task on, which is before it says ready; its thread may come later
                try:
                    asking.connect(f"\0vigil-tasks-{pid}")
                    break
                except ConnectionRefusedError:
                    self.assertLess(time.monotonic(), deadline)
                    time.sleep(0.01)
            peer = struct.unpack("3i", asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            self.assertEqual(peer[0], pid)
            answer = b""
            while part := asking.recv(1 << 16):
                answer += part
        with tempfile.NamedTemporaryFile() as file:
            pathlib.Path(file.name).write_bytes(answer)
            return load(pathlib.Path(file.name))

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="vigil-ends-")
        environment = dict(os.environ, LD_PRELOAD=SHIM, VIGIL_COMMAND="/bin/true", VIGIL_OPTIONS="")
        self.child = subprocess.Popen([PROGRAM, "hang_after_telling", "busy"], cwd=self.folder.name, env=environment,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while (line := self.child.stdout.readline()) != b"ready\n":
            self.assertNotEqual(line, b"")

    def tearDown(self):
        self.child.kill()
        self.child.communicate()
        self.folder.cleanup()

    def test_all_that_live_are_in_the_answer(self):
        while True:
            records = self.ask(self.child.pid)
            self.assertEqual([records[0]["type"], records[0]["program"]["pid"]], ["header", self.child.pid])
            if records[-1]["type"] == "state":
                break  # else the runtime did not hold still, which the loaded machine may do
        kinds = [record["type"] for record in records]
        self.assertEqual(kinds, ["header", *["module"] * (len(kinds) - 3), "tasks", "state"])
        self.assertEqual(records[-2]["alive_at_end"], 9)
        modules = {record["id"] for record in records if record["type"] == "module"}
        named = {frame[0] for one in records[-1]["actors"] for frame in one["stack"] + one["actor"]["created_at"]}
        self.assertLessEqual(named - {0}, modules)
        tasks = [one for one in records[-1]["actors"] if one["actor"]["type"] == "task"]
        self.assertEqual(sum(one["count"] for one in tasks), 9)
        self.assertLessEqual({one["actor"]["state"] for one in tasks}, {"blocked", "running", "runnable"})
        threads = [one["actor"]["id"] for one in records[-1]["actors"] if one["actor"]["type"] == "thread"]
        self.assertEqual(threads[0], 1)
        self.assertEqual(len(threads), 2)

    def test_asking_leaves_no_trace(self):
        before = os.listdir(f"/proc/{self.child.pid}/fd")
        for _ in range(3):
            self.ask(self.child.pid)
        self.assertEqual(os.listdir(f"/proc/{self.child.pid}/fd"), before)
        self.assertIsNone(self.child.poll())
        record = next(pathlib.Path(self.folder.name, "vigil-reports").glob("*.jsonl"))
        self.assertNotIn(b'"state"', record.read_bytes())


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
