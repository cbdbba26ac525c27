"""What surrounds the steps of training: the loss of a batch, evaluation, the epochs whose model is kept, counts."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import exact
import running
from agreement import DEFINITION, MPMATH, PYTORCH_FLOAT64
from attention_mask import replaced
from cases import Case, Draw, Function, Tensors, defined, tensor
from encoder_layer import LAYER_NORM_002
from transformer import (
    SOURCE_PADDING, SOURCE_WORDS, TARGET_PADDING, TARGET_WORDS, ExactModel, Tokens, TorchModel, model_attributes,
    model_parameters, sentences,
)

TOPIC = "TrainingLoop"

# One batch.


def loss_by_torch(case: Case, source: Tokens, target: Tokens) -> tuple[np.ndarray, torch.Tensor, int]:
    """Returns the logits b×(t−1)×v, their loss and how many labels it is the mean of."""
    logits = TorchModel(case.inputs, case.attributes)(source, target[:, :-1])["logits"]
    padding, labels = case.attributes.get("targetPadding", -100), torch.from_numpy(target[:, 1:].copy())
    criterion = torch.nn.CrossEntropyLoss(ignore_index=padding)
    loss = criterion(torch.from_numpy(logits).reshape(-1, logits.shape[-1]), labels.reshape(-1))
    return logits, loss, int((labels != padding).sum())


def batch_by_torch(case: Case) -> Tensors:
    """Returns logits, loss, the number of labels that count, and of parameters."""
    logits, loss, count = loss_by_torch(case, case.inputs["source"], case.inputs["target"])
    learned = [torch.nn.Parameter(torch.from_numpy(x)) for x in case.inputs.values() if x.dtype == np.float32]
    integers = {"count": count, "parameterCount": sum(x.numel() for x in learned if x.requires_grad)}
    return {"logits": logits, "loss": loss.numpy()} | {name: np.array(x, dtype=np.int64) for name, x in integers.items()}


def loss_defined(
    case: Case, lift: Callable[[np.ndarray], np.ndarray], source: Tokens, target: Tokens
) -> tuple[np.ndarray, Any, int]:
    """Returns the logits b×(t−1)×v, their loss and how many labels it is the mean of."""
    model = ExactModel(case.inputs, case.attributes, lift)
    _, logits = model.decode(target[:, :-1], model.encode(source), source)
    losses = []
    for sentence, place in np.ndindex(*logits.shape[:2]):
        label = target[sentence, place + 1]
        if label != case.attributes.get("targetPadding"):
            losses.append(-exact.log_softmax(list(logits[sentence, place]))[label])
    return logits, exact.divided(exact.of_kind(exact.total(losses), model.one), len(losses)), len(losses)


def batch_defined(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns logits, loss, the number of labels that count, and of parameters."""
    logits, loss, count = loss_defined(case, lift, case.inputs["source"], case.inputs["target"])
    parameters = sum(x.size for name, x in case.inputs.items() if name not in ("source", "target"))
    integers = {"count": np.array(count, dtype=np.int64), "parameterCount": np.array(parameters, dtype=np.int64)}
    return {"logits": logits, "loss": np.array(loss, dtype=object)} | integers


# Several batches.


def batches_of(case: Case) -> list[tuple[Tokens, Tokens]]:
    """Returns sources and targets."""
    count = sum(name.startswith("source") and name[6:].isdigit() for name in case.inputs)
    return [(case.inputs[f"source{at}"], case.inputs[f"target{at}"]) for at in range(count)]


def evaluation_by_torch(case: Case) -> Tensors:
    """Returns the loss and the number of labels of each batch, and the mean of all."""
    results = [loss_by_torch(case, *batch)[1:] for batch in batches_of(case)]
    losses, counts = np.array([float(loss) for loss, _ in results]), np.array([count for _, count in results])
    output = np.average(losses, weights=counts if case.attributes["weighting"] == "tokens" else None)
    return {"losses": losses, "counts": counts.astype(np.int64), "output": np.array(output)}


def evaluation_defined(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns the loss and the number of labels of each batch, and the mean of all."""
    losses, counts = [], []
    for batch in batches_of(case):
        # Batches never meet.
        running.forget()
        _, loss, count = loss_defined(case, lift, *batch)
        losses.append(loss.merged() if isinstance(loss, running.Bounded) else loss)
        counts.append(count)
    weights = counts if case.attributes["weighting"] == "tokens" else [1] * len(counts)
    output = exact.total([loss * weight for loss, weight in zip(losses, weights, strict=True)]) / sum(weights)
    results = {"losses": np.array(losses, dtype=object), "output": np.array(output, dtype=object)}
    return results | {"counts": np.array(counts, dtype=np.int64)}


# What holds no rounded numbers.


def kept_by_numpy(case: Case) -> Tensors:
    """Returns whether each loss is below the least before it."""
    least = np.fmin.accumulate(np.append(np.inf, case.inputs["losses"].astype(np.float64)))
    return {"kept": case.inputs["losses"] < least[:-1]}


def kept_defined(case: Case) -> Tensors:
    """Returns whether each loss is below the best so far."""
    best, kept = float("inf"), []
    for loss in case.inputs["losses"].tolist():
        kept.append(loss < best)
        best = loss if loss < best else best
    return {"kept": np.array(kept, dtype=bool)}


def time_by_numpy(case: Case) -> Tensors:
    """Returns whole minutes, and the whole seconds that are left."""
    minutes, seconds = np.divmod(np.trunc(case.inputs["elapsed"].astype(np.float64)).astype(np.int64), 60)
    return {"minutes": minutes, "seconds": seconds}


def time_defined(case: Case) -> Tensors:
    """Returns whole minutes, and the whole seconds that are left."""
    times = [float(x) for x in case.inputs["elapsed"]]
    minutes = [int(x / 60) for x in times]
    seconds = [int(x - 60 * whole) for x, whole in zip(times, minutes, strict=True)]
    return {"minutes": np.array(minutes, dtype=np.int64), "seconds": np.array(seconds, dtype=np.int64)}


def counted(first: Callable[[Case], Tensors], second: Callable[[Case], Tensors]) -> Function:
    """Returns a function whose results are integers and booleans."""
    return Function(first, second, None, ("NumPy", DEFINITION), "u * gauge + t", lambda _: {})


FUNCTIONS = {
    "batchLoss": defined(batch_by_torch, batch_defined, (PYTORCH_FLOAT64, MPMATH)),
    "evaluationLoss": defined(evaluation_by_torch, evaluation_defined, (PYTORCH_FLOAT64, MPMATH)),
    "keptEpochs": counted(kept_by_numpy, kept_defined),
    "minutesAndSeconds": counted(time_by_numpy, time_defined),
}

# The start and the stop symbol of targets.
START, STOP = 2, 3


def translations(draw: Draw, lengths: tuple[int, ...]) -> Tokens:
    """Returns targets of the lengths given, start and stop symbol included, padded to the longest."""
    target = sentences(draw, TARGET_WORDS, max(lengths), TARGET_PADDING, lengths)
    target[:, 0] = START
    for sentence, length in enumerate(lengths):
        target[sentence, length - 1] = STOP
    return target


def batch(
    id: str, purpose: str, *ids: str, source: tuple[int, ...] = (6, 4, 5), target: tuple[int, ...] = (4, 6, 3),
    learned: bool = False, **attributes: Any,
) -> Case:
    """Returns one model with a batch of sentences of the lengths given."""
    draw = Draw(id)
    inputs = {
        "source": sentences(draw, SOURCE_WORDS, max(source), SOURCE_PADDING, source),
        "target": translations(draw, target),
    }
    if learned:
        inputs["positionTable"] = draw.normal(9, 12)
    inputs |= model_parameters(draw, learned, 1)
    given = model_attributes(decoder_layers=1, **attributes)
    return Case(id, "batchLoss", purpose, inputs, ("TRN-1", "TRN-4", *ids), given)


def evaluation(id: str, purpose: str, weighting: str) -> Case:
    """Returns one model with two batches, the second of fewer and shorter sentences."""
    draw = Draw("evaluation")
    inputs = {}
    for at, lengths in enumerate(((5, 6, 3), (4,))):
        inputs[f"source{at}"] = sentences(draw, SOURCE_WORDS, max(lengths), SOURCE_PADDING, lengths)
        inputs[f"target{at}"] = translations(draw, lengths)
    inputs |= model_parameters(draw, False, 1)
    attributes = model_attributes(decoder_layers=1) | {"weighting": weighting}
    return Case(id, "evaluationLoss", purpose, inputs, ("TRN-2", "LOSS-2"), attributes)


def exactly(id: str, function: str, purpose: str, name: str, values: Any, *ids: str) -> Case:
    """Returns a case of one input."""
    return Case(id, function, purpose, {name: tensor(values)}, ids, {})


def cases() -> list[Case]:
    """Returns every case of the topic."""
    nan, infinity = np.nan, np.inf
    return [
        batch("batch", "The decoder sees the target without its last token, and says it without its first; padding does not count.", "LOSS-1", "CLM-51"),
        batch("batch-document-002", "Document 002: ε = 1e-12, −10000 in place of a hidden score.", epsilon=LAYER_NORM_002, fill=replaced(-10000.0)),
        batch("batch-learned", "Learned positions and norms after the stacks are parameters, too.", target=(5, 3, 4), learned=True, placement="preNorm", activation="gelu"),
        batch("batch-without-padding", "Without a padding id every label counts.", target=(5, 5, 5), padding=None),
        evaluation("evaluation-by-tokens", "Every token of both batches counts the same.", "tokens"),
        evaluation("evaluation-by-batches", "Document 002: both batches count the same.", "batches"),
        exactly("kept", "keptEpochs", "A loss that is lower than all before.", "losses", [3, 2.5, 2.75, 2.5, 2.25, 4, 2], "TRN-3"),
        exactly("kept-nonfinite", "keptEpochs", "NaN and an infinite loss are never kept.", "losses", [infinity, nan, 3, nan, 2, -infinity, 1], "TRN-3"),
        exactly("kept-rising", "keptEpochs", "Only the first.", "losses", [1, 2, 3], "TRN-3"),
        exactly("kept-none", "keptEpochs", "No epochs.", "losses", [], "TRN-3"),
        exactly("time", "minutesAndSeconds", "Fractions of a second are cut off, not rounded.", "elapsed", [0, 0.75, 59.9375, 60, 61.5, 119.96875, 125.25, 3599.75, 3600, 86399.5], "TRN-5"),
    ]
