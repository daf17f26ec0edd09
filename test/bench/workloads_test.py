"""The workloads do the work they say: each result against the same result computed here, another way.

usage: workloads_test.py WORKLOADS [unittest arguments]
"""
import re
import subprocess
import sys
import unittest

WORKLOADS = sys.argv.pop(1)


def run(*args):
    return subprocess.run([WORKLOADS, *map(str, args)], capture_output=True, text=True, timeout=50)


def result_of(name, n):
    done = run(name, n)
    assert done.returncode == 0, done.stderr
    line = re.fullmatch(r"(\w+) (\d+) (\d+\.\d+) (\d+\.\d+) (\d+) (-?\d+)\n", done.stdout)
    assert line, f"not the promised line: {done.stdout!r}"
    assert line[1] == name and int(line[2]) == n
    seconds, ns_per_op, rss = float(line[3]), float(line[4]), int(line[5])
    assert seconds >= 0 and abs(ns_per_op - seconds * 1e9 / n) <= 1 + 1e3 / n, done.stdout  # both are rounded
    assert rss > 500, done.stdout
    return int(line[6])


def nth_prime(n):
    found = []
    candidate = 2
    while len(found) < n:
        if all(candidate % prime for prime in found if prime * prime <= candidate):
            found.append(candidate)
        candidate += 1
    return found[-1]


def sum_of_product(n):
    """Sum of all elements of a*b = sum over k of (column sum of a) * (row sum of b)."""
    columns = [sum((row * n + k) % 7 for row in range(n)) for k in range(n)]
    rows = [sum((k * n + column) % 5 for column in range(n)) for k in range(n)]
    return sum(c * r for c, r in zip(columns, rows))


def middle_of_sequence(n):
    x, values = 12345, []
    for _ in range(n):
        x = (x * 1664525 + 1013904223) % 2**32
        values.append(x >> 8)
    return sorted(values)[n // 2]


class Workloads(unittest.TestCase):
    def check(self, name, sizes, expected):
        for n in sizes:
            with self.subTest(name=name, n=n):
                self.assertEqual(result_of(name, n), expected(n))

    def test_pingpong_sums_what_came_back(self):
        self.check("pingpong", (1, 2, 1000), lambda n: n * (n + 1) // 2)

    def test_pipeline_doubles_every_item(self):
        self.check("pipeline", (1, 127, 5000), lambda n: n * (n - 1))

    def test_select_receives_from_every_sender(self):
        self.check("select", (4, 5, 4000), lambda n: 4 * sum(range(n // 4)))

    def test_mutex_loses_no_increment(self):
        self.check("mutex", (8, 15, 80000), lambda n: n // 8 * 8)

    def test_spawn_runs_every_task(self):
        self.check("spawn", (1, 3, 20000), lambda n: n * (n - 1) // 2)

    def test_alive_wakes_every_task(self):
        self.check("alive", (1, 10000), lambda n: n)

    def test_sieve_finds_the_nth_prime(self):
        self.check("sieve", (1, 2, 300), nth_prime)

    def test_matmul_multiplies(self):
        self.check("matmul", (1, 5, 64), sum_of_product)

    def test_mergesort_sorts(self):
        self.check("mergesort", (1, 2, 1000, 40001), middle_of_sequence)

    def test_a_bad_call_is_explained(self):
        for args in ((), ("pingpong",), ("nonsense", 1), ("pingpong", "many"), ("pingpong", 0), ("pingpong", -1),
                     ("pingpong", "1x"), ("matmul", 10**30), ("pingpong", 1, 2)):
            with self.subTest(args=args):
                done = run(*args)
                self.assertEqual(done.returncode, 2)
                self.assertEqual(done.stdout, "")
                self.assertRegex(done.stderr, r"^workloads: .+\nusage: workloads NAME N")


if __name__ == "__main__":
    unittest.main()
