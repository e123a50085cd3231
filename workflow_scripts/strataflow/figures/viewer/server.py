"""The server of the viewer: for this machine only, and for nothing but the viewer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bokeh.application import Application
from bokeh.application.handlers import FunctionHandler
from bokeh.document import Document
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets

from ...errors import StrataflowError
from ...volume.attributes import PROBABILITY
from .colours import Colours
from .folder import Prediction
from .page import Page, drawn_panels
from .panel import Panel
from .places import values_at
from .printing import printed
from .scene import scene_of, section_of, viewer_page
from .view import View, changed, first_view

HOST = "127.0.0.1"

# Seconds from the opening of a page until the panels of the next one are made.
PAUSE = 5


class _Loopback(BokehTornado):
    """Answers only requests for localhost, to prevent DNS rebinding."""

    def find_handler(self, request: Any, **more: Any) -> Any:
        """Return the handler of a request, or refuse it with status 403."""
        if request.host_name not in ("localhost", HOST):
            return self.get_handler_delegate(request, web.ErrorHandler, {"status_code": 403})
        return super().find_handler(request, **more)


class _Answer(web.RequestHandler):
    """Answers with what a function makes of the view in the address, in a thread of its own."""

    def initialize(self, make: Callable[[dict[str, str]], bytes], kind: str) -> None:
        """Take the function and the media type of its answer."""
        self.make, self.kind = make, kind

    def prepare(self) -> None:
        """Refuse requests that a page of another site makes the browser send."""
        if self.request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            raise web.HTTPError(403)

    async def get(self) -> None:
        """Answer a request."""
        given = {name: self.get_argument(name) for name in self.request.arguments}
        try:
            body = await IOLoop.current().run_in_executor(None, self.make, given)
        except (StrataflowError, ValueError, KeyError) as error:
            self.set_status(400)
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(" ".join(str(error).split()))
            return
        self.set_header("Content-Type", self.kind)
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.finish(body)


def make_server(
    prediction: Prediction, port: int, probability: float = PROBABILITY
) -> tuple[BaseServer, int]:
    """Create the server of the viewer on the loopback interface, without starting it.

    Args:
        prediction: Volumes and picks.
        port: Port, or 0 for any free port.
        probability: Initial minimum fault probability.

    Returns:
        The server and its port.

    Raises:
        StrataflowError: The port is in use.
    """
    try:
        sockets = bind_sockets(port, HOST)
    except OSError as error:
        raise StrataflowError(f"--port: {port}: {error.strerror}; choose another port") from error
    port = sockets[0].getsockname()[1]
    colours, start = Colours(prediction.volumes), first_view(prediction, probability)

    # Panels of the next page, made when the server is idle.
    ready: list[list[Panel]] = []

    def prepare() -> None:
        if not ready:
            ready.append(drawn_panels(prediction, colours, start))

    def open_page(document: Document) -> None:
        view, notes = changed(start, _given(document), prediction)
        Page(prediction, colours, document, view, start, notes, ready.pop() if ready else None)
        IOLoop.current().call_later(PAUSE, prepare)

    def viewed(given: dict[str, str]) -> View:
        return changed(start, given, prediction)[0]

    def values(given: dict[str, str]) -> bytes:
        numbers = [float(given[name]) for name in ("inline", "crossline", "vertical")]
        return json.dumps(values_at(prediction, (numbers[0], numbers[1], numbers[2]))).encode()

    def section(given: dict[str, str]) -> bytes:
        panel = given.pop("panel", "")
        return section_of(prediction, colours, viewed(given), panel)

    answers: dict[str, tuple[Callable[[dict[str, str]], bytes], str]] = {
        "/values": (values, "application/json"),
        "/picture.png": (lambda g: printed(prediction, colours, viewed(g)), "image/png"),
        "/section.json": (section, "application/json"),
        "/scene.zip": (lambda g: scene_of(prediction, viewed(g)), "application/zip"),
        "/scene": (lambda g: viewer_page(prediction, viewed(g)), "text/html; charset=utf-8"),
    }
    routes = [
        (path, _Answer, {"make": make, "kind": kind}) for path, (make, kind) in answers.items()
    ]
    names = [f"{host}:{port}" for host in ("localhost", HOST)]
    application = Application(FunctionHandler(open_page))
    tornado = _Loopback({"/": application}, extra_patterns=routes, extra_websocket_origins=names)
    IOLoop.current().add_callback(prepare)
    http = HTTPServer(tornado)
    http.add_sockets(sockets)
    return BaseServer(IOLoop.current(), tornado, http), port


def _given(document: Document) -> dict[str, str]:
    """Values in the address of the page."""
    context = document.session_context
    arguments = context.request.arguments if context and context.request else {}
    return {name: values[-1].decode(errors="replace") for name, values in arguments.items()}
