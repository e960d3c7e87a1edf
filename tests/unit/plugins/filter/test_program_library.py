"""The filter program_library."""

import subprocess
import sys
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.planner.droplet.plugins.filter.program_library import FilterModule

program_library = FilterModule().filters()["program_library"]
FOLDER = "ansible_collections/planner/droplet/plugins/module_utils"


def test_files(root: Path) -> None:
    """A role gets each file's path on the Droplet and its text as it is, in order."""
    files = program_library(["_nginx"])
    paths = [file["path"] for file in files]
    assert paths == sorted(paths)
    assert f"usr/local/lib/planner/{FOLDER}/_compose.py" in paths
    for file in files:
        source = root / "plugins/module_utils" / Path(file["path"]).name
        assert file["content"].encode() == source.read_bytes()


def test_is_enough(tmp_path: Path) -> None:
    """The module that planner-release starts with can be imported from these files alone, by a bare Python."""
    for file in program_library(["_release_by_key"]):
        target = tmp_path / file["path"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file["content"], encoding="utf-8")
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path / "usr/local/lib/planner")!r})
from {FOLDER.replace("/", ".")}._release_by_key import main
"""
    subprocess.run([sys.executable, "-ISBc", code], check=True)


def test_allowed() -> None:
    """The second argument is the packages that the role installs; a wrong name is Ansible's error."""
    assert program_library(["_atomic"], ["cryptography"]) == program_library(["_atomic"])
    with pytest.raises(AnsibleFilterError, match=r"program_library\[1\] = '_atomics': is no mod"):
        program_library(["_atomic", "_atomics"])


@pytest.mark.parametrize(
    "arguments", [("_atomic",), (None,), ([1],), ({"_atomic": 1},), (["_atomic"], "dns")]
)
def test_refuses_what_is_no_list(arguments: tuple[object, ...]) -> None:
    """A single name would be taken letter by letter."""
    with pytest.raises(AnsibleFilterError, match="wants lists of names"):
        program_library(*arguments)
