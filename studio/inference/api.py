"""The routes of the inference server; every error is JSON with one sentence."""

import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.concurrency import iterate_in_threadpool
from starlette.exceptions import HTTPException

from studio.errors import StudioError
from studio.inference.guard import Guard
from studio.inference.requests import TwinsRequest, describe_faults
from studio.inference.rounds import Round
from studio.inference.service import Busy, NotReady, Service


def build_api(service: Service, token: str, port: int) -> Guard:
    """The server's ASGI application, behind its guard."""
    api = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    add_errors(api)

    @api.get("/health")
    def health() -> dict:
        return service.health()

    @api.post("/twins")
    def twins(request: TwinsRequest) -> StreamingResponse:
        return StreamingResponse(write_lines(service.start_round(request)), media_type="application/x-ndjson")

    @api.post("/stop")
    def stop() -> dict:
        return {"stopped": service.stop()}

    return Guard(api, token, port)


async def write_lines(round_: Round) -> AsyncIterator[str]:
    """The round's lines; a reader who leaves ends it."""
    try:
        async for line in iterate_in_threadpool(round_.lines()):
            yield json.dumps(line, ensure_ascii=False) + "\n"
    finally:
        round_.cancelled.set()


def add_errors(api: FastAPI) -> None:
    """Every kind of failure as {"error": sentence}."""

    @api.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        faults = [{**fault, "loc": fault["loc"][1:]} for fault in error.errors()]  # the first is always "body"
        return JSONResponse({"error": describe_faults(faults)}, 422)

    @api.exception_handler(StudioError)
    def refused(_: Request, error: StudioError) -> JSONResponse:
        status = 409 if isinstance(error, Busy) else 503 if isinstance(error, NotReady) else 400
        return JSONResponse({"error": str(error)}, status)

    @api.exception_handler(HTTPException)
    def unknown(request: Request, error: HTTPException) -> JSONResponse:
        sentence = f"{request.method} {request.url.path[:80]} cannot be answered: {error.detail}."
        return JSONResponse({"error": sentence}, error.status_code)

    @api.exception_handler(Exception)
    def failed(_: Request, error: Any) -> JSONResponse:
        return JSONResponse({"error": "The inference server failed unexpectedly. Its log says more."}, 500)
