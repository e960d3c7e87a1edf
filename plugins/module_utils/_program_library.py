# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Which modules a program on the Droplet needs: those it starts with, and all that these import."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError, Problem

PACKAGE = "ansible_collections.planner.droplet.plugins.module_utils"

Read = Callable[[str], str | None]
"""Gives the text of a module of plugins/module_utils; None where there is none of that name."""


@dataclass(frozen=True)
class _Import:
    """One import; ``target`` is a dotted name, and ``line`` where it stands."""

    target: str
    line: int


def library(wanted: Mapping[str, str], read: Read, allowed: Collection[str] = ()) -> dict[str, str]:
    """Return the text of the wanted modules and of all they import from the collection, by name, sorted.

    ``wanted`` maps each module to the place that asks for it, for messages. Imports inside functions and
    conditions count. The Droplet has the standard library and the packages that are ``allowed``: an import of
    another one is refused. Raises :class:`PlanError` with every import that would fail there.
    """
    found: dict[str, str] = {}
    problems: list[Problem] = []
    asked = dict(wanted)
    while asked:
        name, where = asked.popitem()
        text = read(name) if name.isidentifier() else None
        if text is None:
            problems.append(_unknown(where, name))
            continue
        found[name] = text
        file = f"plugins/module_utils/{name}.py"
        try:
            imports = tuple(_imports(text))
        except SyntaxError as error:
            remedy = "correct the file"
            problems.append(Problem(f"{file}:{error.lineno}", None, str(error.msg), remedy))
            continue
        for one in imports:
            place = f"{file}:{one.line}"
            module = _own(one.target)
            if module is None:
                problems += _foreign(place, one.target, allowed)
            elif module not in found:
                asked.setdefault(module, place)
    if problems:
        raise PlanError(sorted(problems, key=lambda problem: (problem.path, str(problem.value))))
    return dict(sorted(found.items()))


def _imports(text: str) -> Iterator[_Import]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield _Import(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            # One dot is the folder of the module itself; more dots leave it, and are refused as they stand.
            prefix = {0: "", 1: f"{PACKAGE}."}.get(node.level, "." * node.level)
            source = prefix + (node.module or "")
            if source.removesuffix(".") == PACKAGE:
                for alias in node.names:
                    yield _Import(f"{PACKAGE}.{alias.name}", node.lineno)
            else:
                yield _Import(source, node.lineno)


def _own(target: str) -> str | None:
    """Name the module of the collection that is imported; None where it is from elsewhere."""
    if target == PACKAGE:
        return "*"
    return target.removeprefix(f"{PACKAGE}.") if target.startswith(f"{PACKAGE}.") else None


def _foreign(place: str, target: str, allowed: Collection[str]) -> Iterator[Problem]:
    package = target.partition(".")[0]
    if package not in sys.stdlib_module_names and package not in allowed:
        reason = "is neither of the standard library nor allowed, so the Droplet may not have it"
        remedy = "do without it, or install it on the Droplet and allow it"
        yield Problem(place, target, reason, remedy)


def _unknown(place: str, name: str) -> Problem:
    remedy = "name a file of that folder, without .py"
    return Problem(place, name, "is no module of plugins/module_utils", remedy)
