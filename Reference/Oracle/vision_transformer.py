"""The Vision Transformer: patches of an image as positions, a class token before them, and encoder layers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

import exact
import layers
import running
from agreement import DEFINITION, MPMATH, PYTORCH_FLOAT64, double
from cases import Case, Draw, Tensors, defined
from dropout import LayerDropout
from encoder_layer import layer_attributes, layer_parameters, norm_parameters
from pytorch_layers import Record, encoder_stack, loaded

TOPIC = "VisionTransformer"

ROW_COLUMN_CHANNEL, CHANNEL_ROW_COLUMN = "rowColumnChannel", "channelRowColumn"

# First source: PyTorch's folding, convolution and encoder.


def patches_by_torch(case: Case) -> Tensors:
    """Returns the patches of images …×H×W×C: …×N×P²C."""
    return {"output": unfolded(double(case.inputs["x"]), case.attributes["size"], case.attributes["order"]).numpy()}


def unfolded(images: torch.Tensor, size: int, order: str) -> torch.Tensor:
    """Returns the patches by PyTorch's unfold, whose columns are patches and whose rows go channel, row, column."""
    leading, (height, width, channels) = images.shape[:-3], images.shape[-3:]
    planes = images.reshape(-1, height, width, channels).permute(0, 3, 1, 2)
    rows = nn.functional.unfold(planes, size, stride=size).transpose(1, 2)
    if order == ROW_COLUMN_CHANNEL:
        rows = rows.unflatten(-1, (channels, size * size)).transpose(-2, -1).flatten(-2)
    return rows.reshape(*leading, *rows.shape[1:])


def kernel(weight: torch.Tensor, size: int, order: str) -> torch.Tensor:
    """Returns the map of patches D×P²C as the kernel of a convolution, D×C×P×P."""
    if order == CHANNEL_ROW_COLUMN:
        return weight.unflatten(-1, (-1, size, size))
    return weight.unflatten(-1, (size, size, -1)).permute(0, 3, 1, 2)


def convolved(images: torch.Tensor, parameters: Tensors, size: int, order: str) -> torch.Tensor:
    """Returns the vectors of all patches …×N×D by a convolution whose stride is the patch."""
    leading = images.shape[:-3]
    planes = images.reshape(-1, *images.shape[-3:]).permute(0, 3, 1, 2)
    weight, bias = double(parameters["patch.weight"]), double(parameters["patch.bias"])
    vectors = nn.functional.conv2d(planes, kernel(weight, size, order), bias, stride=size).flatten(2).transpose(1, 2)
    return vectors.reshape(*leading, *vectors.shape[1:])


def vision_transformer_by_torch(case: Case) -> Tensors:
    """Returns the patches, z_0, what leaves every layer, the class token's vector, and the logits."""
    inputs, attributes = case.inputs, case.attributes
    images, size, order = double(inputs["images"]), attributes["patchSize"], attributes["patchOrder"]
    vectors = convolved(images, inputs, size, order)
    token = double(inputs["classToken"]).expand(*vectors.shape[:-2], 1, -1)
    embedded = torch.cat([token, vectors], dim=-2) + double(inputs["positionTable"])
    stack = loaded(encoder_stack(attributes, inputs, attributes["layers"]), encoder_parameters(case))
    record = Record()
    for index, layer in enumerate(stack.layers):
        record.output(layer, f"layer{index}")
    # The layers take batches; what follows them treats every position by itself.
    y = stack(embedded.reshape(-1, *embedded.shape[-2:])).reshape(embedded.shape)[..., 0, :]
    logits = nn.functional.linear(y, double(inputs["head.weight"]), double(inputs["head.bias"]))
    results = {"patches": unfolded(images, size, order), "embedded": embedded, "classVector": y, "logits": logits}
    encoded = {name: x.reshape(embedded.shape) for name, x in record.arrays().items()}
    return encoded | {name: x.numpy() for name, x in results.items()}


def encoder_parameters(case: Case) -> Tensors:
    """Returns the parameters of the layers and of the norm after them."""
    return {name: x for name, x in case.inputs.items() if name.startswith(("layers.", "norm."))}


# Second source: the definition.


def squares(images: np.ndarray, size: int, order: str) -> np.ndarray:
    """Returns the patches of images …×H×W×C, number by number: …×N×P²C."""
    *leading, height, width, channels = images.shape
    result = np.empty((*leading, height // size * (width // size), size * size * channels), dtype=images.dtype)
    for i in range(height // size):
        for j in range(width // size):
            patch = images[..., i * size : (i + 1) * size, j * size : (j + 1) * size, :]
            if order == ROW_COLUMN_CHANNEL:
                numbers = [patch[..., a, b, c] for a in range(size) for b in range(size) for c in range(channels)]
            else:
                numbers = [patch[..., a, b, c] for c in range(channels) for a in range(size) for b in range(size)]
            result[..., i * (width // size) + j, :] = np.stack(numbers, axis=-1)
    return result


def patches_defined(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns the patches of images …×H×W×C: …×N×P²C."""
    return {"output": squares(lift(case.inputs["x"]), case.attributes["size"], case.attributes["order"])}


def vision_transformer_defined(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns the patches, z_0, what leaves every layer, the class token's vector, and the logits."""
    lifted, attributes = {name: lift(x) for name, x in case.inputs.items()}, case.attributes
    patches = squares(lifted["images"], attributes["patchSize"], attributes["patchOrder"])
    vectors = exact.affine(patches, *layers.affine_map(lifted, "patch"))
    token = np.broadcast_to(lifted["classToken"], (*vectors.shape[:-2], 1, vectors.shape[-1]))
    embedded = running.settled(np.concatenate([token, vectors], axis=-2) + lifted["positionTable"])
    batch = embedded.reshape(-1, *embedded.shape[-2:])
    encoded = layers.encoder(
        batch, lifted, attributes, LayerDropout.of(attributes), attributes["layers"], None, None
    )
    encoded = {name: x.reshape(embedded.shape) for name, x in encoded.items()}
    y = encoded.pop("output")[..., 0, :]
    logits = exact.affine(y, *layers.affine_map(lifted, "head"))
    return encoded | {"patches": patches, "embedded": embedded, "classVector": y, "logits": logits}


FUNCTIONS = {
    "patches": defined(patches_by_torch, patches_defined, (PYTORCH_FLOAT64, DEFINITION)),
    "visionTransformer": defined(vision_transformer_by_torch, vision_transformer_defined, (PYTORCH_FLOAT64, MPMATH)),
}

# Heads, the width of the model and of the network between, classes.
H, D, INNER, CLASSES = 2, 10, 14, 5
EPSILON = 1e-6


def patches_case(
    id: str, purpose: str, *ids: str, x: tuple[int, ...] = (2, 4, 6, 3), size: int = 2, order: str = ROW_COLUMN_CHANNEL
) -> Case:
    """Returns the patches of a drawn x: …×H×W×C."""
    return Case(id, "patches", purpose, {"x": Draw(id).normal(*x)}, ("VIT-1", *ids), {"size": size, "order": order})


def model_case(
    id: str, purpose: str, *ids: str, images: tuple[int, ...] = (2, 4, 6, 3), size: int = 2,
    order: str = ROW_COLUMN_CHANNEL, count: int = 2, heads: int = H, inner: int = INNER, epsilon: float = EPSILON,
    scale: float = 1.0,
) -> Case:
    """Returns a model with so many layers, all drawn, and drawn images …×H×W×C."""
    draw = Draw(id)
    height, width, channels = images[-3:]
    drawn = {
        "images": draw.normal(*images, scale=scale),
        "patch.weight": draw.normal(D, size * size * channels, scale=0.4),
        "patch.bias": draw.normal(D, scale=0.3 * scale),
        "classToken": draw.normal(D, scale=scale),
        "positionTable": draw.normal(height // size * (width // size) + 1, D, scale=0.5 * scale),
    }
    for index in range(count):
        drawn |= {f"layers.{index}.{name}": x for name, x in layer_parameters(draw, ("self_attn",), D, inner).items()}
    drawn |= {f"norm.{part}": x for part, x in norm_parameters(draw, D).items()}
    drawn |= {"head.weight": draw.normal(CLASSES, D, scale=0.4), "head.bias": draw.normal(CLASSES, scale=0.3)}
    attributes: dict[str, Any] = layer_attributes("preNorm", epsilon, "gelu", heads=heads)
    attributes |= {"layers": count, "patchSize": size, "patchOrder": order}
    return Case(id, "visionTransformer", purpose, drawn, ("VIT-1", "VIT-2", "VIT-3", *ids), attributes)


def cases() -> list[Case]:
    """Returns every case of the topic."""
    convolution = {"order": CHANNEL_ROW_COLUMN}
    poisoned = model_case("nan-in-a-patch", "NaN in one pixel of one image reaches all positions of that image, and no other image.", count=1)
    poisoned.inputs["images"][1, 2, 3, 0] = np.nan
    return [
        patches_case("patches", "Row by row, and inside a patch row, column, channel; no two extents alike.", "CLM-55"),
        patches_case("patches-channels-first", "The same numbers in the order of a convolution's weight.", **convolution),
        patches_case("patches-all-extents-alike", "A transposed image, patch or channel has the right shape here.", x=(4, 4, 4, 4), size=2),
        patches_case("patches-all-extents-alike-channels-first", "The same with channels first.", x=(4, 4, 4, 4), size=2, **convolution),
        patches_case("patches-of-one-image", "An image without leading dimensions, in patches of 3 × 3.", x=(6, 9, 2), size=3),
        patches_case("patches-of-pixels", "Patches of one pixel are the image row by row.", x=(1, 2, 3, 5, 2), size=1, **convolution),
        patches_case("patch-of-the-whole", "One patch holds the whole image.", x=(2, 3, 3, 2), size=3, **convolution),
        model_case("plain", "Two layers, and images wider than high; no two extents of a step alike.", "CLM-55"),
        model_case("channels-first", "The weight of the patches is that of a convolution.", **convolution),
        model_case("one-image", "An image without leading dimensions gives one row of logits.", images=(6, 3, 2), size=3, count=1),
        model_case("videos", "Leading dimensions of any number: two videos of three images.", images=(2, 3, 2, 2, 1), size=1, count=1),
        model_case("one-patch", "The class token and one patch.", images=(3, 2, 2, 2), count=1),
        model_case("inner-width", "Ten heads of width 1, and an inner width four times the model's, as in the paper.", images=(2, 4, 2, 2), heads=D, inner=4 * D, count=1),
        model_case("small-numbers", "Numbers of size 1e-3: ε = 1e-6 decides how far the norms lift them.", "NRM-2", scale=2**-10, count=1),
        model_case("document-002-epsilon", "The same with 002's ε = 1e-12.", "NRM-1", scale=2**-10, epsilon=1e-12, count=1),
        poisoned,
    ]
