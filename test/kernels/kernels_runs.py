"""What a kernel's file demands, and runs of it under the shim, one order of its tasks per seed.

The first comment of a kernel's file says
    // expect: KIND...      what the buggy form must show, all in one run
    // may: KIND...         what it may show besides
    // operations: A-B...   what the two accesses of data races must be, as write-write
    // schedule: every      in every order of its tasks; `some`: under some seed of the first hundred
and the lines where somebody must be shown waiting, or accessing, carry the mark `// here`; `// maybe here` allows more.
"""
import dataclasses
import json
import pathlib
import re
import subprocess
import tempfile

MOST_SEEDS = 100
DEADLINE = 60  # seconds of one run: far beyond any load


@dataclasses.dataclass
class Kernel:
    name: str
    file: str
    summary: str
    expect: set
    may: set
    every: bool
    here: set  # lines
    maybe_here: set
    operations: set

    @staticmethod
    def read(path):
        path = pathlib.Path(path)
        text = path.read_text()
        head = "\n".join(line[3:] for line in text.split("\n#")[0].splitlines())

        def words(tag):
            found = re.search(rf"^{tag}:(.*)$", head, re.M)
            return found[1].split() if found else []

        lines = {mark: {number for number, line in enumerate(text.splitlines(), 1) if line.endswith(f"// {mark}")}
                 for mark in ("here", "maybe here")}
        name, _, story = head.split("\nexpect:")[0].partition(": ")
        return Kernel(name, path.name, " ".join(story.split()), set(words("expect")), set(words("may")),
                      words("schedule") == ["every"], lines["here"], lines["maybe here"], set(words("operations")))


@dataclasses.dataclass
class Run:
    status: int
    err: str
    kinds: set
    record: pathlib.Path


class Runs:
    def __init__(self, build, program, render=True):
        """render=False: without the command that ends a run with a report; then the status is the program's own."""
        self.build = pathlib.Path(build).resolve()
        self.program = pathlib.Path(program).resolve()
        self.command = "" if render else ":command=/bin/true"
        self.folder = tempfile.TemporaryDirectory(prefix="vigil-kernels-")

    def run(self, kernel, form, seed):
        """One run. No report is made of it: the record says which kinds were found."""
        folder = tempfile.mkdtemp(dir=self.folder.name)
        options = f"schedule=random:seed={seed}:formats=:deadline={DEADLINE}:report_dir={folder}{self.command}"
        done = subprocess.run([self.program, kernel.name, form], capture_output=True, text=True, timeout=2 * DEADLINE,
                              env={"LD_PRELOAD": str(self.build / "lib/libvigil_shim.so"), "VIGIL_OPTIONS": options})
        record = next(pathlib.Path(folder).glob("*.jsonl"))
        lines = [json.loads(line) for line in record.read_text().splitlines() if line.startswith("{")]
        return Run(done.returncode, done.stderr, {line["kind"] for line in lines if line.get("type") == "finding"}, record)

    def report(self, run):
        """The report of a run, with names and places."""
        subprocess.run([self.build / "bin/vigil", "report", "--formats=json", run.record], capture_output=True)
        return json.loads(run.record.with_suffix(".json").read_text())
