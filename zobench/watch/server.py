"""The server of the page: this machine only, four paths, GET only; steps are done when they are asked for."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from zobench.errors import ZobenchError
from zobench.watch.page import part, served
from zobench.watch.scene import Show

__all__ = ["Server"]

#: Steps of one answer.
CHUNK = 1000


class Server(ThreadingHTTPServer):
    """Serves one show on 127.0.0.1.

    Parameters
    ----------
    show : Show
    port : int
        0 takes a free one.

    Attributes
    ----------
    url : str

    Raises
    ------
    ZobenchError
        If the port is taken.

    Examples
    --------
    Nothing is answered before ``serve_forever``:

    >>> import zobench
    >>> from zobench.solver import solver
    >>> show = Show(zobench.problem("quadratic", dim=2), [(solver("s2p"), {})], budget=10, seed=0)
    >>> with Server(show) as server:
    ...     server.url == f"http://127.0.0.1:{server.server_port}/"
    True
    """

    daemon_threads = True

    def __init__(self, show: Show, port: int = 0):
        self.show = show
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise ZobenchError(
                f"watch: port must be a free one, got {port} ({error.strerror}); leave --port out for any"
            ) from None
        self.url = f"http://127.0.0.1:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    server_version, sys_version = "zobench", ""

    def do_GET(self) -> None:
        """Answer one of the page's own paths; everything else is not found."""
        port = self.server.server_port
        # a page elsewhere must not read this one through a name of its own that points here
        if self.headers.get("Host", "") not in (f"127.0.0.1:{port}", f"localhost:{port}"):
            self._answer(403, "text/plain", "this server answers its own machine only")
            return
        asked = urlsplit(self.path)
        show = self.server.show
        try:
            if asked.path == "/":
                self._answer(200, "text/html", served(show))
            elif asked.path in ("/watch.js", "/watch.css"):
                kind = "text/javascript" if asked.path.endswith("js") else "text/css"
                self._answer(200, kind, part(asked.path[1:]))
            elif asked.path == "/scene.json":
                self._json(200, show.scene())
            elif asked.path == "/steps.json":
                begin, end = _span(asked.query)
                self._json(200, show.steps(begin, end))
            else:
                self._json(404, {"error": "no such page"})
        except ZobenchError as error:
            self._json(400, {"error": str(error)})

    def _json(self, code: int, value: Any) -> None:
        self._answer(code, "application/json", json.dumps(value, allow_nan=False))

    def _answer(self, code: int, kind: str, text: str) -> None:
        data = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        try:
            self.wfile.write(data)
        except OSError:
            pass  # the page was closed meanwhile

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of requests."""


def _span(query: str) -> tuple[int, int]:
    """Read ``from=0&to=100``."""
    given = parse_qs(query)
    try:
        begin, end = (int(given[name][0]) for name in ("from", "to"))
    except (KeyError, ValueError):
        raise ZobenchError("steps.json: from and to must be given as whole numbers") from None
    if not 0 <= begin <= end <= begin + CHUNK:
        raise ZobenchError(f"steps.json: from and to must be at most {CHUNK} apart, got {begin} and {end}")
    return begin, end
