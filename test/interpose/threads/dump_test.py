"""Asks a program whose tasks wait in every way for its tasks by SIGQUIT, and reads the answer as tools for Go read dumps.

usage: dump_test.py PROGRAM SHIM
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

PROGRAM, SHIM = sys.argv[1:3]
CASE = "clean_daemons_in_every_wait"

# Go's form, as tools for it know it: runtime/traceback.go prints it.
HEADER = re.compile(r"^(goroutine|thread) (\d+) \[([^\]]+)\]:$")
FUNCTION = re.compile(r"^(created by )?\S.*$")
PLACE = re.compile(r"^\t(.+):(\d+)(?: \+0x[0-9a-f]+)?$")
NO_STACK = "\tgoroutine running on other thread; stack unavailable"

WANTED = {
    "to_receive": "chan receive",
    "to_send": "chan send",
    "in_select": "select",
    "on_nil": "chan receive (nil chan)",
    "for_mutex": "sync.Mutex.Lock",
    "for_group": "sync.WaitGroup.Wait",
    "asleep": "sleep",
}


def parse(lines):
    """The entries: (word, number, state, [(function, file, line)], creator)."""
    entries = []
    at = 0
    while at < len(lines):
        header = HEADER.match(lines[at])
        assert header, lines[at]
        at += 1
        frames, creator = [], None
        while lines[at]:
            if lines[at] == NO_STACK:
                at += 1
                continue
            assert FUNCTION.match(lines[at]), lines[at]
            place = PLACE.match(lines[at + 1])
            assert place, lines[at + 1]
            if lines[at].startswith("created by "):
                creator = lines[at][len("created by ") :]
            else:
                assert lines[at].endswith(")"), lines[at]
                frames.append((lines[at], place[1], int(place[2])))
            at += 2
        at += 1
        entries.append((header[1], int(header[2]), header[3], frames, creator))
    return entries


class Dump(unittest.TestCase):
    def dump(self, process):
        """One dump's entries. Main's is the last of them."""
        process.send_signal(signal.SIGQUIT)
        lines = []
        while not (lines and not lines[-1] and any(line.startswith("thread 1 ") for line in lines)):
            line = process.stderr.readline()
            self.assertTrue(line, "the program ended")
            lines.append(line.rstrip("\n"))
        start = lines.index("SIGQUIT: quit")
        self.assertRegex(lines[start + 1], r"^vigil: \d+ tasks alive, \d+ of them running or ready")
        self.assertEqual(lines[start + 2], "")
        return parse(lines[start + 3 :])

    def test_a_dump_has_the_form_of_gos(self):
        with tempfile.TemporaryDirectory() as folder:
            environment = dict(os.environ, LD_PRELOAD=SHIM, VIGIL_OPTIONS=f"report_dir={folder}", VIGIL_COMMAND="/bin/true")
            process = subprocess.Popen(
                [PROGRAM, CASE],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            with process:
                self.assertEqual(process.stdout.readline(), "ready\n")
                for _ in range(1000):  # until all have come to their wait
                    entries = self.dump(process)
                    states = {}
                    for word, _, state, frames, creator in entries:
                        for function in WANTED:
                            if word == "goroutine" and any("every_wait::" + function in frame[0] for frame in frames):
                                states[function] = state.split(", ")
                                self.assertIn("clean_daemons_in_every_wait", creator)
                    if len(states) == len(WANTED) and "and 2 like it" in states["to_receive"]:
                        break
                process.stdin.close()
                self.assertEqual(process.wait(), 0)
            self.assertEqual({function: state[0] for function, state in states.items()}, WANTED)
            files = [frame[1] for entry in entries for frame in entry[3] if "every_wait::" in frame[0]]
            self.assertTrue(all(file.endswith("lock_task_cases.cpp") for file in files), files)
            self.assertEqual(len(entries[-1]), 5)
            self.assertEqual(entries[-1][:2], ("thread", 1))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
