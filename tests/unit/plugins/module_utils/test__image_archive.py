"""Archives of images, both formats, with fewer layers."""

import gzip
import io
import json
import stat
import tarfile
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._image_archive import (
    ArchiveError,
    image_id,
    present_layers,
    write_part,
)

ID = "ab" * 32
OLD = [f"{name}/layer.tar" for name in ("base", "app", "top")]
NEW = [f"blobs/sha256/{name}" for name in ("base", "app", "top")]


def archive(path: Path, config: str, layers: list[str], links: dict[str, str] | None = None) -> str:
    """Write what ``docker save`` does; each layer's content is its name."""
    manifest = json.dumps([{"Config": config, "RepoTags": None, "Layers": layers}])
    files = {name: name for name in layers} | {config: "{}", "manifest.json": manifest}
    with tarfile.open(path, "w") as target:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            if name in (links or {}):
                entry.type, entry.linkname = tarfile.SYMTYPE, (links or {})[name]
                target.addfile(entry)
                continue
            entry.size = len(text)
            target.addfile(entry, io.BytesIO(text.encode()))
    return str(path)


@pytest.fixture(params=["old", "new"])
def whole(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, list[str]]:
    """An archive in one of the two formats, and its layers."""
    if request.param == "old":
        return archive(tmp_path / "whole.tar", f"{ID}.json", OLD), OLD
    return archive(tmp_path / "whole.tar", f"blobs/sha256/{ID}", NEW), NEW


@pytest.mark.parametrize("present", [0, 1, 2, 3])
def test_part(whole: tuple[str, list[str]], present: int, tmp_path: Path) -> None:
    """The lowest layers are left out, everything else is as it was; only its owner reads it."""
    path, layers = whole
    target = tmp_path / "part.tar.gz"
    part = write_part(path, str(target), present)
    with tarfile.open(target, "r:gz") as found, tarfile.open(path) as before:
        left = set(before.getnames()) - set(found.getnames())
        manifests = [one.extractfile("manifest.json").read() for one in (found, before)]  # type: ignore[union-attr]
    assert left == set(layers[:present])
    assert manifests[0] == manifests[1]
    assert (part.layers, part.present) == (3, present)
    assert part.unpacked_mb * 1024 * 1024 == sum(map(len, layers[present:]))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with gzip.open(target) as opened:
        assert opened.read(1)


def test_image_id(whole: tuple[str, list[str]]) -> None:
    """It names the configuration's file in both formats."""
    assert image_id(whole[0]) == f"sha256:{ID}"


def test_a_layer_that_is_there_twice(tmp_path: Path) -> None:
    """A layer that comes again higher up stays, in the new format as in the old one, which links to it."""
    again = [*NEW, NEW[0]]
    path = archive(tmp_path / "new.tar", f"blobs/sha256/{ID}", again)
    write_part(path, str(tmp_path / "part"), 2)
    with tarfile.open(tmp_path / "part") as found:
        assert set(NEW) & set(found.getnames()) == {NEW[0], NEW[2]}
    path = archive(tmp_path / "old.tar", f"{ID}.json", OLD, {OLD[2]: "../base/layer.tar"})
    write_part(path, str(tmp_path / "part"), 2)
    with tarfile.open(tmp_path / "part") as found:
        assert set(OLD) & set(found.getnames()) == {OLD[0], OLD[2]}


@pytest.mark.parametrize("text", ["[]", '[{"Config": "a"}, {"Config": "b"}]', None])
def test_no_archive_of_one_image(text: str | None, tmp_path: Path) -> None:
    """What cannot be one image's archive is refused with its name."""
    path = tmp_path / "odd.tar"
    with tarfile.open(path, "w") as target:
        if text is not None:
            entry = tarfile.TarInfo("manifest.json")
            entry.size = len(text)
            target.addfile(entry, io.BytesIO(text.encode()))
    with pytest.raises(ArchiveError, match=r"odd\.tar: is an archive of \d images"):
        write_part(str(path), str(tmp_path / "part"), 0)


@pytest.mark.parametrize(
    "mine, hosts, present",
    [
        ("abc", [], 0),
        ("abc", ["xyz"], 0),
        ("abc", ["ab", "a"], 2),
        ("abc", ["abcd"], 3),
        ("abc", ["xbc", "bc"], 0),
        ("", ["a"], 0),
    ],
)
def test_present_layers(mine: str, hosts: list[str], present: int) -> None:
    """Only a chain from the bottom counts: the same layer on another one is unpacked anew."""
    assert present_layers(mine, hosts) == present
