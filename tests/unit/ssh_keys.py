"""Public keys as people have them: most made by ssh-keygen, those of a hardware token written by hand."""

import base64
import struct
import subprocess
from pathlib import Path


def public_key(folder: Path, kind: str, bits: int | None = None, name: str = "") -> str:
    """Make a key pair; return the line in its .pub file."""
    file = folder / (name or f"{kind}{bits or ''}")
    size = ["-b", str(bits)] if bits else []
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", "a laptop", "-f", file], check=True
    )
    return file.with_suffix(".pub").read_text().strip()


def line(kind: str, *fields: bytes, holds: str = "") -> str:
    """Write a key of these fields; ``holds`` is the type inside where it is another."""
    packed = [
        struct.pack(">I", len(field)) + field for field in ((holds or kind).encode(), *fields)
    ]
    return f"{kind} {base64.b64encode(b''.join(packed)).decode()}"


ED25519 = line("ssh-ed25519", bytes(range(32)))
OTHER = line("ssh-ed25519", bytes(range(1, 33)))
