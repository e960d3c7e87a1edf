"""A small model of Docker's images and of registries, in place of ``subprocess.run``."""

import hashlib
import json
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MIB = 1024 * 1024
LOGIN = {"registry": "hub.example", "username": "anna", "password": "open-sesame"}


def digest(text: str) -> str:
    """A digest as Docker writes it."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def described(
    name: str, platform: str = "linux/amd64", layers: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """What ``docker manifest inspect --verbose`` prints for one platform; sizes are in MiB."""
    system, _, architecture = platform.partition("/")
    return {
        "Ref": name,
        "Descriptor": {
            "digest": digest(f"{name} {platform}"),
            "platform": {"os": system, "architecture": architecture},
        },
        "SchemaV2Manifest": {
            "config": {"digest": digest(f"image {name} {platform}")},
            "layers": [
                {"digest": digest(layer), "size": size * MIB}
                for layer, size in (layers or {"base": 40, name: 10}).items()
            ],
        },
    }


@dataclass
class Docker:
    """An engine, and registries. ``failing`` maps the beginnings of commands to what they say."""

    platform: str = "linux/amd64"
    images: list[dict[str, Any]] = field(default_factory=list)
    registry: dict[str, Any] = field(default_factory=dict)
    """Reference to what ``manifest inspect`` prints; a list is an image for several platforms."""
    silent: set[str] = field(default_factory=set)
    """References that can be pulled, though nothing can be asked about them."""
    failing: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    logins: list[dict[str, Any]] = field(default_factory=list)
    """What each command with a login found in its folder."""
    folders: list[Path] = field(default_factory=list)

    def __call__(self, argv: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
        """Answer in place of subprocess.run."""
        words = argv[1:]
        assert LOGIN["password"] not in str((argv, how)), "a password could be seen"
        if words[0] == "--config":
            folder = Path(words[1])
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert stat.S_IMODE((folder / "config.json").stat().st_mode) == 0o600
            self.folders.append(folder)
            self.logins.append(json.loads((folder / "config.json").read_text()))
            words = words[2:]
        line = " ".join(words)
        self.calls.append(line)
        said = next((say for begin, say in self.failing.items() if line.startswith(begin)), None)
        if said is not None:
            return subprocess.CompletedProcess(argv, 1, "", f"{said}\n")
        try:
            out = getattr(self, words[0])(words[1:])
        except LookupError as error:
            return subprocess.CompletedProcess(argv, 1, "", f"{error.args[0]}\n")
        return subprocess.CompletedProcess(argv, 0, out or "", "")

    @property
    def acted(self) -> list[str]:
        """Only the calls that change something."""
        return [call for call in self.calls if call.startswith(("pull", "load", "image tag"))]

    def add(self, name: str, layers: tuple[str, ...] = ("base", "app"), **more: Any) -> str:
        """Put an image on the host; return its id."""
        system, _, architecture = self.platform.partition("/")
        image = {
            "Id": digest(f"image {name}"),
            "Os": system,
            "Architecture": architecture,
            "RootFS": {"Layers": [digest(layer) for layer in layers]},
            "RepoTags": [name],
            "RepoDigests": [],
        }
        self.images.append(image | more)
        return str(self.images[-1]["Id"])

    def offer(self, name: str, **how: Any) -> str:
        """Put an image into the registry; return its pinned name."""
        self.registry[name] = described(name, **how)
        pinned = f"{name.rpartition(':')[0]}@{self.registry[name]['Descriptor']['digest']}"
        self.registry[pinned] = self.registry[name]
        return pinned

    def version(self, words: list[str]) -> str:
        """Tell the engine's platform."""
        assert words == ["--format", "{{.Server.Os}}/{{.Server.Arch}}"]
        return self.platform + "\n"

    def info(self, _words: list[str]) -> str:
        """Tell where images are, and which registries do without TLS."""
        known = {"InsecureRegistryCIDRs": ["127.0.0.0/8"], "IndexConfigs": {}}
        return json.dumps({"DockerRootDir": "/", "RegistryConfig": known})

    def find(self, name: str) -> dict[str, Any]:
        """Find an image by id, tag or digest."""
        for image in self.images:
            if name == image["Id"] or name in image["RepoTags"] + image["RepoDigests"]:
                return image
        raise LookupError(f"No such image: {name}")

    def image(self, words: list[str]) -> str:
        """Inspect, list, tag and save."""
        if words[:3] == ["inspect", "--format", "{{.Id}}"]:
            return str(self.find(words[3])["Id"]) + "\n"
        if words[0] == "inspect":
            return json.dumps([self.find(name) for name in words[1:]])
        if words[0] == "ls":
            return "".join(f"{image['Id']}\n" for image in self.images)
        if words[0] == "save":
            Path(words[2]).write_bytes(self.find(words[3])["archive"])
            return ""
        assert words[0] == "tag"
        self.find(words[1])["RepoTags"].append(words[2])
        return ""

    def manifest(self, words: list[str]) -> str:
        """Describe what a registry has."""
        assert words[:2] == ["inspect", "--verbose"]
        assert (words[2] == "--insecure") is words[-1].startswith("127.")
        if words[-1] in self.silent:
            raise LookupError("unauthorized: this registry only lets pull")
        if words[-1] not in self.registry:
            raise LookupError(f"no such manifest: {words[-1]}")
        return json.dumps(self.registry[words[-1]])

    def pull(self, words: list[str]) -> None:
        """Take an image from a registry: it has the platform that it has."""
        name = words[-1]
        assert words == ["--quiet", name]
        if name not in self.registry:
            raise LookupError(f"manifest for {name} not found")
        found = self.registry[name]
        one = found[0] if isinstance(found, list) else found
        platform = one["Descriptor"]["platform"]
        repository = name.partition("@")[0] if "@" in name else name.rpartition(":")[0]
        known_as = f"{repository}@{one['Descriptor']['digest']}".removeprefix("docker.io/library/")
        self.images.append(
            {
                "Id": one["SchemaV2Manifest"]["config"]["digest"],
                "Os": platform["os"],
                "Architecture": platform["architecture"],
                "RootFS": {"Layers": []},
                "RepoTags": [name],
                "RepoDigests": [known_as, name] if "@" in name else [known_as],
            }
        )

    def load(self, words: list[str]) -> None:
        """Take an archive, whose text is the name of the image in it."""
        assert words[:2] == ["--quiet", "--input"]
        self.add(Path(words[2]).read_text())
