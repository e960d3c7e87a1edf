"""What all tests of modules share."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """Modules set their process' umask, which here is everybody's."""
    before = os.umask(0o022)
    yield
    os.umask(before)
