"""Tests of the comparison, without its measurements; run by `python Benchmarks/Peers/test_peers.py` or by pytest."""

import json
import tempfile
from pathlib import Path

import numpy as np

from agreement import LIMIT, Comparison, complaint
from bench import Row, row_of
from contenders import Ready, installed
from errors import LeftOut
from measuring import in_turns
from report import Table, write_json


class Fake:
    """A contender who doubles, and then adds some error."""

    version = "1"

    def __init__(self, name: str, error: float = 0) -> None:
        self.name, self.error = name, error

    def ready(self, row: Row, threads: int) -> Ready:
        """Gives a result, at once."""
        return Ready(lambda: row.inputs["x"] * 2 + np.float32(self.error), lambda times: [1.0] * times)

    def exact(self, row: Row) -> np.ndarray:
        """Returns the row in float64."""
        return row.inputs["x"].astype(np.float64) * 2


class Broken(Fake):
    """A contender whose software raises something."""

    def ready(self, row: Row, threads: int) -> Ready:
        """Fails."""
        raise ZeroDivisionError("once\nmore")


class Absent(Fake):
    """A contender without the function."""

    def ready(self, row: Row, threads: int) -> Ready:
        """Takes no part."""
        raise LeftOut("has no such function")


def row(name: str = "Twice 2 × 3", **inputs: np.ndarray) -> Row:
    """Returns a row of some numbers."""
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    return row_of(name, inputs | {"x": x, "output": 2 * x})


def test_names_of_rows_are_taken_apart() -> None:
    """A topic ends where the numbers begin, also one with a digit, and words name the numbers beside them."""
    taken = row("ViT-B/16 block 197 × 768, 12 heads, stride 2")
    assert taken.topic == "ViT-B/16 block"
    assert taken.settings == {0: 197, 1: 768, 2: 12, 3: 2, "heads": 12, "stride": 2}
    assert row("Swin block 56² × 96").settings == {0: 56, 1: 96}


def test_inputs_are_what_models_hold() -> None:
    """Words are whole numbers, the three projections are one, and everybody's convolution has the channels first."""
    parts = {f"self.{name}Weight": np.full((2, 3), i, np.float32) for i, name in enumerate(("query", "key", "value"))}
    inputs = row(tokens=np.ones(2, np.float32), **parts).inputs
    assert inputs["tokens"].dtype == np.int64
    assert inputs["self.projectionWeight"].tolist() == [[0.0] * 3] * 2 + [[1.0] * 3] * 2 + [[2.0] * 3] * 2
    for topic in ("Convolution", "Packed convolution"):
        assert row(f"{topic} 2 × 3 × 3, 1").inputs["x"].shape == (3, 2)


def test_wrong_results_get_a_sentence() -> None:
    """What float32 rounds passes; beyond the limit, another shape, NaN and infinity do not."""
    exact = np.array([[1.0, -4.0]])
    assert complaint(exact.astype(np.float32), exact) is None
    assert complaint(exact + 4 * LIMIT, exact) is None
    assert complaint(np.zeros(1), np.zeros(1)) is None
    assert "is allowed" in complaint(exact + 4.01 * LIMIT, exact)
    assert complaint(exact.T, exact) == "its result is 2 × 1, not 1 × 2"
    assert complaint(np.array([[np.nan, -4.0]]), exact) is not None
    assert complaint(np.array([[1.0, np.inf]]), exact) is not None


def test_who_takes_part() -> None:
    """Who disagrees is named in a sentence; who fails or has no such function is left out with the reason."""
    comparison = Comparison([Fake("Kernels"), Fake("A", 0.1), Broken("B"), Absent("C")])
    expected = comparison.exact(row())
    agreeing, disagreements = comparison.agreeing(row(), expected, 1)
    assert list(agreeing) == ["Kernels"]
    assert len(disagreements) == comparison.disagreements == 1
    assert disagreements[0].startswith("Twice 2 × 3, 1 threads: A disagrees: it is off by 1.0e-02")
    assert comparison.legend() == "B failed: once: Twice\nC has no such function: Twice"


def test_ratios_are_of_the_same_round() -> None:
    """A drift that takes all alike does not change them, and the table marks the best."""
    rounds = [{"Kernels": drift, "A": 3 * drift, "B": 2 * drift} for drift in (1.0, 7.0, 2.0)]
    times = in_turns("Twice 2 × 3", 2, rounds)
    assert times.seconds == {"Kernels": 2.0, "A": 6.0, "B": 4.0}
    assert times.ratios == {"A": 3.0, "B": 2.0}
    line = Table([Fake("A"), Fake("B"), Fake("C")]).line(times)
    assert line.split() == ["Twice", "2", "×", "3", "2", "2000.0000", "3.00", "2.00*", "–"]


def test_the_file_is_as_documented() -> None:
    """It has the four entries that others read, and who has no time in a row has no entry there."""
    times = in_turns("Twice 2 × 3", 1, [{"Kernels": 1.0, "A": 3.0}])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "peers.json"
        write_json(path, [Fake("Kernels"), Fake("A"), Fake("B")], [times])
        report = json.loads(path.read_text())
        assert [file.name for file in Path(folder).iterdir()] == ["peers.json"]
    assert report["format"] == 1 and report["contenders"] == ["Kernels", "A", "B"]
    assert report["rows"] == [
        {"row": "Twice 2 × 3", "threads": 1, "seconds": {"Kernels": 1.0, "A": 3.0}, "ratios": {"A": 3.0}}]


def test_peers_agree_on_a_layer() -> None:
    """Every peer that is installed computes the same decoder layer of a few numbers."""
    draw = np.random.default_rng(7)
    shapes = {"x": (5, 6), "memory": (4, 6), "innerWeight": (8, 6), "outerWeight": (6, 8)}
    for prefix in ("self", "cross"):
        shapes |= {f"{prefix}.{name}Weight": (6, 6) for name in ("query", "key", "value", "output")}
    tensors = {name: draw.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    layer = row_of("Decoder layer 5 × 6, 2 heads", tensors | {"output": tensors["x"]})
    peers, _ = installed()
    comparison = Comparison(peers)
    agreeing, disagreements = comparison.agreeing(layer, comparison.exact(layer), 1)
    assert disagreements == [] and comparison.left_out == {}
    assert list(agreeing) == [peer.name for peer in peers]


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print(f"{name[5:].replace('_', ' ')}: passed")
