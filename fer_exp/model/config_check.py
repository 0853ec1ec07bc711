"""What a model's file would make Keras build, judged from its configuration before anything is built.

In: the text of `config.json` in a `.keras` file. Out: nothing, or what is wrong with it. A few bytes can ask for
layers of any size and kind; a model that fer-exp wrote has few kinds and modest sizes, so nothing else is built.
"""

import json
from collections.abc import Iterator
from typing import Any

LAYERS = frozenset(
    {
        "Average",
        "BatchNormalization",
        "CenterCrop",
        "Clahe",
        "Conv2D",
        "Dense",
        "Dropout",
        "FaceViews",
        "Functional",
        "GlobalAveragePooling1D",
        "GlobalAveragePooling2D",
        "InputLayer",
        "MaxPooling2D",
        "MirrorConv2D",
        "ReLU",
        "Rescaling",
        "Reshape",
        "Resizing",
        "Temperature",
        "TimeDistributed",
    }
)
MOST_LAYERS = 500  # the baseline has 32
LARGEST_SIZE = 4096  # filters, units, pixels of a side; the recipe's own bound on widths
MOST_WEIGHTS = 2**30  # counted from above; the largest file there may be holds a quarter of it
SIZES = {
    "batch_shape",
    "crop",
    "dilation_rate",
    "filters",
    "height",
    "kernel_size",
    "pool_size",
    "strides",
    "target_shape",
    "units",
    "width",
}


def objection(text: bytes) -> str | None:
    """Why a model with this configuration is not to be built: "expected ..., received ..." without the first word.

    None where nothing speaks against it. What is no configuration at all is left to Keras, which refuses it.
    """
    try:
        layers = list(_layers(json.loads(text)))
    except (ValueError, RecursionError):
        return None
    foreign = sorted({name for name, _ in layers if name not in LAYERS})
    if foreign:
        return f"layers that fer-exp writes, received {', '.join(foreign[:6])[:200]}"
    if len(layers) > MOST_LAYERS:
        return f"at most {MOST_LAYERS} layers, received {len(layers)}"
    largest = max((size for _, config in layers for size in _sizes(config)), default=0)
    if largest > LARGEST_SIZE:
        return f"sizes of at most {LARGEST_SIZE} in a layer, received {str(largest)[:20]}"
    weights = _most_weights([config for _, config in layers])
    if weights > MOST_WEIGHTS:
        return f"at most {MOST_WEIGHTS} weights, received layers that may hold {weights}"
    return None


def _layers(part: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every layer anywhere in it: the name of its class and its own configuration."""
    if isinstance(part, list):
        for entry in part:
            yield from _layers(entry)
    if not isinstance(part, dict):
        return
    config = part.get("config")
    if isinstance(config, dict) and _is_layer(part):
        yield str(part["class_name"]), config
    for entry in part.values():
        yield from _layers(entry)


def _is_layer(part: dict[str, Any]) -> bool:
    """Initializers, policies and references to tensors have a class and a configuration too, but live elsewhere."""
    module = str(part.get("module"))
    return (
        "class_name" in part
        and not module.startswith(("keras.initializers", "keras.regularizers"))
        and (str(part["class_name"]) not in {"DTypePolicy", "__keras_tensor__", "__tensor__"})
    )


def _sizes(config: dict[str, Any]) -> Iterator[int]:
    for key, value in config.items():
        if key in SIZES:
            yield from (entry for entry in (value if isinstance(value, list) else [value]) if isinstance(entry, int))


def _most_weights(configs: list[dict[str, Any]]) -> int:
    """At most so many, whatever leads where: every layer as if behind the widest."""
    widths = [_width(config) for config in configs]
    widest = max(widths, default=0)
    return sum(width * widest * _area(config) for width, config in zip(widths, configs, strict=True))


def _width(config: dict[str, Any]) -> int:
    width = config.get("filters", config.get("units", 0))
    return width if isinstance(width, int) else 0


def _area(config: dict[str, Any]) -> int:
    kernel = config.get("kernel_size", 1)
    sides = kernel if isinstance(kernel, list) else [kernel, kernel]
    area = 1
    for side in sides:
        area *= side if isinstance(side, int) else 1
    return area
