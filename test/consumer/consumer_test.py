"""A foreign project finds vigil, builds against it and tests with vigil_add_test.

usage: consumer_test.py find_package|add_subdirectory SOURCE BUILD COMPILER FOLDER
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

WAY, SOURCE, BUILD, COMPILER, FOLDER = sys.argv[1:6]
del sys.argv[1:6]
FOLDER = pathlib.Path(FOLDER)
# What the whole build compiled before need not be compiled again: same sources, another build folder.
ENVIRONMENT = os.environ | {"CCACHE_NOHASHDIR": "1"}


def call(*command):
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def configure():
    options = [f"-DCMAKE_CXX_COMPILER={COMPILER}", "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O2 -g"]
    if shutil.which("ccache"):
        options += ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache", "-DCMAKE_C_COMPILER_LAUNCHER=ccache"]
    if WAY == "find_package":
        prefix = FOLDER / "prefix"
        shutil.rmtree(prefix, ignore_errors=True)
        call("cmake", "--install", BUILD, "--prefix", str(prefix))
        options.append(f"-DCMAKE_PREFIX_PATH={prefix}")
    else:
        options += [f"-DVIGIL_SOURCE={SOURCE}", "-DVIGIL_WARNINGS_AS_ERRORS=ON"]
        # ccache knows a joined source by its path, which is another here: so all is compiled anew, as quickly as can be.
        options += ["-DVIGIL_UNITY_BUILD=ON", "-DVIGIL_QUICK_BUILD=ON", "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-g1"]
    project = pathlib.Path(__file__).resolve().parent / "project"
    call("cmake", "-S", str(project), "-B", str(FOLDER / "build"), "-G", "Ninja", *options)
    call("cmake", "--build", str(FOLDER / "build"), "-j", str(os.cpu_count()))


def ctest(*args):
    """Test name -> passed."""
    done = subprocess.run(["ctest", "--test-dir", FOLDER / "build", *args], capture_output=True, text=True)
    return {name: result == "Passed" for name, result in re.findall(r"Test +#\d+: (\S+) \.*(?:\*\*\*| )* *(\w+)", done.stdout)}


class Consumer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        configure()
        cls.results = ctest("-L", "vigil")
        cls.reports = FOLDER / "build/vigil-reports"

    def test_labels_may_be_given_as_one_list(self):
        for label in ("quick", "small", "own", "vigil"):
            listed = subprocess.run(["ctest", "--test-dir", FOLDER / "build", "-N", "-L", f"^{label}$"], capture_output=True, text=True)
            self.assertIn(": shop.closes", listed.stdout, label)

    def test_each_test_passes_or_fails_as_it_should(self):
        self.assertEqual(self.results, {
            "vigil.clean": True, "vigil.merge": True,
            "shop.closes": True, "shop.leaks": True, "shop.may": True,
            "shop.leaks_unexpectedly": False, "shop.hangs": False,
            "market.watched": True, "shop.misses_what_it_expects": False, "shop.finds_more_than_it_expects": False,
            "unit.Shop.Opens": True, "unit.Shop.ForgetsACustomer": False, "unit.Cheap/Goods.AreSold/0": True, "unit.Cheap/Goods.AreSold/1": True,
            "unit.Shop.DISABLED_Burns": False,  # not run
            "shop.elsewhere": True, "aside.Stall.Closes": True,
        })

    def test_a_disabled_test_is_listed_and_not_run(self):
        self.assertFalse((self.reports / "unit_Shop_DISABLED_Burns").exists())
        self.assertTrue((self.reports / "unit_Shop_Opens").exists())

    def test_a_hang_ends_in_a_report_and_not_in_a_kill(self):
        (report,) = (self.reports / "shop_hangs").glob("*.json")
        self.assertEqual(json.loads(report.read_text())["program"]["end"], "deadline")

    def test_findings_of_a_test_program_carry_the_name_of_the_test(self):
        (report,) = (self.reports / "unit_Shop_ForgetsACustomer").glob("*.json")
        self.assertEqual([finding["test"] for finding in json.loads(report.read_text())["findings"]], ["Shop.ForgetsACustomer"])
        # All tests in one process: the leak is found at its end, when none runs.
        folder = FOLDER / "one_process"
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([pathlib.Path(BUILD) / "bin/vigil", "run", f"--report_dir={folder}", "--", FOLDER / "build/shop_test"], capture_output=True)
        (report,) = folder.glob("*.json")
        self.assertEqual([(finding["kind"], finding["test"]) for finding in json.loads(report.read_text())["findings"]],
                         [("task-leak", "Shop.ForgetsACustomer")])

    def test_all_reports_are_merged(self):
        index = (self.reports / "index.html").read_text()
        self.assertIn("task-leak", index)

    def test_instrumented_programs_run_with_and_without_the_shim(self):
        self.assertEqual(ctest("-L", "instrumented"),
                         {"market.alone": True, "market.watched": True, "vigil.clean": True, "vigil.merge": True})

    def test_the_instrumented_program_is_linked_to_our_library_and_no_sanitizer(self):
        libraries = subprocess.run(["ldd", FOLDER / "build/market"], capture_output=True, text=True, check=True).stdout
        self.assertIn("libvigil_instrument.so", libraries)
        self.assertNotIn("libtsan", libraries)

    def test_labels_select(self):
        self.assertEqual(set(ctest("-L", "quick")), {"vigil.clean", "shop.closes", "vigil.merge"})

    def test_reports_in_a_folder_of_their_own_are_nobody_elses(self):
        folder = FOLDER / "build/elsewhere"
        shutil.rmtree(folder, ignore_errors=True)
        self.assertEqual(ctest("-L", "aside"), {"shop.elsewhere": True, "aside.Stall.Closes": True})
        self.assertEqual(len(list(folder.glob("*.json"))), 2)


if __name__ == "__main__":
    unittest.main()
