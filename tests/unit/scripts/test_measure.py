"""What `make measure` computes and writes; the measuring itself needs the demo."""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

Load = Callable[[str], ModuleType]


@pytest.fixture
def measure(load_script: Load) -> ModuleType:
    """The driver."""
    return load_script("scripts/measure.py")


@pytest.fixture
def sampler(load_script: Load) -> ModuleType:
    """What runs on the Droplet."""
    return load_script("scripts/measure_sampler.py")


@pytest.fixture
def report(load_script: Load) -> ModuleType:
    """The tables."""
    return load_script("scripts/measure_report.py")


def sample(machine: float | None = 100.0, **resident: float) -> dict[str, Any]:
    """One look at the machine, on which redis holds 10."""
    return {
        "resident": {"redis": 12.0, **resident},
        "services": {"redis": 10.0},
        "machine": machine,
    }


class TestSampler:
    """From samples to one event's cost."""

    def test_resident(self, sampler: ModuleType) -> None:
        """A process' share of what it maps is read; a kernel thread has none."""
        assert (
            sampler.resident("0-f ---p [rollup]\nRss: 4096 kB\nPss:  2048 kB\nPss_Anon: 1 kB\n")
            == 2
        )
        assert sampler.resident("") is None

    @pytest.mark.parametrize(
        "cgroup,name",
        [
            (f"0::/system.slice/docker-{'a' * 64}.scope\n", "redis"),
            (f"4:memory:/docker/{'b' * 64}\n", "another container"),
            ("0::/init.scope\n", "zstd"),
            ("", "zstd"),
        ],
    )
    def test_owner(self, sampler: ModuleType, cgroup: str, name: str) -> None:
        """A process counts for its service, for another container, or for itself."""
        assert sampler.owner("zstd\n", cgroup, {"a" * 64: "redis"}) == name

    def test_summary(self, sampler: ModuleType) -> None:
        """The moment of the most counts, on top of rest, without the services' own growth."""
        rest = [sample(), sample(redis=14.0)]
        busy = [sample(110.0, zstd=20.0), sample(150.0, redis=30.0, zstd=45.0), sample(130.0)]
        found = sampler.summary(rest, busy)
        assert found["extra_resident_mb"] == 45.0
        assert found["extra_anonymous_mb"] == 50.0
        assert found["by"] == {"redis": 17.0, "zstd": 45.0}
        assert found["services_rest"] == {"redis": 10.0}
        assert found["samples"] == 3

    def test_noise_of_rest(self, sampler: ModuleType) -> None:
        """What comes and goes at rest, the health checks, is told apart."""
        found = sampler.summary([sample(), sample(runc=10.0)], [sample()])
        assert found["health_checks_mb"] == 5.0

    def test_unknown_machine(self, sampler: ModuleType) -> None:
        """Where the machine's own sum cannot be read there is none, not zero."""
        assert sampler.summary([sample(None)], [sample(None)])["extra_anonymous_mb"] is None

    def test_event_too_short(self, sampler: ModuleType) -> None:
        """An event shorter than a sample shows as rest, with no sample."""
        assert sampler.summary([sample()], [])["samples"] == 0


RESULTS = {
    "load": {
        "extra_resident_mb": 3.0,
        "extra_anonymous_mb": 2.0,
        "by": {"sshd": 3.0},
        "services_rest": {"backend": 90.4, "redis": 3.0},
        "services_peak": {"backend": 99.0, "redis": 3.0},
        "health_checks_mb": 20.0,
    },
    "release": {
        "extra_resident_mb": 197.4,
        "extra_anonymous_mb": 160.0,
        "by": {"another container": 98.0, "docker": 26.0, "backend": 50.0, "sh": 1.0},
        "services_rest": {"backend": 90.0},
        "services_peak": {"backend": 120.0},
    },
    "upload": {"not_measured": "restic: command\nnot found"},
}


class TestReport:
    """The tables."""

    @pytest.mark.parametrize(
        "measured,assumed,said",
        [(None, 128, "not measured"), (128.0, 128, "within"), (197.4, 128, "over by 69")],
    )
    def test_verdict(
        self, report: ModuleType, measured: float | None, assumed: int, said: str
    ) -> None:
        """Within, over by how much, or not measured; never a guess."""
        assert report.verdict(measured, assumed) == said

    def test_services(self, report: ModuleType) -> None:
        """A service's most is that of any event, which is named; what nobody measured says so."""
        rows = {row[0]: row for row in report.service_rows(RESULTS)}
        assert rows["backend"] == (
            "backend",
            "90",
            "99",
            "120 (release)",
            "116",
            "192",
            "over by 4",
        )
        assert rows["nginx"][1:4] == ("not measured",) * 3
        assert rows["nginx"][-1] == "not measured"

    def test_events(self, report: ModuleType) -> None:
        """Every event of the plan has a row; its largest parts are named, its services' growth is not."""
        rows = {row[0]: row for row in report.event_rows(RESULTS)}
        assert set(rows) == (set(report.planned()["scenarios"]) - {"steady"}) | {"upload"}
        assert rows["release"][1:3] == ("160", "197")
        assert rows["release"][5] == "another container 98, docker 26"
        assert rows["upload"][1] == "not measured"
        assert rows["upload"][5] == "restic: command not found"
        # A part of a backup, which has no number of its own.
        assert rows["upload"][3] == rows["backup"][3] == "112"
        assert rows["build"][4] == "not measured"

    def test_nothing_measured(self, report: ModuleType) -> None:
        """Without any result both tables are full of `not measured`."""
        assert "within" not in report.text({})
        assert "within" not in report.markdown({}, "nothing", "2026-11-23")

    def test_markdown(self, report: ModuleType) -> None:
        """The file says when, where and how, and its tables have as many cells in every line."""
        text = report.markdown(RESULTS, "simulated Droplet", "2026-11-23")
        assert "**2026-11-23**, simulated Droplet." in text
        tables = [line.count("|") for line in text.splitlines() if line.startswith("|")]
        assert set(tables) == {8, 7}


class TestDriver:
    """The driver, without a demo."""

    def test_unknown_event(
        self,
        measure: ModuleType,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """An event that does not exist is refused before anything is asked."""
        monkeypatch.setattr("sys.argv", ["measure.py", "lode"])
        assert measure.main() == 2
        assert "There are: load, release" in capsys.readouterr().err

    def test_demo_is_down(
        self,
        measure: ModuleType,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """Without a demo there is one clear sentence and no trace."""

        def fails(_droplet: object) -> str:
            raise measure.NotMeasuredError("Connection refused")

        monkeypatch.setattr("sys.argv", ["measure.py"])
        monkeypatch.setattr(measure, "machine", fails)
        assert measure.main() == 1
        message = "The demo does not answer (Connection refused). Start it: make demo\n"
        assert capsys.readouterr().err == message

    def test_load_is_bounded(self, measure: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        """At most so many requests a second leave, however fast the answers come, and it ends by itself."""
        sent: list[bool] = []
        monkeypatch.setattr(measure, "LOAD_S", 0.5)
        monkeypatch.setattr(measure, "one", lambda _update, post: sent.append(post))
        measure.load()
        assert 0 < len(sent) <= 0.5 * measure.REQUESTS_PER_S + measure.CLIENTS
        assert set(sent) == {True, False}
        assert measure.PLACE.address == "127.0.0.1"

    def test_source_for_the_droplet(self, measure: ModuleType, sampler: ModuleType) -> None:
        """What is sent to the Droplet stands alone: it needs nothing of the collection there."""
        source = (measure.UTILS / "_memory_usage.py").read_text()
        assert "ansible_collections" not in source
        module = ModuleType("test_measure_usage")
        sys.modules[module.__name__] = module
        exec(compile(source, "usage", "exec"), module.__dict__)  # noqa: S102 - our own file
        assert module.group_of(module.Files("/nonexistent"), 1, "a") is None
        assert sampler.MOST_S <= 1800
