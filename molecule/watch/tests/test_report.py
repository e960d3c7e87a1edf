"""The month's report and the week's review: written for root alone, sent once, and nothing is told twice."""

from __future__ import annotations

import time

from .conftest import CHANNELS, PROJECT

# A kind that no run before has seen: numbers are left out of kinds, letters are not.
WORD = "".join(chr(ord("a") + int(digit)) for digit in str(time.time_ns()))
ERROR = f"logger -p user.err -t bench '{WORD} {{}} is at {{}} percent, token=abcdefghijklmnop1234'"


def test_report(droplet, person, host) -> None:
    """That of a month: a page that only root reads, and one message over each channel with its numbers."""
    begun = time.time()
    month = time.strftime("%Y-%m", time.gmtime())
    ran = droplet.program("report", month)
    assert ran.rc == 0, ran.stdout + ran.stderr
    page = host.file(f"{PROJECT}/docs/report-{month}.html")
    assert (page.user, page.mode) == ("root", 0o600)
    assert "<svg" in page.content_string
    for outside in ("<script", "<link", "@import", 'src="http'):
        assert outside not in page.content_string
    for channel in CHANNELS:
        (text,) = [text for at, text in person.texts(channel) if at >= begun]
        assert month in text
        assert "%" in text
        assert len(text) <= 4096


def test_report_by_the_timer(droplet, person) -> None:
    """What the timer starts writes that of the last month, also where nobody looked in it."""
    begun = time.time()
    droplet.run("systemctl start planner-report.service")
    assert len([at for at, _ in person.texts("telegram") if at >= begun]) == 1
    timer = droplet.run("systemctl show planner-report.timer -p ActiveState -p Persistent")
    assert set(timer.splitlines()) == {"ActiveState=active", "Persistent=yes"}


def test_review(droplet, person) -> None:
    """A new kind of error is told once with how often it came, without what looks like a secret; then it is known."""
    droplet.run("systemctl start planner-review.service")
    for number in range(3):
        droplet.run(ERROR.format(number, 80 + number))
    begun = time.time()
    droplet.run("systemctl start planner-review.service")
    (text,) = [text for at, text in person.texts("telegram") if at >= begun]
    assert "1 new kind" in text
    assert f"3 x bench: {WORD}" in text
    assert "abcdefghijklmnop1234" not in text
    droplet.run(ERROR.format(9, 99))
    begun = time.time()
    droplet.run("systemctl start planner-review.service")
    later = "\n".join(text for at, text in person.texts("telegram") if at >= begun)
    assert WORD not in later


def test_clean(droplet) -> None:
    """With room on the disk there is nothing to remove."""
    ran = droplet.program("clean")
    assert ran.rc == 0, ran.stdout + ran.stderr
    assert "Nothing had to go." in ran.stdout
