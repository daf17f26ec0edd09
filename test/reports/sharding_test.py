"""The recipes of docs/sharding.md that can be tried on one machine are tried, as they stand there.

usage: sharding_test.py BIN_FOLDER SOURCE_FOLDER
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

BIN, SOURCE = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
del sys.argv[1:3]

PROJECT = """cmake_minimum_required(VERSION 3.25)
project(shop LANGUAGES NONE)
enable_testing()
add_executable(vigil::command IMPORTED)
set_target_properties(vigil::command PROPERTIES IMPORTED_LOCATION "{bin}/vigil")
include("{source}/cmake/VigilTest.cmake")
foreach(name buy sell)
  vigil_add_test(NAME ${{name}} COMMAND "{bin}/send-on-closed_fixed" OPTIONS formats=json)
endforeach()
vigil_add_test(NAME refund COMMAND "{bin}/send-on-closed_buggy" OPTIONS formats=json)
"""


def recipe(name):
    found = re.search(rf"<!-- tried: {name} -->\n```sh\n(.*?)```", (SOURCE / "docs/sharding.md").read_text(), re.DOTALL)
    return found[1]


class Sharding(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name)

    def tearDown(self):
        self.temporary.cleanup()

    def shell(self, script, **variables):
        environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"} | variables
        return subprocess.run(["sh", "-c", script], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=100)

    def findings_of(self, report):
        return {(f["kind"], f["count"]) for f in json.loads((self.folder / report).read_text())["findings"]}

    def test_ctest_deals_the_tests_out_and_their_reports_meet(self):
        (self.folder / "CMakeLists.txt").write_text(PROJECT.format(bin=BIN, source=SOURCE))
        done = self.shell("cmake -S . -B build -G Ninja")
        self.assertEqual(done.returncode, 0, done.stderr)
        ran = []
        for shard in ("0", "1"):
            done = self.shell(recipe("ctest-shard"), SHARD=shard, SHARDS="2")
            ran += [name for name in re.findall(r"Test +#\d+: (\S+)", done.stdout) if not name.startswith("vigil.")]
            self.assertTrue((self.folder / f"shard-{shard}.tar.gz").exists(), done.stderr)
        self.assertEqual(sorted(ran), ["buy", "refund", "sell"], "each once")
        done = self.shell(recipe("ctest-merge"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual({kind for kind, _ in self.findings_of("all.json")}, {"send-on-closed", "task-exception"})
        self.assertIn("3 runs", (self.folder / "all/index.html").read_text())
        (self.folder / "main.json").write_text((self.folder / "all.json").read_text())
        self.assertEqual(self.shell(recipe("baseline")).returncode, 0, "nothing is new")

    def test_a_bare_preload_says_that_nothing_is_new(self):
        def preloaded(**options):
            told = ":".join(f"{name}={value}" for name, value in options.items())
            done = self.shell(f"LD_PRELOAD={BIN}/../lib/libvigil_shim.so exec {BIN}/abba_buggy", VIGIL_OPTIONS=told)
            return done.returncode, [line for line in done.stderr.splitlines() if line.startswith("vigil: ")]

        status, told = preloaded(report_dir="before", formats="json")
        self.assertEqual((status, len(told)), (66, 1), told)
        (before,) = (self.folder / "before").glob("*.json")
        status, told = preloaded(report_dir="after", baseline=before)
        self.assertEqual((status, len(told)), (0, 1), told)
        self.assertRegex(told[0], r"^vigil: nothing new; 1 finding of the baseline - report: after/abba_buggy\.\d+\.html$")
        done = self.shell(f"vigil run --report_dir=run --baseline={before} -- {BIN}/abba_buggy")
        self.assertEqual((done.returncode, done.stderr.count("nothing new")), (0, 1), done.stderr)

    def test_gnu_parallel_runs_any_commands(self):
        (self.folder / "tests.txt").write_text(f"{BIN}/send-on-closed_fixed\n{BIN}/send-on-closed_buggy --with 'two words'\n")
        done = self.shell(recipe("parallel"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("some failed", done.stdout)
        self.assertIn("2 runs", (self.folder / "reports/index.html").read_text())
        (report,) = (self.folder / "reports/2").glob("*.json")
        self.assertEqual(json.loads(report.read_text())["program"]["args"][1:], ["--with", "two words"])


if __name__ == "__main__":
    unittest.main()
