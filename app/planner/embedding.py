"""An embedding without a model: hashed words and character trigrams, normalised."""

import math
import re
from collections.abc import Iterator
from hashlib import blake2b

DIMENSIONS = 256
MODEL = "hashing-1"  # stored with each row; change it when the features below change
_WORD_WEIGHT = 2.0


def embed(text: str) -> list[float]:
    """Map a text to a unit vector; texts that share words or word parts are near each other."""
    vector = [0.0] * DIMENSIONS
    for feature, weight in _features(text.lower()):
        digest = int.from_bytes(blake2b(feature.encode(), digest_size=8).digest(), "big")
        # The sign bit lets collisions cancel out instead of adding up.
        vector[digest % DIMENSIONS] += weight if digest >> 63 else -weight
    length = math.hypot(*vector)
    if not length:  # cosine distance to a zero vector is undefined
        return [1.0] + [0.0] * (DIMENSIONS - 1)
    return [value / length for value in vector]


def _features(text: str) -> Iterator[tuple[str, float]]:
    # A text of signs only (an emoji) counts as one word.
    for word in re.findall(r"\w+", text) or [text]:
        yield word, _WORD_WEIGHT
        framed = f"^{word}$"
        for start in range(len(framed) - 2):
            yield framed[start : start + 3], 1.0
