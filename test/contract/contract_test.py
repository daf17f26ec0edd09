#!/usr/bin/env python3
"""The shim and the command share docs/finding_format.md and the contract, no code. This checks that they agree.

usage: contract_test.py BIN_FOLDER LIB_FOLDER SOURCE_FOLDER
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import zlib

BIN, LIB, SOURCE = (pathlib.Path(argument) for argument in sys.argv[1:4])
SHIM = LIB / "libvigil_shim.so"
VIGIL = BIN / "vigil"


def record_of(program, folder, options=""):
    """Runs program under the bare preload; the lines of its record."""
    environment = os.environ | {"LD_PRELOAD": str(SHIM), "VIGIL_OPTIONS": f"report_dir={folder}:formats=json{options}"}
    subprocess.run([program], env=environment, capture_output=True, timeout=100)
    (record,) = folder.glob("*.jsonl")
    return record, [line for line in record.read_bytes().replace(b"\0", b"").split(b"\n") if line]


class Contract(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name)

    def tearDown(self):
        self.temporary.cleanup()

    def test_every_line_of_the_shim_is_as_the_format_says(self):
        _, lines = record_of(BIN / "send-on-closed_buggy", self.folder)
        types = []
        for line in lines:
            body, checksum = re.fullmatch(rb'(\{.*),"crc":"([0-9a-f]{8})"\}', line).groups()
            self.assertEqual(f"{zlib.crc32(body):08x}", checksum.decode())
            types.append(json.loads(line)["type"])
        self.assertEqual(types[0], "header")
        self.assertEqual(types[-1], "end")
        self.assertIn("finding", types)
        known_modules = set()
        for line in map(json.loads, lines):
            if line["type"] == "module":
                known_modules.add(line["id"])
            for participant in line.get("participants", []):
                for module, offset in participant["stack"]:
                    self.assertIn(module, known_modules | {0})
                    self.assertRegex(offset, "^0x[0-9a-f]+$")

    def test_the_command_reads_all_of_it(self):
        record, lines = record_of(BIN / "send-on-closed_buggy", self.folder)
        done = subprocess.run([VIGIL, "report", "--formats=json", "--out", self.folder / "again", record], timeout=100, capture_output=True, text=True)
        self.assertEqual(done.returncode, 3, done.stderr)
        report = json.loads((self.folder / "again" / f"{record.stem}.json").read_text())
        written = [json.loads(line) for line in lines]
        header, end = written[0], written[-1]
        self.assertEqual(report["program"]["path"], header["program"]["path"])
        self.assertEqual(report["program"]["args"], header["program"]["args"])
        self.assertEqual(report["program"]["end"], end["end"])
        self.assertEqual(report["summary"]["errors"], end["errors"])
        self.assertEqual({f["kind"] for f in report["findings"]}, {line["kind"] for line in written if line["type"] == "finding"})
        self.assertEqual([note for note in report["notes"] if "damaged" in note], [])
        for finding in report["findings"]:
            self.assertTrue(finding["participants"][0]["stack"][0]["module"])

    def test_a_timeline_tells_what_the_waiter_did_before_it_waited_for_ever(self):
        record, lines = record_of(BIN / "send-forever_buggy", self.folder, ":timeline=1")
        written = [json.loads(line) for line in lines]
        (finding,) = (line for line in written if line["type"] == "finding")
        (timeline,) = (line for line in written if line["type"] == "timeline")
        self.assertEqual((timeline["finding"], timeline["at"]), (finding["id"], finding["at"]))
        waiter = finding["participants"][0]["actor"]
        self.assertEqual([timeline["lanes"][0]["actor"][member] for member in ("type", "id", "state")], [waiter["type"], waiter["id"], "blocked"])
        # Created, it runs, waits for the gate, is let through, runs, and waits to send to nobody.
        spans = timeline["lanes"][0]["spans"]
        self.assertEqual(spans[0][2], "ready")
        self.assertIn("running", [span[2] for span in spans])
        channel = finding["objects"][finding["participants"][0]["object"]]
        self.assertEqual(spans[-1][1:], [timeline["at"], "blocked", "send", f"c{channel['id']}"])
        for lane in timeline["lanes"]:
            ends = [0]
            for begin, end, state, *_ in lane["spans"]:
                self.assertTrue(ends[-1] <= begin < end <= timeline["at"], lane)
                self.assertIn(state, ("running", "ready", "blocked"))
                ends.append(end)
        report = json.loads((self.folder / f"{record.stem}.json").read_text())
        self.assertEqual(len(report["findings"][0]["timeline"]["lanes"]), len(timeline["lanes"]))

    def test_without_the_option_there_is_no_timeline(self):
        _, lines = record_of(BIN / "send-forever_buggy", self.folder)
        self.assertNotIn("timeline", {json.loads(line)["type"] for line in lines})

    def test_a_kind_is_the_same_on_both_sides(self):
        table = (SOURCE / "interpose/kinds.hpp").read_text()
        shim = {name: error == "true" for name, error in re.findall(r'\{"([a-z-]+)", (true|false), (?:true|false)\}', table)}
        source = (SOURCE / "reports/model/kind.cpp").read_text()
        command = {name: level == "kError" for name, level in re.findall(r'\{"([a-z-]+)",\s*(kError|kWarning),', source)}
        self.assertEqual(len(shim), 27)
        self.assertEqual(shim, command)

    def test_options_are_the_same_on_both_sides(self):
        environment = os.environ | {"LD_PRELOAD": str(SHIM), "VIGIL_OPTIONS": f"help=1:report_dir={self.folder}"}
        told = subprocess.run(["/bin/true"], env=environment, capture_output=True, text=True, timeout=60)
        shim = dict(re.findall(r"^  ([a-z_]+) .*\[(.*)\]$", told.stdout + told.stderr, re.MULTILINE))
        told = subprocess.run([VIGIL, "run", "--help"], capture_output=True, text=True, timeout=60)
        command = dict(re.findall(r"^  --([a-z_]+) [^\s=]+=?(\S*)", told.stdout, re.MULTILINE))
        for own in ("expect", "may", "shim"):
            del command[own]
        self.assertEqual(shim.pop("help"), "0")  # the command has its own
        self.assertGreater(len(shim), 15)
        self.assertEqual(shim, command)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
