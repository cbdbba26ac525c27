"""Token embedding, a row of the table for each token, and its sum with the positions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import exact
from agreement import MPMATH, PYTORCH_FLOAT64, double
from cases import Case, Draw, Tensors, defined, tensor
from dropout import dropped, dropped_by_index
from exact import Number
from positional_encoding import FORMS, positions, positions_by_numpy

TOPIC = "TokenEmbedding"

ORACLES = (PYTORCH_FLOAT64, MPMATH)

NO_SCALE: dict[str, Any] = {"kind": "none"}
ROOT_MODEL_WIDTH: dict[str, Any] = {"kind": "rootModelWidth"}


def vectors_by_torch(case: Case) -> torch.Tensor:
    """Returns the vectors …×d of tokens … from the table: v×d."""
    tokens, table = torch.from_numpy(case.inputs["tokens"]), double(case.inputs["table"])
    vectors = torch.nn.functional.embedding(tokens, table)
    if case.attributes["scale"]["kind"] == "rootModelWidth":
        vectors = vectors * table.shape[1] ** 0.5
    if "zeroing" in case.attributes:
        vectors = vectors.masked_fill((tokens == case.attributes["zeroing"]).unsqueeze(-1), 0.0)
    return vectors


def tokens_by_torch(case: Case) -> Tensors:
    """Returns the vectors …×d of tokens …."""
    return {"output": vectors_by_torch(case).numpy()}


def embedded_by_torch(case: Case) -> Tensors:
    """Returns token vectors …×t×d, positions t×d, and the dropout of their sum."""
    vectors = vectors_by_torch(case)
    table = positions_by_numpy(case, *vectors.shape[-2:])
    output = dropped_by_index(vectors.numpy() + table, case.attributes)
    return {"tokenVectors": vectors.numpy(), "positions": table, "output": output}


def vectors(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Returns the vectors …×d of tokens … from the table: v×d."""
    tokens, table = case.inputs["tokens"], lift(case.inputs["table"])
    d = table.shape[1]
    scaled = case.attributes["scale"]["kind"] == "rootModelWidth"
    result = np.empty((*tokens.shape, d), dtype=object)
    for place in np.ndindex(tokens.shape):
        zeroed = tokens[place] == case.attributes.get("zeroing")
        for c in range(d):
            entry = Number(0) if zeroed else table[tokens[place], c]
            result[(*place, c)] = entry * exact.sqrt(Number(d)) if scaled and not zeroed else entry
    return result


def token_embedding(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns the vectors …×d of tokens …."""
    return {"output": vectors(case, lift)}


def transformer_embedding(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns token vectors …×t×d, positions t×d, and the dropout of their sum."""
    tokens = vectors(case, lift)
    table = positions(case, lift, *tokens.shape[-2:])
    return {"tokenVectors": tokens, "positions": table, "output": dropped(tokens + table, case.attributes)}


FUNCTIONS = {
    "tokenEmbedding": defined(tokens_by_torch, token_embedding, ORACLES),
    "transformerEmbedding": defined(embedded_by_torch, transformer_embedding, ORACLES),
}


def cases() -> list[Case]:
    """Returns every case of the topic."""
    return token_cases() + transformer_cases()


def token_case(
    id: str, purpose: str, tokens: tuple[int, ...] = (3, 5), v: int = 11, d: int = 7,
    scale: dict[str, Any] = NO_SCALE, **attributes: int,
) -> Case:
    """Returns the embedding of drawn tokens by a drawn table: v×d."""
    draw = Draw(id)
    inputs = {"tokens": draw.tokens(*tokens, low=0, high=v - 1), "table": draw.normal(v, d)}
    return Case(id, "tokenEmbedding", purpose, inputs, ("EMB-1",), {"scale": scale, **attributes})


def token_cases() -> list[Case]:
    """Returns the embeddings of tokens alone."""
    ends = token_case("ends", "The first and the last row of the table, and one row for a token that comes again.")
    ends.inputs["tokens"] = np.array([[0, 10, 10], [3, 0, 3]])
    document = tensor([[0.2, 0.4, 0.1, 0.3], [0.6, 0.8, 0.5, 0.9], [0.7, 0.2, 0.9, 0.1]])
    zeroed = token_case("zeroing-nonfinite", "The zeroed token is 0 whatever its row holds, and no product with 0.", v=4, zeroing=2)
    zeroed.inputs["table"][2] = [np.nan, np.inf, -np.inf, 1, np.nan, np.inf, 0]
    poisoned = token_case("nonfinite", "NaN and infinity stay with their token: a product with one-hot vectors spreads them.", v=5)
    poisoned.inputs["table"][1, 3], poisoned.inputs["table"][4, 0] = np.nan, np.inf
    return [
        token_case("plain", "A row of the table for each token, tokens in two dimensions."),
        token_case("square", "A transposed table has the right shape here and must be caught by its numbers.", v=7),
        ends,
        Case("sentence", "tokenEmbedding", "The three words of the document, whose vectors are the rows of its table.", {"tokens": np.array([0, 1, 2]), "table": document}, ("EMB-3", "ERR-48"), {"scale": NO_SCALE}),
        token_case("scaled", "Multiplied by √d, the root of the table's width.", (2, 5), scale=ROOT_MODEL_WIDTH),
        token_case("zeroing", "The vector of one token is 0; its row is not.", (4, 9), v=5, zeroing=1),
        token_case("zeroing-scaled", "Zeroed and scaled, token 0 too.", (4, 9), v=5, zeroing=0, scale=ROOT_MODEL_WIDTH),
        zeroed,
        poisoned,
        token_case("three-dimensions", "The extents of the tokens come first, the width of the table last.", (2, 3, 4)),
        token_case("one-token", "A token without dimensions has a vector.", ()),
        token_case("no-tokens", "No tokens in, no vectors out.", (2, 0)),
        token_case("zero-width", "A table of width 0 has empty rows.", (2, 3), d=0, scale=ROOT_MODEL_WIDTH),
    ]


def transformer_case(
    id: str, purpose: str, d: int = 6, rows: int = 0, tokens: tuple[int, ...] = (2, 5),
    scale: dict[str, Any] = NO_SCALE, offset: int = 0, **attributes: Any,
) -> Case:
    """Returns token embedding plus positions; with `rows`, those of a drawn table of so many."""
    case = token_case(id, purpose, tokens, d=d, scale=scale)
    inputs = case.inputs | ({"positionTable": Draw(f"{id} positions").normal(rows, d)} if rows else {})
    attributes |= {"scale": scale, "offset": offset}
    return Case(id, "transformerEmbedding", purpose, inputs, ("EMB-2", "PE-6"), attributes)


def transformer_cases() -> list[Case]:
    """Returns the sums with positions."""
    power, exponential = FORMS
    return [
        transformer_case("sum", "Each sentence of the batch begins at position 0.", form=power),
        transformer_case("sum-exponential", "Positions in the exponential form.", form=exponential),
        transformer_case("sum-square", "As many tokens as dimensions: transposed positions have the right shape here.", d=5, form=power),
        transformer_case("sum-scaled", "√d multiplies the token vectors, not the positions.", form=power, scale=ROOT_MODEL_WIDTH),
        transformer_case("sum-offset", "The first token stands at position 17.", form=power, offset=17),
        transformer_case("sum-learned", "The rows 3 … 7 of a learned table.", rows=9, offset=3),
        transformer_case("sum-dropout", "Dropout of the sum, not of the token vectors alone.", form=power, probability=0.1, seed=31),
        transformer_case("sum-dropout-learned", "Dropout of half of the sum.", rows=5, probability=0.5, seed=32, scale=ROOT_MODEL_WIDTH),
        transformer_case("sum-no-tokens", "Sentences of length 0.", tokens=(2, 0), form=power),
    ]
