"""Turns the examples of docs/runtime.md into a program: extract.py GUIDE OUT.cpp PROGRAM.cpp

A block fenced as ```cpp is the body of a function; OUT.cpp has one function for each and calls them all. The block fenced as
```c++ is a whole program and becomes PROGRAM.cpp. A failing compiler or assert names the guide's own line.
"""
import pathlib
import re
import sys

HEAD = """#undef NDEBUG
#include <atomic>
#include <cassert>
#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "vigil/vigil.hpp"

using namespace vigil;
using namespace std::chrono_literals;

namespace {
"""


def blocks(text, fence):
    for found in re.finditer(rf"^```{re.escape(fence)}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield text.count("\n", 0, found.start(1)) + 1, found[1]


def main(guide, out, program):
    text = pathlib.Path(guide).read_text()
    functions = []
    calls = []
    for line, body in blocks(text, "cpp"):
        functions.append(f'void line_{line}() {{\n#line {line} "{guide}"\n{body}}}\n')
        calls.append(f"  line_{line}();\n")
    whole = list(blocks(text, "c++"))
    if len(calls) < 10 or len(whole) != 1:
        sys.exit(f"{guide}: {len(calls)} examples and {len(whole)} programs; has the way they are fenced changed?")
    calls.append(f'  std::puts("{len(functions)} examples");\n')
    pathlib.Path(out).write_text(HEAD + "\n".join(functions) + "}  // namespace\n\nint main() {\n" + "".join(calls) + "}\n")
    pathlib.Path(program).write_text(f'#line {whole[0][0]} "{guide}"\n{whole[0][1]}')


if __name__ == "__main__":
    main(*sys.argv[1:])
