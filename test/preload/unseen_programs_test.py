"""Programs that no detector was written for, compiled in many ways: the findings, and the places they name.

usage: unseen_programs_test.py BUILD PROGRAMS [unittest arguments]

A comment `// frame: NAME` in a program marks a line; the tests ask that the first frame shown of a stack is that line.
"""
import functools
import pathlib
import re
import sys
import unittest

from run_under_shim import Runner, is_vigils_own, user_frames

PROGRAMS = pathlib.Path(sys.argv.pop(2))
RUNNER = Runner(sys.argv.pop(1))
SOURCES = pathlib.Path(__file__).resolve().parent / "programs"


@functools.cache
def marks(program):
    """NAME -> (file, line) of the program's marked lines."""
    lines = (SOURCES / f"{program}.cpp").read_text().splitlines()
    found = {}
    for number, line in enumerate(lines, 1):
        mark = re.search(r"// frame: (\w+)", line)
        if mark:
            found[mark[1]] = (f"{program}.cpp", number)
    return found


def places(stack):
    """The user's frames of a stack as (file, line), innermost first."""
    return [(pathlib.Path(frame["file"]).name, frame["line"]) for frame in user_frames(stack)]


def program(name, variant="o2"):
    return PROGRAMS / f"{name}.{variant}"


class UnseenPrograms(unittest.TestCase):
    def assert_first_frame(self, stack, name, mark):
        self.assertTrue(places(stack), f"no frame of the user in {stack}")
        self.assertEqual(places(stack)[0], marks(name)[mark], stack)
        # Nothing but vigil's own frames and the library's may lie before it.
        first = stack.index(user_frames(stack)[0])
        for frame in stack[:first]:
            self.assertTrue(is_vigils_own(frame) or frame["file"].startswith("/usr/"), frame)

    def assert_ring_of_two(self, run, name):
        """Two that wait for each other's locks, where each waits and where each took what the other wants."""
        participants = run.finding("deadlock")["participants"]
        self.assertEqual([one["role"] for one in participants], ["waiter", "waiter", "holder", "holder"])
        for waiter in participants[:2]:
            self.assertEqual(places(waiter["stack"])[0], marks(name)["waits"])
            self.assertEqual(len(waiter["held"]), 1)
            self.assertNotEqual(waiter["held"][0], waiter["object"])
        self.assertEqual(participants[0]["held"][0], participants[1]["object"])
        self.assertEqual(participants[1]["held"][0], participants[0]["object"])

    def test_a_leak_says_who_touched_its_channel_last(self):
        at = marks("channel_history")
        leak = RUNNER.shimmed(program("channel_history")).finding("task-leak")
        found = {one["role"]: (one["actor"]["type"], places(one["stack"])[0], one["note"]) for one in leak["participants"]}
        self.assertEqual(set(found), {"waiter", "earlier send", "earlier receive"})
        self.assertEqual(found["waiter"][1], at["waits"])
        self.assertEqual(found["earlier send"], ("task", at["sends"], "the last send on c1"))
        self.assertEqual(found["earlier receive"], ("thread", at["receives"], "the last receive on c1"))

    def test_a_leak_deep_in_calls_shows_every_caller(self):
        at = marks("nested_leak")
        for variant in ("o0", "o2", "nofp", "o3cf", "static"):
            with self.subTest(variant=variant):
                run = RUNNER.shimmed(program("nested_leak", variant))
                self.assertEqual((run.kinds, run.status, run.out), (["task-leak"], 66, "accepted\nsent\n"), run.err)
                leak = run.finding("task-leak")
                self.assertEqual(leak["count"], 1)
                waiter = leak["participants"][0]
                self.assert_first_frame(waiter["stack"], "nested_leak", "waits")
                self.assertEqual(places(waiter["stack"])[:4], [at["waits"], at["reads"], at["serves"], at["task"]])
                self.assertEqual(places(waiter["actor"]["created_at"])[:2], [at["created"], at["accepts"]])
                channel = leak["objects"][0]
                self.assertEqual((channel["type"], channel["capacity"]), ("channel", 0))
                self.assert_first_frame(channel["created_at"], "nested_leak", "channel")

    def test_a_stripped_program_is_told_by_module_and_offset(self):
        run = RUNNER.shimmed(program("nested_leak", "stripped"))
        self.assertEqual((run.kinds, run.status), (["task-leak"], 66), run.err)
        stack = run.finding("task-leak")["participants"][0]["stack"]
        own = [frame for frame in stack if frame["module"].endswith("nested_leak.stripped")]
        self.assertGreaterEqual(len(own), 4, stack)
        self.assertTrue(all(frame["offset"] > 0 for frame in own), own)

    # With libstdc++ in the program, its atomics are the program's: docs/decisions/0091-unseen-order.md.
    def test_what_calls_a_static_libstdcxx_may_order_unseen(self):
        run = RUNNER.shimmed(program("thread_race", "static"))
        self.assertEqual((run.kinds, run.status), ([], 0), run.err)

    def test_a_race_between_a_thread_and_a_task_shows_both(self):
        for variant in ("o0", "o2", "nofp", "o3cf"):
            for procs in ("1", "4"):
                with self.subTest(variant=variant, procs=procs):
                    run = RUNNER.shimmed(program("thread_race", variant), env={"VIGIL_PROCS": procs})
                    self.assertEqual((run.kinds, run.status), (["data-race"], 66), run.err)
                    race = run.finding("data-race")
                    both = {participant["actor"]["type"]: participant for participant in race["participants"]}
                    self.assertEqual(sorted(both), ["task", "thread"])
                    for actor, participant in both.items():
                        self.assert_first_frame(participant["stack"], "thread_race", actor)

    # Its shadow takes the place of a part of ours; the rest is enough for what a program of our days has.
    def test_a_watched_variable_races_beside_address_sanitizer(self):
        run = RUNNER.shimmed(program("tasks_race", "asan"), env={"ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"})
        self.assertEqual((run.kinds, run.status), (["data-race"], 66), run.err)
        first = [places(participant["stack"])[0] for participant in run.finding("data-race")["participants"]]
        self.assertEqual(sorted(first), sorted(marks("tasks_race").values()))

    def test_without_room_for_the_shadow_one_line_says_so(self):
        limited = 'ulimit -v 4000000 && exec "$0"'
        run = RUNNER.plain("/bin/sh", "-c", limited, program("thread_race"),
                           env={"LD_PRELOAD": str(RUNNER.shim), "VIGIL_OPTIONS": "report_dir=/nowhere:formats=json"})
        self.assertEqual(run.status, 0, run.err)
        self.assertEqual(sorted(run.out.splitlines()), ["task wrote", "thread wrote"])
        self.assertEqual(run.err.count("no races are looked for"), 1, run.err)

    def test_order_by_pthread_and_vigil_is_no_race(self):
        for procs in ("1", "2", "8"):
            with self.subTest(procs=procs):
                run = RUNNER.shimmed(program("ordered_by_pthread"), env={"VIGIL_PROCS": procs}, options="detect=all")
                self.assertEqual((run.kinds, run.status, run.err), ([], 0, ""))
                self.assertEqual(run.out, RUNNER.plain(program("ordered_by_pthread")).out)

    def test_a_sound_program_is_clean(self):
        for procs in ("1", "2", "8"):
            with self.subTest(procs=procs):
                run = RUNNER.shimmed(program("busy_but_sound"), env={"VIGIL_PROCS": procs})
                self.assertEqual((run.kinds, run.status, run.err), ([], 0, ""))
                self.assertEqual(run.out, RUNNER.plain(program("busy_but_sound")).out)

    def test_a_sound_program_near_every_smell_is_clean(self):
        for procs in ("1", "2", "8"):
            with self.subTest(procs=procs):
                run = RUNNER.shimmed(program("sound_smells"), env={"VIGIL_PROCS": procs}, options="detect=all")
                self.assertEqual((run.kinds, run.status, run.err), ([], 0, ""), run.findings)
                self.assertEqual(run.out, RUNNER.plain(program("sound_smells")).out)

    def test_sound_services_are_clean(self):
        # Items left behind are what a pipeline that is cancelled midway is about.
        for procs in ("1", "2", "8"):
            with self.subTest(procs=procs):
                run = RUNNER.shimmed(program("sound_services"), env={"VIGIL_PROCS": procs}, options="detect=all,-lost-items")
                self.assertEqual((run.kinds, run.status, run.err), ([], 0, ""), run.findings)
                self.assertEqual(run.out, RUNNER.plain(program("sound_services")).out)

    def test_sound_use_of_every_primitive_is_clean(self):
        for procs in ("1", "2", "8"):
            with self.subTest(procs=procs):
                run = RUNNER.shimmed(program("sound_primitives"), env={"VIGIL_PROCS": procs}, options="detect=all")
                self.assertEqual((run.kinds, run.status, run.err), ([], 0, ""), run.findings)
                self.assertEqual(run.out, RUNNER.plain(program("sound_primitives")).out)

    def test_every_sort_of_wait_is_named(self):
        at = marks("leaking_primitives")
        waits = {"semaphore": ("acquire", "for semaphore s"), "read": ("lock", "to read-lock "),
                 "write": ("lock", "to write-lock "), "cond": ("wait", "for condition variable k"),
                 "once": ("call", "for the end of once o"), "stop": ("receive", "to receive from channel c"),
                 "pool": ("wait", "for condition variable k"), "group": ("wait", "for wait group w"),
                 "job": ("receive", "to receive from channel c"), "member": ("receive", "to receive from channel c")}
        for procs in ("1", "8"):
            with self.subTest(procs=procs):
                run = RUNNER.shimmed(program("leaking_primitives"), env={"VIGIL_PROCS": procs})
                self.assertEqual(run.kinds, ["task-leak"], run.err)
                found = {places(leak["participants"][0]["stack"])[0]: leak for leak in run.findings}
                self.assertEqual(sorted(found), sorted(at[name] for name in waits))
                for name, (operation, words) in waits.items():
                    leak = found[at[name]]
                    self.assertEqual(leak["participants"][0]["operation"], operation)
                    self.assertIn(words, leak["message"])

    def test_a_function_that_ends_with_an_operation_is_its_first_frame(self):
        run = RUNNER.shimmed(program("last_calls"), options="detect=all")
        found = [places(finding["participants"][0]["stack"])[0] for finding in run.findings
                 if finding["kind"] != "task-running-at-exit"]
        self.assertEqual(sorted(found), sorted(marks("last_calls").values()), run.err)

    def test_a_negative_count_has_one_fingerprint(self):
        """Who counted before, and in which order, differs from run to run; the defect does not."""
        prints = set()
        for _ in range(4):
            for procs in ("1", "8"):
                run = RUNNER.shimmed(program("counted_down_twice"), env={"VIGIL_PROCS": procs})
                self.assertEqual(run.kinds, ["wait-group-negative"], run.err)
                finding = run.finding("wait-group-negative")
                # The one too many, and the last eight events, the youngest first.
                self.assertEqual([one["note"] for one in finding["participants"]],
                                 ["one done too many"] + [f"before that: -1, leaving {left}" for left in range(8)])
                prints.add(finding["fingerprint"])
        self.assertEqual(len(prints), 1)

    def test_a_task_that_outlives_its_cancel_is_told_during_the_run(self):
        run = RUNNER.shimmed(program("cancel_grace"), "told", options="cancel_grace=20ms")
        self.assertEqual((run.kinds, run.status), (["cancelled-but-alive"], 66), run.err)
        survivor, canceller, maker = run.finding("cancelled-but-alive")["participants"]
        self.assert_first_frame(survivor["stack"], "cancel_grace", "waits")
        self.assert_first_frame(canceller["stack"], "cancel_grace", "cancel")
        self.assert_first_frame(maker["stack"], "cancel_grace", "made")
        run = RUNNER.shimmed(program("cancel_grace"))
        self.assertEqual((run.kinds, run.status), ([], 0), run.err)

    def test_equal_leaks_are_one_finding_with_a_count(self):
        run = RUNNER.shimmed(program("many_alike"))
        self.assertEqual(run.kinds, ["task-leak"], run.err)
        by_place = {places(leak["participants"][0]["stack"])[0]: leak["count"] for leak in run.findings}
        at = marks("many_alike")
        self.assertEqual(by_place, {at["thousand"]: 1000, at["three"]: 3})
        self.assertEqual(run.report["tasks"]["started"], 1003)
        self.assertEqual(run.report["tasks"]["alive_at_end"], 1003)

    def test_code_opened_later_is_named_too(self):
        plugin = next(PROGRAMS.glob("libpreload_plugin.*"), None)
        self.assertIsNotNone(plugin, "the plugin was not built")
        run = RUNNER.shimmed(PROGRAMS / "preload_plugin_host", plugin)
        self.assertEqual((run.kinds, run.status, run.out), (["task-leak"], 66, "started\n"), run.err)
        waiter = run.finding("task-leak")["participants"][0]
        self.assert_first_frame(waiter["stack"], "plugin", "plugin")
        self.assert_first_frame(waiter["actor"]["created_at"], "plugin", "created")

    def test_code_closed_before_the_finding_is_named_too(self):
        plugin = next(PROGRAMS.glob("libpreload_closable_plugin.*"), None)
        self.assertIsNotNone(plugin, "the plugin was not built")
        run = RUNNER.shimmed(PROGRAMS / "preload_plugin_closer", plugin)
        self.assertEqual((run.kinds, run.status, run.out), (["lock-cycle"], 66, "gone\n"), run.err)
        inside = [one for one in run.finding("lock-cycle")["participants"] if places(one["stack"])[0][0] == "closable_plugin.cpp"]
        self.assertEqual([one["role"] for one in inside], ["holds", "wants"])
        for one, mark in zip(inside, ("held", "wanted")):
            self.assert_first_frame(one["stack"], "closable_plugin", mark)
            self.assertEqual(one["stack"][0]["function"], "plugin_take")

    def test_a_deadlock_over_mutexes_ends_with_a_report(self):
        for procs in ("1", "2", "8"):
            with self.subTest(procs=procs):
                run = RUNNER.shimmed(program("lock_deadlock"), env={"VIGIL_PROCS": procs}, timeout=20)
                self.assertIn(run.kinds, (["deadlock"], ["deadlock", "lock-cycle"]), run.err)
                self.assertEqual((run.status, run.report["program"]["end"]), (66, "deadlock"))
                self.assert_ring_of_two(run, "lock_deadlock")

    def test_a_deadlock_of_plain_threads_ends_with_a_report(self):
        run = RUNNER.shimmed(program("thread_deadlock"), timeout=20)
        self.assertEqual((run.kinds, run.status), (["deadlock"], 66), run.err)
        stacks = [participant["stack"] for participant in run.finding("deadlock")["participants"]]
        at = marks("thread_deadlock")
        self.assertEqual(sorted(places(stack)[0] for stack in stacks), [at["waits"], at["waits"], at["main"]])
        # A program that vigil ends has no status of its own that exitcode=0 could keep.
        for exitcode, status in (("3", 3), ("0", 66)):
            run = RUNNER.shimmed(program("thread_deadlock"), options=f"exitcode={exitcode}", timeout=20)
            self.assertEqual((run.kinds, run.status), (["deadlock"], status), run.err)

    def test_a_misuse_in_main_ends_as_it_would_and_is_told(self):
        plain = RUNNER.plain(program("misuse_in_main"))
        run = RUNNER.shimmed(program("misuse_in_main"))
        self.assertEqual((run.status, run.out), (plain.status, plain.out), run.err)
        self.assertEqual(run.kinds, ["send-on-closed"], run.err)
        sender, closer = run.finding("send-on-closed")["participants"]
        self.assert_first_frame(sender["stack"], "misuse_in_main", "send")
        self.assert_first_frame(closer["stack"], "misuse_in_main", "close")

    def test_a_misuse_that_was_caught_is_told_all_the_same(self):
        run = RUNNER.shimmed(program("misuse_caught"))
        self.assertEqual((run.status, run.kinds), (66, ["close-of-closed"]), run.err)
        self.assert_first_frame(run.finding("close-of-closed")["participants"][0]["stack"], "misuse_caught", "close")

    def test_a_misuse_after_the_last_destructor_is_seen(self):
        for _ in range(5):
            run = RUNNER.shimmed(program("misuse_late"))
            self.assertEqual((run.status, run.kinds), (66, ["close-of-closed"]), run.err)
            stack = run.finding("close-of-closed")["participants"][0]["stack"]
            self.assert_first_frame(stack, "misuse_late", "close")

    def test_exit_in_a_task_keeps_its_status(self):
        run = RUNNER.shimmed(program("exit_in_task"))
        self.assertEqual((run.status, run.out), (3, "leaving\n"), run.err)
        self.assertEqual(run.kinds, ["task-leak"])
        leaks = [places(leak["participants"][0]["stack"])[0] for leak in run.findings]
        self.assertIn(marks("exit_in_task")["leak"], leaks)

    def test_a_program_without_vigil_does_not_notice(self):
        for args in ((), ("five",)):
            plain = RUNNER.plain(PROGRAMS / "preload_no_vigil", *args)
            run = RUNNER.shimmed(PROGRAMS / "preload_no_vigil", *args)
            self.assertEqual((run.status, run.out, run.err), (plain.status, plain.out, plain.err))
            self.assertEqual(run.kinds, [])


if __name__ == "__main__":
    unittest.main()
