# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What restic's complaint means, and what its reader can do about it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

# restic's exit codes, since 0.17.
NO_REPOSITORY, LOCKED, WRONG_PASSWORD = 10, 11, 12
# Kinds: what is not there now may be there next time; what is damaged will not mend itself.
AWAY, REFUSED, MISSING, KEY, LOCK, DAMAGED, FULL, HERE, OTHER = (
    *("away", "refused", "missing", "key", "lock", "damaged", "full", "here", "other"),
)
_LONGEST = 300

_REMEDIES = {
    AWAY: "the storage does not answer. Do: look whether it is up; the next run tries again",
    REFUSED: "the storage refuses the credentials. Do: correct backup_s3_key_id and backup_s3_secret, or the SFTP key",
    MISSING: "there is no repository. Do: correct backup_repository, or make its bucket, and run playbooks/site.yml",
    KEY: (
        "backup_password does not open the repository. Do: give the password it was made with; without it nothing "
        "in it can be read, by nobody. If it is lost, set another backup_repository and begin anew"
    ),
    LOCK: "the repository is locked by another restic. Do: let it finish; if it is dead, planner-backup unlock",
    DAMAGED: (
        "the repository is damaged. Do: keep the local backups, read docs/backup.md, 'The repository is damaged'"
    ),
    FULL: "the storage is full, or its quota is. Do: raise it, or keep fewer snapshots (backup_keep_offsite)",
    HERE: "this machine's own disk is full. Do: free some (docs/backup.md, 'The disk is full')",
}
_WORDS: Mapping[str, Sequence[str]] = {
    HERE: [r"(/var/cache|/opt/|/tmp/|/var/tmp)\S*: no space left on device"],
    KEY: ["wrong password or no key found"],
    # Not "unable to create lock": a lock is also the first thing that a full storage, or one that is away, refuses.
    LOCK: ["already locked"],
    FULL: [
        *("QuotaExceeded", r"\b507 ", "insufficient storage", "no space left on device"),
        *("disk quota exceeded", "XMinioStorageFull", "SSH_FX_FAILURE", 'sftp: "Failure"'),
    ],
    REFUSED: [
        *("SignatureDoesNotMatch", "InvalidAccessKeyId", "AccessDenied", "Access Denied"),
        *("403 Forbidden", "signature we calculated", "access key id you provided"),
        *(r"Permission denied \(publickey", "Host key verification failed"),
    ],
    # Before what is missing: restic asks "Is there a repository" also where nobody answered.
    AWAY: [
        *(
            "no connection to",
            "connection refused",
            "no such host",
            "timed out",
            "timeout",
            "network is unreachable",
        ),
        *("no route to host", "connection reset", r"\bEOF\b", r"\b50[0234] ", "lost connection"),
        *("unable to start the sftp session", "circuit breaker", "connection closed"),
        "no connection to",
    ],
    MISSING: [
        *("NoSuchBucket", "bucket does not exist", "unable to open config file"),
        "is there a repository",
    ],
    DAMAGED: [
        *("ciphertext verification", "does not match", "hash mismatch", "blob .* not found"),
        *("pack .* (damaged|contains)", "invalid data returned", "load.*invalid"),
        *("error for (tree|blob)", "Fatal: repository contains errors", "file is too short"),
        r"Load\(<data/.*(no such file or directory|does not exist)",
    ],
}
_PATTERNS = {kind: re.compile("|".join(words), re.IGNORECASE) for kind, words in _WORDS.items()}


def explain(code: int, output: str) -> tuple[str, str]:
    """Return the kind and a sentence: what is wrong and what to do, with restic's own last words."""
    kind = _kind(code, output)
    words = _end(output, _PATTERNS.get(kind))
    remedy = _REMEDIES.get(kind)
    if remedy is None:
        return kind, f"restic failed with exit code {code}: {words}"
    what, mark, do = remedy.partition(". Do: ")
    return kind, f"{what} ({words}){mark}{do}" if words else remedy


def _kind(code: int, output: str) -> str:
    by_code = {WRONG_PASSWORD: KEY, LOCKED: LOCK}.get(code)
    if by_code:
        return by_code
    for kind, pattern in _PATTERNS.items():
        if pattern.search(output):
            return kind
    return MISSING if code == NO_REPOSITORY else OTHER


def _end(output: str, pattern: re.Pattern[str] | None) -> str:
    """Take the line that says it: of those about the kind, or of all, restic's Fatal or else the last."""
    lines = [_plain(line.strip()) for line in output.splitlines() if line.strip()]
    lines = [line for line in lines if pattern and pattern.search(line)] or lines
    said = [line for line in lines if line.startswith("Fatal:")] or lines
    return said[-1][:_LONGEST] if said else ""


def _plain(line: str) -> str:
    """Take the sentence out of what it says with --json."""
    try:
        said = json.loads(line)
    except ValueError:
        return line
    return str(said.get("message", line)).strip() if isinstance(said, dict) else line
