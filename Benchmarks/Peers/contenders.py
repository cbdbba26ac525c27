"""Who takes part: the kernels and everybody else's software that is installed."""

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from bench import Bench, Row

# The modules of the peers and what stands behind each.
MODULES = {
    "pytorch_peers": "PyTorch",
    "openvino_peer": "OpenVINO",
    "onnx_runtime_peer": "ONNX Runtime",
    "numpy_peer": "NumPy",
}


@dataclass
class Ready:
    """A contender with a row's inputs and so many threads."""

    result: Callable[[], np.ndarray]
    """Computes the row once."""
    seconds: Callable[[int], list[float]]
    """Computes it so many times: the seconds of each call."""


class Contender(Protocol):
    """Somebody's software."""

    name: str
    version: str

    def ready(self, row: Row, threads: int) -> Ready:
        """Makes everything that is not timed; raises LeftOut if there is no such function."""


@runtime_checkable
class Exact(Contender, Protocol):
    """Software that computes in float64 too."""

    def exact(self, row: Row) -> np.ndarray:
        """Returns the row in float64; raises LeftOut if there is no such function."""


class Kernels:
    """Our own, in the process of the bench."""

    name = "Kernels"
    version = ""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def ready(self, row: Row, threads: int) -> Ready:
        """Takes the row that the bench has loaded; the threads do not change a bit of the result."""
        return Ready(lambda: row.output, lambda times: self.bench.seconds(threads, times))


def timed(function: Callable[[], Any]) -> Callable[[int], list[float]]:
    """Returns what gives the seconds of each of so many calls."""

    def seconds(times: int) -> list[float]:
        result = []
        for _ in range(times):
            start = time.perf_counter()
            function()
            result.append(time.perf_counter() - start)
        return result

    return seconds


def installed() -> tuple[list[Contender], list[str]]:
    """Returns the peers, and a sentence for each that is not installed."""
    peers: list[Contender] = []
    missing = []
    for module, name in MODULES.items():
        try:
            peers += importlib.import_module(module).PEERS
        except ImportError as error:
            missing.append(f"{name} is left out: {error}")
    return peers, missing
