"""Module ``kernel_settings`` on a folder that stands for the kernel's."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.module_utils._kernel_settings import HEADER
from ansible_collections.planner.droplet.plugins.modules import kernel_settings

Run = Callable[..., dict[str, Any]]
WISH = [
    {"name": "kernel.sysrq", "value": "0", "reason": "why"},
    {"name": "vm.ports", "value": "4 5"},
]


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a kernel with two settings that are not as wished."""
    monkeypatch.setattr(kernel_settings, "PROC_SYS", str(tmp_path))
    (tmp_path / "kernel").mkdir()
    (tmp_path / "vm").mkdir()
    (tmp_path / "kernel/sysrq").write_text("438\n")
    (tmp_path / "vm/ports").write_text("1\t2\n")
    return tmp_path


@pytest.fixture
def run(kernel: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the module and return what it answers."""

    def call(settings: list[dict[str, str]] = WISH, *, check: bool = False) -> dict[str, Any]:
        arguments = {
            "path": str(kernel / "60.conf"),
            "settings": settings,
            "_ansible_check_mode": check,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            kernel_settings.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return call


def test_writes_the_file_and_the_kernel(kernel: Path, run: Run) -> None:
    """Both, and then there is nothing to do."""
    done = run()
    assert done["changed"]
    assert done["applied"] == ["kernel.sysrq = 0", "vm.ports = 4 5"]
    text = (kernel / "60.conf").read_text()
    assert text == f"{HEADER}# why\nkernel.sysrq = 0\nvm.ports = 4 5\n"
    assert (kernel / "kernel/sysrq").read_text() == "0"
    (kernel / "vm/ports").write_text("4\t5\n")
    assert not run()["changed"]


@pytest.mark.parametrize("changed", ["kernel/sysrq", "60.conf"])
def test_heals(kernel: Path, run: Run, changed: str) -> None:
    """What somebody changed, or a run that was cut short left, is set right."""
    run()
    before = (kernel / changed).read_text()
    (kernel / changed).write_text("1\n")
    assert run()["changed"]
    assert (kernel / changed).read_text() == before


def test_check_mode(kernel: Path, run: Run) -> None:
    """A preview names the values before and after, and touches nothing."""
    told = run(check=True)
    assert told["changed"]
    assert not (kernel / "60.conf").exists()
    assert told["diff"][1]["before"] == "kernel.sysrq = 438\nvm.ports = 1 2\n"
    assert told["diff"][1]["after"] == "kernel.sysrq = 0\nvm.ports = 4 5\n"
    assert (kernel / "kernel/sysrq").read_text() == "438\n"


def test_unknown_to_this_kernel(run: Run) -> None:
    """Named, and neither an error nor a change."""
    wish = [{"name": "kernel.sysrq", "value": "438"}, {"name": "kernel.new", "value": "1"}]
    assert run(wish)["missing"] == ["kernel.new"]
    assert not run(wish)["changed"]


def test_switched_off(kernel: Path, run: Run) -> None:
    """No settings, no file."""
    run()
    assert run([], check=True)["changed"]
    assert (kernel / "60.conf").exists()
    assert run([])["changed"]
    assert not (kernel / "60.conf").exists()
    assert not run([])["changed"]


def test_refusals_reach_the_owner(kernel: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that the kernel does not take is named; the others are written all the same."""
    real = open

    def refusing(path: str, mode: str = "r", **options: Any) -> Any:
        if mode == "w" and path.endswith("sysrq"):
            raise OSError(22, "Invalid argument")
        return real(path, mode, **options)

    monkeypatch.setattr("builtins.open", refusing)
    failed = run()
    assert failed["failed"]
    assert "refused kernel.sysrq = 0: Invalid argument. " in failed["msg"]
    assert (kernel / "vm/ports").read_text() == "4 5"
    assert "no name of a sysctl" in run([{"name": "..", "value": "1"}])["msg"]
