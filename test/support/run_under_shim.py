"""Runs a program with and without vigil's shim and reads the report it leaves. For the tests in test/preload."""
import dataclasses
import json
import os
import pathlib
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
        return run


def is_vigils_own(frame):
    """A frame of libvigil or of a header of it, which a reader folds away."""
    module = os.path.basename(frame["module"])
    return module.startswith("libvigil") or "/include/vigil/" in frame["file"]


def is_library(frame):
    path = frame["file"] or frame["module"]
    return is_vigils_own(frame) or path.startswith(("/usr/", "/lib/", "/build/", "./")) or not frame["file"]


def user_frames(stack):
    return [frame for frame in stack if not is_library(frame)]


def place(frame):
    """`function at file:line`, without parameters and template arguments."""
    name = frame["function"].replace("(anonymous namespace)::", "").split("(")[0]
    return f"{name} at {os.path.basename(frame['file'])}:{frame['line']}"
