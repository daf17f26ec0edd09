"""What compare_go measures: the columns (programs), the tables and the size of each row.

A size is chosen so that a run takes 0.1 to 1 s on two cores of 2023; `alive` is a promise of its own, at a million.
"""
import dataclasses
import pathlib
import shutil

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BENCH = ROOT / "test/bench"
OUT = ROOT / "build/bench"

PREPARE = f'. "{ROOT}/cmake/prepare.sh"; '
BUILD_VIGIL = ("bash", "-c", PREPARE + "vigil_build release workloads")
BUILD_PEERS = ("bash", "-c", f'set -e; {PREPARE} vigil_logged "{OUT}/peers/configure.log" cmake -S "{BENCH}/peers"'
               f' -B "{OUT}/peers" -G Ninja -DCMAKE_BUILD_TYPE=Release;'
               f' vigil_logged "{OUT}/peers/build.log" cmake --build "{OUT}/peers" -j "$vigil_jobs"')

BUILD_INSTRUMENTED = ("bash", "-c", PREPARE + "vigil_build release vigil_shim workloads workloads_instrumented workloads_tsan")
BUILD_THREADS = ("bash", "-c", f'{PREPARE} vigil_build release vigil_shim vigil_instrument; vigil_logged "{OUT}/race/build.log"'
                 f' "{BENCH}/race/build" "{OUT}/race" "{ROOT}/build/release/lib"')
# Debian's newest clang, where it is installed: its ThreadSanitizer is the fastest. The library stays g++'s.
NEW_CLANG = shutil.which("clang++-19")
BUILD_NEW_CLANG = ("bash", "-c", f'{PREPARE} vigil_build release vigil_shim && mkdir -p "{OUT}/race" &&'
                   f' vigil_logged "{OUT}/race/clang19.log" clang++-19 -std=c++20 -O2 -g1 -pthread -fsanitize=thread'
                   f' -I"{ROOT}/runtime/include" "{BENCH}/workloads.cpp" -o "{OUT}/race/workloads_tsan_clang19"'
                   f' "{ROOT}/build/release/lib/libvigil.so" -Wl,-rpath,"{ROOT}/build/release/lib"')
# Under the shim, but no report is rendered: the work alone is measured.
WATCHED = {"LD_PRELOAD": f"{ROOT}/build/release/lib/libvigil_shim.so",
           "VIGIL_OPTIONS": f"command=/bin/true:exitcode=0:report_dir={OUT}/reports"}


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
    # Race detectors, on the workloads: vigil's engine first.
    Column("engine", "vigil's engine", BUILD_INSTRUMENTED, (ROOT / "build/release/bin/workloads_instrumented",),
           environment=WATCHED),
    Column("plain", "plain", BUILD_INSTRUMENTED, (ROOT / "build/release/bin/workloads",)),
    Column("shim", "shim, not instrumented", BUILD_INSTRUMENTED, (ROOT / "build/release/bin/workloads",), environment=WATCHED),
    # A fiber of g++ 12's ThreadSanitizer takes 2 ms and 0.8 MiB, and 8128 are all.
    Column("tsan", "TSan g++, with the bridge", BUILD_INSTRUMENTED, (ROOT / "build/release/bin/workloads_tsan",),
           most={"alive": 1000, "spawn": 1000, "sieve": 100}, environment={**WATCHED, "TSAN_OPTIONS": "exitcode=0"}),
    Column("tsan_clang19", "TSan clang 19, with the bridge", BUILD_NEW_CLANG, (OUT / "race/workloads_tsan_clang19",),
           most={"alive": 1000, "spawn": 1000}, environment={**WATCHED, "TSAN_OPTIONS": "exitcode=0"}),
    # The same on programs of plain threads.
    *(column for name, compiler in (("gcc", "g++"), ("clang", "clang++"), ("clang19", "clang++-19")) for column in (
        Column(f"threads_{name}", f"plain, {compiler}", BUILD_THREADS, (OUT / f"race/threads_{compiler}",)),
        Column(f"threads_engine_{name}", f"vigil's engine, {compiler}", BUILD_THREADS,
               (OUT / f"race/threads_vigil_{compiler}",), environment=WATCHED),
        Column(f"threads_tsan_{name}", f"TSan, {compiler}", BUILD_THREADS, (OUT / f"race/threads_tsan_{compiler}",),
               most={"alive": 1000 if name == "gcc" else 5000}))),
    Column("helgrind", "Helgrind", BUILD_THREADS, ("valgrind", "-q", "--tool=helgrind", OUT / "race/threads_g++"),
           most={"counter": 10_000, "queue": 5000, "alive": 400}),
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
    Table("race", ("engine", "plain", "shim", "tsan", *(("tsan_clang19",) if NEW_CLANG else ()), "go", "go_race"),
          rows(pingpong=200_000, pipeline=500_000, select=100_000, mutex=1_000_000, spawn=(1000, 100_000),
               alive=(1000, 100_000), sieve=(100, 700), matmul=250, mergesort=500_000),
          rows(pingpong=1000, pipeline=1000, select=1000, mutex=1000, spawn=1000, alive=1000, sieve=50, matmul=50,
               mergesort=10_000)),
    Table("race_threads", ("threads_engine_gcc", "threads_gcc", "threads_tsan_gcc", "helgrind"),
          rows(counter=(10_000, 400_000), array=1_000_000, queue=(5000, 100_000), tree=400_000, atomics=400_000,
               alive=(400, 5000), spawn=1000),
          rows(counter=1000, array=1000, queue=1000, tree=10_000, atomics=1000, alive=100, spawn=10)),
    *(Table(f"race_threads_{clang}", (f"threads_engine_{clang}", f"threads_{clang}", f"threads_tsan_{clang}"),
            rows(counter=400_000, array=1_000_000, queue=100_000, tree=400_000, atomics=400_000, alive=5000, spawn=1000),
            rows(counter=1000, array=1000, queue=1000, tree=10_000, atomics=1000, alive=100, spawn=10))
      for clang in ("clang", *(("clang19",) if NEW_CLANG else ()))),
)}
