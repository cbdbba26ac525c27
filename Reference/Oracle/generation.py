"""Greedy generation: from a start symbol, the likeliest next token again and again, until the stop symbol."""

from collections.abc import Callable
from typing import Any

import numpy as np

import exact
import running
from agreement import MPMATH, PYTORCH_FLOAT64
from attention_mask import replaced
from cases import Case, Draw, Tensors, defined
from encoder_layer import LAYER_NORM_002
from transformer import (
    SOURCE_PADDING, SOURCE_WORDS, TARGET_PADDING, TARGET_WORDS, ExactModel, T, TorchModel, model_attributes,
    model_parameters, sentences,
)

TOPIC = "Generation"

# What the likeliest token is ahead of the next one by, at least: no float32 implementation may pick another.
MARGIN = 1e-2


def greedy_by_torch(case: Case) -> Tensors:
    """Returns the tokens b×length and each step's logits b×length×v, all sentences together, the prefix anew each step.

    What comes after a sentence's end is computed, and then struck out.
    """
    source, stop, steps = case.inputs["source"], case.attributes["stop"], []
    model, target = TorchModel(case.inputs, case.attributes), np.full((len(source), 1), case.attributes["start"])
    for _ in range(case.attributes["maximumLength"]):
        steps.append(model(source, target)["logits"][:, -1])
        target = np.concatenate([target, steps[-1].argmax(axis=-1)[:, None]], axis=1)
    tokens, logits = target[:, 1:], np.stack(steps, axis=1)
    ended = np.cumsum(tokens == stop, axis=1) - (tokens == stop) > 0
    return {"tokens": np.where(ended, -1, tokens), "logits": np.where(ended[..., None], 0.0, logits)}


def greedy_defined(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns the tokens b×length and each step's logits b×length×v, sentence by sentence."""
    model = ExactModel(case.inputs, case.attributes, lift)
    source, length = case.inputs["source"], case.attributes["maximumLength"]
    tokens = np.full((len(source), length), -1, dtype=np.int64)
    logits = np.full((len(source), length, len(case.inputs["output.bias"])), exact.Number(0), dtype=object)
    for sentence in range(len(source)):
        # Sentences never meet.
        running.forget()
        alone = source[sentence : sentence + 1]
        memory, prefix = model.encode(alone), [case.attributes["start"]]
        for step in range(length):
            _, all_logits = model.decode(np.array([prefix], dtype=np.int64), memory, alone)
            best = likeliest(all_logits[0, -1], f"{TOPIC}/{case.id}: step {step} of sentence {sentence}")
            tokens[sentence, step], logits[sentence, step] = best, all_logits[0, -1]
            prefix.append(best)
            if best == case.attributes["stop"]:
                break
    return {"tokens": tokens, "logits": logits}


def likeliest(row: np.ndarray, place: str) -> int:
    """Returns the index of a row's largest logit, which must be ahead of the next one by the margin."""
    best, next_best = sorted(range(len(row)), key=lambda token: row[token], reverse=True)[:2]
    if row[best] - row[next_best] < MARGIN:
        raise ValueError(f"{place} has two likeliest tokens")
    return best


def forced_by_torch(case: Case) -> Tensors:
    """Returns the logits b×t×v of a known target, and the likeliest token at each position b×t."""
    logits = TorchModel(case.inputs, case.attributes)(case.inputs["source"], case.inputs["target"])["logits"]
    return {"logits": logits, "tokens": logits.argmax(axis=-1)}


def forced_defined(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns the logits b×t×v of a known target, and the likeliest token at each position b×t."""
    model, source, target = ExactModel(case.inputs, case.attributes, lift), case.inputs["source"], case.inputs["target"]
    _, logits = model.decode(target, model.encode(source), source)
    tokens = np.empty(target.shape, dtype=np.int64)
    for place in np.ndindex(target.shape):
        tokens[place] = likeliest(logits[place], f"{TOPIC}/{case.id}: position {place}")
    return {"logits": logits, "tokens": tokens}


ORACLES = (PYTORCH_FLOAT64, MPMATH)

FUNCTIONS = {
    "greedyGeneration": defined(greedy_by_torch, greedy_defined, ORACLES),
    "teacherForcedTokens": defined(forced_by_torch, forced_defined, ORACLES),
}

# Source positions, and the start symbol.
S, START = 6, 2


def case(
    id: str,
    purpose: str,
    stop: int,
    attempt: int,
    *ids: str,
    lengths: tuple[int, ...] = (S, 3, 5),
    maximum: int = 6,
    last_norms: bool = False,
    target_padding: int = 1,
    **attributes: Any,
) -> Case:
    """Returns one model and source sentences of the lengths given, padded to 6.

    Drawn models tend to repeat themselves: `attempt` names a draw whose sentences do what the purpose says.
    """
    draw = Draw(f"{id}-{attempt}")
    inputs = {"source": sentences(draw, SOURCE_WORDS, S, SOURCE_PADDING, lengths)} | model_parameters(draw, last_norms)
    given = model_attributes(padding=(SOURCE_PADDING, target_padding), **attributes)
    given |= {"start": START, "stop": stop, "maximumLength": maximum}
    return Case(id, "greedyGeneration", purpose, inputs, ("DECODE-1", *ids), given)


def forced(id: str, purpose: str, attempt: int, lengths: tuple[int, ...], **attributes: Any) -> Case:
    """Returns one model with a source of 6 words and a target of the lengths given, padded to 5."""
    draw = Draw(f"{id}-{attempt}")
    inputs = {
        "source": sentences(draw, SOURCE_WORDS, S, SOURCE_PADDING, (S, 4)),
        "target": sentences(draw, TARGET_WORDS, T, TARGET_PADDING, lengths),
    } | model_parameters(draw, False)
    return Case(id, "teacherForcedTokens", purpose, inputs, ("DECODE-3", "OUT-1"), model_attributes(**attributes))


def cases() -> list[Case]:
    """Returns every case of the topic."""
    vaswani: dict[str, Any] = {"scale": "rootModelWidth"}
    before: dict[str, Any] = {"placement": "preNorm", "last_norms": True}
    document_002: dict[str, Any] = {"epsilon": LAYER_NORM_002, "fill": replaced(-10000.0)}
    return [
        case("greedy", "Two sentences end with the stop symbol at different steps, the third is cut at the maximum length.", 0, 196, "CLM-50", "DEC-4", last_norms=True, **vaswani),
        case("greedy-pre-norm", "The same with the norm first; the last sentence stops in the last step.", 10, 2, "CLM-50", **before),
        case("greedy-document-002", "Document 002: ε = 1e-12, −10000 in place of a hidden score, no norms after the stacks.", 11, 81, "CLM-50", **vaswani, **document_002),
        case("greedy-generated-padding", "The padding id, once generated, is a key that no later step sees: cached keys must be hidden too.", 0, 39, "MSK-8", **before),
        case("greedy-stops-at-once", "The first token is the stop symbol: a sentence of one token, and nothing after it.", 9, 0, "CLM-50", lengths=(S,)),
        case("greedy-single-step", "A maximum length of 1: one token, whatever it is.", 12, 0, lengths=(S, 2), maximum=1),
        forced("teacher-forcing", "A known target of full length and a shorter one: every position has a choice of its own.", 283, (T, 3)),
        forced("teacher-forcing-pre-norm", "The same with the norm first.", 9, (2, T), placement="preNorm"),
    ]
