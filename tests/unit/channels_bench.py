"""What the tests of all channels share."""

import base64
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._watch_channels import ChannelError
from ansible_collections.planner.droplet.plugins.module_utils._watch_message import Message
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings

from tests.unit.mail_bench import PASSWORD, USER
from tests.unit.telegram_bench import TOKEN

MESSAGE = Message(
    "raised", "PROBLEM planner-1: ü", ("Do: x",), at=1_788_523_200, severity="problem"
)


def keep(settings: Settings, name: str, secret: str) -> None:
    """Put a secret where the role does."""
    Path(settings.kept("secrets", name)).write_text(secret + "\n")


def failure(action: Callable[[], object]) -> ChannelError:
    """What is raised, with no secret in it or behind it."""
    with pytest.raises(ChannelError) as caught:
        action()
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    shown = "".join([error.reason, repr(error), *traceback.format_exception(error)])
    coded = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
    for hidden in (TOKEN, "31337", PASSWORD, coded):
        assert hidden not in shown
    return error
