"""`python -m clients.typescript.generator FILE`: write the types and methods of `docs/openapi.json` in TypeScript."""

import argparse
import json
import sys
from pathlib import Path

from clients.typescript.generator.module import module_of

DOCUMENT = Path(__file__).parents[3] / "docs/openapi.json"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m clients.typescript.generator", description=__doc__)
    parser.add_argument("file", type=Path, help="the file to write")
    options = parser.parse_args(arguments)
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    options.file.write_text(module_of(document), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
