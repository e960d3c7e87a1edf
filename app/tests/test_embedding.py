import math

import pytest

from planner.embedding import DIMENSIONS, embed


def similarity(one: str, other: str) -> float:
    """Cosine of two unit vectors."""
    return sum(a * b for a, b in zip(embed(one), embed(other), strict=True))


@pytest.mark.parametrize("text", ["pay rent", "a", "🙂", "", "платить", "word " * 1000])
def test_unit_length(text: str) -> None:
    """Every text has an embedding of length one: cosine distance is always defined."""
    vector = embed(text)
    assert len(vector) == DIMENSIONS
    assert math.hypot(*vector) == pytest.approx(1)


def test_same_text_same_vector() -> None:
    """The embedding depends on the text alone, not on the process (no randomised hash)."""
    assert embed("Pay rent") == embed("pay rent")
    assert [index for index, value in enumerate(embed("a")) if value] == [47, 89]


@pytest.mark.parametrize(
    "text,near,far",
    [
        ("pay rent", "pay the rent", "call bank"),
        ("pay rent", "paying rents", "water plants"),
        ("call bank", "bank call", "buy milk"),
        ("заплатить за квартиру", "платить за квартиры", "купить молоко"),
    ],
)
def test_similar_titles_are_near(text: str, near: str, far: str) -> None:
    """Titles that share words or parts of words are nearer than unrelated ones."""
    assert similarity(text, near) > similarity(text, far) + 0.3
