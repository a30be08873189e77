"""HTTP/1.1 with keep-alive on threads, and a stop that loses no request."""

import json
import socket
import socketserver
import sys
import threading
import traceback
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tally.answers import USER_PATHS, Answer, error

LARGEST_BODY = 4096
DRAINED = 1 << 20

Answering = Callable[[str, str, bytes], Answer]
Striking = Callable[[socket.socket], bool]


class Server(ThreadingHTTPServer):
    """Listens from the moment it is made."""

    request_queue_size = 128
    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, answer: Answering, strikes: Striking, *, debug: bool = False) -> None:
        self.answer = answer
        self.strikes = strikes
        self.debug = debug
        self.stopping = False
        self._busy: dict[socket.socket, bool] = {}
        self._changed = threading.Condition()
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self) -> None:
        # Not HTTPServer's, which asks the name server who we are.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def stop(self, grace: float) -> int:
        """Take no more connections and finish what is in flight; returns how many were cut off. serve_forever runs elsewhere."""
        self.shutdown()
        self._accept_the_queue()
        self.server_close()
        with self._changed:
            self.stopping = True
            for connection, busy in self._busy.items():
                if not busy:
                    # A request that has already arrived is still read and answered; then the thread finds the end.
                    _stop_reading(connection)
            self._changed.wait_for(lambda: not self._busy, grace)
            return len(self._busy)

    def mark(self, connection: socket.socket, *, busy: bool) -> None:
        with self._changed:
            self._busy[connection] = busy

    def process_request(self, request: socket.socket, client_address: object) -> None:
        self.mark(request, busy=False)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:
        with self._changed:
            self._busy.pop(request, None)
            self._changed.notify_all()
        super().shutdown_request(request)

    def handle_error(self, *_: object) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            traceback.print_exc()

    def _accept_the_queue(self) -> None:
        """Those whose connection the kernel has completed would otherwise see a reset."""
        self.socket.setblocking(False)
        while True:
            try:
                connection, address = self.get_request()
            except OSError:
                return
            connection.setblocking(True)
            self.process_request(connection, address)


def _stop_reading(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RD)
    except OSError:
        return  # the other side was quicker


class Handler(BaseHTTPRequestHandler):
    """One connection: reads requests, asks `answer`, writes JSON."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 75  # well above the idle timeout of any proxy in front, or its POSTs race our closing
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave in one packet

    def handle_one_request(self) -> None:
        super().handle_one_request()
        self.server.mark(self.connection, busy=False)
        if self.server.stopping and not self.close_connection:
            _stop_reading(self.connection)

    def parse_request(self) -> bool:
        self.server.mark(self.connection, busy=True)
        return super().parse_request()

    def serve(self) -> None:
        try:
            answer = self._answer()
        except (ConnectionError, TimeoutError):
            raise
        except Exception:  # whatever it was, the user gets a sentence and the log gets the traceback
            traceback.print_exc()
            answer = error(HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong here; it has been logged")
        self._send(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = serve  # noqa: N815 - http.server's names

    def _answer(self) -> Answer:
        body = self._body()
        if isinstance(body, Answer):
            return body
        path = self.path.partition("?")[0]
        if path in USER_PATHS and self.server.strikes(self.connection):
            return error(HTTPStatus.INTERNAL_SERVER_ERROR, "this version is not well")
        return self.server.answer(self.command, path, body)

    def _body(self) -> bytes | Answer:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            return error(HTTPStatus.LENGTH_REQUIRED, "send a Content-Length")
        if not (length.isascii() and length.isdecimal()):
            self.close_connection = True
            return error(HTTPStatus.BAD_REQUEST, "Content-Length must be a number")
        if int(length) > LARGEST_BODY:
            self.close_connection = True
            # Closing on unread bytes sends a reset, which can overtake the answer.
            self.rfile.read(min(int(length), DRAINED))
            return error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {LARGEST_BODY} bytes")
        return self.rfile.read(int(length))

    def _send(self, answer: Answer) -> None:
        body = json.dumps(answer.content).encode() + b"\n"
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if answer.allow:
            self.send_header("Allow", answer.allow)
        if self.close_connection or self.server.stopping:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, *_: object) -> None:
        """http.server's own complaints (a bad request line, too many headers), as JSON as well."""
        self.close_connection = True
        # Until it has read a version it takes the caller for HTTP/0.9, which gets a body and no head.
        self.request_version = self.protocol_version
        self._send(error(HTTPStatus(code), message or HTTPStatus(code).phrase))

    def version_string(self) -> str:
        return "tally"

    def log_message(self, format: str, *args: object) -> None:
        if self.server.debug:
            super().log_message(format, *args)
