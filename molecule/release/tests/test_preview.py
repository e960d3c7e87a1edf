"""A preview shows the image, the Compose file, the migrations with their SQL and the memory, and changes nothing."""

from __future__ import annotations

import pytest

from .conftest import push

STATE = (
    "find /opt/planner /etc/systemd/system -type f -exec sha256sum {} + | sort;"
    "docker ps -aq --no-trunc | sort; docker images -aq --no-trunc | sort"
)


def test_preview(serving, image):
    """Everything an owner wants to know before a release, and the Droplet is as before."""
    pulled = serving.deploy(image("noted"), "--tags", "pull")
    assert pulled.returncode == 0, pulled.stdout
    before, log = serving.host.check_output(STATE), serving.log
    done = serving.deploy(image("noted"), "--check", "--diff")
    assert done.returncode == 0, done.stdout
    assert f"-    image: {image('one')}" in done.stdout, done.stdout
    assert f"+    image: {image('noted')}" in done.stdout
    assert "ALTER TABLE tasks ADD COLUMN note" in done.stdout
    assert "start-first" in done.stdout
    assert "MiB for containers" in done.stdout, "the memory table"
    assert serving.host.check_output(STATE) == before
    assert serving.log == log
    assert serving.version == "one"


@pytest.mark.thorough
def test_preview_of_an_image_that_is_not_here(serving, local):
    """A tag is resolved without fetching it; its migrations show once it is fetched."""
    tag = push(local("never-fetched"), "planner/backend:preview").partition("@")[0] + ":preview"
    before = serving.host.check_output(STATE)
    done = serving.deploy(tag, "--check", "--diff")
    assert done.returncode == 0, done.stdout
    assert "@sha256:" in done.stdout
    assert serving.host.check_output(STATE) == before


@pytest.mark.thorough
def test_preview_of_a_tag_that_is_not_there(serving, image):
    """A preview cannot tell it from a registry that does not answer, and says what it was told."""
    missing = image("one").partition("@")[0] + ":no-such-tag"
    done = serving.deploy(missing, "--check")
    assert "no such manifest" in done.stdout + done.stderr, done.stdout
