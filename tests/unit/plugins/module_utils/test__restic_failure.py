"""What restic 0.18 says when something is wrong, in its own words, and what the owner reads of it."""

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._restic_failure import (
    DAMAGED,
    FULL,
    HERE,
    KEY,
    LOCK,
    MISSING,
    OTHER,
    REFUSED,
    explain,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.restic_texts import DAMAGED_PACKS, PACK, SAID


@pytest.mark.parametrize(
    "code, output, kind, words", [row[1:] for row in SAID], ids=[row[0] for row in SAID]
)
def test_kind(code: int, output: str, kind: str, words: str) -> None:
    """What is wrong, and restic's own line about it; what can be done is said wherever something can."""
    found, said = explain(code, output)
    assert found == kind
    assert words in said
    assert "\n" not in said
    if kind == OTHER:
        assert said.startswith(f"restic failed with exit code {code}: ")
    else:
        assert said.index(words) < said.index(". Do: ")


def test_ids_are_no_codes() -> None:
    """The hash of a pack may end in what looks like an answer of HTTP."""
    for ending in ("507", "503", "500"):
        pack = f"{PACK[:-3]}{ending}"
        output = f"pack {pack} contains 2 errors: [blob x]\n{DAMAGED_PACKS.replace(PACK, pack)}"
        assert explain(1, output)[0] == DAMAGED


def test_remedies() -> None:
    """The one option to look at, or the page to read."""
    remedies = {
        REFUSED: "backup_s3_key_id and backup_s3_secret",
        MISSING: "backup_repository",
        KEY: "backup_password",
        LOCK: "planner-backup unlock",
        DAMAGED: "'The repository is damaged'",
        FULL: "backup_keep_offsite",
        HERE: "'The disk is full'",
    }
    for name, code, output, kind, _ in SAID:
        assert remedies.get(kind, "") in explain(code, output)[1], name


def test_long_words() -> None:
    """One line of them, and not all of that."""
    kind, said = explain(1, "Fatal: " + "x" * 10_000)
    assert kind == OTHER
    assert len(said) < 400


PIECES = st.sampled_from(
    [*(row[2] for row in SAID), "Fatal: ", "\n", "\x00", "already locked", "EOF", " 503 "]
)


@given(st.sampled_from([0, 1, 2, 3, 10, 11, 12, 130, -9]), st.lists(PIECES | st.text(max_size=9)))
def test_anything(code: int, pieces: list[str]) -> None:
    """Whatever it prints, there is one sentence; its own codes are believed."""
    kind, said = explain(code, "".join(pieces))
    assert said
    assert len(said.splitlines()) == 1
    if code in {11, 12}:
        assert kind == {11: LOCK, 12: KEY}[code]
    assert (code, kind) != (10, OTHER)
