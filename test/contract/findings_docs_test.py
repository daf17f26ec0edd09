#!/usr/bin/env python3
"""docs/findings/ has a page for each kind, and what it quotes from a sample stands in the sample.

usage: findings_docs_test.py SOURCE_FOLDER
"""
import json
import pathlib
import re
import sys
import unittest

SOURCE = pathlib.Path(sys.argv.pop(1))
PAGES = SOURCE / "docs" / "findings"
KINDS = re.findall(r'^    \{"([a-z-]+)", (true|false), (true|false)\}', (SOURCE / "interpose/kinds.hpp").read_text(), re.M)
CATALOG = {row["id"]: row for row in json.loads((SOURCE / "samples/catalog.json").read_text())}
QUOTE = re.compile(r"^`((?:samples/([\w-]+)|test/[\w/]+)/\w+\.cpp)`:\n```cpp\n(.*?\n)```$", re.M | re.S)


class FindingsDocs(unittest.TestCase):
    def test_every_kind_has_a_page_and_a_line_of_the_index(self):
        self.assertGreater(len(KINDS), 20)
        index = (PAGES / "index.md").read_text()
        for kind, is_error, on_by_default in KINDS:
            with self.subTest(kind=kind):
                page = (PAGES / f"{kind}.md").read_text()
                self.assertTrue(page.startswith(f"# {kind}\n\n*{'error' if is_error == 'true' else 'warning'}"))
                for heading in ("The smallest example", "How vigil knows", "What can fool it", "How to fix it"):
                    self.assertIn(f"\n## {heading}\n", page)
                self.assertIn(f"]({kind}.md)", index)
                self.assertEqual("off unless" in page.split("\n")[2], on_by_default == "false")

    def test_no_page_is_about_nothing(self):
        self.assertEqual({page.stem for page in PAGES.glob("*.md")} - {"index", "proofs"}, {kind for kind, _, _ in KINDS})

    def test_what_is_quoted_stands_in_the_sample(self):
        quotes = 0
        for page in sorted(PAGES.glob("*.md")):
            for path, sample, text in QUOTE.findall(page.read_text()):
                quotes += 1
                with self.subTest(page=page.name, sample=sample):
                    self.assertIn(text, (SOURCE / path).read_text())
                    if sample:
                        self.assertIn(page.stem, CATALOG[sample]["expect"])
        self.assertGreater(quotes, 15)

    def test_samples_that_are_named_exist(self):
        for page in sorted(PAGES.glob("*.md")):
            for path in re.findall(r"`((?:samples/[\w-]+|test/[\w/]+)/\w+\.cpp)`", page.read_text()):
                self.assertTrue((SOURCE / path).is_file(), f"{page.name}: {path}")


if __name__ == "__main__":
    unittest.main()
