"""Where images come from: a tag, a private registry, the owner's own Docker; and the owner's own services."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator

import pytest

from .conftest import AS_ALWAYS, push

# With a tag of its own, so that nobody else moves it.
REPOSITORY = "planner/backend:moving"
PASSWORD = "correct-horse-battery"
USERS = base64.b64encode(f"owner:{{PLAIN}}{PASSWORD}\n".encode()).decode()
CONFIGURATION = """
events {}
http {
  server {
    listen 127.0.0.1:5002;
    location / {
      auth_basic private;
      auth_basic_user_file /etc/nginx/users;
      proxy_set_header Host $http_host;
      proxy_pass http://10.231.0.2:5000;
    }
  }
}
"""


@pytest.fixture
def private(serving) -> Iterator[str]:
    """Put a registry that wants a login in front of the bench's own; return its address.

    It runs on the Droplet, whose engine does without TLS on its own loopback only.
    """
    host, folder, name = serving.host, "/root/bench-private", "bench-private"
    host.check_output(
        f"mkdir -p -m 755 {folder} && cat > {folder}/nginx.conf <<'EOF'\n{CONFIGURATION}\nEOF"
    )
    host.check_output(
        f"echo {USERS} | base64 -d > {folder}/users && chmod 644 {folder}/*"  # no password in a log
    )
    mounts = (
        f"-v {folder}/nginx.conf:/etc/nginx/nginx.conf:ro -v {folder}/users:/etc/nginx/users:ro"
    )
    host.check_output(
        f"docker run -d --rm --name {name} --memory 32m --network host {mounts} nginx:1.28-alpine"
    )
    yield "127.0.0.1:5002"
    host.check_output(f"docker rm -f {name} && rm -r {folder}")


def worker(image: str, program: str) -> tuple[str, str]:
    """Give the options that add a service of the owner's own."""
    entry = {"name": "worker", "image": image, "limit_mb": 64, "command": ["python", "-c", program]}
    return "-e", json.dumps({"droplet_services": [entry]})


@pytest.mark.thorough
def test_own_service(serving, image):
    """A service of the owner's own goes through the same gate: a broken one is removed, the old one works on."""
    look = "docker inspect -f '{{.Id}} {{.State.StartedAt}} {{.RestartCount}}' planner-worker-1"
    good = worker(image("one"), "import time; time.sleep(36000)")
    record = serving.must(serving.deploy(image("one"), *good))
    assert record["images"]["worker"] == image("one")
    before = serving.host.check_output(look)
    late = worker(image("one"), "import time; time.sleep(1); 1 / 0")
    broken = serving.deploy(image("one"), *late, *AS_ALWAYS)
    assert broken.returncode != 0
    assert "ZeroDivisionError" in broken.stdout, broken.stdout
    assert serving.last["result"] == "void"
    assert serving.host.check_output(look) == before
    serving.must(
        serving.deploy(image("one"), *worker(image("two"), "import time; time.sleep(7200)"))
    )
    assert [one for one in serving.containers() if "worker" in one] == ["planner-worker-2 running"]
    assert serving.playbook("site", "--tags", "stack", "-e", "droplet_image=").returncode == 0
    assert not [one for one in serving.containers() if "worker" in one], "no longer wished"


@pytest.mark.thorough
def test_tag(serving, local):
    """A tag is resolved to its digest when it is released, and both are in the log; site.yml does not ask again."""
    pinned = push(local("two"), REPOSITORY)
    tag = pinned.partition("@")[0] + ":moving"
    record = serving.must(serving.deploy(tag))
    assert record["given"] == {"backend": tag}
    assert record["images"] == {"backend": pinned}
    assert serving.version == "two"
    push(local("three"), REPOSITORY)
    again = serving.playbook("site", "--tags", "stack", "-e", f"droplet_image={tag}")
    assert "changed=0 " in again.stdout, again.stdout
    assert serving.must(serving.deploy(tag))["given"] == {"backend": tag}
    assert serving.version == "three", "deploy.yml asks anew"


@pytest.mark.thorough
def test_login(serving, image, private):
    """A private registry: refused without a login; with it pulled, and the Droplet keeps nothing of it."""
    reference = image("two").replace("10.231.0.2:5000", private)
    serving.host.run(f"docker image rm -f {reference}")
    refused = serving.deploy(reference)
    assert refused.returncode != 0
    assert "everything runs as before" in refused.stdout, refused.stdout
    assert serving.last["result"] == "void"
    login = {"registry": private, "username": "owner", "password": PASSWORD}
    done = serving.deploy(reference, "-vvv", "-e", json.dumps({"droplet_registry_login": login}))
    serving.must(done)
    assert serving.version == "two"
    # What the owner gives with -e is shown nowhere, and neither is it left behind.
    assert PASSWORD not in done.stdout.replace(json.dumps(login), "")
    pattern = (
        f"[{PASSWORD[0]}]{PASSWORD[1:]}"  # which does not find itself where commands are logged
    )
    folders = "/root /opt/planner /home /tmp /var/tmp /var/log /etc /run"
    assert (
        serving.host.run(f"grep -rls --exclude-dir=bench-private '{pattern}' {folders}").stdout
        == ""
    )
    assert serving.host.run(f"journalctl -q --grep '{pattern}'").stdout == ""


def test_from_the_owners_docker(serving, local):
    """An image of the owner's own Docker: only the layers that the Droplet lacks are sent; no registry is asked."""
    name = f"docker-daemon:{local('never-pushed')}"  # of the same layers as the others
    done = serving.deploy(name)
    record = serving.must(done)
    sent = re.search(
        r"sending backend: ([\d.]+) of (\d+) MB, (\d+) of (\d+) layers are there", done.stdout
    )
    assert sent, done.stdout
    assert float(sent[1]) < 1
    assert int(sent[3]) > 1
    assert record["given"] == {"backend": name}
    assert record["images"]["backend"].startswith("planner.local/backend:")
    assert serving.version == "never-pushed", "it arrived whole"
    serving.settled()
    again = serving.deploy(name)
    assert again.returncode == 0, again.stdout
    assert "sending backend" not in again.stdout, "it is there"
    assert serving.last == record


def test_no_such_image_here(serving):
    """An image that the owner's Docker does not have is told before anything happens."""
    log, version = serving.log, serving.version
    done = serving.deploy("docker-daemon:no/such:image")
    assert done.returncode != 0
    assert "cannot be read from Docker on this machine" in done.stdout, done.stdout
    assert serving.log == log
    assert serving.version == version
