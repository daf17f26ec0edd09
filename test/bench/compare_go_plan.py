"""What compare_go measures: the columns (programs), the tables and the size of each row.

A size is chosen so that a run takes 0.1 to 1 s on two cores of 2023; `alive` is a promise of its own, at a million.
"""
import dataclasses
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BENCH = ROOT / "test/bench"
OUT = ROOT / "build/bench"

PREPARE = f'. "{ROOT}/cmake/prepare.sh"; '
BUILD_VIGIL = ("bash", "-c", PREPARE + "vigil_build release workloads")
BUILD_PEERS = ("bash", "-c", f'set -e; {PREPARE} vigil_logged "{OUT}/peers/configure.log" cmake -S "{BENCH}/peers"'
               f' -B "{OUT}/peers" -G Ninja -DCMAKE_BUILD_TYPE=Release;'
               f' vigil_logged "{OUT}/peers/build.log" cmake --build "{OUT}/peers" -j "$vigil_jobs"')


def build_go(*flags, output):
    flags = " ".join(flags)
    return ("bash", "-c", f'{PREPARE} cd "{BENCH}/go" && vigil_logged "{OUT}/go.log" go build -trimpath {flags} -o "{output}" .')


@dataclasses.dataclass(frozen=True)
class Column:
    """One program that does the work: `command NAME N` prints `NAME N seconds ns_per_op max_rss_kib check`."""
    id: str
    title: str
    build: tuple
    command: tuple
    lacks: tuple = ()                                            # workloads it has no means for
    most: dict = dataclasses.field(default_factory=dict)         # workload -> the largest N it is asked for
    environment: dict = dataclasses.field(default_factory=dict)  # beyond the caller's

    def does(self, row):
        return row.workload not in self.lacks and row.n <= self.most.get(row.workload, row.n)


@dataclasses.dataclass(frozen=True)
class Row:
    workload: str
    n: int


@dataclasses.dataclass(frozen=True)
class Table:
    """The first column is ours; ratios are ours / each other column."""
    id: str
    columns: tuple  # of Column ids, measured and shown by default
    rows: tuple
    quick: tuple    # the same with sizes that only show that everything runs


COLUMNS = {column.id: column for column in (
    Column("vigil", "vigil", BUILD_VIGIL, (ROOT / "build/release/bin/workloads",)),
    Column("vigil_thread", "vigil, main a thread", BUILD_VIGIL, (ROOT / "build/release/bin/workloads",),
           environment={"WORKLOADS_MAIN": "thread"}),
    Column("go", "Go", build_go(output=OUT / "workloads_go"), (OUT / "workloads_go",)),
    Column("go_race", "Go -race", build_go("-race", output=OUT / "workloads_go_race"), (OUT / "workloads_go_race",),
           most={"alive": 100_000}),
    Column("boost", "Boost.Fiber, 1 thread", BUILD_PEERS, (OUT / "peers/bin/workloads_boost_fiber", "round_robin"),
           lacks=("select",), most={"alive": 100_000, "spawn": 200_000}),
    Column("boost_stealing", "Boost.Fiber, work_stealing", BUILD_PEERS,
           (OUT / "peers/bin/workloads_boost_fiber", "work_stealing"),
           lacks=("select",), most={"alive": 100_000, "spawn": 200_000}),
    Column("boost_shared", "Boost.Fiber, shared_work", BUILD_PEERS,
           (OUT / "peers/bin/workloads_boost_fiber", "shared_work"),
           lacks=("select",), most={"alive": 100_000, "spawn": 200_000}),
    Column("std", "std::thread", BUILD_PEERS, (OUT / "peers/bin/workloads_std_thread",),
           lacks=("select",), most={"alive": 10_000, "spawn": 20_000}),
)}


def rows(**sizes):
    """rows(alive=(1000, 10)) is two rows."""
    return tuple(Row(name, n) for name, counts in sizes.items() for n in (counts if isinstance(counts, tuple) else (counts,)))


TABLES = {table.id: table for table in (
    Table("go", ("vigil", "go"),
          rows(pingpong=1_000_000, pipeline=3_000_000, select=1_000_000, mutex=10_000_000, spawn=1_000_000,
               alive=1_000_000, sieve=2000, matmul=600, mergesort=4_000_000),
          rows(pingpong=10_000, pipeline=10_000, select=10_000, mutex=100_000, spawn=10_000, alive=10_000, sieve=200,
               matmul=100, mergesort=100_000)),
    Table("thread", ("vigil_thread", "go"),
          rows(pipeline=1_000_000, select=300_000, sieve=1000, spawn=1_000_000),
          rows(pipeline=10_000, select=10_000, sieve=200, spawn=10_000)),
    Table("peers", ("vigil", "boost", "boost_stealing", "std"),
          rows(pingpong=100_000, pipeline=1_000_000, mutex=10_000_000, spawn=(20_000, 200_000), alive=(10_000, 100_000),
               sieve=500, matmul=600, mergesort=4_000_000),
          rows(pingpong=1000, pipeline=10_000, mutex=100_000, spawn=1000, alive=1000, sieve=50, matmul=100,
               mergesort=100_000)),
)}
