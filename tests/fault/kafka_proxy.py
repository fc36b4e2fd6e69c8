"""A TCP proxy before a Kafka broker that loses or delays single requests and responses by their API.

A client reaches the broker only through it: the broker advertises the proxy's address for one of its listeners.
"""
import dataclasses
import enum
import socket
import ssl
import struct
import threading

from harness.broker import Broker, free_port
from harness.waiting import wait_until

API_KEYS = {"Produce": 0, "Fetch": 1, "OffsetCommit": 8, "OffsetFetch": 9, "JoinGroup": 11, "Heartbeat": 12, "SyncGroup": 14,
            "InitProducerId": 22, "AddPartitionsToTxn": 24, "AddOffsetsToTxn": 25, "EndTxn": 26, "TxnOffsetCommit": 28}


class Fault(enum.Enum):
    """What happens to one exchange. The client's connection is cut at once, except when something comes late or is garbage."""
    LOSE_REQUEST = "the broker never sees the request"
    LOSE_RESPONSE = "the broker does what was asked, and the client never learns it"
    LATE_REQUEST = "the broker sees the request only later, when the client has long given it up"
    HOLD_RESPONSE = "the response comes late"
    TRICKLE_RESPONSE = "the response comes byte by byte, as long as `seconds`"
    GARBAGE_RESPONSE = "the response has other bytes, at its right length"
    TRUNCATE_RESPONSE = "the connection is cut in the middle of the response"
    RESET = "the connection is reset instead of a response"


@dataclasses.dataclass
class Plan:
    """`times` exchanges of `api` are spoiled, after `spare` good ones. What is late waits for `release`, at most `seconds`."""
    api: str
    fault: Fault
    times: int = 1
    spare: int = 0
    seconds: float = 0.0
    release: threading.Event = dataclasses.field(default_factory=threading.Event)
    fired: int = 0
    late_delivered: int = 0


class KafkaProxy:
    """Forwards 127.0.0.1:`port` to 127.0.0.1:`upstream`. Any thread; `close` ends all connections. With `tls`, which may change,
    new connections of clients are encrypted; those that fail the handshake are counted in `refused`."""

    def __init__(self, port: int, upstream: int):
        self.port, self.upstream = port, upstream
        self.tls: ssl.SSLContext | None = None
        self.refused = 0
        self._lock = threading.Lock()
        self._plans: list[Plan] = []
        self._open: set[socket.socket] = set()
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", port), reuse_port=False)
        threading.Thread(target=self._accept, daemon=True).start()

    def spoil(self, plan: Plan) -> Plan:
        assert plan.api in API_KEYS, f"the proxy knows no API {plan.api}"
        with self._lock:
            self._plans.append(plan)
        return plan

    def clear(self) -> None:
        """No more faults; what waits goes on."""
        with self._lock:
            for plan in self._plans:
                plan.release.set()
            self._plans.clear()

    def close(self) -> None:
        self._closed.set()
        self._listener.close()
        with self._lock:
            for plan in self._plans:
                plan.release.set()
        self.cut()

    def cut(self) -> None:
        """Ends all connections of now."""
        with self._lock:
            for end in self._open:
                _shut(end)

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
                broker = socket.create_connection(("127.0.0.1", self.upstream))
            except OSError:
                continue
            threading.Thread(target=self._serve, args=(client, broker), daemon=True).start()

    def _serve(self, client: socket.socket, broker: socket.socket) -> None:
        try:
            client = self.tls.wrap_socket(client, server_side=True) if self.tls else client
        except OSError:
            with self._lock:
                self.refused += 1
            return self.forget(client, broker)
        with self._lock:
            self._open |= {client, broker}
        exchange = _Connection(self, client, broker)
        threading.Thread(target=exchange.forward_requests, daemon=True).start()
        exchange.forward_responses()

    def take(self, api_key: int) -> Plan | None:
        """The plan that spoils this request, if any."""
        with self._lock:
            for plan in self._plans:
                if API_KEYS[plan.api] != api_key or plan.fired >= plan.times:
                    continue
                if plan.spare > 0:
                    plan.spare -= 1
                    continue
                plan.fired += 1
                return plan
        return None

    def count_late(self, plan: Plan) -> None:
        """The broker has answered one of its late requests."""
        with self._lock:
            plan.late_delivered += 1

    def forget(self, *ends: socket.socket) -> None:
        with self._lock:
            self._open -= set(ends)
        for end in ends:
            _shut(end)


class _Connection:
    """One client connection and its twin to the broker; responses come in the order of requests."""

    def __init__(self, proxy: KafkaProxy, client: socket.socket, broker: socket.socket):
        self._proxy, self._client, self._broker = proxy, client, broker
        self._lock = threading.Lock()
        self._pending: dict[int, Plan] = {}  # by correlation id
        self._answered = threading.Event()   # nothing more will come from the broker

    def forward_requests(self) -> None:
        try:
            while (frame := _read_frame(self._client)) is not None:
                api_key, _, correlation = struct.unpack(">hhi", frame[4:12])
                plan = self._proxy.take(api_key)
                if plan is None:
                    self._broker.sendall(frame)
                elif plan.fault is Fault.LOSE_REQUEST:
                    break
                elif plan.fault is Fault.LATE_REQUEST:
                    self._deliver_late(plan, correlation, frame)
                    break
                else:
                    with self._lock:
                        self._pending[correlation] = plan
                    self._broker.sendall(frame)
        except OSError:
            pass
        self._proxy.forget(self._client, self._broker)

    def forward_responses(self) -> None:
        try:
            while (frame := _read_frame(self._broker)) is not None:
                (correlation,) = struct.unpack(">i", frame[4:8])
                with self._lock:
                    plan = self._pending.pop(correlation, None)
                if plan is not None and plan.fault is Fault.LATE_REQUEST:
                    self._proxy.count_late(plan)
                    break
                if plan is None:
                    self._client.sendall(frame)
                elif not self._spoil_response(plan, frame):
                    break
        except OSError:
            pass
        self._answered.set()
        self._proxy.forget(self._client, self._broker)

    def _spoil_response(self, plan: Plan, frame: bytes) -> bool:
        """False: the connection ends here."""
        match plan.fault:
            case Fault.HOLD_RESPONSE:
                plan.release.wait(plan.seconds)
                self._client.sendall(frame)
            case Fault.TRICKLE_RESPONSE:
                for at in range(len(frame)):
                    self._client.sendall(frame[at:at + 1])
                    plan.release.wait(plan.seconds / len(frame))
            case Fault.GARBAGE_RESPONSE:
                self._client.sendall(frame[:4] + bytes(byte ^ 0xA5 for byte in frame[4:]))
            case Fault.TRUNCATE_RESPONSE:
                self._client.sendall(frame[:len(frame) // 2 + 1])
                return False
            case Fault.RESET:
                self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._client.close()
                return False
            case _:
                return False
        return True

    def _deliver_late(self, plan: Plan, correlation: int, frame: bytes) -> None:
        _shut(self._client)
        plan.release.wait(plan.seconds)
        with self._lock:
            self._pending[correlation] = plan
        self._broker.sendall(frame)
        self._answered.wait(10)


class ProxiedBroker:
    """A broker of its own with two listeners: `broker.bootstrap` is direct, `bootstrap` leads through `proxy`."""

    def __init__(self, name: str):
        port, behind = free_port(), free_port()
        plain = "PLAINTEXT://127.0.0.1:@PORT@"
        self.broker = Broker.start(name, {
            "listeners": f"{plain},PROXIED://127.0.0.1:{behind},CONTROLLER://127.0.0.1:@CONTROLLER_PORT@",
            "advertised.listeners": f"{plain},PROXIED://127.0.0.1:{port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT"})
        self.bootstrap = f"127.0.0.1:{port}"
        self.proxy = KafkaProxy(port, behind)

    def remove(self) -> None:
        self.proxy.close()
        self.broker.remove()


def wait_fired(plan: Plan, seconds: float = 30) -> None:
    wait_until(lambda: plan.fired >= plan.times, seconds, f"{plan.api} is spoiled {plan.times} times")


def _read_frame(end: socket.socket) -> bytes | None:
    """Size and body of one request or response; None at the end of the stream."""
    size = _read_exactly(end, 4)
    if size is None:
        return None
    body = _read_exactly(end, struct.unpack(">i", size)[0])
    return None if body is None else size + body


def _read_exactly(end: socket.socket, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        part = end.recv(count - len(parts))
        if not part:
            return None
        parts += part
    return bytes(parts)


def _shut(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    end.close()
