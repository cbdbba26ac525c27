"""Matrix products and affine maps: C_ij = Σ_k A_ik B_kj and y = activation(x Wᵀ + b)."""

import numpy as np
import torch

import exact
from agreement import MPMATH, PYTORCH_FLOAT64, double
from cases import Case, Draw, Function, Rounding, Tensors

TOPIC = "MatrixProduct"


def product_by_torch(case: Case) -> Tensors:
    """Returns a b for a: …×n×k and b: …×k×m."""
    return {"output": torch.matmul(double(case.inputs["a"]), double(case.inputs["b"])).numpy()}


def product_exactly(case: Case) -> Tensors:
    """Returns a b for a: …×n×k and b: …×k×m."""
    a, b = exact.exact(case.inputs["a"]), exact.exact(case.inputs["b"])
    return {"output": exact.rounded(exact.product(a, b))}


def product_bounds(case: Case, expected: Tensors, rounding: Rounding) -> Tensors:
    """Returns the bound of each element of the product: …×n×m."""
    a, b = magnitude(case.inputs["a"]), magnitude(case.inputs["b"])
    return {"output": rounding.dot(a.shape[-1]) * (a @ b) + rounding.tiny}


def affine_by_torch(case: Case) -> Tensors:
    """Returns activation(x Wᵀ + b) for x: …×inputs, W: outputs×inputs, b: outputs or absent."""
    bias = case.inputs.get("bias")
    y = torch.nn.functional.linear(
        double(case.inputs["x"]),
        double(case.inputs["weight"]),
        None if bias is None else double(bias),
    )
    return {"output": (torch.relu(y) if case.attributes["activation"] == "relu" else y).numpy()}


def affine_exactly(case: Case) -> Tensors:
    """Returns activation(x Wᵀ + b) for x: …×inputs, W: outputs×inputs, b: outputs or absent."""
    bias = case.inputs.get("bias")
    y = exact.rounded(
        exact.affine(
            exact.exact(case.inputs["x"]),
            exact.exact(case.inputs["weight"]),
            None if bias is None else exact.exact(bias),
        )
    )
    # Rounding keeps the sign, so the maximum with 0 may follow it; `y < 0` is false for NaN.
    return {"output": np.where(y < 0, 0.0, y) if case.attributes["activation"] == "relu" else y}


def affine_bounds(case: Case, expected: Tensors, rounding: Rounding) -> Tensors:
    """Returns the bound of each element of the affine map: …×outputs."""
    return {"output": affine_bound(case.inputs["x"], case.inputs["weight"], case.inputs.get("bias"), rounding)}


def affine_bound(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, rounding: Rounding
) -> np.ndarray:
    """Returns d(inputs + 1) · (|x| |W|ᵀ + |b|) + t: …×outputs; both activations keep distances or shrink them."""
    gauge = magnitude(x) @ magnitude(weight).T + (0 if bias is None else magnitude(bias))
    return rounding.dot(weight.shape[1] + 1) * gauge + rounding.tiny


def magnitude(x: np.ndarray) -> np.ndarray:
    """Returns |x| in float64, with 0 for NaN and infinity, whose results are compared by class."""
    return np.nan_to_num(np.abs(x.astype(np.float64)), nan=0.0, posinf=0.0)


FUNCTIONS = {
    "matrixProduct": Function(
        first=product_by_torch,
        second=product_exactly,
        bounds=product_bounds,
        oracles=(PYTORCH_FLOAT64, MPMATH),
        tolerance="output: d(k) * (|a| |b|) + t",
    ),
    "affineMap": Function(
        first=affine_by_torch,
        second=affine_exactly,
        bounds=affine_bounds,
        oracles=(PYTORCH_FLOAT64, MPMATH),
        tolerance="output: d(inputs + 1) * (|x| |weight|^T + |bias|) + t",
    ),
}


def cases() -> list[Case]:
    """Returns every case of the topic."""
    return product_cases() + affine_cases()


def product_case(id: str, purpose: str, a: np.ndarray, b: np.ndarray) -> Case:
    """Returns one product of a: …×n×k and b: …×k×m."""
    return Case(id, "matrixProduct", purpose, {"a": a, "b": b}, ("ATT-1", "ATT-2"), {})


def product_of_normals(id: str, purpose: str, a: tuple[int, ...], b: tuple[int, ...]) -> Case:
    """Returns the product of two drawn tensors of the shapes given."""
    draw = Draw(id)
    return product_case(id, purpose, draw.normal(*a), draw.normal(*b))


def product_cases() -> list[Case]:
    """Returns the matrix products."""
    return [
        product_of_normals("rectangular", "Three different extents: no operand can be transposed unnoticed.", (5, 7), (7, 3)),
        product_of_normals("square", "A transposed operand has the right shape here and must be caught by its numbers.", (7, 7), (7, 7)),
        product_of_normals("batched", "Four dimensions: every batch and head has its own product.", (2, 3, 5, 7), (2, 3, 7, 9)),
        product_of_normals("one-leading-dimension", "Three dimensions, the batch as large as no other extent.", (3, 5, 11), (3, 11, 2)),
        product_of_normals("beyond-blocks", "No extent is a multiple of a block, and each is longer than one.", (13, 131), (131, 23)),
        product_of_normals("row-times-column", "One element out: a bare dot product of odd length.", (1, 11), (11, 1)),
        product_of_normals("column-times-row", "One term per sum: an outer product, each element rounded once.", (7, 1), (1, 5)),
        product_of_normals("empty-inner", "Sums without terms are 0, not whatever the buffer held.", (2, 3, 0), (2, 0, 5)),
        product_of_normals("empty-rows", "No rows in, no rows out.", (0, 5), (5, 3)),
        product_of_normals("empty-columns", "No columns in, no columns out.", (3, 5), (5, 0)),
        product_of_normals("empty-batch", "No batch in, no batch out.", (0, 3, 5), (0, 5, 2)),
        integer_product(),
        cancelling_product(),
        nonfinite_product(),
    ]


def integer_product() -> Case:
    """Returns a product whose partial sums are all integers below 2^24."""
    draw = Draw("integers")
    return product_case(
        "integers",
        "Every partial sum is an integer below 2^24, so any order of summation gives these very numbers.",
        draw.integers(13, 17, low=-9, high=9),
        draw.integers(17, 19, low=-9, high=9),
    )


def cancelling_product() -> Case:
    """Returns a product whose large terms cancel in pairs."""
    draw = Draw("cancellation")
    half, small = draw.normal(5, 9, scale=4096), draw.normal(5, 1)
    other, last = draw.normal(9, 7, scale=64), draw.normal(1, 7)
    return product_case(
        "cancellation",
        "Large terms cancel in pairs: an error bound relative to the result alone would be wrong.",
        np.concatenate([half, small, -half], axis=1),
        np.concatenate([other, last, other], axis=0),
    )


def nonfinite_product() -> Case:
    """Returns a product with NaN and infinities in single rows and columns."""
    draw = Draw("nonfinite")
    a, b = draw.normal(6, 5), draw.normal(5, 4)
    a[1, 2], a[3, 4], b[0, 3] = np.nan, np.inf, -np.inf
    a[5, 0], b[4, 1] = 0, 0
    return product_case(
        "nonfinite",
        "NaN stays in its row, infinity in its row and column, and 0 times infinity is NaN.",
        a,
        b,
    )


def affine_case(
    id: str, purpose: str, x: tuple[int, ...], outputs: int, activation: str = "identity", biased: bool = True
) -> Case:
    """Returns one affine map of a drawn x: …×inputs."""
    draw = Draw(id)
    inputs = {"x": draw.normal(*x), "weight": draw.normal(outputs, x[-1], scale=0.5)}
    if biased:
        inputs["bias"] = draw.normal(outputs, scale=2)
    return Case(id, "affineMap", purpose, inputs, ("ATT-2", "FFN-1"), {"activation": activation})


def affine_cases() -> list[Case]:
    """Returns the affine maps."""
    return [
        affine_case("affine", "The weight is stored outputs × inputs, the bias is added once to every row.", (2, 3, 5), 7),
        affine_case("affine-square", "A transposed weight has the right shape here and must be caught by its numbers.", (3, 7), 7),
        affine_case("affine-vector", "One row without leading dimensions.", (5,), 9),
        affine_case("affine-without-bias", "An absent bias adds nothing.", (5, 11), 3, biased=False),
        affine_case("affine-relu", "ReLU comes after the bias, which decides many signs here.", (2, 5, 7), 11, activation="relu"),
        affine_case("affine-relu-without-bias", "ReLU of the bare product.", (5, 7), 11, activation="relu", biased=False),
        affine_case("affine-beyond-blocks", "No extent is a multiple of a block, and each is longer than one.", (13, 67), 37, activation="relu"),
        affine_case("affine-zero-inputs", "Without inputs only the bias is left.", (3, 0), 5),
        affine_case("affine-zero-outputs", "Without outputs the rows are empty.", (3, 5), 0),
        affine_case("affine-zero-rows", "Without rows there is nothing to map.", (0, 5), 7),
        nonfinite_affine(),
    ]


def nonfinite_affine() -> Case:
    """Returns an affine map followed by ReLU with NaN and infinities in single rows."""
    case = affine_case("affine-relu-nonfinite", "ReLU keeps NaN, which a comparison written the wrong way turns into 0.", (5, 3), 7, activation="relu")
    case.inputs["x"][1, 0], case.inputs["x"][3, 2], case.inputs["bias"][6] = np.nan, np.inf, -np.inf
    return case
