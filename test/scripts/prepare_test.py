"""cmake/prepare.sh on machines where something is missing: it installs, or says in one line what to do."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

PREPARE = pathlib.Path(__file__).resolve().parent.parent.parent / "cmake/prepare.sh"
REAL_TOOLS = ("bash", "cat", "dirname", "env", "mkdir", "mktemp", "nproc", "rm", "tail", "tr")


class Machine:
    """A PATH with a few real tools and stand-ins for those that look at or change the system."""

    def __init__(self, folder, installed=(), uid=0, sudo=None, apt="exit 0"):
        self.folder = pathlib.Path(folder)
        for tool in REAL_TOOLS:
            (self.folder / tool).symlink_to(shutil.which(tool))
        state = "\n".join(f'[ "$last" = {package} ] && echo installed' for package in installed)
        self.script("dpkg-query", f'for last; do :; done\n{state}\nexit 0')
        self.script("id", f"echo {uid}")
        self.script("apt-get", f'echo "$@" >>"{folder}/apt.log"\n{apt}')
        if sudo is not None:
            self.script("sudo", sudo)

    def script(self, name, body):
        path = self.folder / name
        path.write_text(f"#!/usr/bin/env bash\n{body}\n")
        path.chmod(0o755)

    def shell(self, script, *arguments):
        return subprocess.run(["bash", "-c", f". {PREPARE}; {script}", "shell", *arguments], capture_output=True, text=True,
                              env={"PATH": str(self.folder), "TMPDIR": str(self.folder)}, stdin=subprocess.DEVNULL)

    def install(self, *lists):
        return self.shell('vigil_install_packages "$@"; echo ready', *lists)

    def build(self):
        """Builds a preset of a source tree that holds nothing; cmake only notes how it was called."""
        return self.shell(f'vigil_root={self.folder}/source; vigil_build release; echo built')

    def with_tools(self):
        source = self.folder / "source"
        source.mkdir()
        (source / "CMakePresets.json").write_text("{}")
        self.script("cmake", f'echo "$1" >>"{self.folder}/cmake.log"\n'
                             f'[ "$1" = --preset ] && while [ "$1" != -B ]; do shift; done && : >"$2/build.ninja"\nexit 0')
        self.script("ninja", "exit 0")
        self.script("c++", "exit 0")
        return self

    @property
    def cmake_calls(self):
        log = self.folder / "cmake.log"
        return log.read_text().split() if log.exists() else []

    @property
    def apt_calls(self):
        log = self.folder / "apt.log"
        return log.read_text().splitlines() if log.exists() else []


class Prepare(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="vigil-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        listed = (PREPARE.parent.parent / "packages.txt").read_text().splitlines()
        self.packages = [line for line in listed if line and not line.startswith("#")]

    def assert_one_line(self, done, *words):
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        lines = [line for line in done.stderr.splitlines() if not line.startswith("== ")]
        self.assertEqual(len(lines), 1, done.stderr)
        for word in words:
            self.assertIn(word, lines[0])

    def test_nothing_is_done_when_nothing_is_missing(self):
        machine = Machine(self.folder, installed=self.packages)
        done = machine.install()
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "ready\n", ""))
        self.assertEqual(machine.apt_calls, [])

    def test_only_what_is_missing_is_installed(self):
        machine = Machine(self.folder, installed=self.packages[1:])
        done = machine.install()
        self.assertEqual((done.returncode, done.stdout), (0, "ready\n"), done.stderr)
        self.assertEqual(machine.apt_calls, [f"install -y --no-install-recommends {self.packages[0]}"])

    def test_a_further_list_is_installed_too(self):
        machine = Machine(self.folder, installed=self.packages)
        further = pathlib.Path(self.folder, "further.txt")
        further.write_text("# more\none-more\n")
        self.assertEqual(machine.install(str(further)).stdout, "ready\n")
        self.assertEqual(machine.apt_calls, ["install -y --no-install-recommends one-more"])

    def test_package_lists_are_fetched_when_the_install_fails_without(self):
        fails_once = f'[ -e "{self.folder}/lists" ] && exit 0\n' \
                     f'[ "$1" = update ] && : >"{self.folder}/lists" && exit 0\nexit 100'
        machine = Machine(self.folder, apt=fails_once)
        self.assertEqual(machine.install().stdout, "ready\n")
        self.assertEqual([call.split()[0] for call in machine.apt_calls], ["install", "update", "install"])

    def test_without_network_one_line_says_what_is_missing(self):
        machine = Machine(self.folder, installed=self.packages[1:], apt="echo no network; exit 100")
        self.assert_one_line(machine.install(), self.packages[0], "no network", "apt-get install")

    def test_without_root_and_sudo_one_line_says_what_is_missing(self):
        machine = Machine(self.folder, installed=self.packages[2:], uid=1000)
        self.assert_one_line(machine.install(), *self.packages[:2], "as root")
        self.assertEqual(machine.apt_calls, [])

    def test_a_sudo_that_asks_is_not_asked_without_a_terminal(self):
        machine = Machine(self.folder, uid=1000, sudo="exit 1")
        self.assert_one_line(machine.install(), "sudo apt-get install")

    def test_sudo_is_used_when_it_works(self):
        machine = Machine(self.folder, uid=1000, sudo='[ "$1" = -n ] && shift\n"$@"', apt="exit 0")
        machine.script("true", "exit 0")
        self.assertEqual(machine.install().stdout, "ready\n")
        self.assertEqual(len(machine.apt_calls), 1)

    def test_a_second_run_neither_installs_nor_configures(self):
        machine = Machine(self.folder, installed=self.packages).with_tools()
        for _ in range(2):
            self.assertEqual(machine.install().stdout, "ready\n")
            done = machine.build()
            self.assertEqual((done.returncode, done.stdout), (0, "built\n"), done.stderr)
        self.assertEqual(machine.apt_calls, [])
        self.assertEqual(machine.cmake_calls, ["--preset", "--build", "--build"])  # ninja then has nothing to do

    def test_other_presets_are_configured_again(self):
        machine = Machine(self.folder, installed=self.packages).with_tools()
        machine.build()
        build_file = machine.folder / "source/build/release/build.ninja"
        os.utime(build_file, (0, 0))
        machine.build()
        self.assertEqual(machine.cmake_calls, ["--preset", "--build", "--preset", "--build"])

    def test_without_the_tools_one_line_names_them(self):
        machine = Machine(self.folder, installed=self.packages).with_tools()
        (machine.folder / "ninja").unlink()
        (machine.folder / "cmake").unlink()
        self.assert_one_line(machine.build(), "cmake ninja;", "packages.txt")

    def test_a_system_without_debians_packages_goes_on(self):
        machine = Machine(self.folder).with_tools()
        (machine.folder / "dpkg-query").unlink()
        self.assertEqual(machine.install().stdout, "ready\n")
        self.assertEqual(machine.build().stdout, "built\n")

    def test_a_real_machine_without_network_gets_one_line(self):
        """The real apt-get, in a network namespace of its own, asked for a package that this machine does not have."""
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            self.skipTest("needs root and apt-get")
        if subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode != 0:
            self.skipTest("may not make a network namespace")
        further = pathlib.Path(self.folder, "further.txt")
        further.write_text("vigil-no-such-package\n")
        # Lists and archives of its own: whatever this machine has fetched before does not help, nor does it come to harm.
        configuration = pathlib.Path(self.folder, "apt.conf")
        configuration.write_text(f'Dir::State::lists "{self.folder}/lists";\nDir::Cache "{self.folder}/cache";\n')
        script = f'. {PREPARE}; vigil_install_packages {further}; echo ready'
        done = subprocess.run(["unshare", "-n", "bash", "-c", script], capture_output=True, text=True,
                              env=os.environ | {"APT_CONFIG": str(configuration)}, stdin=subprocess.DEVNULL)
        self.assert_one_line(done, "vigil-no-such-package", "no network", "apt-get install")


if __name__ == "__main__":
    unittest.main()
