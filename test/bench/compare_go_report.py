"""From samples to Markdown: medians, ratios, and whether all programs computed the same."""
import os
import pathlib
import platform
import re
import statistics
import subprocess

from compare_go_measure import OTHERS_MAY_USE, Failed
from compare_go_plan import ROOT

# Work that is not a number of equal operations: its time is given for all of it.
WHOLE = ("alive", "sieve", "matmul", "mergesort")
# Work whose memory is that of its tasks. Elsewhere the programs' own size and the data decide.
OF_TASKS = ("spawn", "alive")


def with_unit(seconds):
    for unit, scale in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1:
            return f"{three_digits(seconds * scale)} {unit}"
    return f"{three_digits(seconds * 1e9)} ns"


def three_digits(value):
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def time_of(row, samples):
    seconds = statistics.median(sample.seconds for sample in samples)
    return with_unit(seconds if row.workload in WHOLE else seconds / row.n)


def memory_of(samples):
    return f"{three_digits(statistics.median(sample.rss_kib for sample in samples) / 1024)} MiB"


def ratio_of(ours, others, value):
    """Ratio of the medians, and in parentheses the quartiles of the rounds' own ratios."""
    text = three_digits(statistics.median(map(value, ours)) / statistics.median(map(value, others)))
    rounds = [value(a) / value(b) for a, b in zip(ours, others)]
    if len(rounds) < 4:
        return text
    low, _, high = statistics.quantiles(rounds, n=4, method="inclusive")
    return f"{text} ({three_digits(low)}–{three_digits(high)})"


def table_lines(header, body):
    yield "| " + " | ".join(header) + " |"
    yield "|" + "|".join("---" if i == 0 else "---:" for i in range(len(header))) + "|"
    for cells in body:
        yield "| " + " | ".join(cells) + " |"


def markdown(rows, columns, found, cell_of, value):
    """One Markdown table: a line per row, a cell per column, and a ratio to each column but the first. Empty when no
    row was measured."""
    ours, *others = columns

    def samples(column, row):
        measured = found.get((column.id, row))
        return measured if isinstance(measured, list) and measured else None

    def cell(column, row):
        if samples(column, row):
            return cell_of(row, samples(column, row))
        return "failed" if isinstance(found.get((column.id, row)), Failed) else "–"

    def ratio(column, row):
        both = samples(ours, row), samples(column, row)
        return ratio_of(*both, value) if all(both) else "–"

    header = ["workload", "N", *(c.title for c in columns), *(f"{ours.title} / {c.title}" for c in others)]
    body = [[row.workload, f"{row.n:,}", *(cell(c, row) for c in columns), *(ratio(c, row) for c in others)]
            for row in rows if any(samples(c, row) for c in columns)]
    return "\n".join(table_lines(header, body)) if body else ""


def time_table(table, columns, found):
    return markdown(table.rows, columns, found, time_of, lambda sample: sample.seconds)


def memory_table(table, columns, found):
    # What a race detector remembers grows with all that the program does.
    rows = [row for row in table.rows if row.workload in OF_TASKS or table.id.startswith("race")]
    return markdown(rows, columns, found, lambda _row, samples: memory_of(samples), lambda sample: sample.rss_kib)


def disagreements(found, tables):
    """A line for each row of a table whose programs, or whose runs of one program, computed different results. Tables of
    other programs may have a row of the same name, which is other work."""
    lines = []
    for table in tables:
        for row in table.rows:
            checks = {}
            for column in table.columns:
                measured = found.get((column, row))
                for sample in measured if isinstance(measured, list) else ():
                    checks.setdefault(sample.check, set()).add(column)
            if len(checks) > 1:
                lines.append(f"{row.workload} {row.n}: "
                             + "; ".join(f"{check} from {', '.join(sorted(by))}" for check, by in checks.items()))
    return list(dict.fromkeys(lines))


def load_line(found, priority):
    others = [sample.others for samples in found.values() if isinstance(samples, list) for sample in samples]
    disturbed = sum(share > OTHERS_MAY_USE for share in others)
    if priority:
        return ("The programs ran with the greatest scheduling weight; other processes used what they left, "
                f"{100 * statistics.mean(others):.1f} % of the machine on average.")
    return (f"Other processes used {100 * statistics.mean(others):.1f} % of the machine on average; "
            f"in {disturbed} of {len(others)} runs it was more than {100 * OTHERS_MAY_USE:.0f} %.")


def first_line(*command, default="?"):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0].strip()
    except (OSError, subprocess.CalledProcessError, IndexError):
        return default


def surroundings():
    """The machine and the versions, as lines of Markdown."""
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.*)$", info, re.M)
    memory = int(re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())[1]) / 2**20
    system = re.search(r'PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text())
    boost = first_line("dpkg-query", "-W", "-f=${Version}", "libboost-fiber1.74-dev").split("+")[0]
    commit = first_line("git", "-C", ROOT, "rev-parse", "--short", "HEAD")
    changed = first_line("git", "-C", ROOT, "status", "--porcelain", "--", "runtime", "test/bench", default="")
    return [
        f"- machine: {model[1] if model else platform.machine()}, {os.cpu_count()} processors, {memory:.0f} GiB, "
        f"Linux {platform.release()}, {system[1] if system else '?'}",
        f"- versions: vigil {commit}{' with changes' if changed else ''}; {first_line('g++', '--version')}, -O2; "
        f"{first_line('clang++', '--version')}; {first_line('clang++-19', '--version', default='no clang 19')}; "
        f"{first_line('go', 'version')}; Boost {boost}",
    ]


def replace_between_markers(text, name, content):
    """Text with what stands between `<!-- name -->` and `<!-- /name -->` replaced. Raises ValueError without markers."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"needs exactly one {begin} and one {end}")
    before, rest = text.split(begin)
    return before + begin + "\n" + content + "\n" + end + rest.split(end)[1]
