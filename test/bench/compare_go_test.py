"""What compare_go says about samples: medians, ratios, differing results, failed programs, and where it writes."""
import pathlib
import sys
import tempfile
import unittest

import compare_go_report as report
from compare_go_measure import Failed, Quiet, Sample, measure, run
from compare_go_plan import Column, Row, Table

ROW = Row("pingpong", 1000)
TABLE = Table("go", ("ours", "theirs"), (ROW,), ())


def column(name, script="", **rest):
    return Column(name, name.title(), (), (sys.executable, "-c", script), **rest)


OURS, THEIRS = column("ours"), column("theirs")


def samples(*seconds, check=7):
    return [Sample(each, 2048, check, 0.0) for each in seconds]


def prints(line, before=""):
    return column("program", f"{before}\nprint({line!r})")


class Report(unittest.TestCase):
    def cells(self, found):
        text = report.time_table(TABLE, [OURS, THEIRS], found)
        return [cell.strip() for cell in text.splitlines()[2].strip("|").split("|")]

    def test_a_figure_is_the_median_per_operation(self):
        found = {("ours", ROW): samples(0.1, 0.002, 0.001), ("theirs", ROW): samples(0.004, 0.004, 0.004)}
        self.assertEqual(self.cells(found), ["pingpong", "1,000", "2.00 µs", "4.00 µs", "0.50"])

    def test_quartiles_of_the_rounds_follow_the_ratio(self):
        found = {("ours", ROW): samples(1, 2, 3, 4, 5), ("theirs", ROW): samples(2, 2, 2, 2, 2)}
        self.assertEqual(self.cells(found)[-1], "1.50 (1.00–2.00)")

    def test_a_failed_program_has_no_ratio(self):
        found = {("ours", ROW): samples(1), ("theirs", ROW): Failed("died")}
        self.assertEqual(self.cells(found)[-2:], ["failed", "–"])

    def test_what_a_column_does_not_do_stays_empty(self):
        self.assertEqual(self.cells({("ours", ROW): samples(1)})[-2:], ["–", "–"])

    def test_whole_work_is_timed_as_a_whole(self):
        self.assertEqual(report.time_of(Row("sieve", 1000), samples(0.5)), "500 ms")

    def test_equal_results_are_no_disagreement(self):
        self.assertEqual(report.disagreements({("ours", ROW): samples(1), ("theirs", ROW): samples(2)}, [TABLE]), [])

    def test_different_results_are_named_with_their_programs(self):
        found = {("ours", ROW): samples(1, check=7), ("theirs", ROW): samples(1, check=8)}
        self.assertEqual(report.disagreements(found, [TABLE]), ["pingpong 1000: 7 from ours; 8 from theirs"])

    def test_one_run_of_many_that_differs_is_seen(self):
        found = {("ours", ROW): samples(1, 1) + samples(1, check=8)}
        self.assertEqual(len(report.disagreements(found, [TABLE])), 1)

    def test_a_row_of_the_same_name_in_another_table_is_other_work(self):
        other = Table("threads", ("theirs",), (ROW,), ())
        found = {("ours", ROW): samples(1, check=7), ("theirs", ROW): samples(1, check=8)}
        self.assertEqual(report.disagreements(found, [Table("go", ("ours",), (ROW,), ()), other]), [])

    def test_only_what_is_between_the_markers_changes(self):
        text = "a\n<!-- t -->\nold\n<!-- /t -->\nb"
        self.assertEqual(report.replace_between_markers(text, "t", "new"), "a\n<!-- t -->\nnew\n<!-- /t -->\nb")
        with self.assertRaises(ValueError):
            report.replace_between_markers("no markers", "t", "new")


class Measure(unittest.TestCase):
    def test_the_line_is_read(self):
        sample = run(prints("pingpong 1000 0.250000 250000.00 4096 -7"), ROW, 20)
        self.assertEqual((sample.seconds, sample.rss_kib, sample.check), (0.25, 4096, -7))

    def test_another_line_is_a_failure(self):
        for line in ("pingpong 999 0.25 2.5 4096 7", "sieve 1000 0.25 2.5 4096 7", "pingpong 1000 soon", ""):
            with self.subTest(line=line), self.assertRaises(Failed):
                run(prints(line), ROW, 20)

    def test_a_program_that_ends_badly_is_a_failure_with_its_words(self):
        with self.assertRaisesRegex(Failed, "status 3: no more threads"):
            run(prints("", "import sys; print('no more threads', file=sys.stderr); sys.exit(3)"), ROW, 20)

    def test_a_program_that_hangs_is_a_failure(self):
        with self.assertRaisesRegex(Failed, "not done after"):
            run(prints("", "import threading; threading.Event().wait()"), ROW, 0.5)

    def test_columns_take_turns_and_a_failed_one_is_left_out(self):
        with tempfile.TemporaryDirectory() as folder:
            log = pathlib.Path(folder, "log")
            note = f"open({str(log)!r}, 'a').write('%s ')"
            line = "print('pingpong 1000 0.1 1.0 1 7')"
            columns = [column("a", f"{note % 'a'}; {line}"), column("b", f"{note % 'b'}; {line}"),
                       column("c", f"{note % 'c'}; exit(1)"), column("d", f"{note % 'd'}; {line}", lacks=("pingpong",)),
                       column("e", f"{note % 'e'}; {line}", most={"pingpong": 999})]
            found = measure([TABLE, TABLE], {"go": columns}, 3, Quiet(0), 20, lambda words: None)
            self.assertEqual(log.read_text().split(), ["a", "b", "c", "a", "b", "a", "b"])
        self.assertEqual([len(found["a", ROW]), len(found["b", ROW])], [3, 3])
        self.assertIsInstance(found["c", ROW], Failed)
        self.assertNotIn(("d", ROW), found)


if __name__ == "__main__":
    unittest.main()
