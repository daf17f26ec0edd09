"""What a race's report says: both accesses with all about them, the object by its name, what would have ordered the two.

usage: race_reports_test.py BUILD PROGRAM
"""
import functools
import pathlib
import sys
import tempfile
import unittest

from run_under_shim import Runner, user_frames

PROGRAM = pathlib.Path(sys.argv.pop(2))
RUNNER = Runner(sys.argv.pop(1))


@functools.cache
def run(case, options=""):
    return RUNNER.shimmed(PROGRAM, case, options=options)


@functools.cache
def race(case):
    return run(case).finding("use-after-free" if case == "freed" else "data-race")


def functions(stack):
    return [frame["function"] for frame in user_frames(stack)]


def named(finding, identity):
    return next(one for one in finding["objects"] if one["id"] == identity)


def about(case):
    """The accessed object's name and type, and the message."""
    finding = race(case)
    accessed = named(finding, finding["participants"][0]["object"])
    return accessed["name"], accessed["type"], finding["message"]


class Reports(unittest.TestCase):
    def assert_about(self, case, name, kind="variable", words=None):
        found, found_kind, message = about(case)
        self.assertEqual((found, found_kind), (name, kind))
        self.assertIn(words or "a variable that", message)

    def test_both_accesses_are_told_whole(self):
        newer, older = race("global")["participants"]
        self.assertEqual((newer["role"], newer["operation"]), ("newer", "read of 4 bytes"))
        self.assertEqual((older["role"], older["operation"]), ("older", "write of 4 bytes"))
        self.assertIn("get<int>", functions(newer["stack"])[0])
        self.assertIn("put<int>", functions(older["stack"])[0])
        self.assertIn("main", functions(newer["stack"])[-1])
        self.assertEqual((newer["actor"]["type"], newer["actor"]["id"]), ("thread", 1))
        self.assertEqual(older["actor"]["type"], "thread")
        self.assertIn("main", functions(older["actor"]["created_at"])[-1])

    def test_neighbours_that_one_place_accesses_are_not_one_access(self):
        newer, older = race("again_and_again")["participants"]
        self.assertEqual((newer["operation"], older["operation"]), ("read of 4 bytes", "write of 4 bytes"))

    def test_globals_have_their_names(self):
        self.assert_about("global", "(anonymous namespace)::counter")
        self.assert_about("of_class", "shop::Till::sold")
        self.assert_about("of_anonymous_namespace", "shop::(anonymous namespace)::hidden")
        self.assert_about("of_function", "(anonymous namespace)::calls()::count")
        self.assert_about("member", "shop::till+0x4")

    def test_a_threads_own_variable_has_its_name_and_its_thread(self):
        self.assert_about("of_thread", "(anonymous namespace)::own", words="a variable (thread_local, of main) that")

    def test_a_block_has_its_allocation(self):
        self.assert_about("block", "", "heap-block", "a heap block that")
        finding = race("block")
        self.assertIn("(anonymous namespace)::make_block", functions(finding["objects"][0]["created_at"])[0])

    def test_a_use_after_free_has_three_stacks(self):
        finding = race("freed")
        access, free = finding["participants"]
        self.assertEqual((access["role"], access["operation"]), ("access", "read of 4 bytes"))
        self.assertEqual((free["role"], free["operation"]), ("free", "free"))
        self.assertIn("get<int>", functions(access["stack"])[0])
        self.assertIn("(anonymous namespace)::free_block", functions(free["stack"])[0])
        self.assertIn("(anonymous namespace)::make_block", functions(finding["objects"][0]["created_at"])[0])
        self.assertEqual(finding["objects"][0]["capacity"], 4)

    def test_a_local_variable_has_its_name_and_whose_stack_it_is_on(self):
        self.assert_about("on_stack", "results", words="a variable on the stack of main that")
        self.assert_about("inside_local", "basket+0x10", words="a variable on the stack of main that")
        self.assertRegex(about("on_stack_of_task")[2], "a variable on the stack of task 1 that")
        self.assertIn(about("on_stack_of_task")[0], ("gathered",))

    def test_the_lock_that_one_side_held_is_the_remedy(self):
        finding = race("lock_on_one_side")
        newer, older = finding["participants"]
        self.assertEqual(newer["held"], [])
        self.assertEqual([named(finding, lock)["name"] for lock in older["held"]], ["(anonymous namespace)::first_lock"])
        self.assertRegex(finding["hint"], "^Hold mutex `.*first_lock` where `.*get` reads it, too")
        self.assertRegex(race("different_locks")["hint"], "different locks, mutex `.*second_lock` here and mutex `.*first_lock` there")
        self.assertRegex(race("write_under_read_lock")["hint"], "Both hold .*book`.* only for reading")

    def test_inlined_functions_are_all_named(self):
        older = race("inlined")["participants"][1]
        self.assertEqual([name.removesuffix("()") for name in functions(older["stack"])[:3]],
                         [f"(anonymous namespace)::{name}" for name in ("innermost", "middle", "outermost")])
        self.assertEqual([frame["inlined"] for frame in user_frames(older["stack"])[:3]], [True, True, False])

    def test_a_pair_of_places_is_one_finding(self):
        finding = race("again_and_again")  # asserts that there is one
        self.assertGreaterEqual(finding["count"], 2)

    def test_a_traced_variable_is_told_once_whole_and_with_where_it_was_made(self):
        finding = race("traced")
        self.assertEqual(finding["count"], 1)
        newer, older = finding["participants"]
        self.assertEqual((newer["operation"], older["operation"]), ("read of 24 bytes", "write of 24 bytes"))
        basket = named(finding, newer["object"])
        self.assertEqual((basket["name"], basket["capacity"]), ("(anonymous namespace)::basket", 24))
        self.assertTrue(user_frames(basket["created_at"]), basket)

    def test_suppressions_match_function_file_library_and_the_object(self):
        for pattern, silenced in (("race:::get", True), ("race:nobody", False), ("race:racing_objects.cpp", True),
                                  (f"race:{PROGRAM.name}", True), ("race:counter", True), ("race:^shop", False),
                                  ("race_top:counter", False), ("deadlock:counter", False)):
            with self.subTest(pattern=pattern), tempfile.NamedTemporaryFile("w", suffix=".txt") as rules:
                rules.write(pattern + "\n")
                rules.flush()
                watched = RUNNER.shimmed(PROGRAM, "global", options=f"suppressions={rules.name}")
                self.assertEqual((watched.kinds, watched.status), ([], 0) if silenced else (["data-race"], 66), watched.err)

    def test_the_line_that_is_printed_silences_it(self):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as rules:
            rules.write(race("on_stack")["suppression"] + "\n")
            rules.flush()
            self.assertEqual(RUNNER.shimmed(PROGRAM, "on_stack", options=f"suppressions={rules.name}").findings, [])


if __name__ == "__main__":
    unittest.main()
