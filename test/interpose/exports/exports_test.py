"""The shim exports what exports.txt lists and nothing else, and needs no library but libc.

usage: exports_test.py SHIM EXPORTS_TXT
"""
import pathlib
import subprocess
import sys
import unittest

SHIM, LIST = sys.argv[1:3]


def tool(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


class Exports(unittest.TestCase):
    maxDiff = None

    def test_exports_are_those_listed(self):
        exported = sorted(line.split()[-1] for line in tool("nm", "-D", "--defined-only", SHIM))
        listed = sorted(line for line in pathlib.Path(LIST).read_text().splitlines() if line and not line.startswith("#"))
        self.assertEqual(exported, listed)

    def test_only_libc_is_needed(self):
        needed = [line.split("[")[1].rstrip("]") for line in tool("readelf", "-d", SHIM) if "(NEEDED)" in line]
        self.assertLessEqual(set(needed), {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"})

    def test_nothing_of_it_is_destroyed_at_exit(self):
        # libc's __cxa_atexit locks and allocates, inside whatever wrapper a library's static is first used in (wrap_atexit.cpp).
        undefined = {line.split()[-1].split("@")[0] for line in tool("nm", "-D", "--undefined-only", SHIM)}
        self.assertIn("__cxa_finalize", undefined)
        self.assertFalse(undefined & {"__cxa_atexit", "__cxa_thread_atexit_impl", "__cxa_thread_atexit", "atexit"})

    def test_no_text_relocations_and_no_executable_stack(self):
        dynamic = "\n".join(tool("readelf", "-dW", SHIM))
        self.assertNotIn("TEXTREL", dynamic)
        stack = [line for line in tool("readelf", "-lW", SHIM) if "GNU_STACK" in line]
        self.assertNotIn("E", stack[0].split()[-2])

    def test_thread_locals_are_initial_exec(self):
        # Otherwise the first touch on a thread allocates, inside whatever wrapper it happens in.
        self.assertIn("STATIC_TLS", "\n".join(tool("readelf", "-dW", SHIM)))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
