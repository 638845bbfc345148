"""A local web server that answers as a test tells it to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """What is answered at one path: `cuts[i]` is the number of bytes after which the i-th answer breaks off."""

    data: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    says_length: bool = True


class Server:
    """Pages by path, and the requests that came, as (path, Range header, If-Range header)."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.pages: dict[str, Page] = {}
        self.requests: list[tuple[str, str | None, str | None]] = []

    def url(self, path: str) -> str:
        return f"{self.address}/{path}"


@contextmanager
def serve() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(ConnectionError):  # the other side may have heard enough
                answer(self, server)

        def log_message(self, format: str, *args: object) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{web.server_address[1]}")
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        web.shutdown()
        web.server_close()
        thread.join()


def answer(request: BaseHTTPRequestHandler, server: Server) -> None:
    wanted, condition = request.headers.get("Range"), request.headers.get("If-Range")
    server.requests.append((request.path[1:], wanted, condition))
    page = server.pages.get(request.path[1:], Page(b"nothing here", 404))
    status, headers, body = page.status, dict(page.headers), page.data
    unchanged = condition in (None, headers.get("ETag"), headers.get("Last-Modified"))
    if status == 200 and page.ranges and wanted and unchanged:
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= len(body):
            status, headers["Content-Range"], body = 416, f"bytes */{len(page.data)}", b""
        else:
            status, headers["Content-Range"] = 206, f"bytes {start}-{len(body) - 1}/{len(body)}"
            body = body[start:]
    request.send_response(status)
    if page.says_length:
        headers.setdefault("Content-Length", str(len(body)))
    for name, value in headers.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body[: page.cuts.pop(0)] if page.cuts else body)
