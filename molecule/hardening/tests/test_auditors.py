"""What outside auditors say. They come from the distribution and are installed by the tests, as a stranger would."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from testinfra.host import Host

CONTENT = "/usr/share/xml/scap/ssg/content/ssg-debian12-ds.xml"
XCCDF = "{http://checklists.nist.gov/xccdf/1.2}"
# In a mount namespace of its own, so nothing of it stays. The content is for Debian 12 and answers nothing on others.
# It judges a machine: with no trace of an outer engine, a kernel of Debian's, and without the files of its containers.
SCAN = r"""
set -eu
rm -f /.dockerenv
for mount in /var/lib/docker /var/lib/containerd /etc/hosts /etc/hostname /etc/resolv.conf; do
  if mountpoint -q $mount; then umount -R -l $mount; fi
done
as() { printf '%s\n' "$2" >"/run/auditors/$(basename "$1")"; mount --bind "/run/auditors/$(basename "$1")" "$1"; }
mkdir -p /run/auditors
as /etc/debian_version 12.12
as /proc/sys/kernel/osrelease 6.12.48+deb13-cloud-amd64
nice oscap xccdf eval --profile "xccdf_org.ssgproject.content_profile_anssi_bp28_$1" \
  --results "/run/auditors/$1.xml" "$2" >/run/auditors/log 2>&1 || [ $? -eq 2 ]
cat "/run/auditors/$1.xml"
"""


@pytest.fixture(scope="module")
def auditors(host: Host) -> None:
    """Install them."""
    host.check_output(
        "env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "
        "lynis openscap-scanner ssg-debian"
    )


@pytest.mark.usefixtures("auditors")
def test_lynis(host: Host):
    """An index of 90 or more, with no warning; dev-sec has 80, konstruktoid 86."""
    # A wrong password leaves the trace by which lynis knows that they are counted.
    host.run_expect([1], "echo wrong | runuser -u nobody -- su nobody -c true")
    # As on the first Sunday: what has been compared with nothing yet is a warning.
    host.check_output("systemctl start planner-integrity.service")
    host.check_output("nice lynis audit system --quick --no-colors")
    report = [
        line.partition("=")
        for line in host.file("/var/log/lynis-report.dat").content_string.splitlines()
    ]
    said = [f"{key}={value}" for key, _, value in report if key in ("warning[]", "suggestion[]")]
    index = next(int(value) for key, _, value in report if key == "hardening_index")
    assert index >= 90, (index, said)
    assert not [line for line in said if line.startswith("warning")], said


@pytest.mark.usefixtures("auditors")
@pytest.mark.thorough(but={"enhanced-85"})  # has the rules of the others
@pytest.mark.parametrize(
    "profile, least", [("minimal", 94), ("intermediary", 89), ("enhanced", 85)]
)
def test_openscap(host: Host, profile: str, least: int):
    """The scores of ANSSI's levels; konstruktoid has 92, 86 and 83."""
    output = host.check_output("unshare --mount sh -c %s sh %s %s", SCAN, profile, CONTENT)
    report = ET.fromstring(output[output.index("<?xml") :].encode())  # noqa: S314 - our own scan's
    result = report.find(f".//{XCCDF}TestResult")
    assert result is not None
    verdicts = {
        rule.attrib["idref"].rpartition("rule_")[2]: rule.findtext(f"{XCCDF}result")
        for rule in result.iter(f"{XCCDF}rule-result")
    }
    failing = sorted(name for name, verdict in verdicts.items() if verdict == "fail")
    # A scan that finds nothing to judge says 100 too.
    assert sum(verdict in ("pass", "fail") for verdict in verdicts.values()) >= 31
    assert not [name for name, verdict in verdicts.items() if verdict in ("error", "unknown")]
    assert float(result.findtext(f"{XCCDF}score") or 0) >= least, failing
