"""The TypeScript compiler, with the strictest options."""

import json
import subprocess
from pathlib import Path

from tests.clients.typescript.installation import PACKAGE
from tests.npm import installed, node

_OPTIONS = {
    "target": "ES2023",
    "module": "NodeNext",
    "types": ["node"],
    "strict": True,
    "noEmit": True,
    "noImplicitReturns": True,
    "noUncheckedIndexedAccess": True,
    "noPropertyAccessFromIndexSignature": True,
    "exactOptionalPropertyTypes": True,
    "verbatimModuleSyntax": True,
    "skipLibCheck": True,
}


def compile_errors(project: Path, *files: Path, **options: object) -> str:
    """Return the errors in files of a project. `options` change those of the compiler."""
    settings = project / f"tsconfig.{files[0].stem}.json"
    given = {"compilerOptions": {**_OPTIONS, **options}, "files": [str(file) for file in files]}
    settings.write_text(json.dumps(given), encoding="utf-8")
    program = installed(PACKAGE) / "typescript/bin/tsc"
    run = subprocess.run(
        [node(), program, "--project", settings], cwd=project, capture_output=True, text=True, timeout=120, check=False
    )
    return run.stdout + run.stderr
