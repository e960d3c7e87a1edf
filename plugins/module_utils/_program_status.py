# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Asks one of the product's programs on the host for its status."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._ask import ask

TIMEOUT_S = 30.0
"""Seconds a program may take: it looks at certificates and containers, on one busy processor."""


def status_of(program: str) -> tuple[dict[str, Any] | None, str]:
    """Return what ``PROGRAM status`` tells; where it does not tell, say why."""
    name = os.path.basename(program)
    if not os.path.exists(program):
        return None, "not installed"
    try:
        # A program that is not content ends with 1 and tells all the same.
        code, out, err = _run(program)
    except subprocess.TimeoutExpired as error:
        return None, f"{name} status did not end within {error.timeout:.0f} s"
    except OSError as error:
        return None, f"{name} status cannot be run: {error.strerror}"
    try:
        told = json.loads(out)
    except ValueError:
        told = None
    if isinstance(told, dict):
        return told, ""
    said = [line for line in (err or out).splitlines() if line.strip()]
    return None, f"{name} status ended with {code}: {said[-1] if said else 'it said nothing'}"


def _run(program: str) -> tuple[int, str, str]:
    try:
        return 0, ask(program, "status", timeout_s=TIMEOUT_S), ""
    except subprocess.CalledProcessError as error:
        return error.returncode, error.stdout, error.stderr
