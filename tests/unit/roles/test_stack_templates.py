"""The stack's files, rendered as in production for every size and several wishes, then judged."""

import re

import pytest
import yaml
from ansible_collections.planner.droplet.plugins.module_utils._services import CATALOG
from ansible_collections.planner.droplet.plugins.module_utils._sizes import COMPARED, SIZES

from tests.unit.roles.stack_cases import (
    MIXES,
    Case,
    Files,
    Vars,
    cases,
    interpolated,
    render,
    repeated_keys,
)

CASES = list(cases(MIXES, "default"))


@pytest.fixture(scope="module")
def rendered() -> dict[str, Files]:
    """All cases' files."""
    return render(CASES)


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    """One of the cases."""
    found: Case = request.param
    return found


@pytest.fixture
def files(rendered: dict[str, Files], case: Case) -> Files:
    """The case's files."""
    return rendered[case.name]


@pytest.fixture(scope="module")
def parsed(rendered: dict[str, Files]) -> dict[str, Vars]:
    """All Compose files as YAML."""
    return {name: yaml.safe_load(files["compose.yml"]) for name, files in rendered.items()}


@pytest.fixture
def compose(parsed: dict[str, Vars], case: Case) -> Vars:
    """The case's Compose file as Compose understands it."""
    found: Vars = interpolated(parsed[case.name])
    return found


def test_every_size_and_mix_is_there() -> None:
    """The smallest machine that holds the stack and all larger ones are covered, and every mix."""
    assert {case.variables["droplet_size"] for case in CASES} == set(SIZES) - {COMPARED[0]}
    assert {case.name.split(", ")[1] for case in CASES} == set(MIXES)


class TestCompose:
    """compose.yml."""

    def test_no_key_is_there_twice(self, files: Files) -> None:
        """Compose refuses a file in which a key repeats."""
        node = yaml.compose(files["compose.yml"])
        assert node is not None
        assert repeated_keys(node) == []

    def test_shape(self, compose: Vars, case: Case) -> None:
        """It names its project, has no obsolete version key, and the plan's services with an image."""
        assert "version" not in compose
        assert compose["name"] == "planner"
        expected = {name for name, service in case.plan["services"].items() if service["image"]}
        assert set(compose["services"]) == expected
        for name, service in compose["services"].items():
            # What is released has the reference that was pinned for it, a server the plan's.
            pinned = case.variables["__stack_images"]["images"]
            assert service["image"] == pinned.get(name, case.plan["services"][name]["image"])

    def test_limits_are_the_plans(self, compose: Vars, case: Case) -> None:
        """Every service has each of the plan's limits, and their sum stays within the budget."""
        for name, service in compose["services"].items():
            planned = case.plan["services"][name]
            assert service["mem_limit"] == f"{planned['limit_mb']}m"
            assert service["memswap_limit"] == f"{planned['memory_and_swap_mb']}m"
            assert service["mem_reservation"] == f"{planned['reservation_mb']}m"
            assert service["cpu_shares"] == planned["cpu_shares"]
            assert service["pids_limit"] == planned["pids"]
            assert planned["limit_mb"] <= planned["memory_and_swap_mb"]
        total = sum(int(service["mem_limit"][:-1]) for service in compose["services"].values())
        assert total <= case.plan["limits_mb"] <= case.plan["budget_mb"]

    def test_every_service_is_confined(self, compose: Vars) -> None:
        """Nothing runs as root, writes to its own image, gains privileges or fills the disk."""
        for name, service in compose["services"].items():
            assert service["restart"] == "unless-stopped"
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]
            assert service["security_opt"] == ["no-new-privileges:true"]
            user, group = service["user"].split(":")
            assert int(user) > 0
            assert int(group) > 0
            if name == "nginx":  # the journal has limits of its own
                assert service["logging"]["driver"] == "journald"
                assert set(service["logging"]["options"]) == {"tag"}
            else:
                assert service["logging"]["driver"] == "local"
                assert re.fullmatch(r"\d+m", service["logging"]["options"]["max-size"])
                assert int(service["logging"]["options"]["max-file"]) <= 5
            assert all("size=" in entry for entry in service.get("tmpfs", []))
            assert not {"privileged", "cap_add", "network_mode", "pid", "devices"} & set(service)

    def test_the_stacks_own_have_a_health_check(self, compose: Vars) -> None:
        """A release waits for nginx, the backend, PostgreSQL and Redis to be healthy."""
        for name in set(CATALOG) & set(compose["services"]):
            check = compose["services"][name]["healthcheck"]
            assert check["test"][0] == "CMD"
            assert all(isinstance(word, str) for word in check["test"])
            for key in ("interval", "start_interval", "timeout", "start_period"):
                assert re.fullmatch(r"\d+s", check[key])

    def test_only_nginx_is_published(self, compose: Vars) -> None:
        """Two ports lead in; the data servers are on a network without a way out."""
        published = [name for name, service in compose["services"].items() if "ports" in service]
        assert published == ["nginx"]
        assert compose["services"]["nginx"]["ports"] == ["80:8080", "443:8443"]
        assert compose["networks"]["data"]["internal"] is True
        assert compose["services"]["nginx"]["networks"] == ["edge"]
        for name, service in compose["services"].items():
            expected = ["data"] if name in {"postgres", "redis"} else ["edge", "data"]
            assert name == "nginx" or service["networks"] == expected

    def test_what_is_named_exists(self, compose: Vars) -> None:
        """Each secret, network and volume a service uses is defined, and each folder is rendered."""
        for service in compose["services"].values():
            assert set(service.get("secrets", [])) <= set(compose["secrets"])
            assert len(set(service.get("secrets", []))) == len(service.get("secrets", []))
            assert set(service["networks"]) <= set(compose["networks"])
            assert set(service.get("depends_on", {})) <= set(compose["services"])
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                if source in compose["volumes"]:
                    continue
                assert source in {"./nginx", "./postgres", "./redis", "./tls/nginx", "./acme"}
                assert volume.endswith(":ro"), "no container changes its own configuration"
        for name, secret in compose["secrets"].items():
            assert secret == {"file": f"./secrets/{name}"}

    def test_secrets_reach_who_needs_them(self, compose: Vars, case: Case) -> None:
        """The backend and the owner's services get the owner's secrets; nginx and Redis get none."""
        given = set(case.variables.get("droplet_secrets", {})) | {"database_password"}
        for name, service in compose["services"].items():
            secrets = set(service.get("secrets", []))
            if name in {"nginx", "redis"}:
                assert secrets == set()
            elif name == "postgres":
                assert secrets == {"database_password", "database_superuser_password"}
            else:
                assert secrets == given

    def test_nginx_reads_the_certificates_key(self, compose: Vars) -> None:
        """Its user is in the group that may, in no other, and the folder is not the program's own."""
        nginx = compose["services"]["nginx"]
        assert nginx["group_add"] == ["10001"]
        assert "./tls/nginx:/etc/planner-tls:ro" in nginx["volumes"]

    def test_a_changed_secret_changes_who_reads_it(self, compose: Vars) -> None:
        """A running container keeps a replaced file's old content, so its label must differ."""
        readers = {name: s["labels"] for name, s in compose["services"].items() if "secrets" in s}
        assert readers.pop("postgres")["planner.secrets"] == "this one"
        assert all(labels["planner.secrets"] == "all of them" for labels in readers.values())

    def test_words_survive_interpolation(self, compose: Vars, case: Case) -> None:
        """Commands and environment arrive as written: dollars, quotes, lines, and texts like numbers."""
        for name, service in compose["services"].items():
            planned = case.plan["services"][name]
            if planned["command"]:
                assert service["command"] == planned["command"]
            for key, value in planned["environment"].items():
                assert service["environment"][key] == value
            assert all(isinstance(value, str) for value in service.get("environment", {}).values())

    def test_the_backend_is_told_its_share(self, compose: Vars, case: Case) -> None:
        """Workers and pool are the plan's; the password is a file, not a word in the environment."""
        if "backend" in compose["services"]:
            environment = compose["services"]["backend"]["environment"]
            settings = case.plan["services"]["backend"]["settings"]
            assert environment["WEB_CONCURRENCY"] == str(settings["workers"])
            assert environment["DATABASE_POOL_SIZE"] == str(settings["pool_size"])
            assert environment["DATABASE_PASSWORD_FILE"] == "/run/secrets/database_password"

    def test_postgres_has_its_shared_memory(self, compose: Vars, case: Case) -> None:
        """The shared memory of parallel index builds is the plan's."""
        shm = case.plan["services"]["postgres"]["settings"]["shm_mb"]
        assert compose["services"]["postgres"]["shm_size"] == f"{shm}m"


def test_no_secret_is_in_any_file(files: Files, case: Case) -> None:
    """Files are readable, secrets are not in them."""
    values = case.variables.get("droplet_secrets", {}).values()
    for text in files.values():
        assert not [value for value in values if value in text]


def test_every_file_says_who_wrote_it(files: Files) -> None:
    """Whoever edits a file on the server reads first that it is rendered."""
    for path, text in files.items():
        if not path.endswith(".html"):
            assert re.match(r"(#|--) .*[Aa]nsible", text), path
        assert text.endswith("\n")
        assert "{{" not in text
        assert "{%" not in text


def megabytes(value: str) -> int:
    """PostgreSQL's sizes as the plan writes them."""
    found = re.fullmatch(r"(\d+)MB", value)
    assert found, value
    return int(found[1])


def postgres_settings(text: str) -> dict[str, str]:
    """postgresql.conf: name = value, quotes gone, nothing twice."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        words = line.split("#")[0].strip()
        if words:
            match = re.fullmatch(r"([a-z_]+) = ('[^']*'|[A-Za-z0-9.\-]+)", words)
            assert match, line
            assert match[1] not in found, line
            found[match[1]] = match[2].strip("'")
    return found


def test_postgresql_conf(files: Files, case: Case) -> None:
    """Each line is one PostgreSQL reads, and the sizes are the plan's."""
    found = postgres_settings(files["postgres/postgresql.conf"])
    planned = case.plan["services"]["postgres"]["settings"]
    for name in ("shared_buffers", "effective_cache_size", "work_mem", "maintenance_work_mem"):
        assert megabytes(found[name]) == planned[f"{name}_mb"]
    for name in ("max_connections", "autovacuum_max_workers", "max_parallel_maintenance_workers"):
        assert int(found[name]) == planned[name]
    assert int(found["max_parallel_workers"]) == case.plan["vcpus"]
    # The launcher's workers, the parallel ones and spare ones all come out of this.
    assert int(found["max_worker_processes"]) > int(found["max_parallel_workers"])
    assert megabytes(found["shared_buffers"]) < case.plan["services"]["postgres"]["limit_mb"]
    assert found["password_encryption"] == "scram-sha-256"
    # Without senders wal_level minimal is allowed; with it PostgreSQL would not start.
    assert found["wal_level"] != "minimal" or found["max_wal_senders"] == "0"


def redis_directives(text: str) -> dict[str, list[str]]:
    """redis.conf: a comment is a line of its own, a directive has a name and words."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, words = line.partition(" ")
            assert re.fullmatch(r"[a-z-]+", name), line
            assert words, line
            assert "#" not in words, "Redis has no comments behind a directive"
            assert name not in found, line
            found[name] = words.split()
    return found


def test_redis_conf(files: Files, case: Case) -> None:
    """Memory and persistence are the plan's, and what has no end of life is never thrown away."""
    found = redis_directives(files["redis/redis.conf"])
    planned = case.plan["services"]["redis"]["settings"]
    assert found["maxmemory"] == [f"{planned['maxmemory_mb']}mb"]
    assert planned["maxmemory_mb"] < case.plan["services"]["redis"]["limit_mb"]
    assert found["maxmemory-policy"][0].startswith("volatile-")
    save = found["save"]
    assert (save != ['""']) is planned["persistence"]
    assert save == ['""'] or (len(save) % 2 == 0 and all(word.isdigit() for word in save))


LABELS = [
    ("redis", "redis without persistence", True),
    ("redis", "awkward backend", False),
    ("postgres", "redis without persistence", False),
]


@pytest.mark.parametrize("service, mix, differs", LABELS)
def test_a_changed_configuration_changes_its_container(
    parsed: dict[str, Vars],
    service: str,
    mix: str,
    differs: bool,  # noqa: FBT001
) -> None:
    """A server that reads its file only at its start has the file's hash as a label."""
    one, other = (parsed[f"s-1vcpu-1gb, {name}"]["services"][service] for name in ("default", mix))
    assert (one["labels"] != other["labels"]) is differs
    assert (one != other) is differs
