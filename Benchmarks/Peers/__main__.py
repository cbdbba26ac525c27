"""Times the kernels and other people's software in turns, on the same inputs, and compares the results.

    swift build
    python -m pip install -r Benchmarks/Peers/requirements.txt
    python Benchmarks/Peers [--filter TEXT] [--threads N …] [--turns N] [--check] [--json FILE]

`bench serve` runs beside this process and computes when it is asked to. A row is timed only with those
whose results agree with float64; whoever disagrees is named, and the exit status is 1. The contenders take
turns, so that the machine's drift takes all alike. A ratio is a peer's time ÷ the kernel's in the same
round of turns, the median over the rounds. A peer that is not installed, or has no such function, is named
and left out.
"""

import argparse
import logging
import sys
import warnings
from pathlib import Path

from agreement import Comparison
from bench import Bench, names
from contenders import Kernels, installed
from errors import LeftOut, UsageError
from measuring import Times, measured
from report import Table, write_json


def options() -> argparse.Namespace:
    """Returns what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python Benchmarks/Peers")
    parser.add_argument("--filter", default="", help="only rows that contain this text")
    parser.add_argument("--threads", type=positive, nargs="+", default=[1, 2])
    parser.add_argument("--turns", type=positive, default=7, help="turns of each contender in a row")
    parser.add_argument("--check", action="store_true", help="compare the results and time nothing")
    parser.add_argument("--json", type=Path, help="write the times and ratios to a file too")
    return parser.parse_args()


def positive(text: str) -> int:
    """Returns a number of at least 1."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def progress(text: str) -> None:
    """Writes over the line of progress, where somebody is looking."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def say(text: str) -> None:
    """Prints a line in place of the progress."""
    progress("")
    print(text, flush=True)


def compare(chosen: argparse.Namespace) -> int:
    """Compares row after row; 1 if somebody disagrees."""
    rows = names(chosen.filter)
    bench = Bench()
    peers, missing = installed()
    comparison = Comparison([Kernels(bench), *peers])
    table = Table(peers)
    done: list[Times] = []
    for sentence in [f"{peer.name} {peer.version}" for peer in peers] + missing:
        say(sentence)
    if chosen.json:
        write_json(chosen.json, comparison.contenders, done)  # before minutes of work, not after
    if not chosen.check:
        say(f"\n{table.header()}")
    for index, name in enumerate(rows):
        progress(f"{index + 1} of {len(rows)}: {name}")
        row = bench.load(name)
        try:
            expected = comparison.exact(row)
        except LeftOut as reason:
            comparison.leave_out("no comparison:", str(reason), row.topic)
            continue
        for threads in chosen.threads:
            agreeing, disagreements = comparison.agreeing(row, expected, threads)
            for sentence in disagreements:
                say(f"FAIL {sentence}")
            if chosen.check:
                say(f"{name}, {threads} threads: {', '.join(agreeing)} agree")
            elif Kernels.name in agreeing:
                done.append(measured(name, threads, agreeing, chosen.turns))
                say(table.line(done[-1]))
                if chosen.json:
                    write_json(chosen.json, comparison.contenders, done)
    say(f"\n{comparison.legend()}" if chosen.check else f"\n{table.legend}\n{comparison.legend()}")
    return 1 if comparison.disagreements else 0


def main() -> int:
    """Returns the exit status: 2 for what the caller can put right."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)  # what converters say of functions that are not used here
    try:
        return compare(options())
    except UsageError as error:
        say(f"peers: {error}")
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
