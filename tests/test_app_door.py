"""The studio's own routes behind the guard, and what its page asks for in a browser."""

import asyncio
import os
import re
from collections import Counter
from urllib.parse import urlsplit

import gradio as gr
import httpx
import pytest

from studio.home import open_home
from tests.browser import open_browser, run_app

PORT = 7860
TABS = ("Data", "Template", "Model", "Train", "Compare")


def build_guarded(tmp_path, monkeypatch, **environ):
    """The whole app as it is served."""
    import app

    for name in ("SPACE_ID", "STUDIO_LOGIN", "STUDIO_HOSTS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    services = app.build_services(open_home(tmp_path))
    monkeypatch.setattr(app, "build_theme", lambda: None)  # takes a second, and has no routes
    try:
        return app.build_server(app.build_app(services.home, services), "127.0.0.1", PORT)
    finally:
        app.close_services(services)


def list_routes(routes) -> set[tuple[str, str]]:
    """(method, path) of every route, of mounted applications and included routers too, parameters filled in."""
    found = set()
    for route in routes:
        path = re.sub(r"{[^}]+}", "x", getattr(route, "path", None) or "/")
        found |= {(method, path) for method in getattr(route, "methods", None) or ()}
        inner = getattr(route, "original_router", route)  # FastAPI keeps an included router whole
        found |= list_routes(getattr(inner, "routes", None) or ())
    return found


def statuses(guard, routes, **headers) -> dict[tuple[str, str], int]:
    async def ask_all():
        transport = httpx.ASGITransport(guard, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{PORT}") as client:
            return {(way, path): (await client.request(way, path, headers=headers)).status_code for way, path in routes}

    return asyncio.run(ask_all())


def test_no_route_answers_without_the_login(tmp_path, monkeypatch):
    guard = build_guarded(tmp_path, monkeypatch, STUDIO_LOGIN="ann:long enough")
    routes = list_routes(guard.app.routes)
    assert len(routes) > 30 and any("queue" in path for _, path in routes)
    found = statuses(guard, routes)
    assert not {route: status for route, status in found.items() if status != 401}


def test_no_route_answers_a_foreign_page(tmp_path, monkeypatch):
    guard = build_guarded(tmp_path, monkeypatch)
    routes = list_routes(guard.app.routes)
    for headers in ({"Origin": "http://evil.example"}, {"Host": f"evil.example:{PORT}"}):
        found = statuses(guard, routes, **headers)
        assert not {route: status for route, status in found.items() if status != 403}


NOWHERE = {
    "HF_ENDPOINT": "http://127.0.0.1:9",
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": "",
    "PIP_CONFIG_FILE": os.devnull,
}


@pytest.mark.browser
def test_the_page_asks_no_other_host_for_anything(tmp_path, monkeypatch):
    """Nor does its policy stand in the page's own way."""
    for name, value in NOWHERE.items():  # the studio too shall find no other host
        monkeypatch.setenv(name, value)
    hosts, complaints = set(), []
    with run_app(tmp_path, tmp_path / "app.log") as address, open_browser() as browser:
        page = browser.new_page()
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address, wait_until="commit", timeout=60_000)
        for name in TABS:
            page.get_by_role("tab", name=name, exact=True).click(timeout=60_000)
            page.wait_for_timeout(1500)
    assert hosts - {""} == {urlsplit(address).netloc}  # data: and blob: have no host
    assert not [text for text in complaints if "Content Security Policy" in text or "Error" in text]


def test_an_event_has_at_most_one_listener_that_takes_the_last_of_many(tmp_path):
    """Two of them can keep each other going for ever (FOLLOWING in components/shared.py)."""
    import app

    services = app.build_services(open_home(tmp_path))
    page = app.build_app(services.home, services)
    app.close_services(services)
    waiting = Counter(
        target
        for listener in page.fns.values()
        if listener.trigger_mode == "always_last"
        for target in listener.targets
        if not isinstance(page.blocks.get(target[0]), gr.State)  # a State's change asks one listener again, not all
    )
    assert len(waiting) > 20
    assert set(waiting.values()) == {1}
