"""What stand-ins of services on loopback have in common: a server that answers with JSON, and fails on request."""
import abc
import http.server
import json
import random
import threading


class Loopback(abc.ABC):
    """`failing`: the share of requests that get one of `failures`; 1 takes nothing. Subclasses answer the others."""
    failures = (429, 503)

    def __init__(self, seed: int):
        self.failing, self.requests = 0.0, 0
        self._chance = random.Random(seed)
        self._lock = threading.RLock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    def __enter__(self) -> "Loopback":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @abc.abstractmethod
    def answer(self, method: str, target: str, token: str, body: bytes) -> tuple[int, dict]:
        """Status and answer to a request. `target`: path and query. `token`: of the Authorization header. Called under the lock."""

    def respond(self, method: str, target: str, token: str, body: bytes) -> tuple[int, dict]:
        with self._lock:
            self.requests += 1
            if self._chance.random() < self.failing:
                return self._chance.choice(self.failures), {}
            return self.answer(method, target, token, body)

    def _handler(self) -> type:
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self) -> None:
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, answer = service.respond(self.command, self.path, token, sent)
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_DELETE = respond

            def log_message(self, *_: object) -> None:
                pass
        return Handler
