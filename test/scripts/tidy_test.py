"""test/style/tidy on a small tree: checked together or alone, a source gets the same verdict."""
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SOUND = "namespace {{ int helper() {{ return {0}; }} }}\nint used_{0}() {{ return helper(); }}\n"  # all clash in one name
FAULTY = "int* nothing() { return 0; }\n"


class Tidy(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve()
        for name in ("test/style", "runtime", "build"):
            (self.root / name).mkdir(parents=True)
        shutil.copy(ROOT / "test/style/tidy", self.root / "test/style")
        shutil.copy(ROOT / ".clang-tidy", self.root)

    def sources(self, **texts):
        for name, text in texts.items():
            (self.root / f"runtime/{name}.cpp").write_text(text)
        (self.root / "build/compile_commands.json").write_text(json.dumps([
            {"directory": str(self.root / "build"), "file": str(path),
             "command": f"clang++ -std=c++20 -Wall -o {path.stem}.o -c {path}"} for path in sorted((self.root / "runtime").glob("*.cpp"))]))

    def tidy(self, *options):
        done = subprocess.run([self.root / "test/style/tidy", self.root / "build", *options], capture_output=True, text=True)
        return done.returncode, done.stdout

    def test_sources_that_clash_pass_all_the_same(self):
        self.sources(a=SOUND.format(1), b=SOUND.format(2), c=SOUND.format(3), d="int main() {}\n", e="int main() {}\n")
        self.assertEqual(self.tidy(), (0, "clang-tidy: 5 files checked, 0 with findings, 0 left for the next run\n"))
        self.assertEqual(self.tidy(), (0, "clang-tidy: 0 files checked, 0 with findings, 0 left for the next run\n"))

    def test_one_among_others_is_found_and_found_again(self):
        self.sources(a=SOUND.format(1), b=FAULTY, c=SOUND.format(3))
        for checked in (3, 1):
            status, said = self.tidy()
            self.assertEqual(status, 1)
            self.assertIn("runtime/b.cpp:1:25: error: use nullptr", said)
            self.assertIn(f"clang-tidy: {checked} files checked, 1 with findings, 0 left", said)

    def test_a_header_is_told_of_once_a_source(self):
        (self.root / "runtime/shared.hpp").write_text("inline int* nothing() { return 0; }\n")
        self.sources(a='#include "shared.hpp"\n', b=SOUND.format(2))
        status, said = self.tidy()
        self.assertEqual(status, 1)
        self.assertIn("2 files checked, 1 with findings", said)

    def test_without_time_all_is_left(self):
        self.sources(a=SOUND.format(1), b=FAULTY)
        self.assertEqual(self.tidy("--seconds", "0"), (0, "clang-tidy: 0 files checked, 0 with findings, 2 left for the next run\n"))


if __name__ == "__main__":
    unittest.main()
