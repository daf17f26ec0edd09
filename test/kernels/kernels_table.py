"""Runs every kernel a hundred times, each time in another order, and writes docs/kernels.md.

usage: kernels_table.py BUILD [--runs N] [--out FILE] [KERNEL...]
"""
import argparse
import concurrent.futures
import dataclasses
import pathlib
import sys

from kernels_runs import MOST_SEEDS, Kernel, Runs

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = {"blocking": "kernels", "racing": "kernels_instrumented"}
HEAD = """# The kernels: bugs of real Go programs

{count} bugs of real Go programs (out of GoKer, the kernels of the GoBench suite), each written for vigil's API from what is known of it: who takes
part, which primitives, which order of operations. `test/kernels/` has each in the form that has the bug and in the corrected one. These are ports:
GoKer-equivalent kernels, not GoKer. A file says which kinds must be found and marks the lines where somebody must be shown waiting or accessing.

`ctest -L kernels` runs each under the shim with `schedule=random`: the buggy form until it is found, the corrected one a few times. This
table is made by `test/kernels/kernels_table.py BUILD`, which runs both {runs} times, with the seeds 1 to {runs}:

- *first*: the first seed that shows every expected kind; its number is how many runs that took.
- *found*: in how many of the {runs} runs these kinds were found; *predicted*: in how many others a finding told of the bug although that run got away
  with it, or another kind of the same bug was found.
- *corrected*: findings of the corrected form in {runs} runs.

`vigil run --schedule=random --seed=N -- build/release/bin/kernels NAME buggy` shows one of them (`kernels_instrumented` for the data races and the
misuse of channels and wait groups below).

| kernel | what goes wrong | expected | first | found | predicted | corrected |
|---|---|---|---|---|---|---|
"""


@dataclasses.dataclass
class Row:
    kernel: Kernel
    first: int = 0
    found: int = 0
    other: int = 0
    false: int = 0
    wrong: list = dataclasses.field(default_factory=list)

    def text(self):
        kinds = ", ".join(f"`{kind}`" for kind in sorted(self.kernel.expect))
        story = self.kernel.summary.split(" Fix:")[0]
        story = story[0].upper() + story[1:]
        return f"| {self.kernel.name} | {story} | {kinds} | {self.first or '-'} | {self.found} | {self.other or ''} | {self.false} |"


def measure(path, build, runs):
    kernel = Kernel.read(path)
    shim = Runs(build, pathlib.Path(build) / "bin" / PROGRAMS[path.parent.name], render=False)
    row = Row(kernel)
    for seed in range(1, runs + 1):
        kinds = shim.run(kernel, "buggy", seed).kinds
        if kernel.expect <= kinds:
            row.found += 1
            row.first = row.first or seed
        elif kinds:
            row.other += 1
        if not kinds <= kernel.expect | kernel.may:
            row.wrong.append(f"{kernel.name} buggy, seed {seed}: {sorted(kinds)}")
        fixed = shim.run(kernel, "fixed", seed)
        if fixed.kinds or fixed.status != 0:
            row.false += 1
            row.wrong.append(f"{kernel.name} fixed, seed {seed}: {sorted(fixed.kinds)}, status {fixed.status}")
    if not row.first:
        row.wrong.append(f"{kernel.name}: not found in {runs} runs")
    print(row.text(), flush=True)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build")
    parser.add_argument("--runs", type=int, default=MOST_SEEDS)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs/kernels.md")
    parser.add_argument("kernel", nargs="*", help="files' names, as moby_4395; none: all")
    args = parser.parse_args()
    paths = sorted(path for folder in PROGRAMS for path in (HERE / folder).glob("*.cpp")
                   if not args.kernel or path.stem in args.kernel)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        rows = list(pool.map(lambda path: measure(path, args.build, args.runs), paths))
    rows.sort(key=lambda row: (row.kernel.name.split("#")[0], int(row.kernel.name.split("#")[1])))
    if not args.kernel:
        args.out.write_text(HEAD.format(count=len(rows), runs=args.runs) + "\n".join(row.text() for row in rows) + "\n")
    wrong = [line for row in rows for line in row.wrong]
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
