"""What restic 0.18.0 prints when something is wrong, as it was seen on a disk, on S3 and over SFTP."""

from ansible_collections.planner.droplet.plugins.module_utils._restic_failure import (
    AWAY,
    DAMAGED,
    FULL,
    HERE,
    KEY,
    LOCK,
    MISSING,
    OTHER,
    REFUSED,
)

S3 = "s3:http://10.231.0.4:8000/planner"
PACK = "032bcd9c03ac8fee02b935f129720fdea8b98cceb40e70915b55359f7902971f"
BLOB = "832e5565b78d6301f65a81921e5b2923578f99869f8fce2593ed3711980bdc37"


def where(location: str) -> str:
    """How it ends where it could not open a repository."""
    return f"\nIs there a repository at the following location?\n{location}\n"


def retried(said: str, times: int = 4) -> str:
    """How it asks again for a quarter of an hour, or until its time is up."""
    waits = ["1.310605637s", "956.142124ms", "5.964934834s", "20.500055845s", "1m22.804272003s"]
    return "".join(
        f"Stat(<config/>) returned error, retrying after {wait}: Stat: {said}\n"
        for wait in waits[:times]
    )


DAMAGED_PACKS = (
    "\nThe repository contains damaged pack files. These damaged files must be removed to repair the repository. "
    "This can be done using the following commands. Please read the troubleshooting guide at "
    f"https://restic.readthedocs.io/en/stable/077_troubleshooting.html first.\n\nrestic repair packs {PACK}\n"
    "restic repair snapshots --forget\n\nDamaged pack files can be caused by backend problems, hardware problems or "
    "bugs in restic. Please open an issue at https://github.com/restic/restic/issues/new/choose for further "
    "troubleshooting!\nFatal: repository contains errors\n"
)
LOCKED = (
    "unable to create lock in backend: repository is already locked by PID 16500 on vm by root (UID 0, GID 0)\n"
    "lock was created at 2026-11-28 02:42:27 (3.066935971s ago)\nstorage ID 8de8986b\n"
    "the `unlock` command can be used to remove stale locks\n"
)
SIGNATURE = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your key and signing method."
)
REFUSED_PORT = (
    'Get "http://10.231.0.4:8000/planner/?location=": '
    "dial tcp 10.231.0.4:8000: connect: connection refused"
)
TOO_LARGE = "write /mnt/disk/r/data/90/9089-tmp-27: no space left on device"

# what happened, exit code (0: its time was up), what restic 0.18.0 printed -> the kind, whose words are told
SAID: list[tuple[str, int, str, str, str]] = [
    (
        "no repository on a disk",
        10,
        (
            "Fatal: repository does not exist: unable to open config file: "
            f"stat /mnt/disk/r/config: no such file or directory{where('/mnt/disk/r')}"
        ),
        MISSING,
        "stat /mnt/disk/r/config: no such file or directory",
    ),
    (
        "no repository in the bucket",
        10,
        (
            "Fatal: repository does not exist: unable to open config file: "
            f"Stat: The specified key does not exist.{where(S3)}"
        ),
        MISSING,
        "The specified key does not exist.",
    ),
    (
        "no bucket",
        0,
        retried("The specified bucket does not exist."),
        MISSING,
        "The specified bucket does not exist.",
    ),
    (
        "another password",
        12,
        "Fatal: wrong password or no key found\n",
        KEY,
        "Fatal: wrong password or no key found",
    ),
    (
        "a lock of a process that lives",
        11,
        LOCKED,
        LOCK,
        "repository is already locked by PID 16500 on vm by root",
    ),
    ("a wrong secret", 0, retried(SIGNATURE), REFUSED, "Check your key and signing method."),
    (
        "an unknown key id",
        0,
        retried("The access key ID you provided does not exist in our records."),
        REFUSED,
        "does not exist in our records.",
    ),
    (
        "a key without the right",
        1,
        f"Fatal: unable to open config file: Stat: Access Denied.{where(S3)}",
        REFUSED,
        "Stat: Access Denied.",
    ),
    (
        "an SSH key that the server does not know",
        1,
        (
            "subprocess ssh: me@127.0.0.1: Permission denied (publickey).\n"
            "Fatal: unable to open repository at sftp:me@127.0.0.1:/x: unable to start the sftp session, error: "
            "error receiving version packet from server: server unexpectedly closed connection: unexpected EOF\n"
        ),
        REFUSED,
        "Permission denied (publickey).",
    ),
    ("nobody listens", 0, retried(REFUSED_PORT), AWAY, "connect: connection refused"),
    (
        "nobody listened for a quarter of an hour",
        1,
        f"{retried(REFUSED_PORT)}Fatal: unable to open config file: Stat: {REFUSED_PORT}{where(S3)}",
        AWAY,
        "Fatal: unable to open config file: Stat: Get",
    ),
    (
        "nobody listens, to make it",
        1,
        (
            f"Fatal: create repository at {S3} failed: Fatal: unable to open repository at {S3}: "
            f"client.BucketExists: {REFUSED_PORT}\n\n"
        ),
        AWAY,
        "client.BucketExists",
    ),
    (
        "no such name",
        0,
        retried(
            'Get "http://nowhere.invalid/bucket/?location=": '
            "dial tcp: lookup nowhere.invalid on 10.0.0.53:53: no such host"
        ),
        AWAY,
        "no such host",
    ),
    (
        "no SSH there",
        1,
        (
            "subprocess ssh: ssh: connect to host 127.0.0.1 port 22: Connection refused\n"
            "Fatal: unable to open repository at sftp:me@127.0.0.1:/x: unable to start the sftp session, error: "
            "error receiving version packet from server: server unexpectedly closed connection: unexpected EOF\n"
        ),
        AWAY,
        "Fatal: unable to open repository",
    ),
    ("the provider is in trouble", 0, retried("503 Service Unavailable"), AWAY, "503 Service"),
    (
        "a quota, told of the first thing that is written: the lock",
        1,
        (
            "Save(<lock/c981092a8a>) returned error, retrying after 548.483463ms: "
            "client.PutObject: Error response code QuotaExceeded.\n"
            "unable to create lock in backend: client.PutObject: Error response code QuotaExceeded.\n"
        ),
        FULL,
        "Error response code QuotaExceeded.",
    ),
    (
        "a full disk of the storage's",
        1,
        f"Save(<data/908957fc5b>) failed: {TOO_LARGE}\nFatal: unable to save snapshot: {TOO_LARGE}\n",
        FULL,
        "Fatal: unable to save snapshot",
    ),
    (
        "a full disk of this machine's",
        1,
        (
            "ignoring error for /database.dump.zst: write /opt/planner/backups/.fetched/database.dump.zst: "
            "no space left on device\nFatal: There were 1 errors\n\n"
        ),
        HERE,
        "ignoring error for /database.dump.zst",
    ),
    (
        "flipped bits, found by a check",
        1,
        (
            f"pack {PACK} contains 2 errors: [blob {BLOB}: decrypting blob <data/832e5565> from 032bcd9c failed: "
            f"ciphertext verification failed unexpected pack id {BLOB}]\n{DAMAGED_PACKS}"
        ),
        DAMAGED,
        "Fatal: repository contains errors",
    ),
    (
        "flipped bits, found by a restore",
        1,
        (
            "ignoring error for /a: decrypting blob <data/832e5565> from 032bcd9c failed: "
            "ciphertext verification failed\nFatal: There were 1 errors\n\n"
        ),
        DAMAGED,
        "ignoring error for /a: decrypting blob",
    ),
    (
        "a cut pack, found by a check",
        1,
        (
            f"pack {PACK}: unexpected file size: got 1000, expected 3020522\n"
            "Load(<data/d1a85bc1dd>, 3020522, 0) failed: file is too short\n"
            f"download error: file is too short\n{DAMAGED_PACKS}"
        ),
        DAMAGED,
        "Fatal: repository contains errors",
    ),
    (
        "a cut pack, found by a restore",
        1,
        (
            "Load(<data/d1a85bc1dd>, 3020281, 0) failed: file is too short\n"
            "ignoring error for /a: ReadFull(<data/d1a85bc1dd>): file is too short\nFatal: There were 2 errors\n\n"
        ),
        DAMAGED,
        "ReadFull(<data/d1a85bc1dd>): file is too short",
    ),
    (
        "a pack that is gone, found by a restore",
        1,
        (
            f"Load(<data/d1a85bc1dd>, 3020281, 0) failed: open /mnt/disk/r/data/d1/{PACK}: no such file or directory\n"
            "Fatal: There were 2 errors\n\n"
        ),
        DAMAGED,
        "Load(<data/d1a85bc1dd>",
    ),
    (
        "a damaged index, found by a check",
        1,
        (
            f"error: error loading index {PACK}: LoadRaw(<index/25c30f110a>): invalid data returned\n\n"
            "The repository index is damaged and must be repaired. "
            "You must run `restic repair index' to correct this.\n\n"
            "Fatal: repository contains errors\n"
        ),
        DAMAGED,
        "Fatal: repository contains errors",
    ),
    (
        "a damaged index, found by a read",
        1,
        "LoadRaw(<index/25c30f110a>): invalid data returned\n",
        DAMAGED,
        "invalid data returned",
    ),
    (
        "no password file",
        1,
        "Fatal: Resolving password failed: Fatal: /opt/planner/backup/secrets/backup_password does not exist\n\n",
        OTHER,
        "Fatal: Resolving password failed",
    ),
    ("killed without a word", -9, "", OTHER, ""),
]
