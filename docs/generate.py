"""Write the generated pages of ``docs/`` or, with ``--check``, say which of them is out of date."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from plms_pipeline import contracts
from plms_pipeline.ingest import defects_markdown
from plms_pipeline.night.methods import methods_markdown

DOCS = Path(__file__).resolve().parent
PAGES: dict[str, Callable[[], str]] = {
    "claims.md": contracts.claims_markdown,
    "data_dictionary.md": contracts.dictionary_markdown,
    "defects.md": defects_markdown,
    "methods.md": methods_markdown,
}


def main() -> int:
    """Return 1 when ``--check`` finds a page that differs from its source."""
    check = sys.argv[1:] == ["--check"]
    stale = 0
    for name, generate in PAGES.items():
        page = DOCS / name
        text = generate()
        if check and (not page.is_file() or page.read_text(encoding="utf-8") != text):
            print(f"docs/{name} is out of date: run `make docs`", file=sys.stderr)
            stale = 1
        elif not check:
            page.write_text(text, encoding="utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main())
