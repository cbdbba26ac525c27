"""The process of `bench serve`, and the rows that it gives to others."""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from errors import UsageError

EXECUTABLE = Path(__file__).resolve().parents[2] / ".build" / "debug" / "bench"
IDS = r"(tokens|source|target|labels|centers|words|negatives)$"  # inputs that are whole numbers
HELD = r"(weight|bias|gain|vector|table|positions)$"  # parameters, which a model holds; the others are its arguments


@dataclass(frozen=True, eq=False)
class Row:
    """A row of the bench with its inputs by name and what the kernel makes of them."""

    name: str
    inputs: dict[str, np.ndarray]
    output: np.ndarray

    @property
    def topic(self) -> str:
        """Returns the row's name up to where its shape begins."""
        return re.sub(r" \d.*", "", self.name)

    @property
    def settings(self) -> dict[int | str, int]:
        """Returns the numbers in the row's shape, by their place or by the word beside them."""
        shape = self.name.removeprefix(self.topic)
        extents: dict[int | str, int] = dict(enumerate(map(int, re.findall(r"\d+", shape))))
        counts = {word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", shape)}
        return extents | counts | {word: int(number) for word, number in re.findall(r"([a-z]+) (\d+)", shape)}


def ends_in(name: str, words: str) -> bool:
    """Returns whether an input's name ends in one of the words."""
    return re.search(words, name, re.IGNORECASE) is not None


def stacked(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the inputs with the three projections of each attention one below the other, as models hold them."""
    result = dict(inputs)
    for name in inputs:
        parts = [name, name.replace("query", "key"), name.replace("query", "value")]
        if re.search(r"query(Weight|Bias)$", name) and parts[2] in inputs:
            result[name.replace("query", "projection")] = np.concatenate([result.pop(part) for part in parts])
    return result


def row_of(name: str, tensors: dict[str, np.ndarray]) -> Row:
    """Returns the row of that name from what `bench serve` writes."""
    output = tensors.pop("output")
    inputs = {key: x.astype(np.int64) if ends_in(key, IDS) else x for key, x in tensors.items()}
    row = Row(name, stacked(inputs), output)
    if row.topic not in ("Convolution", "Packed convolution"):
        return row
    # Everybody else has the channels first.
    return Row(name, row.inputs | {"x": np.ascontiguousarray(row.inputs["x"].T)}, output.T)


def names(executable: Path, text: str) -> list[str]:
    """Returns the names of the rows that contain a text."""
    if not executable.exists():
        raise UsageError(f"there is no {executable}: build first, swift build")
    command = [executable, "--list", "--filter", text]
    listing = subprocess.run(command, capture_output=True, text=True, check=False)
    if listing.returncode:
        raise UsageError(listing.stderr.strip().removeprefix("bench: "))
    return listing.stdout.splitlines()


class Bench:
    """The process of `bench serve`."""

    def __init__(self, executable: Path) -> None:
        self.process = subprocess.Popen(
            [executable, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, request: str) -> str:
        """Returns the line that answers a request."""
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def do(self, request: str) -> None:
        """Makes a request that is answered by `ok`."""
        answer = self.ask(request)
        if answer != "ok":
            raise UsageError(f"bench serve: {answer or 'it stopped'}")

    def load(self, name: str) -> Row:
        """Returns the row of that name, which is the one that is timed from now on."""
        self.do(f"load {name}")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "row.safetensors"
            self.do(f"write {path}")
            return row_of(name, load_file(path))

    def seconds(self, threads: int, times: int) -> list[float]:
        """Returns the seconds of each of so many calls of the kernel."""
        return [float(text) for text in self.ask(f"time {threads} {times}").split()]
