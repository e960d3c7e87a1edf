"""The program behind the stand-in for certbot; standard library only, so that it starts at once.

It keeps its folder as certbot 4.0 does, also where that is damaged: what happens then was tried out with the real one.
"""

import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

KINDS = ("cert", "privkey", "chain", "fullchain")
NO_THRESHOLD = "# renew_before_expiry = 30 days"
CONF = """\
{threshold}
version = 4.0.0
archive_dir = {archive}
cert = {live}/cert.pem
privkey = {live}/privkey.pem
chain = {live}/chain.pem
fullchain = {live}/fullchain.pem

# Options used in the renewal process
[renewalparams]
account = 20a1c02285854faaacd55a663ad5d32d
key_type = ecdsa
{profile}config_dir = {config}
server = {server}
authenticator = webroot
webroot_path = {webroot},
[[webroot_map]]
{names}"""


def last(words: list[str], option: str) -> str:
    """Take an option's value."""
    return words[words.index(option) + 1] if option in words else ""


def text(path: Path) -> str:
    """Read a file; empty where there is none."""
    return path.read_text() if path.exists() else ""


def readable(conf: Path) -> bool:
    """Tell whether certbot takes it for a lineage: no key twice, and every link leads somewhere."""
    top = text(conf).partition("[renewalparams]")[0]
    values = re.findall(r"^(\w+) *= *(.*)$", top, re.MULTILINE)
    links = [Path(dict(values).get(kind, "/nowhere")) for kind in KINDS]
    return len(dict(values)) == len(values) and all(
        link.is_symlink() and link.exists() for link in links
    )


def keep(words: list[str], issued: dict[str, str]) -> str:
    """Keep a certificate; return why that failed."""
    config = Path(last(words, "--config-dir"))
    name, number, threshold = last(words, "--cert-name"), 1, NO_THRESHOLD
    conf, archive = config / f"renewal/{name}.conf", config / "archive" / name
    if readable(conf):
        number += max(int(one.stem.removeprefix("cert")) for one in archive.glob("cert*.pem"))
        found = re.search(r"^.*renew_before_expiry.*$", text(conf), re.MULTILINE)
        threshold = found[0] if found else threshold
    elif conf.exists():
        name = f"{name}-0001"
        conf, archive = config / f"renewal/{name}.conf", config / "archive" / name
    elif archive.exists():
        return f"certbot.errors.CertStorageError: archive directory exists for {name}"
    live = config / "live" / name
    for folder in (conf.parent, archive, live):
        folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        (archive / f"{kind}{number}.pem").write_text(issued[kind])
        (live / f"{kind}.pem").unlink(missing_ok=True)
        (live / f"{kind}.pem").symlink_to(f"../../archive/{name}/{kind}{number}.pem")
    profile, webroot = last(words, "--preferred-profile"), last(words, "--webroot-path")
    subjects = [
        words[at + 1] for at, word in enumerate(words) if word in {"--domain", "--ip-address"}
    ]
    conf.write_text(
        CONF.format(
            threshold=threshold,
            archive=archive,
            live=live,
            profile=f"preferred_profile = {profile}\n" if profile else "",
            config=config,
            server=last(words, "--server"),
            webroot=webroot,
            names="".join(f"{subject} = {webroot}\n" for subject in subjects),
        )
    )
    return ""


def answer(folder: Path) -> dict[str, Any]:
    """Take what it is to do next."""
    answers: list[dict[str, Any]] = json.loads(text(folder / "answers"))
    (folder / "answers").write_text(json.dumps(answers[1:]))
    return answers[0] if answers else {"say": "certbot was called once too often"}


def main(folder: Path, words: list[str]) -> str:
    """Do what it was told; return what goes wrong."""
    if words == ["--version"]:
        print(f"certbot {text(folder / 'version')}")  # noqa: T201 - its output
        return ""
    server = last(words, "--server").removeprefix("https://")
    account = Path(last(words, "--config-dir"), "accounts", server, "20a1/regr.json")
    call = {
        "words": words,
        "ca": os.environ.get("REQUESTS_CA_BUNDLE"),
        "language": os.environ.get("LC_ALL"),
        "account": account.exists(),
    }
    with (folder / "calls").open("a") as file:
        file.write(f"{json.dumps(call)}\n")
    told = answer(folder)
    account.parent.mkdir(parents=True, exist_ok=True)
    account.touch()
    time.sleep(told.get("sleep", 0))
    if "issue" not in told:
        return str(told["say"])
    return keep(words, told["issue"]) if told["keep"] else ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]) or 0)
