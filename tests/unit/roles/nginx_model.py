"""nginx.conf as nginx reads it: blocks, includes, which server and location answers, and with what."""

import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

FOLDER = "/etc/planner/"


@dataclass(frozen=True)
class Directive:
    """One directive with its words; ``block`` is what its braces hold."""

    name: str
    words: tuple[str, ...]
    block: tuple["Directive", ...] | None = None

    def all(self, name: str) -> list["Directive"]:
        """Those of its block with that name."""
        return [one for one in self.block or () if one.name == name]

    def words_of(self, name: str) -> tuple[str, ...]:
        """The words of the only one with that name; empty where there is none."""
        found = self.all(name)
        assert len(found) <= 1, f"{name} is there twice"
        return found[0].words if found else ()


@dataclass(frozen=True)
class Answer:
    """What a client gets: a status with a target, or what is done with its request."""

    does: str
    target: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), compare=False)


def tokens(text: str) -> list[str]:
    """Words, braces and semicolons; comments are gone, quoted texts are one word."""
    found = re.findall(r"""#[^\n]*|'[^'\n]*'|"[^"\n]*"|[{};]|[^\s{};'"#]+""", text)
    return [token for token in found if not token.startswith("#")]


class Config:
    """A main configuration file and those that it includes."""

    def __init__(self, files: dict[str, str], main: str = "nginx.conf") -> None:
        """Read them; ``files`` are named as below the folder that nginx has."""
        self.files = files
        (self.http,) = [one for one in self.read(main) if one.name == "http"]

    def read(self, name: str) -> tuple[Directive, ...]:
        """The directives of one file, those of its includes in their place."""
        words = iter(tokens(self.files[name]))
        block = tuple(self._block(words, inner=False))
        assert not list(words), f"{name}: a brace too many"
        return block

    def _block(self, words: Iterator[str], *, inner: bool) -> Iterator[Directive]:
        line: list[str] = []
        for word in words:
            if word == "}":
                assert inner, "a brace too many"
                assert not line, f"{line} does not end"
                return
            if word == "{":
                assert line, "a block without a name"
                yield Directive(line[0], tuple(line[1:]), tuple(self._block(words, inner=True)))
                line = []
            elif word == ";":
                assert line, "a semicolon too many"
                yield from self._directive(line[0], tuple(line[1:]))
                line = []
            else:
                line.append(word)
        assert not inner, "a brace is missing"
        assert not line, f"{line} does not end"

    def _directive(self, name: str, words: tuple[str, ...]) -> Iterator[Directive]:
        if name != "include":
            yield Directive(name, words)
            return
        wanted = words[0].removeprefix(FOLDER)
        found = sorted(fnmatch.filter(self.files, wanted))
        assert found or "*" in wanted, f"nginx would not start without {wanted}"
        for one in found:
            yield from self.read(one)

    def servers(self, port: str) -> list[Directive]:
        """Those that listen there."""
        return [
            server
            for server in self.http.all("server")
            if any(one.words[0] == port for one in server.all("listen"))
        ]

    def server(self, port: str, name: str) -> Directive:
        """The one for a name: its own, or the default."""
        for server in self.servers(port):
            if name and any(name in one.words for one in server.all("server_name")):
                return server
        (default,) = [
            server
            for server in self.servers(port)
            if any("default_server" in one.words for one in server.all("listen"))
        ]
        return default

    def asked(self, port: str, host: str, uri: str, sni: str | None = None) -> Answer:
        """What a request gets; ``sni`` is the handshake's name where it is another than the request's."""
        name = re.sub(r":\d+$", "", host).lower()
        if port == "8443":
            shaken = self.server(port, name if sni is None else sni)
            if shaken.words_of("ssl_reject_handshake") == ("on",):
                return Answer("no handshake")
        server = self.server(port, name)
        path = uri.split("?", maxsplit=1)[0]
        place = server if server.all("return") else location(server, path)
        headers = next(
            (found for one in (place, server, self.http) if (found := one.all("add_header"))), []
        )
        sent = tuple((one.words[0], one.words[1]) for one in headers)
        if name == "" and (checks := [one for one in place.all("if") if '""' in one.words]):
            place = checks[0]
        if place.all("return"):
            code, *target = place.words_of("return")
            values = {"$request_uri": uri, "$host": name, "$https_name": self.mapped(name)}
            text = re.sub(r"\$\w+", lambda found: values[found[0]], "".join(target))
            return Answer(code, text, sent)
        if place.all("proxy_pass"):
            return Answer("proxy", "", sent)
        if place.all("root") and not place.all("internal"):
            return Answer("file", place.words_of("root")[0] + path, sent)
        return Answer(place.block[-1].name if place.block else "nothing", "", sent)

    def mapped(self, name: str) -> str:
        """What the map of names makes of one."""
        maps = [one for one in self.http.all("map") if one.words[1] == "$https_name"]
        if not maps:
            return ""
        entries = {one.name: one.words[0] for one in maps[0].block or ()}
        return entries.get(name, entries["default"])


def location(server: Directive, path: str) -> Directive:
    """The one for a path: an exact one, else the longest beginning."""
    best, length = None, -1
    for one in server.all("location"):
        kind, prefix = one.words if len(one.words) == 2 else ("", one.words[0])
        assert kind in {"", "=", "^~"}, "this model knows no regular expressions"
        if kind == "=" and path == prefix:
            return one
        if kind != "=" and path.startswith(prefix) and len(prefix) > length:
            best, length = one, len(prefix)
    assert best, f"nothing answers {path}"
    return best
