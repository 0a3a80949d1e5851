"""The server's door: who may ask, under which address, and how much at once."""

import hmac
from typing import Any

from starlette.responses import JSONResponse

from studio.guard import loopback_hosts, read_host

BODY_LIMIT = 1_000_000


class Guard:
    """ASGI wrapper around every route: the Host header, the bearer token, the size of the body.

    The Host header is checked so that a web page whose name was rebound to 127.0.0.1 cannot reach the server.
    """

    def __init__(self, app: Any, token: str, port: int):
        self.app = app
        self.expected = f"Bearer {token}".encode()
        self.hosts = loopback_hosts(port)

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return None  # no websockets here
        refusal = self.refuse(scope["headers"])
        body = b"" if refusal else await read_body(receive)
        if body is None:
            refusal = (413, f"The request is longer than {BODY_LIMIT:,} bytes. Shorten the conversation.")
        if refusal:
            status, sentence = refusal
            return await JSONResponse({"error": sentence}, status)(scope, receive, send)
        return await self.app(scope, replay(body, receive), send)

    def refuse(self, raw_headers: list[tuple[bytes, bytes]]) -> tuple[int, str] | None:
        """Status and sentence, when the request may not pass."""
        headers = dict(raw_headers)
        if read_host(raw_headers) not in self.hosts:
            return 403, "This server answers only under its own address on this machine."
        if not hmac.compare_digest(headers.get(b"authorization", b""), self.expected):
            return 401, "The bearer token is missing or wrong."
        if int_or_zero(headers.get(b"content-length", b"")) > BODY_LIMIT:
            return 413, f"The request is longer than {BODY_LIMIT:,} bytes. Shorten the conversation."
        return None


def int_or_zero(text: bytes) -> int:
    return int(text) if text.isdigit() and len(text) < 20 else 0


async def read_body(receive: Any) -> bytes | None:
    """The whole body, or None when it is longer than the limit."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            return None
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return body


def replay(body: bytes, receive: Any) -> Any:
    """A `receive` that gives the body once and then what comes (the disconnect)."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> dict:
        return waiting.pop() if waiting else await receive()

    return receive_again
