"""Programs of Debian that use threads, with and without the shim: same output, same exit status, no finding.

usage: programs_test.py SHIM [--times] [--more] [unittest arguments]

--times prints what each run took, as a row of docs/benchmarks.md.
--more adds the jobs of more_programs.py (java, ffmpeg, apache, mariadb and others), of those that are installed.
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import more_programs

SHIM = str(pathlib.Path(sys.argv.pop(1)).resolve())
TIMES = "--times" in sys.argv and not sys.argv.remove("--times")
MORE = "--more" in sys.argv and not sys.argv.remove("--more")
SECONDS = 120  # a job takes well under one; a loaded machine may take more

SQLITE = """
import sqlite3, threading
connection = sqlite3.connect("shop.db")
connection.execute("create table sold(seller, item)")
connection.commit()
def sell(seller):
    own = sqlite3.connect("shop.db", timeout=60)
    for item in range(100):
        own.execute("insert into sold values(?, ?)", (seller, item))
        if item % 50 == 49:
            own.commit()
    own.close()
sellers = [threading.Thread(target=sell, args=(seller,)) for seller in range(4)]
for seller in sellers: seller.start()
for seller in sellers: seller.join()
print(connection.execute("select count(*), sum(item) from sold").fetchone())
"""

NODE = """
const {Worker, isMainThread, parentPort} = require('worker_threads');
const crypto = require('crypto'), zlib = require('zlib');
if (isMainThread) {
  let left = 3, sum = 0;
  for (let i = 0; i < 3; ++i) {
    const worker = new Worker(__filename);
    worker.on('message', value => { sum += value; });
    worker.on('exit', () => { if (--left === 0) console.log('sum', sum); });
  }
  for (let i = 0; i < 8; ++i) zlib.gzip(Buffer.alloc(100000, i), () => {});
} else {
  crypto.pbkdf2('word', 'salt', 1000, 32, 'sha256', (error, key) => parentPort.postMessage(key[0]));
}
"""


REDIS = b"""
dbsize
llen mylist
strlen key:__rand_int__
incrby visits 41
incr visits
rpush queue a b c
lrange queue 0 -1
hset user name Ada born 1815
hgetall user
sort queue desc alpha
eval "return redis.call('lpop', KEYS[1])" 1 queue
get nothing
"""


def with_shim(folder):
    options = f"report_dir={folder}:command=/bin/true"
    return {"LD_PRELOAD": SHIM, "VIGIL_OPTIONS": options}


def findings_in(folder):
    found = []
    for path in pathlib.Path(folder).glob("*.jsonl"):
        for line in path.read_bytes().replace(b"\0", b"").split(b"\n"):
            if line.strip():
                record = json.loads(line)
                if record["type"] == "finding":
                    found.append(f"{record['kind']}: {record['message']}")
    return found


@contextlib.contextmanager
def server(command, path, env, folder):
    """Runs until asked to end; yields when it listens."""
    process = subprocess.Popen(command, env=os.environ | env, cwd=folder, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        for _ in range(SECONDS * 50):
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(path)) == 0:
                    break
            if process.poll() is not None:
                raise AssertionError(process.communicate()[0].decode(errors="replace"))
            time.sleep(0.02)
        yield process
        process.wait(SECONDS)
    finally:
        process.kill()
        process.communicate()


class Programs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="vigil-programs-"))
        # Text and code, the same on every run of one machine.
        parts = [path.read_bytes() for path in sorted(pathlib.Path("/usr/include").glob("*.h"))]
        (cls.folder / "data").write_bytes(b"".join(parts)[:3_000_000] * 2)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def run_one(self, command, env):
        start = time.monotonic()
        done = subprocess.run(command, env=os.environ | env, cwd=self.folder, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=SECONDS)
        return (done.returncode, done.stdout), time.monotonic() - start

    def compare(self, name, run):
        """run(env) gives (what must be equal, seconds)."""
        with tempfile.TemporaryDirectory() as reports:
            plain, plain_seconds = run({})
            shimmed, seconds = run(with_shim(reports))
            self.assertEqual(shimmed, plain)
            self.assertEqual(findings_in(reports), [])
        if TIMES:
            print(f"| {name} | {plain_seconds * 1000:.0f} | {seconds * 1000:.0f} |")

    def compare_command(self, *command):
        if shutil.which(command[0]) is None:
            self.skipTest(f"{command[0]} is not installed")
        self.compare(command[0], lambda env: self.run_one(command, env))

    def test_pigz(self):
        self.compare_command("pigz", "-p4", "-c", "data")

    def test_pbzip2(self):
        self.compare_command("pbzip2", "-p4", "-1", "-c", "data")

    def test_lbzip2(self):
        self.compare_command("lbzip2", "-n4", "-1", "-c", "data")

    def test_xz(self):
        self.compare_command("xz", "-T4", "-0", "--block-size=1MiB", "-c", "data")

    def test_zstd(self):
        self.compare_command("zstd", "-q", "-T4", "-c", "data")

    def test_7zz(self):
        self.compare_command("7zz", "a", "-so", "-mmt4", "-mx1", "-txz", "none", "data")

    def test_git_grep(self):
        git = ["git", "-C", "repository", "-c", "user.name=n", "-c", "user.email=e"]
        subprocess.run(["git", "init", "-q", "repository"], cwd=self.folder, check=True)
        for i in range(20):
            (self.folder / f"repository/{i}.txt").write_bytes((self.folder / "data").read_bytes()[i * 100_000:][:100_000])
        subprocess.run([*git, "add", "."], cwd=self.folder, check=True)
        self.compare_command(*git, "grep", "-a", "--threads=4", "-c", "include")

    def test_gdb(self):
        self.compare_command("gdb", "-nx", "--batch", "-ex", "info sharedlibrary", "-ex", "info files", "/bin/true")

    def test_sqlite_from_python(self):
        def run(env):
            (self.folder / "shop.db").unlink(missing_ok=True)
            return self.run_one(["/usr/bin/python3", "-c", SQLITE], env)

        self.compare("python3, sqlite", run)

    def test_node(self):
        (self.folder / "workers.js").write_text(NODE)
        self.compare_command("node", "workers.js")

    def test_redis(self):
        if shutil.which("redis-server") is None or shutil.which("redis-benchmark") is None:
            self.skipTest("redis is not installed")
        path = self.folder / "redis"
        command = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--io-threads", "2",
                   "--io-threads-do-reads", "yes"]

        def run(env):
            with server(command, path, env, self.folder) as process:
                start = time.monotonic()
                subprocess.run(["redis-benchmark", "-s", str(path), "-n", "3000", "-c", "20", "-q", "-t",
                                "set,get,lpush"], check=True, capture_output=True, timeout=SECONDS)
                seconds = time.monotonic() - start
                # What the benchmark left behind, and some answers more: the same each time but for its random keys.
                asked = subprocess.run(["redis-cli", "-s", str(path)], input=REDIS, check=True, capture_output=True,
                                       timeout=SECONDS)
                subprocess.run(["redis-cli", "-s", str(path), "shutdown", "nosave"], check=True, capture_output=True)
            return (process.returncode, asked.stdout), seconds

        self.compare("redis-server", run)

    def test_memcached(self):
        if shutil.which("memcached") is None:
            self.skipTest("memcached is not installed")
        path = self.folder / "memcached"
        command = ["memcached", "-s", str(path), "-t", "4"]
        if os.geteuid() == 0:
            command += ["-u", "root"]

        def talk(number):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(path))
                answers = connection.makefile("rb")
                for i in range(200):
                    connection.sendall(b"set %d-%d 0 0 5\r\nhello\r\nget %d-%d\r\n" % (number, i, number, i))
                    heard[number].extend(answers.readline() for _ in range(4))

        heard = {}

        def run(env):
            path.unlink(missing_ok=True)
            heard.update({number: [] for number in range(8)})
            with server(command, path, env, self.folder) as process:
                start = time.monotonic()
                talkers = [threading.Thread(target=talk, args=(number,)) for number in range(8)]
                for talker in talkers:
                    talker.start()
                for talker in talkers:
                    talker.join()
                seconds = time.monotonic() - start
                process.terminate()
            return (process.returncode, dict(heard)), seconds

        self.compare("memcached", run)
        self.assertEqual(heard[7][-4:], [b"STORED\r\n", b"VALUE 7-199 0 5\r\n", b"hello\r\n", b"END\r\n"])


def are_installed(packages):
    asked = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}\\n", *packages.split()], capture_output=True)
    return asked.returncode == 0 and set(asked.stdout.split()) == {b"installed"}


class MorePrograms(unittest.TestCase):
    def job(self, name, packages, command):
        if not are_installed(packages):
            self.skipTest(f"needs {packages}")
        with tempfile.TemporaryDirectory() as reports:
            os.chmod(reports, 0o1777)  # a server's children are another user
            plain, plain_seconds = self.run_one(command, {})
            shimmed, seconds = self.run_one(command, with_shim(reports))
            self.assertEqual(shimmed, plain)
            self.assertEqual(findings_in(reports), [])
        if TIMES:
            print(f"| {name} | {plain_seconds * 1000:.0f} | {seconds * 1000:.0f} |")

    def run_one(self, command, env):
        with tempfile.TemporaryDirectory() as folder:
            start = time.monotonic()
            process = subprocess.Popen(["sh", "-c", command], env=os.environ | env, cwd=folder,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       start_new_session=True)
            try:
                output, errors = process.communicate(timeout=SECONDS)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            ours = [line for line in errors.splitlines() if line.startswith(b"vigil: ")]
            return (process.returncode, output, ours), time.monotonic() - start


if MORE:
    for job in more_programs.JOBS:
        setattr(MorePrograms, f"test_{job[0]}", lambda self, job=job: self.job(*job))

if __name__ == "__main__":
    unittest.main()
