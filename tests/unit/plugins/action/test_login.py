"""Action ``login`` through Ansible's own ssh connection; the program it starts lets in whom a folder names."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader
from ansible.template import Templar
from ansible_collections.planner.droplet.plugins.action import login
from ansible_collections.planner.droplet.plugins.modules import login as documented

# Files named user@port are open doors. What is in them runs in place of the host's shell, with
# $SSH_CONNECTION set and a sudo that works unless the file says otherwise.
SSH = """\
#!/bin/bash
folder=$(dirname "$0")
for word; do
  case $word in User=*) user=${word#User=} ;; Port=*) port=${word#Port=} ;; esac
done
user=${user//\\"/}
echo "$user@$port" >>"$folder/tried"
printf '%s\\n' "$*" >>"$folder/calls"
if [ ! -e "$folder/$user@$port" ]; then
  echo "Warning: Permanently added '192.0.2.7' to the list of known hosts." >&2
  echo "$user@192.0.2.7: Permission denied (publickey)." >&2
  exit 255
fi
sudo() { return 0; }
export SSH_CONNECTION="203.0.113.9 52011 10.0.0.2 2200"
. "$folder/$user@$port"
eval "${!#}"
"""
BUSY = "echo 'kex_exchange_identification: read: Connection reset by peer' >&2; exit 255\n"
DOWN = "echo 'ssh: connect to host 192.0.2.7: Connection refused' >&2; exit 255\n"
NO_SUDO = "sudo() { echo 'sudo: a password is required' >&2; return 1; }\n"

Result = dict[str, Any]


@dataclass
class Host:
    """A host whose doors are files, and the controller's way to it."""

    folder: Path

    def opens(self, *doors: str, says: str = "") -> None:
        """Let accounts in."""
        for door in doors:
            (self.folder / door).write_text(says)

    def tried(self) -> list[str]:
        """Who knocked, in order."""
        file = self.folder / "tried"
        return file.read_text().split() if file.exists() else []

    def calls(self) -> str:
        """What ssh was told."""
        return (self.folder / "calls").read_text()

    def run(self, variables: dict[str, Any] | None = None, **arguments: Any) -> Result:
        """Run the action as a task of a play does; ``variables`` are the inventory's."""
        return self.run_over("ssh", variables, **arguments)

    def run_over(
        self, transport: str, variables: dict[str, Any] | None = None, **arguments: Any
    ) -> Result:
        """Run it over another connection."""
        context = PlayContext()
        context.remote_addr = "192.0.2.7"
        context.remote_user = (variables or {}).get("ansible_user")
        connection = connection_loader.get(transport, context)
        connection.set_options(
            var_options={
                "ansible_host": "192.0.2.7",
                "ansible_ssh_executable": str(self.folder / "ssh"),
                **(variables or {}),
            }
        )
        task = Task()
        task.args = {"admin": "deploy", **arguments}
        loader = DataLoader()
        action = login.ActionModule(
            task=task,
            connection=connection,
            play_context=context,
            loader=loader,
            templar=Templar(loader=loader),
            shared_loader_obj=None,
        )
        result: Result = action.run(task_vars={"inventory_hostname": "web"})
        return result


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host that lets nobody in yet."""
    program = tmp_path / "ssh"
    program.write_text(SSH)
    program.chmod(0o755)
    return Host(tmp_path)


# open doors, inventory, arguments -> who is tried; the last one is let in
TEST_FIRST_OPEN: list[tuple[str, list[str], dict[str, Any], dict[str, Any], list[str]]] = [
    ("hardened", ["deploy@22"], {"ansible_user": "root"}, {}, ["deploy@22"]),
    ("hardened, root open too", ["deploy@22", "root@22"], {}, {}, ["deploy@22"]),
    ("fresh", ["root@22"], {}, {}, ["deploy@22", "root@22"]),
    (
        "fresh, behind a forwarded port",
        ["debian@2201"],
        {"ansible_user": "debian", "ansible_port": 2201},
        {},
        ["deploy@2201", "debian@2201"],
    ),
    (
        "the port is going to change",
        ["deploy@22"],
        {},
        {"server_port": 2222},
        ["deploy@2222", "deploy@22"],
    ),
    ("the port was changed", ["deploy@2222"], {}, {"server_port": 2222}, ["deploy@2222"]),
    ("one port only", ["deploy@2222"], {"ansible_port": 22}, {"port": 2222}, ["deploy@2222"]),
]


@pytest.mark.parametrize(
    "doors, variables, arguments, tried",
    [row[1:] for row in TEST_FIRST_OPEN],
    ids=[row[0] for row in TEST_FIRST_OPEN],
)
def test_the_first_way_that_opens(
    host: Host,
    doors: list[str],
    variables: dict[str, Any],
    arguments: dict[str, Any],
    tried: list[str],
) -> None:
    """The ways are tried in order, up to the one that lets in; that one is returned."""
    host.opens(*doors)
    result = host.run(variables, **arguments)
    assert host.tried() == tried
    user, _, port = tried[-1].partition("@")
    assert not result.get("failed")
    assert (result["changed"], result["user"], result["port"]) == (False, user, int(port))
    assert (result["client"], result["host_port"]) == ("203.0.113.9", 2200)


def test_nobody_is_let_in(host: Host) -> None:
    """The message names the host, every way with ssh's own reason and what to do."""
    result = host.run()
    assert result["failed"]
    lines = result["msg"].splitlines()
    assert lines[0] == "Nobody is let into web by your key:"
    assert [line.partition(":")[0] for line in lines[1:3]] == [
        "  deploy, port 22",
        "  root, port 22",
    ]
    assert all(line.endswith("Permission denied (publickey).") for line in lines[1:3])
    assert lines[3].startswith("Do: ")


def test_only_the_admin_on_a_given_port(host: Host) -> None:
    """The proof of a change is the admin's login there; that root's opens elsewhere does not count."""
    host.opens("root@22", "root@2222", "deploy@22")
    result = host.run(port=2222, fresh=True)
    assert host.tried() == ["deploy@2222"]
    assert "deploy, port 2222: " in result["msg"]


def test_an_admin_without_sudo(host: Host) -> None:
    """Whoever cannot become root cannot administer: the next way is tried, and sudo's words are kept."""
    host.opens("deploy@22", says=NO_SUDO)
    host.opens("root@22")
    assert host.run()["user"] == "root"
    (host.folder / "root@22").unlink()
    assert "deploy, port 22: sudo: a password is required" in host.run()["msg"]


def test_root_needs_no_sudo(host: Host) -> None:
    """A fresh host may not have it."""
    host.opens("root@22", says=NO_SUDO)
    assert host.run()["user"] == "root"


def test_waits_while_the_server_is_silent(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that punishes failed logins has not judged the key yet; a verdict is not asked for twice."""
    host.opens("root@22", says=BUSY)
    monkeypatch.setattr("time.sleep", lambda _: host.opens("root@22"))
    assert host.run()["user"] == "root"
    assert host.tried() == ["deploy@22", "root@22", "root@22"]


def test_waits_for_a_machine_that_boots(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody answers at all, every way is tried again."""
    host.opens("deploy@22", "root@22", says=DOWN)
    monkeypatch.setattr("time.sleep", lambda _: host.opens("deploy@22"))
    assert host.run()["user"] == "deploy"
    assert host.tried() == ["deploy@22", "root@22", "deploy@22"]


def test_does_not_wait_for_a_port_that_nobody_uses(host: Host) -> None:
    """The server answers on another one, and has judged."""
    host.opens("deploy@2222", says=DOWN)
    assert "deploy, port 2222: " in host.run(server_port=2222)["msg"]


def test_does_not_wait_forever(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that goes on saying nothing is named, in its own words."""
    host.opens("deploy@22", says=BUSY)
    monkeypatch.setattr(login, "PATIENCE_SECONDS", -1)
    assert "kex_exchange_identification: read: Connection reset" in host.run()["msg"]


@pytest.mark.parametrize("fresh", [True, False])
def test_fresh(host: Host, fresh: bool) -> None:  # noqa: FBT001
    """An open connection proves nothing: what forbids it stands before everything that allows it."""
    host.opens("deploy@22")
    host.run({"ansible_ssh_args": "-o ControlMaster=auto -o ControlPersist=60s"}, fresh=fresh)
    words = host.calls().split()
    masters = [word for word in words if word.startswith("ControlMaster=")]
    paths = [word.strip('"') for word in words if word.startswith("ControlPath=")]
    assert masters == (["ControlMaster=no"] if fresh else []) + ["ControlMaster=auto"]
    assert (paths[0] == "ControlPath=none") is fresh


def test_another_connection(host: Host) -> None:
    """The controller itself has no door: nothing is tried, the inventory's user is returned."""
    result = host.run_over("local", {"ansible_user": "me"})
    assert (result["changed"], result["user"]) == (False, "me")
    assert "port" not in result
    assert host.run_over("local")["user"] == "root"
    assert host.tried() == []


def test_arguments_are_judged(host: Host) -> None:
    """A misspelt or wrong argument is named before anything is tried."""
    with pytest.raises(AnsibleActionFail, match=r"Unsupported parameters.*prot"):
        host.run(prot=2222)
    with pytest.raises(AnsibleActionFail, match="argument 'port' is of type str"):
        host.run(port="ssh")
    assert host.tried() == []


def test_documentation() -> None:
    """The action is what runs, the module is what is read: both have the same options."""
    options = yaml.safe_load(documented.DOCUMENTATION)["options"]
    for option in options.values():
        del option["description"]
    assert options == login.ARGUMENTS
