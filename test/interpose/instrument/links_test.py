"""Whatever a compiler emits under -fsanitize=thread, libvigil_instrument.so has; and a program so linked runs unchanged.

usage: links_test.py LIBRARY SHIM
"""
import glob
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

LIBRARY = pathlib.Path(sys.argv[1]).resolve()
SHIM = pathlib.Path(sys.argv[2]).resolve()
HERE = pathlib.Path(__file__).resolve().parent
CPP, C = HERE / "constructs.cpp", HERE / "constructs.c"

# What g++ 12 and clang 14 to 22 emit, from their sources; the compilers at hand cannot all be asked.
SIZES = (1, 2, 4, 8, 16)
OPERATIONS = ("load store exchange fetch_add fetch_sub fetch_and fetch_or fetch_xor fetch_nand "
              "compare_exchange_strong compare_exchange_weak compare_exchange_val").split()
EMITTED = ["init", "func_entry", "func_exit", "read_range", "write_range", "vptr_update", "vptr_read", "memcpy",
           "memmove", "memset", "atomic_thread_fence", "atomic_signal_fence", "ignore_thread_begin", "ignore_thread_end"]
EMITTED += [f"{kind}{size}" for kind in ("read", "write", "volatile_read", "volatile_write", "read_write") for size in SIZES]
EMITTED += [f"unaligned_{kind}{size}" for kind in ("read", "write", "volatile_read", "volatile_write", "read_write")
            for size in SIZES[1:]]
EMITTED += [f"atomic{8 * size}_{operation}" for size in SIZES for operation in OPERATIONS]


def call(*command, **how):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **how)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def names(*nm):
    return {line.split()[-1] for line in call("nm", *nm).splitlines()}


def compilers():
    """(compiler, is it g++) for every one installed."""
    clangs = {os.path.realpath(path): path for path in glob.glob("/usr/bin/clang++*") if re.search(r"\+\+(-\d+)?$", path)}
    found = [("g++", True)] if shutil.which("g++") else []
    return found + [(path, False) for path in sorted(clangs.values())]


class Links(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.exported = names("-D", "--defined-only", LIBRARY)
        cls.folder = tempfile.TemporaryDirectory()
        cls.at = pathlib.Path(cls.folder.name)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def compile(self, compiler, source, flags):
        made = self.at / f"{source.name}.o"
        language = ["-x", "c", "-std=c11"] if source.suffix == ".c" else ["-std=c++20"]
        call(compiler, *language, "-fPIE", "-w", "-mcx16", "-fsanitize=thread", *flags, "-c", source, "-o", made)
        return made

    def test_every_entry_point_of_the_compilers_is_there(self):
        self.assertEqual([name for name in EMITTED if f"__tsan_{name}" not in self.exported], [])

    def test_every_call_that_compilers_make_is_answered(self):
        called = set()
        for compiler, is_gnu in compilers():
            special = (["--param", "tsan-distinguish-volatile=1"] if is_gnu else
                       ["-mllvm", "-tsan-distinguish-volatile", "-mllvm", "-tsan-compound-read-before-write"])
            for flags in (["-O0"], ["-O2"], ["-O1", *special]):
                for source in (CPP, C):
                    now = {name for name in names("-u", self.compile(compiler, source, flags)) if "tsan" in name}
                    self.assertLessEqual(now, self.exported, (compiler, flags, source.name))
                    called |= now
        # The constructs do reach what they are there for.
        for name in ("vptr_update", "write_range", "volatile_read8", "atomic128_fetch_nand", "atomic_signal_fence"):
            self.assertIn(f"__tsan_{name}", called)

    def test_an_instrumented_program_runs_as_without(self):
        for compiler, _ in compilers():
            for source in (CPP, C):
                plain, watched = self.at / "plain", self.at / "watched"
                language = ["-x", "c", "-std=c11"] if source.suffix == ".c" else ["-std=c++20"]
                call(compiler, *language, "-w", "-mcx16", "-O1", source, "-o", plain, "-latomic")
                call(compiler, self.compile(compiler, source, ["-O2"]), "-o", watched, LIBRARY, f"-Wl,-rpath,{LIBRARY.parent}")
                told = call(plain)
                self.assertEqual(call(watched), told, compiler)
                quiet = {**os.environ, "LD_PRELOAD": str(SHIM), "VIGIL_OPTIONS": f"command=/bin/true:report_dir={self.at}"}
                self.assertEqual(call(watched, env=quiet), told, f"{compiler} under the shim")

    def test_a_programs_own_printf_stays_its_libraries(self):
        program, library = self.at / "own.c", self.at / "own_library.c"
        program.write_text("""
            #include <stdarg.h>
            #include <stdio.h>
            void hello(void);
            static int say(const char* format, va_list given) {
              fputs("own: ", stdout);
              return vsprintf((char[100]){0}, format, given);
            }
            int printf(const char* format, ...) {
              va_list given;
              va_start(given, format);
              const int result = say(format, given);
              va_end(given);
              return result;
            }
            int fprintf(FILE* stream, const char* format, ...) { return fputs("mine", stream); }
            int main(void) {
              hello();
              return 0;
            }""")
        library.write_text("""
            #include <stdio.h>
            void hello(void) {
              printf("%d", 1);
              fprintf(stdout, "%d", 2);
            }""")
        made = self.at / "libown.so"
        for compiler, _ in compilers():
            flags = ["-fno-builtin", "-fPIC"]
            call(compiler, "-shared", self.compile(compiler, library, flags), "-o", made, LIBRARY)
            call(compiler, self.compile(compiler, program, flags), "-o", self.at / "own", made, LIBRARY,
                 f"-Wl,-rpath,{LIBRARY.parent}:{self.at}")
            watched = {**os.environ, "LD_PRELOAD": str(SHIM), "VIGIL_OPTIONS": f"command=/bin/true:report_dir={self.at}"}
            self.assertEqual(call(self.at / "own", env=watched), "own: mine", compiler)

    def test_user_code_for_thread_sanitizer_links(self):
        source = self.at / "annotated.cpp"
        source.write_text("""
            #include <sanitizer/tsan_interface.h>
            #include <sanitizer/linux_syscall_hooks.h>
            #include <sanitizer/common_interface_defs.h>
            extern "C" void AnnotateHappensBefore(const char*, int, void*);
            extern "C" void AnnotateHappensAfter(const char*, int, void*);
            extern "C" void AnnotateIgnoreReadsBegin(const char*, int);
            extern "C" int RunningOnValgrind(void);
            int main() {
              int at = 0;
              __tsan_mutex_create(&at, __tsan_mutex_not_static);
              __tsan_mutex_pre_lock(&at, 0);
              __tsan_mutex_post_lock(&at, 0, 0);
              __tsan_release(&at);
              __tsan_acquire(&at);
              AnnotateHappensBefore("f", 1, &at);
              AnnotateHappensAfter("f", 2, &at);
              AnnotateIgnoreReadsBegin("f", 3);
              void* const fiber = __tsan_create_fiber(0);
              __tsan_switch_to_fiber(__tsan_get_current_fiber(), 0);
              __tsan_destroy_fiber(fiber);
              __sanitizer_syscall_pre_write(1, "", 0);
              __sanitizer_syscall_post_write(0, 1, "", 0);
              return RunningOnValgrind();
            }""")
        for compiler, is_gnu in compilers():
            if is_gnu:
                continue  # its package has no linux_syscall_hooks.h
            made = self.at / "annotated"
            call(compiler, "-w", "-fsanitize=thread", "-c", source, "-o", f"{made}.o")
            call(compiler, f"{made}.o", "-o", made, LIBRARY, f"-Wl,-rpath,{LIBRARY.parent}")
            call(made)

    def test_only_libc_is_needed(self):
        needed = [line.split("[")[1].rstrip("]") for line in call("readelf", "-d", LIBRARY).splitlines() if "(NEEDED)" in line]
        self.assertEqual(needed, ["libc.so.6"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
