"""Module ``certificate`` with a program that answers what it is told, and notes how it was called."""

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.modules import certificate

PROGRAM = """\
#!/bin/sh
cd "{folder}" || exit 99
stdin=
case " $* " in *" --input "*) stdin=$(cat) ;; esac
echo "$* $stdin" >>calls
cat "$1.out"
cat "$1.err" >&2
exit "$(cat "$1.code")"
"""
SETTINGS = {"names": ["a.test", "www.a.test"]}
NOTHING: dict[str, Any] = {
    "due": "",
    "token": "",
    "waits_until": None,
    "makes_self_signed": False,
    "found": [],
}
DUE = {**NOTHING, "due": "there is none yet"}
FOUND = [{"name": "a.test", "addresses": ["192.0.2.7"], "problem": ""}]
OFFERED = {**DUE, "token": "planner-1", "found": FOUND}
FETCHED = [{"name": "a.test", "address": "192.0.2.7", "result": "met", "said": ""}]
DONE = {"did": ["obtained a certificate", "nginx reloaded"], "problems": [], "notes": ["later"]}
QUIET: dict[str, list[str]] = {"did": [], "problems": [], "notes": []}


class Host:
    """The program, and how the module is run."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Install it; it has nothing to say."""
        self.folder, self.capsys = folder, capsys
        self.program = folder / "planner-tls"
        self.program.write_text(PROGRAM.format(folder=folder))
        self.program.chmod(0o755)
        for verb in ("look", "land", "keep"):
            self.says(verb, NOTHING if verb == "look" else QUIET)

    def says(self, verb: str, out: object, code: int = 0, err: str = "") -> None:
        """Have a verb answer so."""
        text = out if isinstance(out, str) else json.dumps(out)
        for kind, content in (("out", text), ("err", err), ("code", str(code))):
            (self.folder / f"{verb}.{kind}").write_text(content)

    @property
    def calls(self) -> list[str]:
        """Words and standard input of each call."""
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    def run(self, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run the module; return what it answers."""
        arguments = {"settings": SETTINGS, **options, "_ansible_check_mode": check}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            certificate.main()
        answer: dict[str, Any] = json.loads(self.capsys.readouterr().out)
        return answer


@pytest.fixture
def host(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Host:
    """A host with the program."""
    made = Host(tmp_path, capsys)
    monkeypatch.setattr(certificate, "PROGRAM", str(made.program))
    return made


class TestPreview:
    """What a run would do."""

    # obtain -> what is told on a host without the program
    @pytest.mark.parametrize(
        "settings, obtain, told",
        [
            (SETTINGS, True, "obtain a certificate for a.test, www.a.test"),
            (SETTINGS, False, "make a certificate for a.test, www.a.test"),
            ({"names": []}, True, "obtain a certificate for its address"),
            ({}, False, "make a certificate for its address"),
        ],
    )
    def test_a_bare_host(
        self,
        host: Host,
        settings: dict[str, Any],
        obtain: bool,  # noqa: FBT001 - a table
        told: str,
    ) -> None:
        """Nothing is there to be asked."""
        host.program.unlink()
        done = host.run(check=True, settings=settings, obtain=obtain)
        assert (done["changed"], done["did"], done["notes"]) == (True, [told], [])
        assert done["diff"]["after"] == f"{told}\n"
        assert done["diff"]["before"] == ""

    # what the program sees, obtain -> what is told
    @pytest.mark.parametrize(
        "seen, obtain, told",
        [
            (NOTHING, True, []),
            ({**NOTHING, "makes_self_signed": True}, False, ["make a self-signed certificate"]),
            (
                {**DUE, "makes_self_signed": True},
                True,
                [
                    "make a self-signed certificate",
                    "obtain a certificate for a.test, www.a.test: there is none yet",
                ],
            ),
            (DUE, False, []),
        ],
    )
    def test_a_host_that_runs(
        self,
        host: Host,
        seen: dict[str, Any],
        obtain: bool,  # noqa: FBT001 - a table
        told: list[str],
    ) -> None:
        """The program judges by the new settings; nobody fetches anything."""
        host.says("look", seen)
        done = host.run(check=True, obtain=obtain)
        assert (done["changed"], done["did"]) == (bool(told), told)
        assert host.calls == [f"look --input {json.dumps({'settings': SETTINGS})}"]

    def test_the_program_fails(self, host: Host) -> None:
        """Its words are the message."""
        host.says("look", "", 1, "planner-tls: settings.json is damaged\n")
        done = host.run(check=True)
        assert done["failed"]
        assert done["msg"] == "planner-tls look failed: planner-tls: settings.json is damaged"
        assert done["rc"] == 1


class TestRun:
    """It is done."""

    def test_land(self, host: Host) -> None:
        """Before nginx runs nobody has to fetch anything."""
        host.says("land", {**QUIET, "did": ["put it in place"]})
        done = host.run(obtain=False, lock_wait_s=7)
        assert (done["changed"], done["did"]) == (True, ["put it in place"])
        assert host.calls == ['land --json --wait 7 --input {"outside": []}']

    def test_nothing_is_due(self, host: Host) -> None:
        """All is kept as it is; nothing changed."""
        done = host.run()
        assert (done["changed"], done["did"], done["notes"]) == (False, [], [])
        assert "probe" not in done
        assert host.calls == ["look --offer ", 'keep --json --wait 600 --input {"outside": []}']

    def test_what_the_controller_has_to_fetch(self, host: Host) -> None:
        """A certificate is due: nothing is done before the controller has tried the challenge."""
        host.says("look", OFFERED)
        done = host.run()
        assert done["changed"] is False
        assert done["probe"] == {"found": FOUND, "token": "planner-1"}
        assert host.calls == ["look --offer "]

    def test_what_the_controller_saw(self, host: Host) -> None:
        """It is passed on, and the rest is done."""
        host.says("keep", DONE)
        done = host.run(outside=FETCHED)
        assert (done["changed"], done["did"], done["notes"]) == (True, DONE["did"], ["later"])
        assert done["diff"]["after"] == "obtained a certificate\nnginx reloaded\n"
        said = json.dumps({"outside": FETCHED})
        assert host.calls == [f"keep --json --wait 600 --input {said}"]

    def test_the_controller_saw_nothing(self, host: Host) -> None:
        """An empty answer is one: it is not asked for again."""
        host.says("look", OFFERED)
        assert "probe" not in host.run(outside=[])
        assert len(host.calls) == 1

    def test_without_the_controller(self, host: Host) -> None:
        """The owner switched it off."""
        host.says("look", OFFERED)
        assert "probe" not in host.run(probe_from_controller=False)
        assert [call.split()[0] for call in host.calls] == ["keep"]

    # whether the owner wants it now -> whether the controller fetches
    @pytest.mark.parametrize("retry", [False, True])
    def test_the_ca_is_left_in_peace(self, host: Host, retry: bool) -> None:  # noqa: FBT001
        """Then fetching helps nobody, unless it is asked at once."""
        host.says("look", {**OFFERED, "waits_until": 1.0})
        assert ("probe" in host.run(retry_now=retry)) == retry

    def test_retry(self, host: Host) -> None:
        """The program is told."""
        host.run(retry_now=True, outside=FETCHED)
        assert host.calls[0].startswith("keep --json --wait 600 --retry --input ")

    def test_something_is_wrong(self, host: Host) -> None:
        """Every problem is told, and what was done before it."""
        host.says("keep", {**DONE, "problems": ["one", "two"]}, 1)
        done = host.run(outside=[])
        assert (done["failed"], done["msg"]) == (True, "one\ntwo")
        assert (done["changed"], done["did"]) == (True, DONE["did"])
        host.says("keep", {**QUIET, "problems": ["one"]}, 1)
        assert host.run(outside=[])["changed"] is False

    # what the program prints -> the message
    @pytest.mark.parametrize(
        "out, err, message",
        [
            ("", "planner-maintenance: certificate gave up after 600 s\n", "certificate gave up"),
            ("Traceback", "", "planner-tls keep failed: Traceback"),
        ],
    )
    def test_no_report(self, host: Host, out: str, err: str, message: str) -> None:
        """Whatever it says instead of a report is the message: nothing passes for success."""
        host.says("keep", out, 75, err)
        done = host.run(outside=[])
        assert done["failed"]
        assert message in done["msg"]
