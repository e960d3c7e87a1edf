"""The other Droplet of this scenario, which nobody has hardened before its first week begins."""

from __future__ import annotations


def test_first_week(first_week):
    """Nobody is locked out of it by a wrong key, a killed run, a reboot or another port, as first_week.py says."""
    code, said = first_week()
    assert code == 0, said
