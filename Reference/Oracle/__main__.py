"""Regenerates the golden vectors: `python Reference/Oracle`, or `--check` to compare only."""

import argparse
import json
import sys
from collections import Counter

import vectors
from agreement import Disagreement


def main() -> int:
    """Writes or compares every file, and returns the exit status."""
    parser = argparse.ArgumentParser(prog="Oracle", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    arguments = parser.parse_args()
    try:
        return compare() if arguments.check else regenerate()
    except Disagreement as disagreement:
        print(f"the two sources disagree, nothing was written: {disagreement}", file=sys.stderr)
        return 1


def regenerate() -> int:
    """Writes every file and prints what each holds."""
    files = vectors.write()
    counts = Counter(case["topic"] for case in json.loads(files[vectors.MANIFEST])["cases"])
    for name, content in files.items():
        topic = name.removesuffix(".safetensors")
        print(f"{name}: {len(content)} bytes, {counts[topic] or counts.total()} cases")
    return 0


def compare() -> int:
    """Prints the files that differ from what the oracle computes now; 1 if there are any."""
    changed = vectors.differences()
    for name in changed:
        print(f"{name} differs from what the oracle computes", file=sys.stderr)
    if not changed:
        print("every file is what the oracle computes")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
