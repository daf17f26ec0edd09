"""Running one program once, and knowing how much of the machine others used meanwhile."""
import dataclasses
import os
import re
import subprocess
import time

TICK = 1 / os.sysconf("SC_CLK_TCK")
PROCESSORS = os.cpu_count()
OTHERS_MAY_USE = 0.08  # of the whole machine; above it, times of a two-thread program move visibly
LINE = re.compile(r"(\w+) (\d+) (\d+\.\d+) (\d+\.\d+) (\d+) (-?\d+)\n")


@dataclasses.dataclass(frozen=True)
class Sample:
    seconds: float
    rss_kib: int
    check: int
    others: float  # the part of the machine that other processes used, 0 to 1


class Failed(Exception):
    """The program did not do the work; the text says how it ended."""


def busy_seconds():
    """Time that all processors together were not idle since boot; what a hypervisor took away counts as busy."""
    with open("/proc/stat", encoding="ascii") as stat:
        user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = map(int, stat.readline().split()[1:])
    return (user + nice + system + irq + softirq + steal) * TICK


def before_others():
    """In the new process: a scheduling group of its own, with the greatest weight there is. Without autogroups, or
    without the right to it, the weight of the process alone; without that, nothing."""
    os.setsid()
    try:
        with open("/proc/self/autogroup", "w", encoding="ascii") as weight:
            weight.write("-20")
        os.nice(-20)
    except OSError:
        pass


def run(column, row, timeout, priority=False):
    """One run of the row's work by the column's program. Raises Failed."""
    command = [str(word) for word in (*column.command, row.workload, row.n)]
    busy, started = busy_seconds(), time.monotonic()
    own = os.times()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False,
                              env={**os.environ, **column.environment}, preexec_fn=before_others if priority else None)
    except subprocess.TimeoutExpired:
        raise Failed(f"not done after {timeout} s") from None
    except OSError as error:
        raise Failed(str(error)) from None
    elapsed, busy, now = time.monotonic() - started, busy_seconds() - busy, os.times()
    used = sum(now[:4]) - sum(own[:4])  # ours, and of children that ended
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise Failed(f"ended with status {done.returncode}: {last[0]}")
    line = LINE.fullmatch(done.stdout)
    if not line or (line[1], int(line[2])) != (row.workload, row.n):
        raise Failed(f"printed {done.stdout!r}")
    # Two ticks of doubt: /proc/stat counts in ticks, and a short run would look disturbed by rounding alone.
    others = max(0.0, busy - used - 2 * TICK) / (elapsed * PROCESSORS)
    return Sample(float(line[3]), int(line[5]), int(line[6]), others)


class Quiet:
    """Waits until nobody else uses the machine, for at most `patience` seconds in all. With priority it need not wait:
    others get what the programs leave."""

    def __init__(self, patience, priority=False):
        self.left = 0 if priority else patience
        self.priority = priority

    def wait(self):
        while self.left > 0:
            busy, started = busy_seconds(), time.monotonic()
            time.sleep(0.15)
            elapsed = time.monotonic() - started
            if (busy_seconds() - busy - TICK) / (elapsed * PROCESSORS) <= OTHERS_MAY_USE:
                return
            self.left -= elapsed

    def sample(self, column, row, timeout):
        """A run that nobody disturbed, or, when patience has ended, the last one."""
        while True:
            self.wait()
            started = time.monotonic()
            sample = run(column, row, timeout, self.priority)
            if sample.others <= OTHERS_MAY_USE or self.left <= 0:
                return sample
            self.left -= time.monotonic() - started


def measure(tables, columns_of, runs, quiet, timeout, progress):
    """Round robin: each round runs every row once in every column. Returns {(column id, row): [Sample] or Failed}."""
    found = {}
    for number in range(1, runs + 1):
        progress(f"round {number} of {runs}")
        done = set()
        for table in tables:
            for row in table.rows:
                for column in columns_of[table.id]:
                    key = (column.id, row)
                    if key in done or not column.does(row) or isinstance(found.get(key), Failed):
                        continue
                    done.add(key)  # two tables may share a row
                    try:
                        found.setdefault(key, []).append(quiet.sample(column, row, timeout))
                    except Failed as failure:
                        progress(f"{column.id} {row.workload} {row.n}: {failure}")
                        found[key] = failure
    return found
