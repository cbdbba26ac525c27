"""Cross-entropy of labels under logits, −log softmax(z)_y, and the perplexity of several batches."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import exact
from agreement import MPMATH, PYTORCH_FLOAT64, double
from cases import Case, Draw, Tensors, defined, tensor

TOPIC = "CrossEntropy"

# PyTorch's own number for a label that does not count.
NO_LABEL = -100


def cross_entropy_by_torch(case: Case) -> Tensors:
    """Returns the loss of each position …, their mean, their sum or themselves, and how many count."""
    logits, labels = double(case.inputs["logits"]), torch.from_numpy(case.inputs["labels"])
    ignored = case.attributes.get("ignoring", NO_LABEL)

    def loss(reduction: str) -> np.ndarray:
        rows = logits.reshape(-1, logits.shape[-1]), labels.reshape(-1)
        return torch.nn.functional.cross_entropy(*rows, ignore_index=ignored, reduction=reduction).numpy()

    losses, reduction = loss("none").reshape(labels.shape), case.attributes["reduction"]
    output = losses if reduction == "each" else loss(reduction)
    return {"losses": losses, "output": output, "count": np.array((labels != ignored).sum(), dtype=np.int64)}


def cross_entropy(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns the loss of each position …, their mean, their sum or themselves, and how many count."""
    logits, labels = lift(case.inputs["logits"]), case.inputs["labels"]
    losses = lift(np.zeros(labels.shape))
    counted = list(np.argwhere(labels != case.attributes.get("ignoring", NO_LABEL)))
    for index in map(tuple, counted):
        losses[index] = -exact.log_softmax(list(logits[index]))[labels[index]]
    whole, count = exact.total([losses[tuple(index)] for index in counted]), len(counted)
    outputs = {"mean": exact.divided(exact.of_kind(whole, lift(np.ones(1))[0]), count), "sum": whole, "each": losses}
    output = np.array(outputs[case.attributes["reduction"]], dtype=object)
    return {"losses": losses, "output": output, "count": np.array(count, dtype=np.int64)}


def perplexity_by_torch(case: Case) -> Tensors:
    """Returns the mean of the batches' losses, and its exponential."""
    losses, counts = double(case.inputs["losses"]), torch.from_numpy(case.inputs["counts"]).double()
    if case.attributes["weighting"] == "tokens":
        seen = counts > 0
        mean = torch.dot(losses[seen], counts[seen] / counts.sum()) if seen.any() else counts.sum() / 0
    else:
        mean = losses.mean()
    return {"meanLoss": mean.numpy(), "output": mean.exp().numpy()}


def perplexity(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns the mean of the batches' losses, and its exponential."""
    losses, counts = lift(case.inputs["losses"]), [int(count) for count in case.inputs["counts"]]
    if case.attributes["weighting"] == "batches":
        counts = [1] * len(counts)
    whole = exact.total([loss * count for loss, count in zip(losses, counts, strict=True) if count > 0])
    mean = exact.divided(exact.of_kind(whole, lift(np.ones(1))[0]), sum(counts))
    return {"meanLoss": np.array(mean, dtype=object), "output": np.array(exact.exp(mean), dtype=object)}


FUNCTIONS = {
    "crossEntropy": defined(cross_entropy_by_torch, cross_entropy, (PYTORCH_FLOAT64, MPMATH)),
    "perplexity": defined(perplexity_by_torch, perplexity, (PYTORCH_FLOAT64, MPMATH)),
}


def loss_case(
    id: str, purpose: str, logits: np.ndarray, labels: Any, reduction: str = "mean", ignoring: int | None = None,
    ids: tuple[str, ...] = ("LOSS-1",),
) -> Case:
    """Returns the loss of the labels … under the logits …×v."""
    attributes = {"reduction": reduction} | ({} if ignoring is None else {"ignoring": ignoring})
    inputs = {"logits": logits, "labels": np.array(labels, dtype=np.int64)}
    return Case(id, "crossEntropy", purpose, inputs, ids, attributes)


def perplexity_case(id: str, purpose: str, losses: Any, counts: Any, weighting: str) -> Case:
    """Returns the perplexity of batches with the mean losses and numbers of tokens given."""
    inputs = {"losses": tensor(losses), "counts": np.array(counts, dtype=np.int64)}
    return Case(id, "perplexity", purpose, inputs, ("LOSS-2", "CLM-52", "ERR-40"), {"weighting": weighting})


def cases() -> list[Case]:
    """Returns every case of the topic."""
    draw = Draw("labels")
    labels, nan, infinity = draw.tokens(2, 5, low=0, high=6), np.nan, np.inf
    # Real words 2 … 6; 0 pads sources, 1 pads targets. A source's padding is a word like any other in a target.
    translated = [[4, 2, 6, 3, 1], [5, 0, 3, 1, 1], [2, 1, 1, 1, 1]]
    padded = Draw("padded").normal(3, 5, 7, scale=2)
    poisoned = Draw("poisoned").normal(5, 4)
    poisoned[1], poisoned[3, 2] = [nan, 0, 1, 2], infinity
    logits = Draw("logits").normal(2, 5, 7, scale=2)
    losses, counts = [3.25, 0.6875, 2.40625, 5.125], [7, 40, 19, 1]
    return [
        loss_case("mean", "The mean over both leading dimensions.", logits, labels),
        loss_case("sum", "The sum.", logits, labels, "sum"),
        loss_case("each", "Each loss in its place, in the shape of the labels.", logits, labels, "each"),
        loss_case("square", "As many positions as tokens: softmax over the other axis has the right shape here.", Draw("square").normal(5, 5, scale=2), [3, 0, 4, 2, 2]),
        loss_case("vector", "One position without leading dimensions.", Draw("vector").normal(11), 6),
        loss_case("large-logits", "Exponentials overflow without the shift, in float32 and from 710 on in float64.", Draw("large-logits").uniform(3, 6, low=90, high=1000), [5, 0, 2], "each"),
        loss_case("large-negative-logits", "Without the shift every exponential is 0, and the loss infinite.", Draw("large-negative-logits").uniform(3, 6, low=-1000, high=-800), [1, 4, 3], "each"),
        loss_case("unlikely", "A softmax of 0 has no logarithm; the loss is the gap.", tensor([[0, -120, 1], [-1000, 3, 2.5]]), [1, 0], "each"),
        loss_case("uniform", "Equal logits: the loss is ln 37.", np.full((3, 37), 2.75, dtype=np.float32), [0, 36, 11], ids=("LOSS-1", "CLM-52")),
        loss_case("single-token", "A vocabulary of one token: the loss is 0.", Draw("single-token").normal(3, 1), [0, 0, 0]),
        loss_case("ignored", "Target padding does not count: the mean is over the others.", padded, translated, ignoring=1, ids=("LOSS-1", "ERR-35")),
        loss_case("ignored-each", "Ignored positions have the loss 0 in their places.", padded, translated, "each", 1),
        loss_case("ignored-sum", "Ignored positions add nothing.", padded, translated, "sum", 1),
        loss_case("source-padding-ignored", "Document 002 ignores the source's padding: padding counts, and a real word does not.", padded, translated, ignoring=0, ids=("LOSS-1", "ERR-35")),
        loss_case("ignored-outside", "The ignored label need not be a token.", Draw("ignored-outside").normal(4, 3), [2, NO_LABEL, 0, NO_LABEL], ignoring=NO_LABEL),
        loss_case("ignored-nonfinite", "Ignored positions have the loss 0 whatever their logits are.", poisoned, [2, 0, 1, 0, 3], "each", 0),
        loss_case("all-ignored", "Nothing counts: the mean is 0 / 0.", Draw("all-ignored").normal(2, 3), [1, 1], ignoring=1),
        loss_case("all-ignored-sum", "Nothing counts: the sum is 0.", Draw("all-ignored-sum").normal(2, 3), [1, 1], "sum", 1),
        loss_case("nonfinite", "−∞ at the label is an infinite loss; NaN, +∞ or nothing but −∞ in a row is NaN.", tensor([[0, -infinity, 1], [0, -infinity, 1], [nan, 0, 1], [0, 1, infinity], [-infinity] * 3]), [1, 0, 2, 0, 1], "each"),
        loss_case("no-positions", "No positions: the mean is 0 / 0.", Draw("no-positions").normal(0, 3), []),
        loss_case("no-positions-sum", "No positions: the sum is 0.", Draw("no-positions-sum").normal(0, 3), [], "sum"),
        perplexity_case("by-tokens", "Every token counts the same.", losses, counts, "tokens"),
        perplexity_case("by-batches", "Document 002: every batch counts the same, the last one of a single token, too.", losses, counts, "batches"),
        perplexity_case("one-batch", "Of one batch both are the exponential of its loss.", [0.8125], [3], "tokens"),
        perplexity_case("empty-batch-by-tokens", "A batch without tokens, whose mean is NaN, takes no part.", [0.5, nan, 1.75], [2, 0, 5], "tokens"),
        perplexity_case("empty-batch-by-batches", "By batches a batch without tokens makes everything NaN.", [0.5, nan, 1.75], [2, 0, 5], "batches"),
        perplexity_case("infinite", "An infinite loss is an infinite perplexity.", [0.5, infinity], [2, 3], "tokens"),
        perplexity_case("no-batches", "No batches: 0 / 0.", [], [], "tokens"),
    ]
