"""Positional encoding: sine and cosine of pos / 10000^(2i/d) in the columns 2i and 2i + 1, or a learned table."""

from collections.abc import Callable

import numpy as np

import exact
from agreement import MPMATH
from cases import Case, Draw, Tensors, defined
from exact import Number

TOPIC = "PositionalEncoding"

ORACLES = ("NumPy, float64, all columns at once", MPMATH)

# Two ways to the same angle: pos / 10000^(2i/d) and pos · e^(2i · (−ln 10000 / d)).
FORMS = ("power", "exponential")

# First source: NumPy in float64, all columns at once.


def positions_by_numpy(case: Case, length: int, width: int) -> np.ndarray:
    """Returns the encodings length×width of the positions offset, offset + 1, ….

    A case has the attribute `form`, or a learned table as an input.
    """
    offset = case.attributes["offset"]
    if "form" not in case.attributes:
        return learned(case)[offset : offset + length].astype(np.float64)
    columns = np.arange(width)
    position = np.arange(offset, offset + length, dtype=np.float64)[:, np.newaxis]
    twice = columns - columns % 2
    if case.attributes["form"] == "power":
        angles = position / np.float_power(10000, twice / max(width, 1))
    else:
        angles = position * np.exp(twice * -(np.log(10000) / max(width, 1)))
    return np.where(columns % 2 == 0, np.sin(angles), np.cos(angles))


def learned(case: Case) -> np.ndarray:
    """Returns the learned table, which an embedding of tokens calls `positionTable`."""
    return case.inputs["positionTable" if case.function == "transformerEmbedding" else "table"]


def encoding_by_numpy(case: Case) -> Tensors:
    """Returns the encodings length×width."""
    return {"output": positions_by_numpy(case, case.attributes["length"], case.attributes["width"])}


def added_by_numpy(case: Case) -> Tensors:
    """Returns x: …×t×d plus the encodings of t positions."""
    x = case.inputs["x"].astype(np.float64)
    return {"output": x + positions_by_numpy(case, *x.shape[-2:])}


# Second source: the definition, pair by pair.


def positions(case: Case, lift: Callable[[np.ndarray], np.ndarray], length: int, width: int) -> np.ndarray:
    """Returns the encodings length×width of the positions offset, offset + 1, …."""
    offset = case.attributes["offset"]
    if "form" not in case.attributes:
        table = lift(learned(case))
        return np.array([table[offset + row] for row in range(length)], dtype=object).reshape(length, width)
    result = np.empty((length, width), dtype=object)
    position = lift(np.arange(offset, offset + length))
    twice = lift(np.arange(0, width, 2))
    for row, i in np.ndindex(length, len(twice)):
        exponent = twice[i] * (exact.log(Number(10000)) / width)
        power = case.attributes["form"] == "power"
        angle = position[row] / exact.exp(exponent) if power else position[row] * exact.exp(-exponent)
        result[row, 2 * i] = exact.sin(angle)
        if 2 * i + 1 < width:
            result[row, 2 * i + 1] = exact.cos(angle)
    return result


def encoding(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns the encodings length×width."""
    return {"output": positions(case, lift, case.attributes["length"], case.attributes["width"])}


def added(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns x: …×t×d plus the encodings of t positions."""
    x = lift(case.inputs["x"])
    return {"output": x + positions(case, lift, *x.shape[-2:])}


FUNCTIONS = {
    "positionalEncoding": defined(encoding_by_numpy, encoding, ORACLES),
    "addPositions": defined(added_by_numpy, added, ORACLES),
}


def cases() -> list[Case]:
    """Returns every case of the topic."""
    return [case for form in FORMS for case in sinusoids(form)] + learned_cases() + sum_cases()


def sinusoids(form: str) -> list[Case]:
    """Returns the tables of one form."""
    ids = ("PE-1", "PE-8", "PE-3", "PE-4") if form == "power" else ("PE-1", "PE-8", "PE-2", "PE-5")

    def table(id: str, purpose: str, length: int, width: int, offset: int = 0, *more: str) -> Case:
        attributes = {"length": length, "width": width, "offset": offset, "form": form}
        return Case(f"{form}-{id}", "positionalEncoding", purpose, {}, (*ids, *more), attributes)

    return [
        table("even", "Sine and cosine of one angle stand side by side, for the pair's index, not the column's.", 11, 8, 0, "ERR-22"),
        table("square", "A row for each position: the transposed table has the right shape here.", 7, 7),
        table("odd", "An odd width ends with a sine, and the exponent divides by the odd width.", 5, 9, 0, "ERR-18"),
        table("document", "Width 512: rows of the table of which the documents print a corner.", 4, 512),
        table("offset", "The first row is position 5.", 6, 10, 5),
        table("far", "Positions about 5000: an angle's relative error counts times the position.", 10, 11, 4990, "ERR-56"),
        table("width-one", "The one column is the sine of the position.", 3, 1),
        table("width-two", "One pair, whose angle is the position.", 4, 2),
        table("no-positions", "Length 0 gives no rows.", 0, 6),
        table("zero-width", "Width 0 gives empty rows, and no division by 0.", 3, 0),
    ]


def learned_cases() -> list[Case]:
    """Returns the learned tables."""

    def rows(id: str, purpose: str, length: int, offset: int) -> Case:
        inputs = {"table": Draw(id).normal(9, 5)}
        attributes = {"length": length, "width": 5, "offset": offset}
        return Case(id, "positionalEncoding", purpose, inputs, ("PE-7", "PE-8"), attributes)

    return [
        rows("learned", "The first rows of the table, as they are.", 4, 0),
        rows("learned-offset", "Rows 3 … 8: the last one is the table's last.", 6, 3),
        rows("learned-square", "As many rows as columns: the transposed table has the right shape here.", 5, 1),
    ]


def sum_cases() -> list[Case]:
    """Returns the sums with an embedding."""

    def sums(id: str, purpose: str, x: tuple[int, ...], offset: int = 0, rows: int = 0, **form: str) -> Case:
        draw = Draw(id)
        inputs = {"x": draw.normal(*x)} | ({"table": draw.normal(rows, x[-1])} if rows else {})
        return Case(id, "addPositions", purpose, inputs, ("PE-6", "CLM-17"), {"offset": offset, **form})

    poisoned = sums("add-nonfinite", "NaN and infinity stay in their place.", (2, 3, 4), form="power")
    poisoned.inputs["x"][0, 1, 2], poisoned.inputs["x"][1, 2, 0] = np.nan, -np.inf
    return [
        sums("add", "Positions count along the last but one dimension, anew in each batch and head.", (2, 3, 5, 6), form="power"),
        sums("add-exponential", "The exponential form.", (3, 5, 8), form="exponential"),
        sums("add-batch-as-long", "As many sentences as tokens: positions along the batch have the right shape here.", (5, 5, 4), form="power"),
        sums("add-odd", "An odd width.", (2, 4, 7), form="power"),
        sums("add-offset", "The first token stands at position 23.", (2, 5, 6), 23, form="power"),
        sums("add-learned", "Rows of a learned table.", (2, 3, 5), 2, rows=7),
        sums("add-one-sentence", "Without leading dimensions.", (5, 6), form="power"),
        sums("add-no-tokens", "Length 0 stays empty.", (2, 0, 6), form="power"),
        poisoned,
    ]
