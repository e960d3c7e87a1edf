"""A broken version never serves, nor is it ever gone back to: the old one does, and nothing half-done remains."""

from __future__ import annotations

import pytest

from .conftest import AS_ALWAYS, BROKEN, ENOUGH, push, run

# What the owner must be able to read, for each way to be broken.
SAYS = {
    "does-not-start": "No such file or directory",
    "never-ready": "it was not ready within 6 s",
    "crashes-after-10-s": "exit code 3",
    "fails-its-migration": "division by zero",
    "leaks-over-its-limit": "grew over its limit of 192 MiB",
}
# What shows only after a while needs the time that an owner's release takes.
TIMES = {
    "never-ready": ("-e", "stack_start_timeout_s=6"),
    "crashes-after-10-s": AS_ALWAYS,
    "leaks-over-its-limit": AS_ALWAYS,
}
LAST_WORDS = {
    "never-ready": "started, never ready",
    "crashes-after-10-s": "this version ends ten seconds after its start",
    "leaks-over-its-limit": "this version leaks",
}


@pytest.fixture
def unharmed(serving):
    """Whatever is tried, the same version serves afterwards, in the same container."""
    look = "docker inspect -f '{{.Id}} {{.RestartCount}}' $(docker ps -q)"
    before, schema = serving.host.check_output(look), serving.last["schema_after"]
    yield serving
    assert serving.host.check_output(look) == before
    assert serving.version == "one"
    assert serving.last["result"] == "void"
    assert serving.last["schema_after"] in {schema, ""}
    serving.settled()


@pytest.mark.thorough(but={"never-ready"})
@pytest.mark.parametrize("name", BROKEN)
def test_broken(unharmed, image, measured, name):
    """The run fails and says why, with the last lines of the new version, and no request does."""
    with measured() as counts:
        done = unharmed.deploy(image(name), *TIMES.get(name, ()))
    assert done.returncode != 0
    assert counts["failed"] == 0, counts
    assert SAYS[name] in done.stdout, done.stdout
    assert LAST_WORDS.get(name, "") in done.stdout, done.stdout
    assert "Do: " in done.stdout
    assert unharmed.last["images"] == {"backend": image(name)}
    assert unharmed.last["reason"]


def test_image_that_is_not_there(unharmed, image, measured):
    """Refused before anything is touched; the log tells of it."""
    missing = image("one").partition("@")[0] + "@sha256:" + "0" * 64
    with measured() as counts:
        done = unharmed.deploy(missing)
    assert counts["failed"] == 0, counts
    assert done.returncode != 0
    assert "everything runs as before" in done.stdout, done.stdout
    assert (unharmed.last["images"], unharmed.last["result"]) == ({"backend": missing}, "void")


@pytest.fixture
def foreign(tmp_path) -> str:
    """Push an image for another processor; return its reference."""
    (tmp_path / "Dockerfile").write_text('FROM scratch\nCOPY Dockerfile /\nCMD ["/x"]\n')
    tag = "planner-demo/backend:arm64"
    run("docker", "build", "-q", "--platform", "linux/arm64", "-t", tag, str(tmp_path))
    reference = push(tag)
    run("docker", "rmi", tag)
    return reference


@pytest.mark.thorough
def test_image_for_another_processor(unharmed, foreign, playbook, measured):
    """Refused before it is fetched, with what to build it with; log and state tell of it."""
    with measured() as counts:
        done = unharmed.deploy(foreign)
    assert counts["failed"] == 0, counts
    assert done.returncode != 0
    assert "linux/arm64" in done.stdout, done.stdout
    assert "--platform linux/amd64" in done.stdout
    shown = playbook("status", "-e", "status_strict=false").stdout
    assert "Releases" in shown, shown
    assert "void" in shown
    assert str(unharmed.last["release"]) in shown


def test_the_way_back_never_leads_to_one(serving, measured):
    """Not by its number, nor as what ran before: the last good one serves, proved, and no request failed."""
    void = [one["release"] for one in serving.log if one["result"] == "void"]
    assert void
    refused = serving.rollback("-e", f"rollback_to={void[-1]}")
    assert refused.returncode != 0
    assert "was void" in refused.stdout
    target, left = serving.before, serving.version
    with measured(ENOUGH) as counts:
        done = serving.rollback(*AS_ALWAYS)
    record = serving.must(done)
    assert counts["failed"] == 0, counts
    assert counts["sent"] >= ENOUGH
    assert (record["kind"], record["result"]) == ("rollback", "good")
    assert (record["to"], record["images"]) == (target["release"], target["images"])
    assert serving.version != left
    runs = serving.host.check_output(
        "docker inspect -f '{{.Image}}' $(docker ps -q -f name=backend)"
    )
    assert record["image_ids"] == {"backend": runs}
    assert runs in done.stdout, "the proof is told"
    serving.settled()
