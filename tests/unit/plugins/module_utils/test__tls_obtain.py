"""A certificate when one is due: what is checked first, and what is written down when it fails."""

import shutil
import time
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._acme import (
    LIMITED,
    NETWORK,
    REFUSED,
    Wish,
    when,
)
from ansible_collections.planner.droplet.plugins.module_utils._acme_probe import CHALLENGE, Found
from ansible_collections.planner.droplet.plugins.module_utils._tls_obtain import ROOM_MB
from ansible_collections.planner.droplet.plugins.module_utils._tls_settings import (
    LETS_ENCRYPT,
    STAGING,
)
from ansible_collections.planner.droplet.plugins.module_utils._tls_state import State

from tests.unit.certbot_texts import answered, challenges
from tests.unit.certificates import DAY, HOUR, issue
from tests.unit.tls_bench import CA, NAMES, Bench, tls_bench
from tests.unit.tls_obtaining import attempt, obtain, obtainer, refused

GOOD = issue(NAMES)
WISH = Wish(NAMES, CA, "classic")
PRIVATE, PUBLIC = ("10.0.0.7",), ("1.1.1.1",)
Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil has it


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A host whose names lead to it."""
    with tls_bench(tmp_path, monkeypatch) as made:
        made.file("tls").mkdir()
        yield made


# settings, certbot's version, for whom -> what is asked for
TEST_WISHES: list[tuple[str, dict[str, Any], str, tuple[str, ...], Wish | None]] = [
    ("names", {}, "4.0.0", NAMES, WISH),
    ("an own certificate", {"own": True}, "4.0.0", NAMES, None),
    ("no address", {"names": ()}, "5.4.0", (), None),
    ("an address", {"names": (), "directory": LETS_ENCRYPT}, "4.0.0", PUBLIC, None),
    (
        "an address, with a new certbot",
        {"names": (), "directory": LETS_ENCRYPT},
        "5.4.0",
        PUBLIC,
        Wish(PUBLIC, LETS_ENCRYPT, "shortlived"),
    ),
    ("a private address", {"names": (), "directory": LETS_ENCRYPT}, "5.4.0", PRIVATE, None),
    ("a private address, for trials", {"names": (), "directory": STAGING}, "5.4.0", PRIVATE, None),
    (
        "a private address, another CA",
        {"names": ()},
        "5.4.0",
        PRIVATE,
        Wish(PRIVATE, CA, "shortlived"),
    ),
]


@pytest.mark.parametrize(
    "changes, version, subjects, wish",
    [row[1:] for row in TEST_WISHES],
    ids=[row[0] for row in TEST_WISHES],
)
def test_wish(
    bench: Bench,
    changes: dict[str, Any],
    version: str,
    subjects: tuple[str, ...],
    wish: Wish | None,
) -> None:
    """A CA is asked for names, and for an address where CA and certbot can do it; else for nothing."""
    bench.certbot.version(version)
    assert obtainer(bench, **changes).wish(subjects) == wish


def test_no_certbot(bench: Bench) -> None:
    """Before it is installed, an address gets no certificate of a CA."""
    bench.certbot.program.unlink()
    assert obtainer(bench, names=()).wish(PRIVATE) is None


class TestObtain:
    """All goes well."""

    def test_the_first_one(self, bench: Bench) -> None:
        """What was done and why; a second run asks nobody."""
        bench.certbot.issues(GOOD)
        assert obtain(bench) == "obtained a certificate for a.test, www.a.test: there is none yet"
        assert obtain(bench) == ""
        assert len(bench.certbot.calls) == 1
        words = bench.certbot.calls[0]["words"]
        assert words[words.index("--webroot-path") + 1] == str(bench.file("acme"))

    def test_a_renewal(self, bench: Bench) -> None:
        """With a third of its time left."""
        bench.issued(issue(NAMES, begins=time.time() - 61 * DAY))
        bench.certbot.issues(GOOD)
        assert obtain(bench).startswith("obtained a certificate for a.test, www.a.test: it ends ")
        assert bench.certbot.certbot().lineage().certificate == GOOD.certificate

    def test_a_failure_is_forgotten(self, bench: Bench) -> None:
        """After a success nothing is left of it; so after somebody mended it by hand."""
        bench.certbot.fails("x")
        refused(bench)
        bench.certbot.issues(GOOD)
        obtain(bench, retry=True)
        assert State.load(str(bench.file("tls/state.json"))).attempt is None
        bench.certbot.fails("x")
        refused(bench, directory="https://other.test/dir")
        assert obtain(bench) == ""
        assert State.load(str(bench.file("tls/state.json"))).attempt is None

    def test_damaged(self, bench: Bench) -> None:
        """What certbot keeps is set aside first, for whoever wants to know."""
        bench.issued(GOOD)
        bench.certbot.path("archive/planner/privkey1.pem").unlink()
        bench.certbot.issues(GOOD)
        said = obtain(bench)
        (aside,) = bench.file("tls").glob("damaged-*")
        assert said == (
            "obtained a certificate for a.test, www.a.test: what certbot keeps is damaged: there is no "
            f"certificate in it (kept in {aside})"
        )
        assert (aside / "renewal-planner.conf").exists()


class TestFailures:
    """The CA does not issue."""

    # what certbot says -> the kind, hours until the CA is asked again
    @pytest.mark.parametrize(
        "said, kind, hours",
        [
            (challenges(("a.test", "connection", "no")), REFUSED, 1),
            (answered("rateLimited", "too many certificates"), LIMITED, 12),
            ("Connection refused", NETWORK, 1 / 6),
        ],
    )
    def test_back_off(self, bench: Bench, said: str, kind: str, hours: float) -> None:
        """What failed is remembered, and the CA left in peace; the owner may ask at once."""
        bench.certbot.fails(said)
        told = refused(bench)
        found = attempt(bench)
        assert (found.kind, found.failures, found.wish) == (kind, 1, str(WISH))
        assert found.retry_at - found.at == hours * HOUR
        again = f"The CA is asked again after {when(found.retry_at)}"
        assert told == f"No new certificate: {found.reason}. {again}"
        assert refused(bench) == (
            f"{found.reason}. {again}; at once with `planner-tls keep --retry` or -e tls_retry_now=true"
        )
        assert len(bench.certbot.calls) == 1
        bench.certbot.issues(GOOD)
        assert obtain(bench, retry=True).startswith("obtained")

    def test_it_fails_again(self, bench: Bench) -> None:
        """Each time it is waited twice as long."""
        bench.certbot.fails("x", "x")
        refused(bench)
        refused(bench, retry=True)
        assert attempt(bench).failures == 2
        assert attempt(bench).retry_at - attempt(bench).at == 1200

    def test_another_wish(self, bench: Bench) -> None:
        """A name that is taken out is tried at once."""
        bench.certbot.fails("x")
        refused(bench)
        only = issue(["a.test"])
        bench.certbot.issues(only)
        assert obtain(bench, names=("a.test",)).startswith("obtained")

    def test_success_that_changes_nothing(self, bench: Bench) -> None:
        """Certbot says that it is done, and nothing is there: the CA is not asked every half hour."""
        bench.certbot.issues(GOOD, keep=False)
        told = refused(bench)
        assert told.startswith(
            "No new certificate: certbot succeeds, and still there is none yet. "
        )
        assert "Do: timedatectl" in told
        assert attempt(bench).kind == REFUSED
        refused(bench)
        assert len(bench.certbot.calls) == 1

    def test_a_clock_far_ahead(self, bench: Bench) -> None:
        """Whatever the CA issues seems to have ended: it is not asked for one after another."""
        bench.certbot.issues(issue(NAMES, begins=time.time() - 400 * DAY))
        assert "and still it ended " in refused(bench)
        assert attempt(bench).kind == REFUSED

    @pytest.mark.parametrize("folder", ["letsencrypt", "tls"])
    def test_a_full_disk(self, bench: Bench, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
        """The CA is not asked for what could not be kept; it is no failure of the CA's."""

        def free(path: str) -> Usage:
            is_full = path.rstrip("/").endswith(folder)
            return Usage(0, 0, (ROOM_MB - 1 if is_full else ROOM_MB) * 1024**2)

        monkeypatch.setattr(shutil, "disk_usage", free)
        told = refused(bench)
        assert told.startswith(f"The disk is full: {ROOM_MB - 1} MiB are free in ")
        assert told.endswith(f"certbot needs {ROOM_MB}. The CA was not asked. Do: free some")
        assert State.load(str(bench.file("tls/state.json"))).attempt is None
        assert bench.certbot.calls == []


def test_tokens(bench: Bench) -> None:
    """One that another machine shall fetch lies there until the next run; certbot's own stay."""
    one = obtainer(bench)
    token = one.offer_token()
    folder = bench.file(f"acme/{CHALLENGE}")
    assert (folder / token).read_text() == token
    (folder / "of-certbot").touch()
    one.take_tokens_away()
    assert [path.name for path in folder.iterdir()] == ["of-certbot"]
    shutil.rmtree(bench.file("acme"))
    one.take_tokens_away()


def test_look_up(bench: Bench) -> None:
    """DNS is asked for every name."""
    bench.dns["a.test"] = Found("a.test", problem="no")
    found = obtainer(bench).look_up(WISH)
    assert found == [Found("a.test", problem="no"), Found("www.a.test", ("127.0.0.1",))]
