"""The Swin Transformer: attention inside windows of a map, shifted in every second block, and maps that shrink."""

from collections.abc import Callable, Mapping
from math import isqrt
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import activations
import exact
import layers
import running
from agreement import DEFINITION, MPMATH, PYTORCH, PYTORCH_FLOAT64, double
from attention_cases import ROOT_KEY_WIDTH
from attention_mask import EXACTLY, EXCLUDED, added, no_tolerance
from cases import Case, Draw, Function, Tensors, defined
from dropout import LayerDropout
from encoder_layer import attention_parameters, layer_parameters, norm_parameters
from layers import below
from pytorch_layers import heads_of, side_by_side
from scaled_dot_product_attention import attend_by_torch
from vision_transformer import ROW_COLUMN_CHANNEL, convolved, squares

TOPIC = "SwinTransformer"

Lift = Callable[[np.ndarray], np.ndarray]

# Shifts, windows, indices and masks.


def shifted_by_torch(case: Case) -> Tensors:
    """Returns the map moved up and to the left: …×H×W×C."""
    return {"output": rolled(double(case.inputs["x"]), case.attributes["shift"]).numpy()}


def rolled(x: torch.Tensor, shift: int) -> torch.Tensor:
    """Returns the map moved up and to the left by PyTorch's roll."""
    return torch.roll(x, (-shift, -shift), dims=(-3, -2))


def shifted_defined(case: Case, lift: Lift) -> Tensors:
    """Returns the map moved up and to the left: …×H×W×C."""
    x, shift = lift(case.inputs["x"]), case.attributes["shift"]
    result = np.empty_like(x)
    height, width = x.shape[-3:-1]
    for row, column in np.ndindex(height, width):
        result[..., (row - shift) % height, (column - shift) % width, :] = x[..., row, column, :]
    return {"output": result}


def windows_by_torch(case: Case) -> Tensors:
    """Returns the windows of a map: …×N×M²×C."""
    return {"output": partitioned(double(case.inputs["x"]), case.attributes["window"]).numpy()}


def partitioned(x: torch.Tensor, m: int) -> torch.Tensor:
    """Returns the windows …×N×M²×C of a map …×H×W×C."""
    # …×H/M×W/M×C×M×M
    return x.unfold(-3, m, m).unfold(-3, m, m).movedim(-3, -1).flatten(-3, -2).flatten(-4, -3)


def joined(windows: torch.Tensor, m: int, height: int, width: int) -> torch.Tensor:
    """Returns the map …×H×W×C of windows …×N×M²×C."""
    squares = windows.unflatten(-2, (m, m)).unflatten(-4, (height // m, width // m))
    return squares.transpose(-4, -3).flatten(-3, -2).flatten(-4, -3)


def windows_defined(case: Case, lift: Lift) -> Tensors:
    """Returns the windows of a map: …×N×M²×C."""
    x, m = lift(case.inputs["x"]), case.attributes["window"]
    places = window_places(*x.shape[-3:-1], m, 0)
    return {"output": np.stack([np.stack([x[..., r, c, :] for r, c in window], axis=-2) for window in places], axis=-3)}


def joined_by_torch(case: Case) -> Tensors:
    """Returns the map of windows: …×H×W×C."""
    m, height, width = (case.attributes[name] for name in ("window", "height", "width"))
    return {"output": joined(double(case.inputs["x"]), m, height, width).numpy()}


def joined_defined(case: Case, lift: Lift) -> Tensors:
    """Returns the map of windows: …×H×W×C."""
    m, height, width = (case.attributes[name] for name in ("window", "height", "width"))
    return {"output": scattered(lift(case.inputs["x"]), window_places(height, width, m, 0), height, width)}


def window_places(height: int, width: int, m: int, shift: int) -> list[list[tuple[int, int]]]:
    """Returns the rows and columns in each window of a map that is moved up and to the left, before it is moved."""
    return [
        [((top + a + shift) % height, (left + b + shift) % width) for a in range(m) for b in range(m)]
        for top in range(0, height, m)
        for left in range(0, width, m)
    ]


def scattered(windows: np.ndarray, places: list[list[tuple[int, int]]], height: int, width: int) -> np.ndarray:
    """Returns the map …×H×W×C in which every position of the windows …×N×M²×C stands at its place."""
    result = np.empty((*windows.shape[:-3], height, width, windows.shape[-1]), dtype=windows.dtype)
    for n, window in enumerate(places):
        for i, (row, column) in enumerate(window):
            result[..., row, column, :] = windows[..., n, i, :]
    return result


def index_by_torch(case: Case) -> Tensors:
    """Returns the row of the bias table for each two positions of a window: M²×M²."""
    return {"output": offsets_by_torch(case.attributes["window"]).numpy()}


def offsets_by_torch(m: int) -> torch.Tensor:
    """Returns the row of the bias table for each two positions of a window, from their coordinates: M²×M²."""
    places = torch.cartesian_prod(torch.arange(m), torch.arange(m))
    offsets = places.unsqueeze(1) - places.unsqueeze(0) + m - 1
    return offsets[..., 0] * (2 * m - 1) + offsets[..., 1]


def index_defined(case: Case) -> Tensors:
    """Returns the row of the bias table for each two positions of a window: M²×M²."""
    return {"output": offset_rows(case.attributes["window"])}


def offset_rows(m: int) -> np.ndarray:
    """Returns where each two positions' offset stands in the list of all offsets: M²×M²."""
    offsets = [(row, column) for row in range(1 - m, m) for column in range(1 - m, m)]
    places = [(row, column) for row in range(m) for column in range(m)]
    return np.array([[offsets.index((r - row, c - column)) for row, column in places] for r, c in places], np.int64)


def mask_by_torch(case: Case) -> Tensors:
    """Returns which positions of a window of the moved map may see each other: N×M²×M²."""
    return {"output": regions_alike(*(case.attributes[name] for name in ("height", "width", "window", "shift"))).numpy()}


def regions_alike(height: int, width: int, m: int, shift: int) -> torch.Tensor:
    """Returns N×M²×M², true where two positions lie in one of the nine regions that a shift cuts a map into."""
    regions = torch.zeros(height, width, 1)
    # Rows and columns from the last window on, and those that came in from the other side.
    for beyond in (m, shift) if shift else ():
        regions[height - beyond :] += 3
        regions[:, width - beyond :] += 1
    inside = partitioned(regions, m)
    return inside == inside.transpose(-2, -1)


def mask_defined(case: Case) -> Tensors:
    """Returns which positions of a window of the moved map may see each other: N×M²×M²."""
    return {"output": neighbours(*(case.attributes[name] for name in ("height", "width", "window", "shift")))}


def neighbours(height: int, width: int, m: int, shift: int) -> np.ndarray:
    """Returns N×M²×M², true where two positions lie to each other as they did before the map was moved."""
    inside = [(row, column) for row in range(m) for column in range(m)]
    return np.array([
        [
            [
                (window[i][0] - window[j][0], window[i][1] - window[j][1])
                == (inside[i][0] - inside[j][0], inside[i][1] - inside[j][1])
                for j in range(m * m)
            ]
            for i in range(m * m)
        ]
        for window in window_places(height, width, m, shift)
    ])


# First source: PyTorch's functions in float64.


def window_size(parameters: Tensors) -> int:
    """Returns M, of whose windows the bias table is (2M − 1)²×h."""
    return (isqrt(len(parameters["bias_table"])) + 1) // 2


def inside_by_torch(x: torch.Tensor, p: Tensors, fill: Mapping[str, Any], keep: np.ndarray | None) -> Tensors:
    """Returns the steps of attention inside windows …×N×M²×C."""
    m, heads = window_size(p), p["bias_table"].shape[1]
    projected = nn.functional.linear(x, double(p["in_proj_weight"]), double(p["in_proj_bias"])).chunk(3, dim=-1)
    q, k, v = (heads_of(part, heads) for part in projected)
    bias = double(p["bias_table"])[offsets_by_torch(m)].permute(2, 0, 1).numpy()
    attributes = {"scale": ROOT_KEY_WIDTH, "fill": fill}
    steps = attend_by_torch(q, k, v, attributes, None if keep is None else keep[:, None], bias)
    heads_output = torch.from_numpy(steps.pop("output"))
    output = nn.functional.linear(side_by_side(heads_output), double(p["out_proj.weight"]), double(p["out_proj.bias"]))
    return steps | {"heads": heads_output.numpy(), "output": output.numpy()}


def window_attention_by_torch(case: Case) -> Tensors:
    """Returns scores, masked scores, weights …×N×h×M²×M², heads …×N×h×M²×dv, and output …×N×M²×C."""
    keep = case.inputs.get("keep")
    return inside_by_torch(double(case.inputs["x"]), below(case.inputs, "self_attn"), case.attributes["fill"], keep)


def moved_by_torch(x: torch.Tensor, p: Tensors, shift: int, fill: Mapping[str, Any]) -> torch.Tensor:
    """Returns attention inside the shifted windows of a map …×H×W×C."""
    m, (height, width) = window_size(p), x.shape[-3:-1]
    shift = 0 if min(height, width) <= m else shift
    keep = regions_alike(height, width, m, shift).numpy() if shift else None
    inside = inside_by_torch(partitioned(rolled(x, shift), m), p, fill, keep)["output"]
    return rolled(joined(torch.from_numpy(inside), m, height, width), -shift)


def shifted_window_attention_by_torch(case: Case) -> Tensors:
    """Returns attention inside the shifted windows of a map: …×H×W×C."""
    p, attributes = below(case.inputs, "self_attn"), case.attributes
    return {"output": moved_by_torch(double(case.inputs["x"]), p, attributes["shift"], attributes["fill"]).numpy()}


def norm_by_torch(x: torch.Tensor, p: Tensors, name: str, epsilon: float) -> torch.Tensor:
    """Returns the norm with the parameters of a name."""
    return nn.functional.layer_norm(x, x.shape[-1:], double(p[f"{name}.weight"]), double(p[f"{name}.bias"]), epsilon)


def linear_by_torch(x: torch.Tensor, p: Tensors, name: str) -> torch.Tensor:
    """Returns the affine map with the parameters of a name."""
    bias = double(p[f"{name}.bias"]) if f"{name}.bias" in p else None
    return nn.functional.linear(x, double(p[f"{name}.weight"]), bias)


def block_by_torch(x: torch.Tensor, p: Tensors, shift: int, attributes: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Returns what the two sublayers of a block make of a map …×H×W×C."""
    epsilon, activation = attributes["epsilon"], activations.BY_TORCH[attributes["activation"]]
    entering = norm_by_torch(x, p, "norm1", epsilon)
    attention = moved_by_torch(entering, below(p, "self_attn"), shift, attributes["fill"])
    after = x + attention
    inner = activation(linear_by_torch(norm_by_torch(after, p, "norm2", epsilon), p, "linear1"))
    feed = linear_by_torch(inner, p, "linear2")
    return {"attention": attention, "afterAttention": after, "feedForward": feed, "output": after + feed}


def swin_block_by_torch(case: Case) -> Tensors:
    """Returns what the two sublayers of a block make of a map …×H×W×C."""
    steps = block_by_torch(double(case.inputs["x"]), case.inputs, case.attributes["shift"], case.attributes)
    return {name: x.numpy() for name, x in steps.items()}


def merged_by_torch(x: torch.Tensor, p: Tensors, epsilon: float) -> torch.Tensor:
    """Returns the map …×H/2×W/2×2C of a map …×H×W×C."""
    four = [x[..., row::2, column::2, :] for column in (0, 1) for row in (0, 1)]
    return linear_by_torch(norm_by_torch(torch.cat(four, dim=-1), p, "norm", epsilon), p, "reduction")


def patch_merging_by_torch(case: Case) -> Tensors:
    """Returns the map …×H/2×W/2×2C of a map …×H×W×C."""
    return {"output": merged_by_torch(double(case.inputs["x"]), case.inputs, case.attributes["epsilon"]).numpy()}


def blocks(p: Tensors) -> list[Tensors]:
    """Returns the parameters of the blocks of a stage."""
    count = len({name.split(".")[1] for name in p if name.startswith("blocks.")})
    return [below(p, f"blocks.{index}") for index in range(count)]


def block_shift(index: int, p: Tensors) -> int:
    """Returns ⌊M/2⌋ for every second block of a stage and 0 for the others."""
    return index % 2 * (window_size(below(p, "self_attn")) // 2)


def swin_transformer_by_torch(case: Case) -> Tensors:
    """Returns the patches' vectors, what leaves every stage, the mean of all positions, and the logits."""
    p, attributes = case.inputs, case.attributes
    images, size, epsilon = double(p["images"]), attributes["patchSize"], attributes["epsilon"]
    height, width = images.shape[-3] // size, images.shape[-2] // size
    vectors = convolved(images, p, size, attributes["patchOrder"]).unflatten(-2, (height, width))
    x = norm_by_torch(vectors, p, "patch_norm", epsilon) if "patch_norm.weight" in p else vectors
    results = {"embedded": x}
    for index in range(attributes["stages"]):
        stage = below(p, f"stages.{index}")
        if "merging.norm.weight" in stage:
            x = merged_by_torch(x, below(stage, "merging"), epsilon)
        for number, block in enumerate(blocks(stage)):
            x = block_by_torch(x, block, block_shift(number, block), attributes)["output"]
        results[f"stage{index}"] = x
    results["pooled"] = norm_by_torch(x, p, "norm", epsilon).mean(dim=(-3, -2))
    results["logits"] = linear_by_torch(results["pooled"], p, "head")
    return {name: x.numpy() for name, x in results.items()}


# Second source: the definition.


def inside_defined(x: np.ndarray, p: Tensors, raw: Tensors, fill: Mapping[str, Any], keep: np.ndarray | None) -> Tensors:
    """Returns the steps of attention inside windows …×N×M²×C; `raw` has the parameters as they are stored."""
    m, heads = window_size(raw), raw["bias_table"].shape[1]
    bias = np.moveaxis(raw["bias_table"][offset_rows(m)], -1, 0)
    attributes = {"scale": ROOT_KEY_WIDTH, "fill": fill}
    maps = layers.packed_maps(p)
    return layers.multi_head(x, x, x, maps, heads, attributes, None if keep is None else keep[:, None], bias=bias)


def window_attention_defined(case: Case, lift: Lift) -> Tensors:
    """Returns scores, masked scores, weights …×N×h×M²×M², heads …×N×h×M²×dv, and output …×N×M²×C."""
    raw = below(case.inputs, "self_attn")
    lifted = {name: lift(x) for name, x in raw.items()}
    steps = inside_defined(lift(case.inputs["x"]), lifted, raw, case.attributes["fill"], case.inputs.get("keep"))
    return {name: steps[name] for name in ("scores", "maskedScores", "weights", "heads", "output")}


def moved_defined(x: np.ndarray, p: Tensors, raw: Tensors, shift: int, fill: Mapping[str, Any]) -> np.ndarray:
    """Returns attention inside the shifted windows of a map …×H×W×C, whose positions stay where they are."""
    m, (height, width) = window_size(raw), x.shape[-3:-1]
    shift = 0 if min(height, width) <= m else shift
    places = window_places(height, width, m, shift)
    inside = np.stack([np.stack([x[..., r, c, :] for r, c in window], axis=-2) for window in places], axis=-3)
    keep = neighbours(height, width, m, shift) if shift else None
    return scattered(inside_defined(inside, p, raw, fill, keep)["output"], places, height, width)


def shifted_window_attention_defined(case: Case, lift: Lift) -> Tensors:
    """Returns attention inside the shifted windows of a map: …×H×W×C."""
    raw, attributes = below(case.inputs, "self_attn"), case.attributes
    lifted = {name: lift(x) for name, x in raw.items()}
    return {"output": moved_defined(lift(case.inputs["x"]), lifted, raw, attributes["shift"], attributes["fill"])}


def block_defined(x: np.ndarray, p: Tensors, raw: Tensors, shift: int, attributes: Mapping[str, Any]) -> Tensors:
    """Returns what the two sublayers of a block make of a map …×H×W×C."""
    layer = layers.Layer(p, {**attributes, "placement": "preNorm"}, LayerDropout.of(attributes))
    own, stored = below(p, "self_attn"), below(raw, "self_attn")
    attention, after = layer.sublayer(x, "norm1", lambda y: moved_defined(y, own, stored, shift, attributes["fill"]))
    feed, output = layer.sublayer(after, "norm2", layer.feed_forward)
    return {"attention": attention, "afterAttention": after, "feedForward": feed, "output": output}


def swin_block_defined(case: Case, lift: Lift) -> Tensors:
    """Returns what the two sublayers of a block make of a map …×H×W×C."""
    lifted = {name: lift(x) for name, x in case.inputs.items()}
    return block_defined(lifted["x"], lifted, case.inputs, case.attributes["shift"], case.attributes)


def merged_defined(x: np.ndarray, p: Tensors, epsilon: float) -> np.ndarray:
    """Returns the map …×H/2×W/2×2C of a map …×H×W×C: below the first of four comes the second."""
    *leading, height, width, channels = x.shape
    four = np.empty((*leading, height // 2, width // 2, 4 * channels), dtype=object)
    for row, column, channel in np.ndindex(height, width, channels):
        place = (column % 2 * 2 + row % 2) * channels + channel
        four[..., row // 2, column // 2, place] = x[..., row, column, channel]
    norm = layers.layer_norm(four, *layers.affine_map(p, "norm"), epsilon)
    return exact.affine(norm, *layers.affine_map(p, "reduction"))


def patch_merging_defined(case: Case, lift: Lift) -> Tensors:
    """Returns the map …×H/2×W/2×2C of a map …×H×W×C."""
    lifted = {name: lift(x) for name, x in case.inputs.items()}
    return {"output": merged_defined(lifted["x"], lifted, case.attributes["epsilon"])}


def swin_transformer_defined(case: Case, lift: Lift) -> Tensors:
    """Returns the patches' vectors, what leaves every stage, the mean of all positions, and the logits."""
    lifted, attributes = {name: lift(x) for name, x in case.inputs.items()}, case.attributes
    size, epsilon = attributes["patchSize"], attributes["epsilon"]
    rows = squares(lifted["images"], size, attributes["patchOrder"])
    *leading, height, width, _ = lifted["images"].shape
    x = exact.affine(rows, *layers.affine_map(lifted, "patch")).reshape(*leading, height // size, width // size, -1)
    if "patch_norm.weight" in lifted:
        x = layers.layer_norm(x, *layers.affine_map(lifted, "patch_norm"), epsilon)
    results = {"embedded": x}
    for index in range(attributes["stages"]):
        stage, raw = below(lifted, f"stages.{index}"), below(case.inputs, f"stages.{index}")
        if "merging.norm.weight" in stage:
            x = running.settled(merged_defined(x, below(stage, "merging"), epsilon))
        for number, (block, stored) in enumerate(zip(blocks(stage), blocks(raw), strict=True)):
            x = block_defined(x, block, stored, block_shift(number, stored), attributes)["output"]
        results[f"stage{index}"] = x
    y = layers.layer_norm(x, *layers.affine_map(lifted, "norm"), epsilon)
    positions = y.reshape(*leading, -1, y.shape[-1])
    pooled = np.empty((*leading, y.shape[-1]), dtype=object)
    for group in np.ndindex(pooled.shape):
        column = positions[(*group[:-1], slice(None), group[-1])]
        pooled[group] = exact.total(list(column)) / len(column)
    return results | {"pooled": pooled, "logits": exact.affine(pooled, *layers.affine_map(lifted, "head"))}


# The cost: multiplications that PyTorch counts in an attention, and the paper's formulas.


def counted(case: Case) -> Tensors:
    """Returns half of the floating-point operations that PyTorch counts in the products of an attention."""
    height, width, channels = (case.attributes[name] for name in ("height", "width", "channels"))
    m = case.attributes.get("window")
    groups, positions = (1, height * width) if m is None else (height * width // (m * m), m * m)
    x = torch.empty(groups, positions, channels, device="meta")
    weight = torch.empty(channels, channels, device="meta")
    with FlopCounterMode(display=False) as counter:
        q, k, v = (x @ weight for _ in range(3))
        ((q @ k.transpose(1, 2)) @ v) @ weight
    return {"output": np.array(counter.get_total_flops() // 2, np.int64)}


def attention_cost(case: Case) -> Tensors:
    """Returns 4 h w C² + 2 (h w)² C."""
    height, width, channels = (case.attributes[name] for name in ("height", "width", "channels"))
    return {"output": np.array(4 * height * width * channels**2 + 2 * (height * width) ** 2 * channels, np.int64)}


def window_attention_cost(case: Case) -> Tensors:
    """Returns 4 h w C² + 2 M² h w C."""
    height, width, channels, m = (case.attributes[name] for name in ("height", "width", "channels", "window"))
    return {"output": np.array(4 * height * width * channels**2 + 2 * m**2 * height * width * channels, np.int64)}


PLACED = (PYTORCH_FLOAT64, DEFINITION)
WHOLE = (PYTORCH, DEFINITION)
ORACLES = (PYTORCH_FLOAT64, MPMATH)

FUNCTIONS = {
    "cyclicShift": defined(shifted_by_torch, shifted_defined, PLACED),
    "windows": defined(windows_by_torch, windows_defined, PLACED),
    "joinedWindows": defined(joined_by_torch, joined_defined, PLACED),
    "relativePositionIndex": Function(index_by_torch, index_defined, no_tolerance, WHOLE, EXACTLY),
    "shiftedWindowMask": Function(mask_by_torch, mask_defined, no_tolerance, WHOLE, EXACTLY),
    "windowAttention": defined(window_attention_by_torch, window_attention_defined, ORACLES),
    "shiftedWindowAttention": defined(shifted_window_attention_by_torch, shifted_window_attention_defined, ORACLES),
    "swinBlock": defined(swin_block_by_torch, swin_block_defined, ORACLES),
    "patchMerging": defined(patch_merging_by_torch, patch_merging_defined, ORACLES),
    "swinTransformer": defined(swin_transformer_by_torch, swin_transformer_defined, ORACLES),
    "attentionCost": Function(counted, attention_cost, no_tolerance, WHOLE, EXACTLY),
    "windowAttentionCost": Function(counted, window_attention_cost, no_tolerance, WHOLE, EXACTLY),
}

EPSILON = 1e-5
CLASSES = 5
SWIN_FILL = added(-100.0)


def map_case(function: str, id: str, purpose: str, *ids: str, x: tuple[int, ...] = (2, 4, 6, 3), **attributes: int) -> Case:
    """Returns a function of a drawn map, or of windows, that moves numbers alone."""
    return Case(id, function, purpose, {"x": Draw(id).normal(*x)}, ids, attributes)


def whole_case(function: str, id: str, purpose: str, *ids: str, **attributes: int) -> Case:
    """Returns a function of whole numbers."""
    return Case(id, function, purpose, {}, ids, attributes)


def window_parameters(draw: Draw, width: int, heads: int, m: int) -> Tensors:
    """Returns the parameters of one attention inside windows, the biases of every head and offset for themselves."""
    drawn = attention_parameters(draw, width) | {"bias_table": draw.normal((2 * m - 1) ** 2, heads, scale=0.7)}
    return {f"self_attn.{name}": x for name, x in drawn.items()}


def inside_case(
    id: str, purpose: str, *ids: str, x: tuple[int, ...], heads: int, fill: dict[str, Any] = EXCLUDED,
    masked: bool = False, scale: float = 1.0,
) -> Case:
    """Returns attention inside drawn windows …×N×M²×C; a mask hides about a third, from no position itself."""
    draw = Draw(id)
    m = isqrt(x[-2])
    inputs = {"x": draw.normal(*x, scale=scale)} | window_parameters(draw, x[-1], heads, m)
    if masked:
        inputs["keep"] = draw.keep(x[-3], m * m, m * m) | np.eye(m * m, dtype=bool)
    return Case(id, "windowAttention", purpose, inputs, ("SWIN-1", *ids), {"fill": fill})


def moved_case(
    id: str, purpose: str, *ids: str, x: tuple[int, ...], heads: int, m: int, shift: int,
    fill: dict[str, Any] = EXCLUDED, scale: float = 1.0,
) -> Case:
    """Returns attention inside the shifted windows of a drawn map …×H×W×C."""
    draw = Draw(id)
    inputs = {"x": draw.normal(*x, scale=scale)} | window_parameters(draw, x[-1], heads, m)
    return Case(id, "shiftedWindowAttention", purpose, inputs, ("SWIN-1", *ids), {"shift": shift, "fill": fill})


def block_parameters(draw: Draw, width: int, heads: int, m: int, inner: int) -> Tensors:
    """Returns the parameters of one block."""
    return window_parameters(draw, width, heads, m) | layer_parameters(draw, ("self_attn",), width, inner)


def block_case(
    id: str, purpose: str, *ids: str, x: tuple[int, ...] = (2, 4, 6, 6), heads: int = 2, m: int = 2, shift: int = 0,
    inner: int = 10, fill: dict[str, Any] = EXCLUDED, epsilon: float = EPSILON, scale: float = 1.0,
) -> Case:
    """Returns one block of a drawn map …×H×W×C."""
    draw = Draw(id)
    inputs = {"x": draw.normal(*x, scale=scale)} | block_parameters(draw, x[-1], heads, m, inner)
    attributes = {"shift": shift, "epsilon": epsilon, "activation": "gelu", "fill": fill}
    return Case(id, "swinBlock", purpose, inputs, ("SWIN-2", *ids), attributes)


def merging_parameters(draw: Draw, channels: int) -> Tensors:
    """Returns the parameters of patch merging from C to 2C channels, without a bias."""
    norm = {f"norm.{part}": x for part, x in norm_parameters(draw, 4 * channels).items()}
    return norm | {"reduction.weight": draw.normal(2 * channels, 4 * channels, scale=0.4)}


def merging_case(id: str, purpose: str, *ids: str, x: tuple[int, ...], epsilon: float = EPSILON, scale: float = 1.0) -> Case:
    """Returns patch merging of a drawn map …×H×W×C."""
    draw = Draw(id)
    inputs = {"x": draw.normal(*x, scale=scale)} | merging_parameters(draw, x[-1])
    return Case(id, "patchMerging", purpose, inputs, ("SWIN-4", *ids), {"epsilon": epsilon})


def model_case(
    id: str, purpose: str, *ids: str, images: tuple[int, ...], size: int, width: int, stages: list[tuple[int, int, int]],
    order: str = ROW_COLUMN_CHANNEL, patch_norm: bool = True, fill: dict[str, Any] = EXCLUDED,
) -> Case:
    """Returns a model of drawn images …×H×W×C; of each stage there are given heads, windows' sizes and blocks."""
    draw = Draw(id)
    drawn = {
        "images": draw.normal(*images),
        "patch.weight": draw.normal(width, size * size * images[-1], scale=0.4),
        "patch.bias": draw.normal(width, scale=0.3),
    }
    if patch_norm:
        drawn |= {f"patch_norm.{part}": x for part, x in norm_parameters(draw, width).items()}
    for index, (heads, m, count) in enumerate(stages):
        prefix = f"stages.{index}"
        if index > 0:
            drawn |= {f"{prefix}.merging.{name}": x for name, x in merging_parameters(draw, width).items()}
            width *= 2
        for number in range(count):
            block = block_parameters(draw, width, heads, m, width + 1)
            drawn |= {f"{prefix}.blocks.{number}.{name}": x for name, x in block.items()}
    drawn |= {f"norm.{part}": x for part, x in norm_parameters(draw, width).items()}
    drawn |= {"head.weight": draw.normal(CLASSES, width, scale=0.4), "head.bias": draw.normal(CLASSES, scale=0.3)}
    attributes = {
        "patchSize": size, "patchOrder": order, "stages": len(stages), "epsilon": EPSILON, "activation": "gelu", "fill": fill,
    }
    return Case(id, "swinTransformer", purpose, drawn, ("SWIN-2", "SWIN-4", *ids), attributes)


def cases() -> list[Case]:
    """Returns every case of the topic."""
    shift, both = ("SWIN-3", "CLM-56"), ("SWIN-3", "CLM-57")
    poisoned = block_case("block-nan-behind-the-border", "NaN in the last row reaches positions that were its neighbours, and none that the shift brought near it.", "SWIN-3", x=(2, 4, 4, 6), shift=1)
    poisoned.inputs["x"][1, 3, 1, 2] = np.nan
    return [
        map_case("cyclicShift", "shift", "Up and to the left, the first row and column coming in again behind.", *shift, shift=1),
        map_case("cyclicShift", "shift-back", "Down and to the right.", *shift, shift=-1),
        map_case("cyclicShift", "shift-of-a-square", "Rows and columns exchanged have the right shape here.", *shift, x=(2, 4, 4, 2), shift=3),
        map_case("cyclicShift", "shift-beyond-the-map", "More rows than there are, of a map without leading dimensions.", *shift, x=(3, 5, 2), shift=-7),
        map_case("windows", "windows", "Windows row by row, and positions in them row by row.", "SWIN-1", window=2),
        map_case("windows", "windows-all-extents-alike", "Transposed windows and positions have the right shape here.", "SWIN-1", x=(4, 4, 4, 4), window=2),
        map_case("windows", "windows-of-one-map", "Windows of 3 × 3 of a map without leading dimensions.", "SWIN-1", x=(6, 9, 2), window=3),
        map_case("joinedWindows", "joined", "The map of six windows: two rows of three.", "SWIN-1", x=(2, 6, 4, 3), window=2, height=4, width=6),
        map_case("joinedWindows", "joined-upright", "The map of six windows: three rows of two.", "SWIN-1", x=(2, 6, 4, 3), window=2, height=6, width=4),
        map_case("joinedWindows", "joined-of-one-map", "Windows of 3 × 3.", "SWIN-1", x=(4, 9, 2), window=3, height=6, width=6),
        *(
            whole_case("relativePositionIndex", f"index-{m}", f"The rows of the bias table in windows of {m} × {m}.", "SWIN-1", window=m)
            for m in (1, 2, 3, 4)
        ),
        whole_case("shiftedWindowMask", "mask", "Four windows of a square map: whole, cut in two by either border, and cut in four.", *both, height=4, width=4, window=2, shift=1),
        whole_case("shiftedWindowMask", "mask-of-an-oblong", "The last window of each row is not the last of the map.", *both, height=4, width=6, window=2, shift=1),
        whole_case("shiftedWindowMask", "mask-uneven", "Windows of 3 × 3 are cut into one row and two.", *both, height=6, width=9, window=3, shift=1),
        whole_case("shiftedWindowMask", "mask-uneven-other", "A shift of two cuts them into two and one.", *both, height=6, width=6, window=3, shift=2),
        whole_case("shiftedWindowMask", "mask-of-four", "Windows of 4 × 4, one above the other.", *both, height=8, width=4, window=4, shift=2),
        whole_case("shiftedWindowMask", "mask-without-shift", "Without a shift all positions of a window see each other.", *both, height=4, width=6, window=2, shift=0),
        inside_case("inside", "Two maps of three windows, two heads: no two extents alike.", x=(2, 3, 4, 6), heads=2),
        inside_case("inside-nine", "Windows of 3 × 3: the bias table has 25 rows.", x=(1, 2, 9, 4), heads=4),
        inside_case("inside-masked", "Every window has a mask of its own, and all heads share it.", "SWIN-3", x=(2, 2, 4, 6), heads=2, masked=True),
        inside_case("inside-masked-added", "Swin's code adds −100 in place of excluding.", "SWIN-3", x=(2, 2, 4, 6), heads=2, masked=True, fill=SWIN_FILL),
        inside_case("inside-masked-large-scores", "Where scores are more than 100 apart, −100 hides nothing.", "SWIN-3", x=(1, 2, 4, 6), heads=2, masked=True, fill=SWIN_FILL, scale=16.0),
        inside_case("inside-one-map", "Windows of one map, without leading dimensions.", x=(3, 4, 3), heads=3),
        moved_case("windows-in-place", "Attention inside windows that are not shifted.", x=(2, 4, 6, 4), heads=2, m=2, shift=0),
        moved_case("shifted", "Windows shifted by one, cut by the map's borders.", *both, x=(2, 4, 6, 4), heads=2, m=2, shift=1),
        moved_case("shifted-uneven", "Windows of 3 × 3 shifted by one.", *both, x=(6, 9, 2), heads=1, m=3, shift=1),
        moved_case("shifted-added", "Swin's code adds −100 to hidden scores.", *both, x=(1, 4, 4, 4), heads=2, m=2, shift=1, fill=SWIN_FILL),
        moved_case("shifted-added-large-scores", "Scores more than 100 apart: positions from the other side are seen through −100.", *both, x=(1, 4, 4, 4), heads=2, m=2, shift=1, fill=SWIN_FILL, scale=16.0),
        moved_case("one-window-high", "A map that is no higher than a window is not shifted, though it is wider (as in Swin's code).", *both, x=(2, 2, 6, 4), heads=2, m=2, shift=1),
        moved_case("one-window", "A window as large as the map.", *both, x=(2, 3, 3, 4), heads=2, m=3, shift=1),
        block_case("block", "x + attention(LN x), then x + network(LN x), with GELU.", "VIT-2"),
        block_case("block-shifted", "The second of a pair.", "SWIN-3", shift=1),
        block_case("block-shifted-added", "The same as in Swin's code.", "SWIN-3", shift=1, fill=SWIN_FILL),
        block_case("block-small-numbers", "Numbers of size 1e-3: ε decides how far the norms lift them.", "NRM-2", x=(1, 4, 4, 6), scale=2**-10),
        block_case("block-document-002-epsilon", "The same with 002's ε = 1e-12.", "NRM-1", x=(1, 4, 4, 6), scale=2**-10, epsilon=1e-12),
        poisoned,
        merging_case("merging", "Four neighbours, column by column.", x=(2, 4, 6, 3)),
        merging_case("merging-all-extents-alike", "A transposed map has the right shape here.", x=(4, 4, 4, 4)),
        merging_case("merging-of-four", "A map of four positions becomes one.", x=(2, 2, 5)),
        merging_case("merging-small-numbers", "Numbers of size 1e-3: ε decides how far the norm lifts them.", "NRM-2", x=(2, 2, 4, 3), scale=2**-10),
        model_case("two-stages", "Maps of 4 × 8, then of 2 × 4, of oblong images in patches of two.", images=(2, 8, 16, 2), size=2, width=4, stages=[(2, 2, 2), (4, 2, 1)]),
        model_case("two-stages-added", "The same with channels first and −100 added, as in Swin's code.", "SWIN-3", images=(2, 8, 8, 3), size=2, width=4, stages=[(2, 2, 2), (4, 2, 2)], order="channelRowColumn", fill=SWIN_FILL),
        model_case("four-stages", "Four stages from 8 × 8 to a single position, windows of 2 × 2 and at last of one.", "SWIN-3", "CLM-58", images=(8, 8, 2), size=1, width=3, stages=[(1, 2, 2), (2, 2, 2), (3, 2, 1), (4, 1, 1)]),
        model_case("without-patch-norm", "Without a norm behind the patches; three blocks.", "SWIN-3", images=(2, 4, 6, 1), size=1, width=4, stages=[(2, 2, 3)], patch_norm=False),
        whole_case("attentionCost", "cost-of-the-paper", "56 × 56 positions of 96 channels.", "SWIN-5", "CLM-59", height=56, width=56, channels=96),
        whole_case("attentionCost", "cost-of-four-times-as-many", "Twice as high and wide: the second term is 16 times as large.", "SWIN-5", "CLM-59", height=112, width=112, channels=96),
        whole_case("attentionCost", "cost-of-an-oblong", "No two extents alike.", "SWIN-5", height=3, width=5, channels=7),
        whole_case("windowAttentionCost", "window-cost-of-the-paper", "The same in windows of 7 × 7.", "SWIN-5", "CLM-59", height=56, width=56, channels=96, window=7),
        whole_case("windowAttentionCost", "window-cost-of-four-times-as-many", "Twice as high and wide: 4 times as many.", "SWIN-5", "CLM-59", height=112, width=112, channels=96, window=7),
        whole_case("windowAttentionCost", "window-cost-of-an-oblong", "No two extents alike.", "SWIN-5", height=4, width=6, channels=7, window=2),
    ]
