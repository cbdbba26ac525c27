"""The files: every case computed twice, compared, and laid out as bytes."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save

import activations
import adam
import attention_mask
import bleu
import convolution
import cross_entropy
import decoder_layer
import dropout
import elman_rnn
import encoder_layer
import feed_forward
import generation
import gradient_clipping
import gru
import initialization
import layer_norm
import learning_rate_schedule
import lstm
import matrix_product
import multi_head_attention
import positional_encoding
import residual
import scaled_dot_product_attention
import scoring_functions
import seq2seq
import softmax
import swin_transformer
import token_embedding
import training_loop
import transformer
import vision_transformer
import word2vec
from agreement import ORACLE_ROUNDING, Disagreement, wrong_places
from cases import Case, Function, Rounding, Tensors

FORMAT = 1
TOPICS = (
    matrix_product, softmax, activations, dropout, convolution,
    attention_mask, scoring_functions, scaled_dot_product_attention, multi_head_attention,
    token_embedding, positional_encoding,
    layer_norm, residual,
    elman_rnn, lstm, gru, seq2seq,
    feed_forward, encoder_layer, decoder_layer, transformer, generation,
    word2vec,
    vision_transformer, swin_transformer,
    cross_entropy, adam, gradient_clipping, learning_rate_schedule, initialization, bleu, training_loop,
)
DIRECTORY = Path(__file__).resolve().parent.parent / "Vectors"
MANIFEST = "manifest.json"


def agreed(topic: str, case: Case, function: Function) -> Tensors:
    """Returns the expected tensors of a case, or stops when its two sources differ.

    The bound of each element is 1e-13 of the magnitudes that went into it, or what its gauge allows float64. What is
    returned is the second source's result: correctly rounded, and so the same on every machine.
    """
    first, second = function.first(case), function.second(case)
    if first.keys() != second.keys():
        raise Disagreement(f"{topic}/{case.id}: {sorted(first)} against {sorted(second)}")
    faults = wrong_places(first, second, bounds_of(case, function, second, ORACLE_ROUNDING, 2.0**-53))
    if faults:
        raise Disagreement(f"{topic}/{case.id}: {'; '.join(faults)}")
    return second


def bounds_of(case: Case, function: Function, expected: Tensors, rounding: Rounding, unit: float) -> Tensors:
    """Returns how far an implementation with this rounding, or this unit roundoff, may be from the expected tensors."""
    if function.bounds is not None:
        return function.bounds(case, expected, rounding)
    gauges = function.gauges(case)
    exactly = {name: np.zeros(x.shape) for name, x in expected.items()}
    return exactly | {name: unit * gauge.astype(np.float64) + rounding.tiny for name, gauge in gauges.items()}


def written(value: Any) -> Any:
    """Returns an attribute as JSON can hold it: a number that is not finite becomes a string."""
    if isinstance(value, dict):
        return {key: written(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def entry(topic: str, case: Case, function: Function, stored: list[str], gauged: list[str]) -> dict[str, Any]:
    """Returns a case's line of the manifest."""
    gauges = {"gauges": {name: f"{case.id}/{name}.gauge" for name in gauged}} if gauged else {}
    return gauges | {
        "topic": topic,
        "id": case.id,
        "function": case.function,
        "purpose": case.purpose,
        "attributes": written(dict(case.attributes)),
        "inputs": {name: f"{case.id}/{name}" for name in case.inputs},
        "expected": {name: f"{case.id}/{name}" for name in stored},
        "oracles": list(function.oracles),
        "tolerance": case.function,
        "ids": list(case.ids),
    }


def check_case(topic: str, case: Case, seen: set[str]) -> None:
    """Stops unless the id is new in its topic and the inputs are of the types that files hold."""
    if case.id in seen:
        raise ValueError(f"{topic}/{case.id}: the id is taken")
    seen.add(case.id)
    for name, values in case.inputs.items():
        if values.dtype not in (np.float32, np.int64, np.bool_):
            raise ValueError(f"{topic}/{case.id}: {name} is {values.dtype}")


def built() -> dict[str, bytes]:
    """Returns the bytes of every file by its name, computed from nothing."""
    torch.set_num_threads(1)
    files: dict[str, bytes] = {}
    summary: dict[str, Any] = {"format": FORMAT, "files": {}, "cases": [], "tolerances": {}}
    for topic in TOPICS:
        summary["tolerances"] |= {name: function.tolerance for name, function in topic.FUNCTIONS.items()}
        tensors: Tensors = {}
        seen: set[str] = set()
        for case in topic.cases():
            check_case(topic.TOPIC, case, seen)
            function = topic.FUNCTIONS[case.function]
            expected = agreed(topic.TOPIC, case, function)
            stored = list(case.stored or expected)
            if case.inputs.keys() & set(stored):
                raise ValueError(f"{topic.TOPIC}/{case.id}: an input and a result have one name")
            tensors |= {f"{case.id}/{name}": values for name, values in case.inputs.items()}
            tensors |= {f"{case.id}/{name}": expected[name] for name in stored}
            gauges = {name: x for name, x in function.gauges(case).items() if name in stored} if function.gauges else {}
            tensors |= {f"{case.id}/{name}.gauge": x for name, x in gauges.items()}
            summary["cases"].append(entry(topic.TOPIC, case, function, stored, list(gauges)))
        path = f"{topic.TOPIC}.safetensors"
        files[path] = laid_out(tensors)
        summary["files"][topic.TOPIC] = {"path": path, "sha256": hashlib.sha256(files[path]).hexdigest()}
    text = json.dumps(summary, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    files[MANIFEST] = (text + "\n").encode("utf-8")
    return files


def laid_out(tensors: Tensors) -> bytes:
    """Returns a .safetensors file: widest elements first, then by name, without metadata."""
    return save({name: np.asarray(tensors[name], order="C") for name in sorted(tensors)})


def write(directory: Path = DIRECTORY) -> dict[str, bytes]:
    """Writes every file and returns its bytes by name."""
    files = built()
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return files


def differences(directory: Path = DIRECTORY) -> list[str]:
    """Returns the names of the files that are not what the oracle would write now."""
    files = built()
    there = {path.name for path in directory.iterdir()} if directory.is_dir() else set()
    changed = {name for name, content in files.items() if name not in there or (directory / name).read_bytes() != content}
    return sorted(changed | (there - files.keys()))
