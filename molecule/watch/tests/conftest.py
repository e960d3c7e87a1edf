"""The person whom the Droplet's alerts reach, and the Droplet that somebody does harm to."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

ROOT = Path(__file__).parents[3]
DOMAIN = "watch.test"
PROJECT = "/opt/planner"
KEPT = f"{PROJECT}/watch"
SETTINGS = f"{KEPT}/settings.json"
STATE = f"{KEPT}/state.json"
CYCLE_S = 10
CHANNELS = ("telegram", "webhook", "mail")
PSQL = (
    "docker exec -i planner-postgres-1 psql -X -q -A -t -U postgres -d planner -v ON_ERROR_STOP=1"
)
# What else is told is about nothing in particular.
ALERTS = ("PROBLEM", "UNKNOWN", "RECOVERED", "REMINDER", "DIGEST")
# Of each message: its first word, about whom, and the rest.
_TITLE = re.compile(r"([A-Z]+) droplet: (.*)")
_LISTED = re.compile(r"(?:-|\d\d:\d\d ([A-Z]+)) (.*)")


@dataclass(frozen=True)
class Heard:
    """One thing that a person was told: PROBLEM or RECOVERED, about what, and what was said."""

    label: str
    about: str
    said: str
    at: float = 0


def parts_of(text: str, at: float = 0) -> list[Heard]:
    """Take a message apart: several things may have been told at once."""
    title, *lines = text.splitlines()
    found = _TITLE.fullmatch(title)
    label, rest = found.groups() if found else ("MESSAGE", "")
    if label not in ALERTS:
        return [Heard(label, label, text, at)]
    if not re.match(r"\d+ (at once|in the quiet hours)", rest):
        about, _, said = rest.partition(": ")
        return [Heard(label, about, "\n".join([said, *lines]), at)]
    heard: list[Heard] = []
    for line in lines:
        listed = _LISTED.fullmatch(line)
        if listed:
            about, _, said = listed[2].partition(": ")
            heard.append(Heard(listed[1] or label, about, said, at))
        elif heard and line.startswith("  "):
            last = heard.pop()
            heard.append(Heard(last.label, last.about, f"{last.said}\n{line.strip()}", at))
    return heard


@dataclass
class Person:
    """Whom the alerts reach, by each channel; the outside service that is called; and what is wrong with them."""

    address: str

    def ask(self, port: int = 8090, **wish: Any) -> dict[str, Any]:
        """Speak with the bench's server."""
        url, data = f"http://{self.address}:{port}/control", json.dumps(wish).encode()
        with urllib.request.urlopen(url, data if wish else None, timeout=30) as answer:
            return dict(json.loads(answer.read() or b"{}"))

    def texts(self, channel: str) -> list[tuple[float, str]]:
        """Return when each message came, and its text."""
        took = {"webhook": lambda one: one["body"]["text"]}.get(channel, lambda one: one["text"])
        return [(one["at"], took(one)) for one in self.ask()[channel]]

    def heard(self, channel: str, since: float = 0) -> list[Heard]:
        """Return what came over a channel since a moment, in order."""
        came = [(at, text) for at, text in self.texts(channel) if at >= since]
        return [one for at, text in came for one in parts_of(text, at)]

    def pings(self, since: float = 0) -> list[dict[str, Any]]:
        """Return the calls of the outside service."""
        return [one for one in self.ask()["ping"] if one["at"] >= since]

    @contextmanager
    def without(self, channel: str, **how: Any) -> Iterator[None]:
        """Have a channel fail for a while; by default nobody answers."""
        self.ask(channel=channel, **(how or {"refuse": True}))
        try:
            yield
        finally:
            self.ask(channel=channel)

    @contextmanager
    def telegram_says(self, **what: Any) -> Iterator[None]:
        """Have Telegram tell something else of the webhook for a while."""
        before = self.ask(8081)["webhook"]
        self.ask(8081, **what)
        try:
            yield
        finally:
            nothing = {"last_error_message": "", "last_error_date": 0}
            self.ask(8081, **{**nothing, **before})


@dataclass
class Droplet:
    """The Droplet with its watch."""

    host: Host

    def run(self, command: str) -> str:
        """Run a command that has to succeed."""
        return str(self.host.check_output(command))

    def program(self, *words: str) -> Any:
        """Run the program as its owner does on the machine."""
        return self.host.run(f"planner-watch {' '.join(words)}")

    def look(self, *, thorough: bool = False) -> None:
        """Let it look now, as the timer does; also at what it looks at every tenth time only."""
        if thorough:
            self.remember(looks=1000)
        # systemd starts nothing more often than five times in ten seconds, unless it forgets.
        self.run(
            "systemctl reset-failed planner-watch.service; systemctl start planner-watch.service"
        )

    def state(self) -> dict[str, Any]:
        """Read what the program remembers."""
        return dict(json.loads(self.run(f"cat {STATE}")))

    def status(self) -> dict[str, Any]:
        """Read what it says for the state of the machine."""
        return dict(json.loads(self.run("planner-watch status")))

    def found(self) -> dict[str, dict[str, str]]:
        """Return what the last look did not find well, by check and subject."""
        return {f"{one['check']} {one['subject']}": one for one in self.status()["findings"]}

    def remember(self, **changes: Any) -> None:
        """Change what the program remembers between two looks, as if other things had been before."""
        self.change(STATE, f"kept.update({changes!r})")

    def time_passes(self, seconds: float) -> None:
        """Have the channels' failures be so much older."""
        self.change(
            STATE,
            "for one in kept['outbox']['troubles'].values():\n"
            f"    one['since'] -= {seconds}\n    one['next'] -= {seconds}",
        )

    def change(self, path: str, change: str) -> None:
        """Change a JSON file while no look is under way; ``kept`` is its content."""
        program = (
            "import fcntl, json, os\n"
            f"lock = open('{KEPT}/lock', 'a')\nfcntl.flock(lock, fcntl.LOCK_EX)\n"
            f"path = '{path}'\nkept = json.load(open(path))\n{change}\n"
            "with open(path + '.new', 'w') as file: json.dump(kept, file)\n"
            "os.chmod(path + '.new', 0o600)\nos.rename(path + '.new', path)\n"
        )
        self.run(f"python3 - <<'END'\n{program}END")

    @contextmanager
    def settings(self, **changes: Any) -> Iterator[None]:
        """Have other settings for a while, as if the owner had run the playbook with them; thresholds are added."""
        before = json.loads(self.run(f"cat {SETTINGS}"))
        thresholds = changes.pop("thresholds", {})
        self.change(
            SETTINGS, f"kept.update({changes!r}); kept['thresholds'].update({thresholds!r})"
        )
        known = {name: before["thresholds"][name] for name in thresholds}
        undone = {name: before[name] for name in changes}
        try:
            yield
        finally:
            # Others may have changed others meanwhile.
            self.change(SETTINGS, f"kept.update({undone!r}); kept['thresholds'].update({known!r})")

    def psql(self, statements: str) -> str:
        """Ask PostgreSQL, as its superuser."""
        return self.run(f"{PSQL} <<'END'\n{statements}\nEND")

    def until(self, condition: str, seconds: int = 60) -> None:
        """Wait until a command of the Droplet says so."""
        wait = f"for _ in $(seq {seconds * 10}); do {condition} && exit 0; sleep 0.1; done; exit 1"
        assert self.host.run("sh -c %s", wait).rc == 0, f"not within {seconds} s: {condition}"

    def disk(self) -> tuple[float, int]:
        """Tell how full the disk is in percent, as df counts, and how many bytes there are for everybody."""
        used, free = map(int, self.run("df -B1 --output=used,avail / | tail -n 1").split())
        return 100 * used / (used + free), used + free

    def memory(self) -> tuple[float, float]:
        """Tell how much of the memory is in use in percent, and how much there is in MiB."""
        kib = dict(re.findall(r"(\w+):\s+(\d+) kB", self.run("cat /proc/meminfo")))
        total, available = int(kib["MemTotal"]), int(kib["MemAvailable"])
        return 100 * (total - available) / total, total / 1024


@dataclass
class Told:
    """What a person is told during one test; whatever no test has expected is a false alarm."""

    droplet: Droplet
    person: Person
    since: float = field(default_factory=time.time)
    expected: set[str] = field(default_factory=set)
    """About what; the tests say it."""
    repeated: set[str] = field(default_factory=set)
    """What may be told twice."""

    def by(self, channel: str = "telegram") -> list[Heard]:
        """Return what came over a channel."""
        return self.person.heard(channel, self.since)

    def labels(self, about: str, channel: str = "telegram") -> list[str]:
        """Return what was told about something, the first words only."""
        return [one.label for one in self.by(channel) if one.about == about]

    def until(
        self,
        label: str,
        about: str,
        *,
        looks: int = 12,
        thorough: bool = False,
        channel: str = "telegram",
    ) -> Heard:
        """Let it look until something is told; return it."""
        self.expected.add(about)
        for _ in range(looks):
            for one in self.by(channel):
                if (one.label, one.about) == (label, about):
                    return one
            self.droplet.look(thorough=thorough)
        standing = self.droplet.found()
        raise AssertionError(
            f"{label} {about} was not told in {looks} looks: {self.by()}, {standing}"
        )

    def waits_for(self, label: str, about: str, seconds: int = 90) -> Heard:
        """Wait for it without doing anything: the timer has it looked."""
        self.expected.add(about)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for one in self.by():
                if (one.label, one.about) == (label, about):
                    return one
            time.sleep(1)
        raise AssertionError(f"{label} {about} was not told within {seconds} s: {self.by()}")

    def judge(self) -> None:
        """Each channel told the same, each thing once, and nothing that no test expects; and all is over."""
        self.droplet.look()
        heard = {channel: self.by(channel) for channel in CHANNELS}
        for channel, came in heard.items():
            others = [one for one in came if one.about not in self.expected]
            assert others == [], f"{channel}: told without a reason"
            many = Counter((one.label, one.about) for one in came)
            twice = {
                key for key, times in many.items() if times > 1 and key[1] not in self.repeated
            }
            assert twice == set(), f"{channel}: told more than once: {came}"
        kinds = {
            channel: {(one.label, one.about) for one in came} for channel, came in heard.items()
        }
        assert kinds["telegram"] == kinds["webhook"] == kinds["mail"]
        begun = {about for label, about in kinds["mail"] if label == "PROBLEM"}
        assert begun == {about for label, about in kinds["mail"] if label == "RECOVERED"}
        status = self.droplet.status()
        assert (status["alerts"], status["waiting"]) == ([], 0)


def address_of(instance: dict[str, Any]) -> str:
    """Find who takes the alerts: it was noted beside the Droplet's key."""
    return Path(instance["identity_file"]).with_name("alerts").read_text().strip()


@pytest.fixture(scope="module")
def outside(outside: Any, instance: dict[str, Any]) -> Any:
    """Return the Droplet from outside, by its name, trusting nobody but the bench's CA."""
    cafile = Path(instance["identity_file"]).with_name("ca.pem")
    return replace(outside, name=DOMAIN, cafile=str(cafile))


@pytest.fixture(scope="module")
def person(instance: dict[str, Any]) -> Person:
    """Return whom the alerts reach."""
    return Person(address_of(instance))


@pytest.fixture(scope="module")
def droplet(host: Host, outside: Any) -> Droplet:
    """Return the Droplet, which serves."""
    outside.until_ready()
    return Droplet(host)


@pytest.fixture
def told(droplet: Droplet, person: Person) -> Iterator[Told]:
    """Return what is told during the test; afterwards it is judged."""
    found = Told(droplet, person)
    yield found
    found.judge()


@pytest.fixture
def broken_unit(droplet: Droplet) -> Iterator[Callable[[], str]]:
    """Return a function that has a unit of systemd fail; it returns what that is called in messages."""
    # Each time another: what fails often is told as such.
    name = f"bench-broken-{time.time_ns() // 10**6}.service"

    def fail() -> str:
        """Have it fail."""
        droplet.host.run(f"systemd-run --quiet --wait --unit {name} false")
        return f"unit {name}"

    yield fail
    droplet.host.run(f"systemctl reset-failed {name}")
