"""The modules that a program on the Droplet needs."""

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError
from ansible_collections.planner.droplet.plugins.module_utils._program_library import (
    PACKAGE,
    library,
)


def names(texts: dict[str, str], allowed: tuple[str, ...] = ()) -> list[str]:
    """What a program gets that starts with ``_main``."""
    return list(library({"_main": "the program"}, texts.get, allowed))


# what _main says -> what is needed besides it
TEST_FORMS: list[tuple[str, list[str]]] = [
    ("", []),
    (f"from {PACKAGE}._a import x, y", ["_a"]),
    (f"from {PACKAGE}._a import x as y", ["_a"]),
    (f"from {PACKAGE} import _a", ["_a"]),
    (f"from {PACKAGE} import (\n    _a as one,\n    _b,\n)", ["_a", "_b"]),
    (f"import {PACKAGE}._a", ["_a"]),
    (f"import {PACKAGE}._a as a, {PACKAGE}._b", ["_a", "_b"]),
    ("from . import _a", ["_a"]),
    ("from ._a import x", ["_a"]),
    (f"def f():\n    def g():\n        from {PACKAGE}._a import x", ["_a"]),
    (f"class C:\n    async def f(self):\n        import {PACKAGE}._a", ["_a"]),
    (f"try:\n    pass\nexcept OSError:\n    from {PACKAGE} import _a", ["_a"]),
    (f"if 0:\n    from {PACKAGE}._a import x", ["_a"]),
    (f'PROGRAM = "from {PACKAGE}._a import x"', []),
    (f"# from {PACKAGE}._a import x", []),
    (f"from {PACKAGE}._main import x", []),
]


@pytest.mark.parametrize("text, needed", TEST_FORMS)
def test_forms(text: str, needed: list[str]) -> None:
    """An import counts wherever it stands and however it is written; text that only looks like one does not."""
    assert names({"_main": text, "_a": "", "_b": "", "_other": ""}) == sorted(["_main", *needed])


def test_closure() -> None:
    """Imports of imports count, each module comes once and in order, and a circle ends."""
    texts = {
        "_main": "from ._c import x\nfrom ._b import x",
        "_b": "from ._a import x",
        "_c": "from ._a import x\nfrom ._d import x",
        "_a": "",
        "_d": "from ._main import x",
    }
    assert names(texts) == ["_a", "_b", "_c", "_d", "_main"]
    found = library({"_c": "one", "_b": "another"}, texts.get)
    assert found == texts


@pytest.mark.parametrize(
    "text",
    [
        "from __future__ import annotations",
        "import os.path, json as j",
        "from collections.abc import Mapping",
        "import cryptography",
        "from cryptography.x509 import oid",
        "import dns.resolver",
    ],
)
def test_elsewhere(text: str) -> None:
    """The standard library is there, and so is what the role installs."""
    assert names({"_main": text}, ("cryptography", "dns")) == ["_main"]


# texts -> what is refused, in the words for the owner
FOREIGN = "is neither of the standard library nor allowed"
UNKNOWN = "is no module of plugins/module_utils"
TEST_REFUSED: list[tuple[dict[str, str], list[str]]] = [
    ({}, [f"the program = '_main': {UNKNOWN}"]),
    (
        {"_main": "import os\nimport requests"},
        [f"plugins/module_utils/_main.py:2 = 'requests': {FOREIGN}"],
    ),
    ({"_main": "import dnsx.a"}, [f"plugins/module_utils/_main.py:1 = 'dnsx.a': {FOREIGN}"]),
    (
        {"_main": "from ._a import x", "_a": "\ndef f():\n    from yaml import load"},
        [f"plugins/module_utils/_a.py:3 = 'yaml': {FOREIGN}"],
    ),
    (
        {"_main": "from ansible.module_utils.basic import AnsibleModule"},
        [f"plugins/module_utils/_main.py:1 = 'ansible.module_utils.basic': {FOREIGN}"],
    ),
    (
        {"_main": "from ansible_collections.planner.droplet.plugins import module_utils"},
        [
            "plugins/module_utils/_main.py:1 = 'ansible_collections.planner.droplet.plugins': "
            + FOREIGN
        ],
    ),
    ({"_main": "from ..filter import x"}, ["plugins/module_utils/_main.py:1 = '..filter': is n"]),
    ({"_main": "from ._a import x"}, [f"plugins/module_utils/_main.py:1 = '_a': {UNKNOWN}"]),
    (
        {"_main": f"from {PACKAGE} import _a, _b", "_b": ""},
        [f"plugins/module_utils/_main.py:1 = '_a': {UNKNOWN}"],
    ),
    (
        {"_main": f"from {PACKAGE} import *"},
        [f"plugins/module_utils/_main.py:1 = '*': {UNKNOWN}"],
    ),
    ({"_main": f"import {PACKAGE}"}, [f"plugins/module_utils/_main.py:1 = '*': {UNKNOWN}"]),
    (
        {"_main": f"import {PACKAGE}._a.b", "_a": ""},
        [f"plugins/module_utils/_main.py:1 = '_a.b': {UNKNOWN}"],
    ),
    ({"_main": "x = 1\nif"}, ["plugins/module_utils/_main.py:2: invalid syntax"]),
    (
        {"_main": "import yaml\nfrom ._a import x", "_a": "import requests"},
        ["plugins/module_utils/_a.py:1 = 'requests'", "plugins/module_utils/_main.py:1 = 'yaml'"],
    ),
]


@pytest.mark.parametrize("texts, says", TEST_REFUSED)
def test_refused(texts: dict[str, str], says: list[str]) -> None:
    """What would fail on the Droplet is said here, all of it, with file and line."""
    with pytest.raises(PlanError) as caught:
        names(texts, ("dns", "cryptography"))
    problems = [str(problem) for problem in caught.value.problems]
    assert len(problems) == len(says)
    for problem, start in zip(problems, says, strict=True):
        assert problem.startswith(start)


def test_reads_no_other_folder() -> None:
    """A name that is a path never reaches the reader."""
    asked: list[str] = []

    def read(name: str) -> str:
        asked.append(name)
        return ""

    with pytest.raises(PlanError, match="no module"):
        library({"../filter/fits": "here"}, read)
    assert asked == []
