"""The Debian packages hold what they should, ask for what they need, and work from the folder they are unpacked to.

usage: packages_test.py CPACK BUILD COMPILER FOLDER
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

CPACK, BUILD, COMPILER, FOLDER = sys.argv[1:5]
del sys.argv[1:5]
FOLDER = pathlib.Path(FOLDER)
ROOT = FOLDER / "root"
PROGRAM = """
#include <vigil/vigil.hpp>
int main() {
  const vigil::Channel<int> nobody_receives;
  vigil::go([nobody_receives] { nobody_receives.send(1); });
}
"""


def output(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def field(package, name):
    return output("dpkg-deb", "-f", package, name).strip()


def names_of(field):
    """The first choice of each that a Depends or Provides field names."""
    return [choice.split("|")[0].split("(")[0].strip() for choice in field.split(",") if choice.strip()]


def dependencies(fields):
    """The installed packages that have what these Depends fields ask for, and what that asks for in turn."""
    installed = {}
    for line in output("dpkg-query", "-W", "-f=${Package}\t${Provides}\t${Pre-Depends},${Depends}\n").splitlines():
        package, provided, wanted = line.split("\t")
        for name in names_of(provided):
            installed.setdefault(name, (package, wanted))
        installed[package] = (package, wanted)
    found, waiting = set(), list(fields)
    while waiting:
        for name in names_of(waiting.pop()):
            if name in installed and installed[name][0] not in found and not name.startswith("libvigil"):
                found.add(installed[name][0])
                waiting.append(installed[name][1])
    return sorted(found)


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(FOLDER, ignore_errors=True)
        ROOT.mkdir(parents=True)
        output(CPACK, "-G", "DEB", "--config", f"{BUILD}/CPackConfig.cmake", "-B", FOLDER)
        cls.packages = {field(path, "Package"): path for path in FOLDER.glob("*.deb")}
        for path in cls.packages.values():
            output("dpkg-deb", "-x", path, ROOT)
        (cls.libraries,) = {path.parent for path in ROOT.rglob("libvigil.so.0")}

    def holds(self, package):
        """The last part of every path in it."""
        listed = output("dpkg-deb", "-c", self.packages[package]).splitlines()
        return {line.split(" -> ")[0].rsplit("/", 1)[1] for line in listed}

    def test_there_is_one_for_running_one_for_building_and_one_for_looking(self):
        self.assertEqual(set(self.packages), {"libvigil0", "libvigil-dev", "vigil"})
        self.assertLessEqual({"libvigil.so.0", "libvigil_instrument.so.0"}, self.holds("libvigil0"))
        self.assertLessEqual({"libvigil.so", "libvigil_instrument.so", "vigil.hpp", "gtest.hpp", "probe.h", "vigilConfig.cmake",
                              "VigilTest.cmake", "VigilGTest.cmake", "vigil.pc", "vigil-instrument.pc", "c++config.h"}, self.holds("libvigil-dev"))
        self.assertLessEqual({"vigil", "libvigil_shim.so"}, self.holds("vigil"))

    def test_no_file_is_in_two(self):
        seen = {}
        for name, path in self.packages.items():
            for line in output("dpkg-deb", "-c", path).splitlines():
                if not line.startswith("d"):
                    self.assertIsNone(seen.get(line.split()[5]), line)
                    seen[line.split()[5]] = name

    def test_each_asks_for_what_its_files_need(self):
        self.assertIn("libvigil0 (= ", field(self.packages["libvigil-dev"], "Depends"))
        self.assertIn("libc6", field(self.packages["libvigil0"], "Depends"))
        self.assertIn("libdw1", field(self.packages["vigil"], "Depends"))
        self.assertNotIn("libvigil", field(self.packages["vigil"], "Depends"), "the command watches programs that have no vigil")

    def test_the_loader_is_told_of_the_library(self):
        output("dpkg-deb", "-e", self.packages["libvigil0"], FOLDER / "control")
        self.assertIn("ldconfig", (FOLDER / "control/triggers").read_text())
        self.assertIn("libvigil 0 libvigil0 (= ", (FOLDER / "control/shlibs").read_text())

    def test_each_says_whose_it_is_and_what_changed(self):
        for package in self.packages:
            self.assertLessEqual({"copyright", "changelog.gz"}, self.holds(package), package)
        self.assertLessEqual({"vigil.1.gz", "vigil-run.1.gz", "_vigil", "vigil.fish"}, self.holds("vigil"))

    def leaking_program(self):
        if not shutil.which("pkg-config"):
            self.skipTest("no pkg-config here")
        flags = output("pkg-config", "--cflags", "--libs", "vigil", env=os.environ | {"PKG_CONFIG_PATH": f"{self.libraries}/pkgconfig"}).split()
        source, program = FOLDER / "leak.cpp", FOLDER / "leak"
        source.write_text(PROGRAM)
        output(COMPILER, "-std=c++20", "-g", source, "-o", program, *flags)
        return program

    def finding_of(self, reports):
        (report,) = reports.glob("*.json")
        (finding,) = json.loads(report.read_text())["findings"]
        self.assertEqual(finding["kind"], "task-leak")
        self.assertIn("leak.cpp", json.dumps(finding))
        return finding

    def test_a_program_built_with_pkg_config_is_watched_by_the_command(self):
        program = self.leaking_program()
        done = subprocess.run([ROOT / "usr/bin/vigil", "run", f"--report_dir={FOLDER}/reports", "--", program], capture_output=True, text=True,
                              env=os.environ | {"LD_LIBRARY_PATH": str(self.libraries)})
        self.assertEqual(done.returncode, 66, done.stderr)
        finding = self.finding_of(FOLDER / "reports")
        self.assertEqual(finding["participants"][0]["stack"][-1]["module"], str(self.libraries.resolve() / "libvigil.so.0"))

    def test_what_they_ask_for_is_all_they_need(self):
        """In a root that holds their files and those of what they depend on, and nothing else: no shell, no compiler."""
        program = self.leaking_program()
        clean = FOLDER / "clean"
        for folder in ("usr/lib", "usr/lib64", "proc", "tmp"):
            (clean / folder).mkdir(parents=True)
        for folder in ("lib", "lib64"):
            (clean / folder).symlink_to(f"usr/{folder}")
        for name in ("libvigil0", "vigil"):
            output("dpkg-deb", "-x", self.packages[name], clean)
        needed = dependencies([field(self.packages[name], "Depends") for name in ("libvigil0", "vigil")])
        for path in output("dpkg", "-L", *needed).splitlines():
            path = pathlib.Path(path)
            if ".so" in path.name and not path.is_dir():
                into = clean / path.relative_to("/")
                into.parent.mkdir(parents=True, exist_ok=True)
                into.unlink(missing_ok=True)
                shutil.copy2(path, into, follow_symlinks=False)
        shutil.copy2(program, clean / "leak")
        enter = ["unshare", "--map-root-user", "--mount", "--pid", "--fork", "sh", "-c",
                 'mount -t proc proc "$0/proc" && exec /usr/sbin/chroot "$0" "$@"', clean]
        if subprocess.run([*enter, "/usr/bin/vigil", "--version"], capture_output=True).returncode == 1:
            self.skipTest("no mounts of one's own are allowed here")
        output(*enter, "/usr/bin/vigil", "--version")
        environment = {"LD_LIBRARY_PATH": "/" + str(self.libraries.relative_to(ROOT))}  # ldconfig has not run there
        done = subprocess.run([*enter, "/usr/bin/vigil", "run", "--report_dir=/reports", "--", "/leak"], capture_output=True, text=True,
                              env=os.environ | environment)
        self.assertEqual(done.returncode, 66, done.stderr)
        self.finding_of(clean / "reports")


if __name__ == "__main__":
    unittest.main()
