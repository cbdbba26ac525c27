"""Reads the files back as a porter would: from the manifest and the .safetensors files alone."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.numpy import load

from cases import Case, Tensors
from vectors import DIRECTORY, MANIFEST


def read_cases(directory: Path = DIRECTORY) -> list[tuple[str, Case, Tensors]]:
    """Returns topic, case and expected tensors of every line of the manifest."""
    manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    files = {topic: load((directory / file["path"]).read_bytes()) for topic, file in manifest["files"].items()}
    return [
        (line["topic"], case_of(line, files[line["topic"]]), named(line["expected"], files[line["topic"]]))
        for line in manifest["cases"]
    ]


def case_of(line: Mapping[str, Any], tensors: Tensors) -> Case:
    """Returns the case that a line of the manifest describes."""
    inputs = named(line["inputs"], tensors)
    return Case(line["id"], line["function"], line["purpose"], inputs, tuple(line["ids"]), read(line["attributes"]))


def named(names: Mapping[str, str], tensors: Tensors) -> Tensors:
    """Returns the tensors that a line of the manifest names."""
    return {name: tensors[stored] for name, stored in names.items()}


def read(value: Any) -> Any:
    """Returns an attribute with its non-finite numbers as numbers again."""
    if isinstance(value, dict):
        return {key: read(item) for key, item in value.items()}
    return float(value) if value in ("-inf", "inf", "nan") else value
