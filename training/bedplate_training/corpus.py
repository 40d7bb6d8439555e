"""Real data without a download: text for the language model, handwritten digits for the image model.

Text is the reference that CPython carries for `help()` (`pydoc_data.topics`, Python Software Foundation
License 2.0): about 0.7 MB of English, by bytes, so that the vocabulary is 256 and nothing is to be trained
first. Images are the 1,797 digits of scikit-learn (CC BY 4.0; data_files/README.md).
"""

import csv
import gzip
import hashlib
import importlib
from importlib.resources import files
from typing import Any

import numpy as np

from bedplate_training.data_shards import Array, Index, ShardConfig, write_shards
from bedplate_training.store import Store

TEXT_VOCABULARY = 256
DIGIT_CLASSES = 10
DIGIT_PIXELS = 8
_HELD_OUT = 10  # one record in so many is for evaluation


def text_bytes() -> bytes:
    """The text, the same for one version of Python; RuntimeError where a trimmed Python lacks it."""
    try:
        topics: dict[str, str] = importlib.import_module("pydoc_data.topics").topics
    except ImportError as problem:
        raise RuntimeError(
            "this Python lacks pydoc_data.topics, the text to train on; install the whole standard library"
        ) from problem
    return "\n\n".join(topics[name] for name in sorted(topics)).encode()


def text_records(context: int, data: bytes | None = None) -> Array:
    """The text in records of `context` + 1 bytes (inputs and, one further, targets) that share their
    borders.
    """
    values = np.frombuffer(text_bytes() if data is None else data, np.uint8)
    count = (len(values) - 1) // context
    if context < 1 or count < 2 * _HELD_OUT:
        longest = (len(values) - 1) // (2 * _HELD_OUT)
        raise ValueError(f"context is {context}; a text of {len(values)} bytes allows 1 to {longest}")
    return np.stack([values[at * context : (at + 1) * context + 1] for at in range(count)])


def digit_images() -> tuple[Array, Array]:
    """Pixels (1797, 1, 8, 8) from 0 to 16 and the digits (1797,)."""
    packed = files("bedplate_training").joinpath("data_files/digits.csv.gz").read_bytes()
    lines = gzip.decompress(packed).decode().splitlines()
    rows = np.array([[int(float(cell)) for cell in row] for row in csv.reader(lines)], np.uint8)
    return rows[:, :-1].reshape(-1, 1, DIGIT_PIXELS, DIGIT_PIXELS), rows[:, -1]


def write_text(store: Store, prefix: str, context: int, config: ShardConfig) -> tuple[Index, Index]:
    """The text as data sets `<prefix>/train` and `<prefix>/eval` with the column `tokens`."""
    about = {
        "kind": "text",
        "vocabulary": TEXT_VOCABULARY,
        "context": context,
        "source": "CPython pydoc_data.topics",
        "licence": "PSF-2.0",
        "sha256": hashlib.sha256(text_bytes()).hexdigest(),
    }
    return _split(store, prefix, {"tokens": text_records(context)}, about, config)


def write_digits(store: Store, prefix: str, config: ShardConfig) -> tuple[Index, Index]:
    """The digits as data sets `<prefix>/train` and `<prefix>/eval` with the columns `image` and `label`."""
    images, labels = digit_images()
    about = {
        "kind": "images",
        "classes": DIGIT_CLASSES,
        "source": "scikit-learn 1.9.1 digits (UCI optical recognition of handwritten digits)",
        "licence": "CC BY 4.0",
    }
    return _split(store, prefix, {"image": images, "label": labels}, about, config)


def _split(
    store: Store, prefix: str, columns: dict[str, Array], about: dict[str, Any], config: ShardConfig
) -> tuple[Index, Index]:
    held_out = np.arange(len(next(iter(columns.values())))) % _HELD_OUT == _HELD_OUT - 1
    train = {name: values[~held_out] for name, values in columns.items()}
    evaluate = {name: values[held_out] for name, values in columns.items()}
    return (
        write_shards(store, f"{prefix}/train", train, about, config),
        write_shards(store, f"{prefix}/eval", evaluate, about, config),
    )
