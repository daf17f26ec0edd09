"""Measures vigil's primitives against Go's, and with --peers against Boost.Fiber and the standard library.

Every program does the same work (test/bench/workloads.cpp, go/, peers/) on two threads and prints its result; the
columns run in alternation, each figure is the median of its runs. When programs compute different results, or one
fails, that is said and the exit status is 1.
"""
import argparse
import datetime
import shlex
import subprocess
import sys

import compare_go_report as report
from compare_go_measure import Quiet, measure
from compare_go_plan import COLUMNS, ROOT, TABLES, Table

DOCUMENT = ROOT / "docs/benchmarks.md"
FEWEST_RUNS = 7  # for figures that are kept


def say(words):
    print(f"== {words}", file=sys.stderr, flush=True)


def names(allowed):
    def parse(text):
        chosen = text.split(",")
        for name in chosen:
            if name not in allowed:
                raise argparse.ArgumentTypeError(f"no '{name}' here; there are: {', '.join(allowed)}")
        return chosen
    return parse


def arguments():
    workloads = list(dict.fromkeys(row.workload for table in TABLES.values() for row in table.rows))
    parser = argparse.ArgumentParser(prog="compare_go", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", action="store_true", help="measure the table of peers too")
    parser.add_argument("--race", action="store_true",
                        help="instead of all this, measure race detectors: vigil's engine, ThreadSanitizer, Go's, Helgrind")
    parser.add_argument("--runs", type=int, default=FEWEST_RUNS, help="rounds (default %(default)s)")
    parser.add_argument("--workloads", type=names(workloads), help="only these, separated by commas: " + ", ".join(workloads))
    parser.add_argument("--columns", type=names(list(COLUMNS)),
                        help="one table of these columns, the first of them ours: " + ", ".join(COLUMNS))
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that everything runs, measures nothing")
    parser.add_argument("--patience", type=float, default=300,
                        help="seconds to wait, in all, for moments when others leave the machine alone (default %(default)g)")
    parser.add_argument("--priority", action="store_true",
                        help="on a machine that others use: run the programs before everybody else's (needs root)")
    parser.add_argument("--timeout", type=float, default=120, help="seconds a single run may take (default %(default)g)")
    parser.add_argument("--write", action="store_true",
                        help=f"put the tables into {DOCUMENT.relative_to(ROOT)}; needs all workloads, the usual columns "
                             f"and at least {FEWEST_RUNS} runs")
    args = parser.parse_args()
    if args.runs < 1:
        parser.error("--runs must be at least 1")
    if args.write and (args.quick or args.columns or args.workloads or args.runs < FEWEST_RUNS):
        parser.error(f"--write keeps figures: it needs all workloads, the usual columns and at least {FEWEST_RUNS} runs")
    return args


def chosen_tables(args):
    if args.race:
        tables = [table for name, table in TABLES.items() if name.startswith("race")]
    else:
        tables = [TABLES["go"], TABLES["thread"], *([TABLES["peers"]] if args.peers else [])]
    if args.columns:
        tables = tables[:1]
        tables = [Table(table.id, tuple(args.columns), table.rows, table.quick) for table in tables]
    for table in tables:
        rows = table.quick if args.quick else table.rows
        yield Table(table.id, table.columns, tuple(row for row in rows if not args.workloads or row.workload in args.workloads),
                    table.quick)


def build(columns):
    for command in dict.fromkeys(column.build for column in columns):
        if subprocess.run(command, stdout=sys.stderr, check=False).returncode != 0:
            sys.exit("compare_go: a program could not be built")


def main():
    args = arguments()
    tables = list(chosen_tables(args))
    columns_of = {table.id: [COLUMNS[name] for name in table.columns] for table in tables}
    build(column for columns in columns_of.values() for column in columns)
    found = measure(tables, columns_of, args.runs, Quiet(0 if args.quick else args.patience, args.priority), args.timeout, say)

    wrong = report.disagreements(found, tables)
    failed = [f"{column} {row.workload} {row.n}: {samples}" for (column, row), samples in found.items()
              if not isinstance(samples, list)]
    # That another race detector fails is a result; that ours does is not.
    ours = {table.columns[0] for table in tables}
    in_vain = [key for key, samples in found.items() if not isinstance(samples, list) and (key[0] in ours or not args.race)]
    command = shlex.join(["test/bench/compare_go", *sys.argv[1:]])
    around = "\n".join([f"- measured {datetime.date.today()} by `{command}`, medians of {args.runs} alternating runs",
                        *report.surroundings(), f"- {report.load_line(found, args.priority)}"])
    texts = {}
    for table in tables:
        columns = columns_of[table.id]
        memory = report.memory_table(table, columns, found)
        texts[table.id] = "\n\n".join([around, "Time:", report.time_table(table, columns, found),
                                       *(["Peak memory:", memory] if memory else [])])
        print(texts[table.id], end="\n\n")

    for line in wrong:
        print(f"DIFFERENT RESULTS: {line}")
    for line in failed:
        print(f"FAILED: {line}")
    if wrong or in_vain:
        sys.exit(1)
    print(f"All {'other ' if failed else ''}programs computed the same results ({len(found)} combinations of program, workload "
          "and N).")
    if args.write:
        document = DOCUMENT.read_text()
        for name, text in texts.items():
            document = report.replace_between_markers(document, f"compare_go {name}", text)
        DOCUMENT.write_text(document)
        say(f"wrote {DOCUMENT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
