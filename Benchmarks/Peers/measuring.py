"""Contenders in turns."""

import math
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass

from contenders import Kernels, Ready

PAUSE = 0.02  # seconds before a turn, and again while threads keep a core after their work
WARM_UP = 0.02  # seconds of calls that do not count
COUNTED = 0.02  # seconds of calls that do, or one call


@dataclass
class Times:
    """What a row took with a number of threads."""

    row: str
    threads: int
    seconds: dict[str, float]
    """The median over the turns of each contender."""
    ratios: dict[str, float]
    """Of each peer its time ÷ the kernel's in the same round of turns, the median over the rounds."""

    @property
    def best(self) -> str | None:
        """Returns the peer that comes closest to the kernel or is ahead of it."""
        return min(self.ratios, key=self.ratios.__getitem__, default=None)


def rest() -> None:
    """Waits for the threads of those who had their turn: OpenBLAS's go on for 100 ms."""
    while True:
        before = time.process_time()
        time.sleep(PAUSE)
        if time.process_time() - before < PAUSE / 10:
            return


def turn(contender: Ready) -> float:
    """Returns the median time of the calls of one turn."""
    rest()
    once = contender.seconds(1)[0]
    warm_up, counted = int(WARM_UP / once), math.ceil(COUNTED / once)
    return statistics.median(contender.seconds(warm_up + counted)[-counted:])


def measured(row: str, threads: int, contenders: Mapping[str, Ready], turns: int) -> Times:
    """Lets all take so many turns, one after the other."""
    rounds = [{name: turn(contender) for name, contender in contenders.items()} for _ in range(turns)]
    return in_turns(row, threads, rounds)


def in_turns(row: str, threads: int, rounds: list[dict[str, float]]) -> Times:
    """Returns the medians of rounds in which each contender had a turn."""
    seconds = {name: statistics.median(times[name] for times in rounds) for name in rounds[0]}
    ratios = {
        name: statistics.median(times[name] / times[Kernels.name] for times in rounds)
        for name in rounds[0] if name != Kernels.name
    }
    return Times(row, threads, seconds, ratios)
