"""The app's door: under which address it answers, whose page may ask, and what a page of it may load.

One ASGI wrapper around every route. It protects a studio on loopback against other sites open in the same browser
(cross-site requests, DNS rebinding), and one that others can reach by a login. Bodies pass through unread and
unbuffered, so streams stay streams.
"""

import asyncio
import base64
import binascii
import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse

from studio.errors import SettingsError

LOGIN_NAME, HOSTS_NAME = "STUDIO_LOGIN", "STUDIO_HOSTS"
SHORTEST_PASSWORD = 8
SAFE_METHODS = ("GET", "HEAD")
WRONG_PASSWORD_SECONDS = 0.5

Headers = Iterable[tuple[bytes, bytes]]
Scope = dict
Receive = Callable[[], Awaitable[dict]]
Send = Callable[[dict], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True)
class Door:
    """Who may come in. `hosts`: the values of the Host header that are ours, in lower case."""

    hosts: frozenset[str]
    any_address_port: int | None = None
    """Listening on all addresses: IP addresses with this port are ours too (a rebound name is never an address)"""
    login: str | None = None
    """name:password"""
    framed_by: tuple[str, ...] = ()
    """Origins that may show the page in a frame, besides its own"""


class Guard:
    """ASGI wrapper: refuses what may not come in, and adds the security headers to every reply."""

    def __init__(self, app: App, door: Door):
        self.app = app
        self.door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        refusal = refuse(self.door, scope)
        if refusal is None:
            return await self.app(scope, receive, self.with_headers(send, read_host(scope["headers"])))
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008, "reason": refusal[1]})
        status, sentence = refusal
        if status == 401 and find(scope["headers"], b"authorization"):
            await asyncio.sleep(WRONG_PASSWORD_SECONDS)  # slows down guessing
        challenge = {"WWW-Authenticate": 'Basic realm="SFT Studio", charset="UTF-8"'} if status == 401 else None
        reply = PlainTextResponse(sentence, status, challenge)
        return await reply(scope, receive, self.with_headers(send, None))

    def with_headers(self, send: Send, host: str | None) -> Send:
        """A `send` that adds the security headers where a reply starts; `host` is a Host header that was checked."""
        added = security_headers(host, self.door.framed_by)

        async def send_with_headers(message: dict) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        return send_with_headers


def build_guard(app: App, host: str, port: int, environ: Mapping[str, str]) -> Guard:
    """The app behind its door, listening on `host`; SettingsError as in `check_bind`."""
    check_bind(host, environ)
    on_space = bool(environ.get("SPACE_ID"))
    door = Door(
        hosts=allowed_hosts(host, port, environ),
        any_address_port=port if is_wildcard(host) and not on_space else None,
        login=read_login(environ),
        framed_by=("https://huggingface.co",) if on_space else (),
    )
    return Guard(app, door)


def refuse(door: Door, scope: Scope) -> tuple[int, str] | None:
    """Status and sentence, when the request may not pass."""
    headers = scope["headers"]
    host = read_host(headers)
    if host is None or not (host in door.hosts or is_address(host, door.any_address_port)):
        return 403, (
            "This studio does not answer under this address. Open it under the address that it printed at its start, "
            f"or name this one in {HOSTS_NAME}."
        )
    if door.login and not knows_login(find(headers, b"authorization"), door.login):
        return 401, "Name or password is missing or wrong."
    changes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
    if is_foreign(headers, host, changes):
        return 403, "This request comes from another site's page, which may not use the studio."
    return None


def is_foreign(headers: Headers, host: str, changes: bool) -> bool:
    """Whether a page of another origin sent the request.

    A browser says so by Origin, or, where it leaves that out, by Sec-Fetch-Site; a program sends neither and is
    let in. Following a link from elsewhere is a GET without Origin and changes nothing, so it may pass.
    """
    origins = find(headers, b"origin")
    if origins:
        return len(origins) > 1 or not is_own_origin(origins[0], host)
    return changes and any(value not in ("same-origin", "none") for value in find(headers, b"sec-fetch-site"))


def is_own_origin(origin: str, host: str) -> bool:
    """Whether an Origin header names the host that was asked. The scheme may differ: a proxy may end TLS."""
    return origin.lower() in (f"http://{host}", f"https://{host}")


def read_host(headers: Headers) -> str | None:
    """The Host header in lower case; None if there is none, or several."""
    values = find(headers, b"host")
    return values[0].lower() if len(values) == 1 else None


def find(headers: Headers, name: bytes) -> list[str]:
    """The values of a header; ASGI gives names in lower case."""
    return [value.decode("latin-1") for key, value in headers if key == name]


def loopback_hosts(port: int) -> frozenset[str]:
    """The Host headers of a server on this machine's loopback."""
    return with_port(("127.0.0.1", "localhost", "[::1]"), port)


def with_port(names: Iterable[str], port: int) -> frozenset[str]:
    """name:port for each name; bare too for port 80, which browsers leave out."""
    return frozenset(f"{name}:{port}" for name in names) | frozenset(names if port == 80 else ())


def allowed_hosts(host: str, port: int, environ: Mapping[str, str]) -> frozenset[str]:
    """Every Host header under which a studio that listens on `host` answers."""
    named = [name.strip().lower() for name in environ.get(HOSTS_NAME, "").split(",") if name.strip()]
    if environ.get("SPACE_ID") and environ.get("SPACE_HOST"):
        named.append(environ["SPACE_HOST"].strip().lower())
    hosts = loopback_hosts(port) | frozenset(named) | with_port(named, port)
    if is_wildcard(host):
        return hosts
    return hosts | with_port([f"[{host}]" if ":" in host else host.lower()], port)


def is_address(host: str, port: int | None) -> bool:
    """Whether a Host header is an IP address with this port."""
    if port is None:
        return False
    try:
        parts = urlsplit(f"//{host}")
        ipaddress.ip_address(parts.hostname or "")
        return (parts.port or 80) == port
    except ValueError:
        return False


def is_wildcard(host: str) -> bool:
    """Whether listening on `host` means listening on every address of the machine."""
    return host in ("", "0.0.0.0", "::")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_bind(host: str, environ: Mapping[str, str]) -> None:
    """SettingsError when others could reach the studio and no login keeps them out.

    A Space is open to others by its nature; there the studio is read-only without a login.
    """
    if read_login(environ) or environ.get("SPACE_ID") or is_loopback(host):
        return
    raise SettingsError(
        f"The studio was asked to listen on {host or 'all addresses'}, where other computers can reach it, but it "
        f"has no login, so anyone could read the data and start runs. Set {LOGIN_NAME}=name:password, or listen on "
        "127.0.0.1."
    )


def read_login(environ: Mapping[str, str]) -> str | None:
    """name:password from the environment, None if it is not set; SettingsError if it is no login."""
    login = environ.get(LOGIN_NAME)
    if not login:
        return None
    name, _, password = login.partition(":")
    if not name or len(password) < SHORTEST_PASSWORD:
        raise SettingsError(
            f"{LOGIN_NAME} must be name:password with a password of at least {SHORTEST_PASSWORD} characters."
        )
    return login


def is_read_only(environ: Mapping[str, str]) -> bool:
    """Whether nothing may be changed: on a Space without login, where everybody could."""
    return bool(environ.get("SPACE_ID")) and read_login(environ) is None


def knows_login(authorization: list[str], login: str) -> bool:
    """Whether the Authorization header carries the login (RFC 7617, in UTF-8)."""
    scheme, _, encoded = authorization[0].partition(" ") if len(authorization) == 1 else ("", "", "")
    if scheme.lower() != "basic":
        return False
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, login.encode())


def security_headers(host: str | None, framed_by: tuple[str, ...] = ()) -> list[tuple[bytes, bytes]]:
    """Headers of every reply: the page loads nothing from, and sends nothing to, any host but its own."""
    policy = {
        "default-src": "'self'",
        "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:",  # Gradio's page and Plotly's figures need these
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "media-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": f"'self' ws://{host} wss://{host}" if host else "'self'",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": " ".join(("'self'", *framed_by)),
    }
    headers = {
        "content-security-policy": "; ".join(f"{name} {sources}" for name, sources in policy.items()),
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
