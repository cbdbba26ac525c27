"""The table and the JSON of a comparison."""

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from contenders import Contender, Kernels
from errors import UsageError
from measuring import Times


class Table:
    """Prints rows of times and ratios as they come."""

    legend = f"""{Kernels.name}: milliseconds, the median over the turns. The other columns: their time ÷ ours in the same
round of turns, the median over the rounds; above 1 we are faster. * the best of them. – left out."""

    def __init__(self, peers: Sequence[Contender]) -> None:
        self.widths = {peer.name: max(len(peer.name), 6) for peer in peers}

    def header(self) -> str:
        """Returns the names of the columns."""
        return f"{'row':44} threads  {Kernels.name:>10}" + "".join(
            f"  {name:>{width}} " for name, width in self.widths.items())

    def line(self, times: Times) -> str:
        """Returns the kernel's milliseconds and every peer's ratio, the smallest of them marked."""
        cells = "".join(
            f"  {f'{times.ratios[name]:.2f}' if name in times.ratios else '–':>{width}}"
            f"{'*' if name == times.best else ' '}" for name, width in self.widths.items())
        return f"{times.row:44} {times.threads:7}  {times.seconds[Kernels.name] * 1e3:10.4f}{cells}".rstrip()


def processor() -> str:
    """Returns the processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def write_json(path: Path, contenders: Sequence[Contender], rows: Sequence[Times]) -> None:
    """Writes what has been measured so far: the file is whole at every moment."""
    report = {
        "format": 1,
        "machine": {"cpu": processor(), "threads": os.cpu_count()},
        "contenders": [contender.name for contender in contenders],
        "versions": {contender.name: contender.version for contender in contenders if contender.version},
        "rows": [
            {"row": times.row, "threads": times.threads, "seconds": times.seconds, "ratios": times.ratios}
            for times in rows
        ],
    }
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_text(json.dumps(report, indent=2) + "\n")
        beside.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
