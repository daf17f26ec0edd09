"""Checks docs/conformance.md: every test it names exists, every row names one, and its table of misuse has every text with
which the runtime panics.

    conformance_index.py ROOT

Without gtest's word for it: a test is TEST, TEST_F or TEST_P in a file of test/runtime or test/schedule.
"""
import pathlib
import re
import sys

TEST = re.compile(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", re.MULTILINE)
NAME = re.compile(r"`(\w+\.(?:\w+|\*))`")
COMPILER = "the compiler"
PANIC = re.compile(r'(?:Panic|demand_period)\((?:period_ns, )?"([^"]+)"\)')
HEADS = (["fact", "shown by"], ["call", "misuse", "outcome", "shown by"])


def main():
    root = pathlib.Path(sys.argv[1])
    sources = [path for folder in ("runtime", "schedule") for path in (root / "test" / folder).glob("*.cpp")]
    tests = {f"{suite}.{name}" for path in sources for suite, name in TEST.findall(path.read_text(encoding="utf-8"))}
    wrong = []
    facts = 0
    outcomes = []
    for number, line in enumerate((root / "docs/conformance.md").read_text(encoding="utf-8").splitlines(), 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or len(cells) not in (2, 4) or cells in HEADS or set(line) <= set("|-"):
            continue
        facts += 1
        outcomes += cells[2:3]
        named = NAME.findall(cells[-1])
        if not named and COMPILER not in cells[-1]:
            wrong.append(f"line {number}: names no test")
        for name in named:
            known = any(test.startswith(name[:-1]) for test in tests) if name.endswith("*") else name in tests
            if not known:
                wrong.append(f"line {number}: there is no test {name}")
    runtime = [path for path in (root / "runtime").rglob("*") if path.suffix in (".cpp", ".hpp")]
    panics = {text for path in runtime for text in PANIC.findall(path.read_text(encoding="utf-8"))}
    wrong += [f'no row has the panic "{text}"' for text in sorted(panics) if not any(text in outcome for outcome in outcomes)]
    if facts == 0 or not tests or not panics:
        wrong.append("found no facts, or no tests")
    print("\n".join(wrong) or f"{facts} facts, each shown by tests that exist ({len(tests)} tests)")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
