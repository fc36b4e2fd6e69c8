"""Three brokers and a controller of their own: every topic has three copies, and two must have what is acknowledged."""
import concurrent.futures
import os
import signal
from typing import Callable

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, NewTopic
from harness.broker import Broker, free_port
from harness.topics import Topics
from harness.waiting import wait_until

BROKER_HEAP, CONTROLLER_HEAP = "384m", "256m"
# For the controller too: it makes the topics.
COPIES = {"default.replication.factor": "3", "min.insync.replicas": "2", "offsets.topic.replication.factor": "3",
          "transaction.state.log.replication.factor": "3", "transaction.state.log.min.isr": "2"}
# A busy machine must not look like a dead broker.
PATIENCE = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500", "replica.lag.time.max.ms": "3000",
            "log.cleaner.dedupe.buffer.size": "16777216"}
SECONDS, ANSWER_S = 30, 5


class Cluster:
    """Brokers by their id, 1 to 3. `bootstrap` names all three. Owned by a test module."""

    def __init__(self, name: str):
        controller = free_port()
        self._controller = Broker.start(f"{name}-controller", {
            **PATIENCE, **COPIES, "process.roles": "controller", "node.id": "100",
            "listeners": f"CONTROLLER://127.0.0.1:{controller}", "advertised.listeners": f"CONTROLLER://127.0.0.1:{controller}",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}"}, "--heap", CONTROLLER_HEAP)

        def start(node: int) -> Broker:
            return Broker.start(f"{name}-{node}", {
                **PATIENCE, **COPIES, "process.roles": "broker", "node.id": str(node),
                "listeners": "PLAINTEXT://127.0.0.1:@PORT@",
                "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}"}, "--heap", BROKER_HEAP)
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            self.brokers = dict(zip((1, 2, 3), pool.map(start, (1, 2, 3))))
        self.bootstrap = ",".join(broker.bootstrap for broker in self.brokers.values())
        self.topics = Topics(self.bootstrap)
        self._frozen: set[int] = set()

    def create(self, topic: str, partitions: int) -> str:
        admin = AdminClient(self.topics.properties)
        admin.create_topics([NewTopic(topic, partitions, 3)])[topic].result(SECONDS)
        wait_until(lambda: self.topics.partitions(topic) == partitions and min(map(len, self.in_sync(topic).values())) == 3,
                   SECONDS, f"{topic} has three copies")
        return topic

    # --- Who leads what

    def _describe(self, topic: str) -> list:
        return self._ask(lambda admin: admin.describe_topics(TopicCollection([topic]), request_timeout=ANSWER_S)[topic]).partitions

    def _ask(self, request: Callable[[AdminClient], concurrent.futures.Future]) -> object:
        """The answer, whichever broker gives it. A client of its own each time: one that knew a broker as the controller
        waits for that broker alone after its death."""
        def attempt() -> object | None:
            admin = AdminClient(self.topics.properties)
            try:
                return request(admin).result(2 * ANSWER_S)
            except (KafkaException, TimeoutError):
                return None
        return wait_until(attempt, SECONDS, "a broker answers", every=0.3)

    def leaders(self, topic: str) -> dict[int, int]:
        return {part.id: part.leader.id if part.leader else -1 for part in self._describe(topic)}

    def in_sync(self, topic: str) -> dict[int, list[int]]:
        return {part.id: [node.id for node in part.isr] for part in self._describe(topic)}

    def group_coordinator(self, group: str) -> int:
        return self._ask(lambda admin: admin.describe_consumer_groups([group], request_timeout=ANSWER_S)[group]).coordinator.id

    def await_whole(self, *topics: str) -> None:
        """Every partition has three copies in sync again."""
        def whole() -> bool:
            return all(len(copies) == 3 for topic in topics for copies in self.in_sync(topic).values())
        wait_until(whole, 2 * SECONDS, f"all copies of {topics} are in sync", every=0.3)

    # --- Faults

    def kill(self, node: int) -> None:
        self.brokers[node].kill()

    def restart(self, node: int) -> None:
        self.brokers[node].restart()

    def freeze(self, node: int) -> None:
        os.kill(self.brokers[node].pid(), signal.SIGSTOP)
        self._frozen.add(node)

    def thaw(self, node: int) -> None:
        os.kill(self.brokers[node].pid(), signal.SIGCONT)
        self._frozen.discard(node)

    def mend(self) -> None:
        """All brokers run again."""
        for node in list(self._frozen):
            self.thaw(node)
        for broker in self.brokers.values():
            broker.restart()

    def remove(self) -> None:
        for node in list(self._frozen):
            self.thaw(node)
        for broker in [*self.brokers.values(), self._controller]:
            broker.kill()
            broker.remove()
