"""The type checker's errors as a ratchet: ``python -m tests.type_errors``; with ``--write`` the lower counts are kept.

``type_errors.json`` holds how many errors each room has. A room may have fewer, never more.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KNOWN = Path(__file__).with_suffix(".json")


def room(file: str) -> str:
    """Return the folder of a module, or the name of one at the top."""
    parts = Path(file).resolve().relative_to(ROOT).parts
    return parts[1] if parts[0] == "gala_viz" and len(parts) > 2 else "gala_viz" if parts[0] == "gala_viz" else parts[0]


def type_errors() -> list[dict]:
    """Return the checker's errors, each with file, range, rule and message."""
    command = [
        sys.executable,
        "-m",
        "basedpyright",
        "--outputjson",
        "--project",
        str(ROOT),
        "--pythonpath",
        sys.executable,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if not done.stdout.startswith("{"):
        raise SystemExit(f"The type checker did not run:\n{done.stdout}{done.stderr}")
    return [one for one in json.loads(done.stdout)["generalDiagnostics"] if one["severity"] == "error"]


def main(arguments: list[str]) -> int:
    """Compare with what is known; return the exit status."""
    errors = type_errors()
    counts = Counter(room(one["file"]) for one in errors)
    if "--write" in arguments:
        KNOWN.write_text(json.dumps(dict(sorted(counts.items())), indent=4) + "\n", encoding="utf-8")
        print(f"{sum(counts.values())} errors of types in {len(counts)} rooms")
        return 0
    known = json.loads(KNOWN.read_text(encoding="utf-8"))
    more = {one for one in counts if counts[one] > known.get(one, 0)}
    for one in errors if more else []:
        if room(one["file"]) in more:
            path, start = Path(one["file"]).resolve().relative_to(ROOT), one["range"]["start"]
            print(
                f"{path}:{start['line'] + 1}:{start['character'] + 1}: {one['message'].splitlines()[0]} "
                f"({one.get('rule')})"
            )
    for one in sorted(more):
        print(f"{one}: at most {known.get(one, 0)} errors of types were expected; there are {counts[one]}.")
    fewer = {one: known[one] - counts[one] for one in known if counts[one] < known[one]}
    if fewer and not more:
        print(f"Fewer errors of types ({fewer}): keep it so with `python -m tests.type_errors --write`.")
    return bool(more)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
