"""A release and a change of nginx' configuration under constant load: no request fails. The way back: test_broken."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from .conftest import AS_ALWAYS, ENOUGH


@contextmanager
def long_requests(outside) -> Iterator[list[int]]:
    """Start a request that takes 8 s in every second, as one that waits for a language model."""
    answers: list[int] = []
    stop = threading.Event()
    threads = []

    def ask() -> None:
        answers.append(outside.request("/slow").status)

    def begin() -> None:
        while not stop.wait(1) and len(threads) < 100:
            threads.append(threading.Thread(target=ask))
            threads[-1].start()

    beginner = threading.Thread(target=begin)
    beginner.start()
    try:
        yield answers
    finally:
        stop.set()
        beginner.join()
        for thread in threads:
            thread.join()


def test_release(serving, image, outside, measured):
    """A new version takes over: no request fails, those under way for long are finished by the old one."""
    with measured(ENOUGH) as counts, long_requests(outside) as long:
        record = serving.must(serving.deploy(image("two"), *AS_ALWAYS))
    assert counts["failed"] == 0, counts
    assert counts["sent"] >= ENOUGH
    assert len(long) > 10
    assert set(long) == {200}
    assert (record["result"], record["strategy"], record["gap_s"]) == ("good", "start-first", 0)
    assert record["images"] == {"backend": image("two")}
    assert record["seconds"] > 0
    assert record["by"]
    assert serving.version == "two"
    serving.settled()


@pytest.mark.thorough
def test_rollback_to_a_named_release(serving, image):
    """Any good release can be named; one that does not exist is answered with those that do."""
    name = serving.other
    number = next(
        one["release"]
        for one in serving.log
        if one["images"] == {"backend": image(name)} and one["result"] == "good"
    )
    serving.must(serving.rollback("-e", f"rollback_to={number}"))
    assert serving.version == name
    refused = serving.rollback("-e", "rollback_to=999")
    assert refused.returncode != 0
    assert "no release 999" in refused.stdout
    assert "One can go back to" in refused.stdout


@pytest.mark.thorough
def test_nginx_configuration(serving, playbook, outside, measured):
    """A change of nginx' configuration is a reload; the servers stay the same containers."""
    look = "docker inspect -f '{{.Id}} {{.State.StartedAt}}' $(docker ps -q)"
    before, log = serving.host.check_output(look), serving.log
    with measured(ENOUGH) as counts:
        done = playbook("site", "-e", "droplet_image=", "-e", "stack_max_body_mb=2")
    assert done.returncode == 0, done.stdout
    assert counts["failed"] == 0, counts
    assert serving.host.check_output(look) == before
    assert outside.request("/telegram/webhook", {"x": "y" * 1_500_000}).status == 401, "taken now"
    assert serving.log == log, "no version was released"


def test_invalid_configuration_never_lands(serving, playbook):
    """The verdict of nginx comes before the file: what it refuses is not written."""
    before = serving.host.check_output("cat /opt/planner/nginx/nginx.conf")
    # A number, so that nobody else refuses it.
    size = ("--tags", "stack", "-e", '{"stack_max_body_mb": -1}')
    done = playbook("site", "-e", "droplet_image=", *size)
    assert done.returncode != 0
    assert "client_max_body_size" in done.stdout, "in the words of nginx: " + done.stdout
    assert serving.host.check_output("cat /opt/planner/nginx/nginx.conf") == before
    serving.settled()
