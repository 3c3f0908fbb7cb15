"""The HTTP side of the reading list: requests in, JSON out."""

from __future__ import annotations

import json
import os

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from store import Store

store = Store(os.environ.get("READING_LIST_DB", "reading-list.sqlite3"))


async def health(request: Request) -> Response:
    """Say that the process answers and the database can be read."""
    return JSONResponse({"status": "ok", "items": await run_in_threadpool(store.count)})


async def list_items(request: Request) -> Response:
    """List the items, newest first; ``?unread=1`` leaves out what has been read."""
    unread = request.query_params.get("unread") in {"1", "true", "yes"}
    return JSONResponse(await run_in_threadpool(store.all, unread))


async def add_item(request: Request) -> Response:
    """Add an item given as ``{"title": ..., "url": ...}``; the URL may be missing."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        return JSONResponse({"error": "the body is not JSON"}, status_code=400)
    title = body.get("title") if isinstance(body, dict) else None
    if not isinstance(title, str) or not title.strip():
        return JSONResponse({"error": "a title is required"}, status_code=422)
    item = await run_in_threadpool(store.add, title.strip(), str(body.get("url") or ""))
    return JSONResponse(item, status_code=201)


async def mark_read(request: Request) -> Response:
    """Mark one item as read."""
    item = await run_in_threadpool(store.mark_read, request.path_params["item_id"])
    if item is None:
        return JSONResponse({"error": "no such item"}, status_code=404)
    return JSONResponse(item)


app = Starlette(
    routes=[
        Route("/health", health),
        Route("/items", list_items, methods=["GET"]),
        Route("/items", add_item, methods=["POST"]),
        Route("/items/{item_id:int}/read", mark_read, methods=["POST"]),
    ]
)
