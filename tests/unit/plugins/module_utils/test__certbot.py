"""certbot's folder as certbot 4.0 writes it, whole and damaged."""

import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._acme import Lineage, Wish
from ansible_collections.planner.droplet.plugins.module_utils._certbot import Certbot

from tests.unit.certificates import DAY, issue
from tests.unit.fake_certbot import FakeCertbot

CA = "https://ca.test:14000/dir"
WISH = Wish(("a.test", "www.a.test"), CA, "classic")
GOOD = issue(WISH.names)


@pytest.fixture
def fake(tmp_path: Path) -> FakeCertbot:
    """A certbot that was never asked."""
    return FakeCertbot(tmp_path / "fake")


def ask(certbot: Certbot, wish: Wish = WISH) -> str:
    """Ask for a certificate."""
    return certbot.ask(wish, "/opt/planner/acme", "")


@pytest.fixture
def certbot(fake: FakeCertbot) -> Certbot:
    """A certbot that has issued once."""
    fake.issues(GOOD)
    found = fake.certbot()
    assert ask(found) == ""
    return found


class TestLineage:
    """What certbot keeps under our name."""

    def test_nothing(self, fake: FakeCertbot) -> None:
        """On a fresh machine, also before the package is there."""
        assert fake.certbot().lineage() == Lineage()
        shutil.rmtree(fake.etc)
        assert fake.certbot().lineage() == Lineage()
        assert fake.certbot().pem() == ""

    def test_it_is_read(self, certbot: Certbot) -> None:
        """The certificate, and how it was asked for."""
        assert certbot.lineage() == Lineage(GOOD.certificate, CA, "classic")
        assert certbot.pem() == GOOD.pem

    def test_the_newest_is_read(self, fake: FakeCertbot, certbot: Certbot) -> None:
        """A renewal is another version, and the links lead to it."""
        newer = issue(WISH.names)
        fake.issues(newer)
        assert ask(certbot) == ""
        assert certbot.lineage().certificate == newer.certificate
        assert fake.path("archive/planner/cert2.pem").exists()

    # what is in its file -> the profile
    @pytest.mark.parametrize(
        "line, profile",
        [
            ("", ""),
            ("preferred_profile = None\n", ""),
            ("required_profile = shortlived\n", "shortlived"),
            ("preferred_profile = tls%server\n", "tls%server"),
        ],
    )
    def test_profiles(self, fake: FakeCertbot, certbot: Certbot, line: str, profile: str) -> None:
        """One that was asked for by hand, or by a certbot that knows none."""
        text = fake.conf.read_text()
        fake.conf.write_text(text.replace("preferred_profile = classic\n", line))
        assert certbot.lineage() == Lineage(GOOD.certificate, CA, profile)

    def test_addresses(self, fake: FakeCertbot) -> None:
        """Several addresses are no doubt about its file."""
        names = ("2001:db8::1", "2001:db8::2")
        fake.version("5.4.0")
        fake.issues(issue(names))
        found = fake.certbot()
        assert ask(found, Wish(names, CA, "shortlived")) == ""
        assert not found.lineage().damaged


def flat(fake: FakeCertbot) -> None:
    """Copy the files in place of the links, as a careless backup does."""
    live = fake.path("live/planner")
    shutil.copytree(live, fake.path("copy"))
    shutil.rmtree(live)
    fake.path("copy").rename(live)


def edit(old: str, new: str) -> Callable[[FakeCertbot], None]:
    """Change its file."""

    def change(fake: FakeCertbot) -> None:
        text = fake.conf.read_text()
        assert old in text
        fake.conf.write_text(text.replace(old, new, 1))

    return change


def relink(target: str) -> Callable[[FakeCertbot], None]:
    """Have the key's link lead elsewhere."""

    def change(fake: FakeCertbot) -> None:
        link = fake.path("live/planner/privkey.pem")
        key = link.resolve()
        link.unlink()
        link.symlink_to(target)
        shutil.copy(key, fake.path("archive/planner/my.pem"))

    return change


def write(name: str, text: str) -> Callable[[FakeCertbot], None]:
    """Overwrite a file."""

    def change(fake: FakeCertbot) -> None:
        fake.path(name).write_text(text)

    return change


def remove(*names: str) -> Callable[[FakeCertbot], None]:
    """Remove files or folders."""

    def change(fake: FakeCertbot) -> None:
        for name in names:
            path = fake.path(name)
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


CONF = "renewal/planner.conf"
# what happened to it -> what is said
TEST_DAMAGED: list[tuple[str, Callable[[FakeCertbot], None], str]] = [
    ("its file is gone", remove(CONF), "No such file"),
    ("its file is empty, as on a full disk", write(CONF, ""), "cert is missing in "),
    ("its file is cut off", edit("[renewalparams]", "#"), "renewalparams is missing in "),
    ("its file has no server", edit("server = ", "# "), "server is missing in "),
    ("its file is garbage", write(CONF, "\0\xff[\n"), "contains parsing errors"),
    ("a key twice", edit("version", "version = 3\nversion"), "already exists"),
    ("another folder", edit("cert = /", "cert = /mnt/"), "is not about "),
    ("the live folder is gone", remove("live/planner"), "there is no certificate in it"),
    ("only the archive is left", remove("live/planner", CONF), "there is no certificate in it"),
    ("only its file is left", remove("live/planner", "archive/planner"), "no certificate in it"),
    ("the archive is gone", remove("archive/planner"), "there is no certificate in it"),
    ("the key is gone", remove("archive/planner/privkey1.pem"), "there is no certificate in it"),
    ("the chain is gone", remove("archive/planner/chain1.pem"), "which is missing"),
    ("a link is gone", remove("live/planner/cert.pem"), "is no link, as certbot makes it"),
    ("copies instead of links", flat, "is no link, as certbot makes it"),
    ("a link to another file", relink("../../archive/planner/my.pem"), "no file of certbot"),
    ("a link to itself", relink("privkey.pem"), "there is no certificate in it"),
    ("a key cut off", write("archive/planner/privkey1.pem", GOOD.key[:60]), "no private key in it"),
    ("another key", write("archive/planner/privkey1.pem", issue(["a.test"]).key), "belongs to"),
    ("an empty chain", write("archive/planner/fullchain1.pem", ""), "no certificate in it"),
]


@pytest.mark.parametrize(
    "damage, says", [row[1:] for row in TEST_DAMAGED], ids=[row[0] for row in TEST_DAMAGED]
)
def test_damaged(
    fake: FakeCertbot,
    certbot: Certbot,
    tmp_path: Path,
    damage: Callable[[FakeCertbot], None],
    says: str,
) -> None:
    """It is known before the CA is asked; set aside, certbot begins anew under the same name, and nothing is lost."""
    damage(fake)
    found = certbot.lineage()
    assert found.certificate is None
    assert says in found.damaged
    assert "\n" not in found.damaged
    certbot.keep_threshold()
    before = sum(1 for one in fake.etc.rglob("*.pem"))
    aside = Path(certbot.set_aside(str(tmp_path)))
    assert certbot.lineage() == Lineage()
    assert sum(1 for one in aside.rglob("*.pem")) == before
    assert stat.S_IMODE(aside.stat().st_mode) == 0o700
    fake.issues(GOOD)
    assert ask(certbot) == ""
    assert certbot.lineage() == Lineage(GOOD.certificate, CA, "classic")


def test_why_it_has_to_be_set_aside(fake: FakeCertbot, certbot: Certbot) -> None:
    """Certbot would keep a new one under another name, or refuse it after it was issued."""
    flat(fake)
    fake.issues(GOOD, GOOD)
    assert ask(certbot) == ""
    assert fake.path("live/planner-0001").is_dir()
    assert certbot.lineage().damaged
    remove("live/planner", CONF)(fake)
    assert "archive directory exists for planner" in ask(certbot)


class TestThreshold:
    """When ``certbot renew`` by hand renews."""

    # lifetime in days -> what its file says
    @pytest.mark.parametrize(
        "days, text", [(90, "30 days"), (64, "512 hours"), (45, "15 days"), (6, "3 days")]
    )
    def test_it_is_written(self, fake: FakeCertbot, days: int, text: str) -> None:
        """As a setting, in place of certbot's comment; all else stays, and it is written once."""
        fake.issues(issue(WISH.names, lasts=days * DAY - 1))
        found = fake.certbot()
        assert ask(found) == ""
        before = fake.conf.read_text()
        found.keep_threshold()
        written = fake.conf.stat()
        assert fake.conf.read_text() == before.replace(
            "# renew_before_expiry = 30 days", f"renew_before_expiry = {text}"
        )
        assert stat.S_IMODE(written.st_mode) == 0o644
        found.keep_threshold()
        assert fake.conf.stat().st_ino == written.st_ino

    def test_a_renewal_keeps_it(self, fake: FakeCertbot, certbot: Certbot) -> None:
        """Nothing is written twice."""
        certbot.keep_threshold()
        fake.issues(issue(WISH.names, lasts=6 * DAY - 1))
        assert ask(certbot) == ""
        certbot.keep_threshold()
        text = fake.conf.read_text()
        assert text.startswith("renew_before_expiry = 3 days\n")
        assert text.count("renew_before_expiry") == 1

    def test_a_setting_of_somebody_else(self, fake: FakeCertbot, certbot: Certbot) -> None:
        """It is replaced where it stands; a second one would make the file unreadable for certbot."""
        comment = "# renew_before_expiry = 30 days\n"
        edit(comment, f"{comment}renew_before_expiry = 10 days\n")(fake)
        certbot.keep_threshold()
        assert fake.conf.read_text().startswith(f"{comment}renew_before_expiry = 30 days\nversion")
        assert not certbot.lineage().damaged

    def test_no_line_at_all(self, fake: FakeCertbot, certbot: Certbot) -> None:
        """Then it becomes the first one."""
        edit("# renew_before_expiry = 30 days\n", "")(fake)
        certbot.keep_threshold()
        assert fake.conf.read_text().startswith("renew_before_expiry = ")
        assert not certbot.lineage().damaged

    def test_nothing_was_issued(self, fake: FakeCertbot) -> None:
        """Then nothing is written."""
        fake.certbot().keep_threshold()
        assert not fake.conf.exists()


def test_the_real_folder() -> None:
    """Where the distribution's certbot is."""
    assert Certbot().path("live") == "/etc/letsencrypt/live"
    assert Certbot().renewal_file == "/etc/letsencrypt/renewal/planner.conf"
