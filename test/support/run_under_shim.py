"""Runs a program with and without vigil's shim and reads the report it leaves. For the tests in test/preload."""
import collections
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


@dataclasses.dataclass
class Run:
    status: int  # as subprocess gives it: negative for a signal
    out: str
    err: str
    report: dict | None = None  # the .json, when one was written

    @property
    def findings(self):
        return self.report["findings"] if self.report else []

    @property
    def has_errors(self):
        return any(finding["level"] == "error" for finding in self.findings)

    @property
    def kinds(self):
        return sorted({finding["kind"] for finding in self.findings})

    def finding(self, kind):
        """The only finding of its kind."""
        of_kind = [finding for finding in self.findings if finding["kind"] == kind]
        assert len(of_kind) == 1, f"{len(of_kind)} findings of kind {kind} among {self.kinds}"
        return of_kind[0]


class Runner:
    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        self.shim = self.build / "lib/libvigil_shim.so"

    def plain(self, program, *args, env=None, timeout=30):
        done = subprocess.run([program, *args], capture_output=True, text=True, errors="replace", timeout=timeout,
                              env=os.environ | (env or {}), stdin=subprocess.DEVNULL)
        return Run(done.returncode, done.stdout, done.stderr)

    def shimmed(self, program, *args, env=None, options="", timeout=60):
        """Preloads the shim by hand, as LD_PRELOAD users do, and reads the one report of the program itself."""
        with tempfile.TemporaryDirectory(prefix="vigil-test-") as folder:
            given = ":".join(filter(None, [f"report_dir={folder}", options]))
            run = self.plain(program, *args, timeout=timeout,
                             env={"LD_PRELOAD": str(self.shim), "VIGIL_OPTIONS": given} | (env or {}))
            name = pathlib.Path(program).name
            reports = sorted(pathlib.Path(folder).glob(f"{name}.*.json"))
            assert len(reports) <= 1, f"more than one report: {reports}"
            if reports:
                run.report = json.loads(reports[0].read_text())
                self.compare_line_and_report(run)
                for stack in stacks_of(run.report):
                    above = own_frames_above_user(stack)
                    assert not above, f"vigil's own frames are shown as the culprit: {above} of {stack}"
        return run

    @staticmethod
    def compare_line_and_report(run):
        """The shim's line on standard error says of every kind as many as the report has."""
        line = re.search(r"^vigil: (\d.*) - report: ", run.err, re.MULTILINE)
        told = collections.Counter()
        for kind, count in re.findall(r"[(, ]([a-z]+(?:-[a-z]+)*)(?: x(\d+))?(?=[,)])", line[1] if line else ""):
            told[kind] = int(count or 1)
        found = collections.Counter(finding["kind"] for finding in run.findings)
        assert told == found, f"the line says {dict(told)}, the report {dict(found)}: {run.err}"


def is_vigils_own(frame):
    """A frame of libvigil or of a header of it, which a reader folds away."""
    module = os.path.basename(frame["module"])
    return module.startswith("libvigil") or "/include/vigil/" in frame["file"]


def is_library(frame):
    path = frame["file"] or frame["module"]
    return is_vigils_own(frame) or path.startswith(("/usr/", "/lib/", "/build/", "./")) or not frame["file"]


def user_frames(stack):
    return [frame for frame in stack if not is_library(frame)]


def stacks_of(report):
    """Every stack that a reader of the report sees."""
    for finding in report["findings"]:
        for participant in finding["participants"]:
            yield participant["stack"]
            yield participant["actor"]["created_at"]
        for each in finding["objects"]:
            yield each["created_at"]


def own_frames_above_user(stack):
    """Frames of vigil's that stand before the first frame of the user's, in a stack that has one."""
    first = next((at for at, frame in enumerate(stack) if not is_library(frame)), 0)
    return [frame["function"] for frame in stack[:first] if is_vigils_own(frame)]


def place(frame):
    """`function at file:line`, without parameters and template arguments."""
    name = frame["function"].replace("(anonymous namespace)::", "").split("(")[0]
    return f"{name} at {os.path.basename(frame['file'])}:{frame['line']}"
