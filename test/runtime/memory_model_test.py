"""memory_model_test.py PROGRAM SHIM: the memory model as vigil's own race engine sees it, in an instrumented program.

What the model orders (Workers/With.*) is clean; of what it does not order (Unordered.*) each is exactly one data race.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile


def run(program, shim, tests, reports):
    environment = os.environ | {"LD_PRELOAD": shim, "VIGIL_OPTIONS": f"report_dir={reports}:formats=text"}
    ended = subprocess.run([program, f"--gtest_filter={tests}", "--gtest_brief=1"], env=environment, timeout=100, text=True,
                           errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    told = [line for line in ended.stdout.splitlines() if re.match(r"vigil: \d+ (error|warning)", line)]
    return ended.returncode, told, ended.stdout


def main(program, shim):
    listed = subprocess.run([program, "--gtest_list_tests", "--gtest_filter=Unordered.*"], capture_output=True, text=True, check=True)
    unordered = ["Unordered." + line.strip() for line in listed.stdout.splitlines() if line.startswith("  ")]
    wrong = [] if unordered else ["there are no tests"]
    with tempfile.TemporaryDirectory() as folder:
        status, told, words = run(program, shim, "Workers/With.*", pathlib.Path(folder))
        if status != 0 or told or "[  PASSED  ]" not in words:
            wrong.append(f"what is ordered: status {status}\n{words}")
            wrong += [report.read_text() for report in pathlib.Path(folder).glob("*.txt")]
        for test in unordered:
            status, told, words = run(program, shim, test, pathlib.Path(folder))
            if status != 66 or len(told) != 1 or not told[0].startswith("vigil: 1 error (data-race)"):
                wrong.append(f"{test}: status {status}\n{words}")
    print("\n".join(wrong) if wrong else f"what is ordered is clean, and {len(unordered)} races are seen")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
