import asyncio
import itertools
import socket
import threading
from contextlib import contextmanager

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute

from studio.errors import SettingsError
from studio.guard import Guard, build_guard, check_bind, is_read_only, loopback_hosts

PORT = 7860
HOST = f"127.0.0.1:{PORT}"
SPACE = {"SPACE_ID": "ann/studio", "SPACE_HOST": "ann-studio.hf.space"}
LOGIN = {"STUDIO_LOGIN": "ann:long enough"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


async def hello(request):
    return PlainTextResponse("hello", headers={"X-Own": "kept"})


async def chat(websocket):
    await websocket.accept()
    await websocket.close()


def build(host="127.0.0.1", environ=None) -> Guard:
    routes = [Route("/", hello, methods=list(METHODS)), WebSocketRoute("/chat", chat)]
    return build_guard(Starlette(routes=routes), host, PORT, environ or {})


def ask(guard, method="GET", host=HOST, path="/", **headers):
    """One request through the guard. Header names are given with underscores."""

    async def send():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url=f"http://{host}") as client:
            return await client.request(
                method, path, headers={name.replace("_", "-"): text for name, text in headers.items()}
            )

    return asyncio.run(send())


HOSTS = {
    HOST: True,
    f"localhost:{PORT}": True,
    f"LOCALHOST:{PORT}": True,
    f"[::1]:{PORT}": True,
    "127.0.0.1": False,
    "127.0.0.1:7861": False,
    "evil.example": False,
    f"evil.example:{PORT}": False,
    f"localhost.evil.example:{PORT}": False,
    f"192.168.1.5:{PORT}": False,
}
OTHER_ORIGINS = (
    "http://evil.example",
    f"http://evil.example:{PORT}",
    "http://127.0.0.1:9999",
    f"http://{HOST}.evil.example",
    "null",
    "",
)
# Sec-Fetch-Site -> whether a request without Origin that changes something may pass
FETCH_SITES = {None: True, "same-origin": True, "none": True, "same-site": False, "cross-site": False, "": False}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("host", HOSTS)
def test_only_our_own_hosts_are_answered(method, host):
    reply = ask(build(), method, host="127.0.0.1:1", Host=host)
    assert reply.status_code == (200 if HOSTS[host] else 403)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("origin", OTHER_ORIGINS)
@pytest.mark.parametrize("site", FETCH_SITES)
def test_a_foreign_origin_is_refused_whatever_else_is_said(method, origin, site):
    extra = {} if site is None else {"Sec_Fetch_Site": site}
    assert ask(build(), method, Origin=origin, **extra).status_code == 403


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("site", FETCH_SITES)
def test_without_origin_the_fetch_metadata_decide(method, site):
    extra = {} if site is None else {"Sec_Fetch_Site": site}
    passes = method in ("GET", "HEAD") or FETCH_SITES[site]
    assert ask(build(), method, **extra).status_code == (200 if passes else 403)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("host", [name for name, ours in HOSTS.items() if ours])
def test_the_pages_own_requests_pass(method, host):
    reply = ask(build(), method, host="x", Host=host, Origin=f"http://{host.lower()}", Sec_Fetch_Site="same-origin")
    assert reply.status_code == 200


def test_another_name_of_this_machine_is_another_origin():
    assert ask(build(), "POST", Origin=f"http://localhost:{PORT}").status_code == 403


def test_two_hosts_or_none_are_refused():
    for headers in ([], [(b"host", HOST.encode())] * 2):
        assert status_of(build(), "http", headers) == 403


def status_of(guard, kind, headers) -> int:
    """The status of a request with exactly these headers; for a websocket that is refused 1008, that is let in 101."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "websocket.connect" if kind == "websocket" else "http.request"}

    scope = {"type": kind, "method": "GET", "path": "/chat" if kind == "websocket" else "/", "headers": headers}
    asyncio.run(guard({**scope, "query_string": b"", "root_path": "", "scheme": "ws"}, receive, send))
    first = sent[0]
    return {"websocket.close": first.get("code"), "websocket.accept": 101}.get(first["type"], first.get("status"))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": HOST, "origin": f"http://{HOST}"}, 101),
        ({"host": HOST}, 101),
        ({"host": HOST, "origin": "http://evil.example"}, 1008),
        ({"host": HOST, "sec-fetch-site": "cross-site"}, 1008),
        ({"host": "evil.example", "origin": "http://evil.example"}, 1008),
    ],
)
def test_websockets_pass_the_same_door(headers, status):
    assert status_of(build(), "websocket", [(k.encode(), v.encode()) for k, v in headers.items()]) == status


@pytest.mark.parametrize("host", [HOST, "evil.example"])
def test_every_reply_carries_the_security_headers(host):
    headers = ask(build(), host="x", Host=host).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert policy["img-src"] == "'self' data: blob:"
    assert policy["frame-ancestors"] == "'self'"
    assert policy["connect-src"] == (f"'self' ws://{HOST} wss://{HOST}" if host == HOST else "'self'")
    assert "evil" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers.get("x-own") == ("kept" if host == HOST else None)


def test_a_space_answers_under_its_own_name_and_may_be_framed_by_the_hub():
    guard = build("0.0.0.0", SPACE)
    reply = ask(guard, host="ann-studio.hf.space")
    assert reply.status_code == 200
    assert "frame-ancestors 'self' https://huggingface.co" in reply.headers["content-security-policy"]
    assert ask(guard, "POST", host="ann-studio.hf.space", Origin="https://ann-studio.hf.space").status_code == 200
    assert ask(guard, "POST", host="ann-studio.hf.space", Origin="https://huggingface.co").status_code == 403
    assert ask(guard, host="other.hf.space").status_code == 403
    assert ask(guard, host=f"10.0.0.1:{PORT}").status_code == 403


def test_on_all_addresses_numbers_pass_and_names_must_be_given():
    guard = build("0.0.0.0", {**LOGIN, "STUDIO_HOSTS": "lab.example, proxy.example:8443"})
    status = {
        host: ask(guard, host="x", Host=host).status_code
        for host in (
            f"192.168.1.5:{PORT}",
            f"[fe80::1]:{PORT}",
            f"lab.example:{PORT}",
            "lab.example",
            "proxy.example:8443",
            "192.168.1.5:80",
            f"evil.example:{PORT}",
            "[",
        )
    }
    assert list(status.values()) == [401, 401, 401, 401, 401, 403, 403, 403]


def test_the_address_that_was_bound_is_ours():
    guard = build("192.168.1.5", LOGIN)
    assert ask(guard, host=f"192.168.1.5:{PORT}").status_code == 401
    assert ask(guard, host=f"192.168.1.6:{PORT}").status_code == 403


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("Basic YW5uOmxvbmcgZW5vdWdo", 200),  # ann:long enough
        ("basic YW5uOmxvbmcgZW5vdWdo", 200),
        ("Basic YW5uOmxvbmcgZW5vdWdoIQ==", 401),
        ("Basic YW5u", 401),
        ("Basic \x7f", 401),
        ("Bearer YW5uOmxvbmcgZW5vdWdo", 401),
        ("", 401),
    ],
)
def test_a_login_is_asked_on_every_route(authorization, status, monkeypatch):
    monkeypatch.setattr("studio.guard.WRONG_PASSWORD_SECONDS", 0)
    extra = {} if authorization is None else {"Authorization": authorization}
    for path in ("/", "/unknown"):
        reply = ask(build(environ=LOGIN), path=path, **extra)
        assert reply.status_code == (404 if status == 200 and path == "/unknown" else status)
        assert ("www-authenticate" in reply.headers) == (status == 401)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "lab.example", "127.0.0.1.evil.example"])
def test_no_address_that_others_reach_without_a_login(host):
    with pytest.raises(SettingsError, match=r"no login.*Set STUDIO_LOGIN=name:password, or listen on 127\.0\.0\.1"):
        check_bind(host, {})
    with pytest.raises(SettingsError):
        build(host)
    check_bind(host, LOGIN)
    check_bind(host, SPACE)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_loopback_needs_no_login(host):
    check_bind(host, {})


@pytest.mark.parametrize("login", ["ann", "ann:", ":long enough", "ann:short"])
def test_a_login_that_protects_nothing_is_refused(login):
    with pytest.raises(SettingsError, match="at least 8 characters"):
        check_bind("127.0.0.1", {"STUDIO_LOGIN": login})


def test_a_space_without_login_is_read_only():
    assert is_read_only(SPACE)
    assert not is_read_only({**SPACE, **LOGIN})
    assert not is_read_only({})
    assert not is_read_only({"STUDIO_LOGIN": ""})


def test_port_80_is_left_out_by_browsers():
    assert loopback_hosts(80) == {
        "".join(pair) for pair in itertools.product(("127.0.0.1", "localhost", "[::1]"), ("", ":80"))
    }


@contextmanager
def serve(app):
    """The app, behind a guard, on a real server with a free port; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        guard = build_guard(app, "127.0.0.1", port, {})
        server = uvicorn.Server(uvicorn.Config(guard, log_level="warning", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield port
        finally:
            server.should_exit = True
            thread.join(10)


def test_a_stream_is_not_held_back():
    """The server sends its second piece only after the first was read here."""
    read = threading.Event()

    def pieces():
        yield b"data: one\n\n"
        yield b"data: two\n\n" if read.wait(10) else b"data: held back\n\n"

    async def stream(request):
        return StreamingResponse(pieces(), media_type="text/event-stream")

    with serve(Starlette(routes=[Route("/", stream)])) as port:
        with httpx.stream("GET", f"http://127.0.0.1:{port}/", timeout=20) as reply:
            chunks = reply.iter_raw()
            assert next(chunks) == b"data: one\n\n"
            read.set()
            assert next(chunks) == b"data: two\n\n"
            assert "content-security-policy" in reply.headers
        assert httpx.get(f"http://127.0.0.1:{port}/", headers={"Host": f"evil.example:{port}"}).status_code == 403
