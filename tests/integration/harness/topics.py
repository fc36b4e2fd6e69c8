"""Topics as an independent client sees them."""
import dataclasses
import time
from typing import Iterable

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, TopicMetadata

from .waiting import wait_until

TIMEOUT_S, ANSWER_S = 20, 5
# What a broker under load says of a topic that was made a moment ago, and the client of one that it has not seen yet.
NOT_YET = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.UNKNOWN_TOPIC_OR_PART,
           KafkaError._UNKNOWN_PARTITION, KafkaError._UNKNOWN_TOPIC)


@dataclasses.dataclass(frozen=True)
class Record:
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    headers: tuple[tuple[str, bytes | None], ...] = ()

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key == name]
        return values[-1].decode() if values and values[-1] is not None else None


class Topics:
    """Everything these tests do with a cluster beside the engine. Every call ends within a deadline."""

    def __init__(self, bootstrap: str, **properties: str):
        self.bootstrap = bootstrap
        # A broker that hangs is given up for another.
        self.properties = {"bootstrap.servers": bootstrap, "log_level": 2, "socket.timeout.ms": 5_000, **properties}
        self.admin = AdminClient(self.properties)

    def create(self, topic: str, partitions: int = 2, **settings: str) -> str:
        """Settings are written with _ for the dots."""
        config = {name.replace("_", "."): value for name, value in settings.items()}
        self.admin.create_topics([NewTopic(topic, partitions, 1, config=config)])[topic].result(TIMEOUT_S)
        # The answer may come before every client can see the topic.
        wait_until(lambda: self.partitions(topic) == partitions, TIMEOUT_S, f"{topic} exists")
        return topic

    def partitions(self, topic: str) -> int:
        """0 when there is no such topic. Lists all topics: asking for one by name may create it."""
        found = self._all().get(topic)
        return len(found.partitions) if found else 0

    def names(self) -> set[str]:
        return set(self._all())

    def _all(self) -> dict[str, TopicMetadata]:
        """By a new client when this one gets no answer: it may be asking a broker that hangs."""
        def ask() -> dict[str, TopicMetadata] | None:
            try:
                return self.admin.list_topics(timeout=ANSWER_S).topics
            except KafkaException:
                self.admin = AdminClient(self.properties)
                return None
        return wait_until(ask, TIMEOUT_S, "a broker lists its topics")

    def producer(self, **properties: object) -> "Feeder":
        return Feeder({**self.properties, **{k.replace("_", "."): v for k, v in properties.items()}})

    def ends(self, topic: str, isolation: str = "read_uncommitted") -> dict[int, int]:
        consumer = self._consumer(isolation)
        try:
            return {p: _bounds(consumer, TopicPartition(topic, p))[1] for p in range(self.partitions(topic))}
        finally:
            consumer.close()

    def read(self, topic: str, isolation: str = "read_committed", seconds: float = 60) -> list[Record]:
        """All records of the topic, per partition in offset order. `seconds`: how long nothing may come."""
        count = self.partitions(topic)
        consumer = self._consumer(isolation)
        found: list[list[Record]] = [[] for _ in range(count)]
        ended: set[int] = set()
        deadline = time.monotonic() + seconds
        try:
            # From offsets that are known: the client looks for the beginning only half a second later.
            consumer.assign([TopicPartition(topic, p, _bounds(consumer, TopicPartition(topic, p))[0]) for p in range(count)])
            while len(ended) < count:
                if time.monotonic() > deadline:
                    raise AssertionError(f"nothing came of {topic} for {seconds:g} s, and it is not read to its end; "
                                         f"partitions {sorted(set(range(count)) - ended)} are open")
                messages = consumer.consume(10_000, 0.05)
                if messages:
                    deadline = time.monotonic() + seconds
                for message in messages:
                    error = message.error()
                    if error is None:
                        found[message.partition()].append(_record(message))
                    elif error.code() == KafkaError._PARTITION_EOF:
                        ended.add(message.partition())
                    else:
                        raise KafkaException(error)
        finally:
            consumer.close()
        return [record for records in found for record in records]

    def committed(self, group: str, topic: str) -> dict[int, int]:
        """Committed offset per partition; -1 where there is none or nobody answers yet."""
        partitions = [TopicPartition(topic, p) for p in range(self.partitions(topic))]
        # Not the admin client: its list_consumer_group_offsets crashes while the coordinator is loading.
        consumer = Consumer({**self.properties, "group.id": group})
        try:
            return {part.partition: max(part.offset, -1) for part in consumer.committed(partitions, timeout=TIMEOUT_S)}
        except KafkaException:
            return {part.partition: -1 for part in partitions}
        finally:
            consumer.close()

    def has_read_all(self, group: str, topic: str) -> bool:
        """True when the group has committed the end of the topic."""
        ends = self.ends(topic)
        committed = self.committed(group, topic)
        return all(end == 0 or committed.get(p, -1) >= end for p, end in ends.items())

    def wait_read(self, group: str, topic: str, seconds: float = 60) -> None:
        try:
            wait_until(lambda: self.has_read_all(group, topic), seconds, "", every=0.2)
        except AssertionError:
            raise AssertionError(f"{group} has not read {topic} within {seconds:g} s: committed "
                                 f"{self.committed(group, topic)} of {self.ends(topic)}") from None

    def assert_nothing_pending(self, *topics: str, seconds: float = 25) -> None:
        """No transaction is left open: the last stable offset reaches the end."""
        for topic in topics:
            wait_until(lambda: self.ends(topic, "read_committed") == self.ends(topic), seconds,
                       f"{topic} has no open transaction")

    def assert_those_of_now_end(self, *topics: str, seconds: float) -> None:
        """Every transaction of now ends, while others may begin: readers at read_committed get as far as the topics go now."""
        written = {topic: self.ends(topic) for topic in topics}

        def short() -> list[str]:
            return [f"{topic}[{p}] can be read to {stable} of {written[topic][p]}" for topic in topics
                    for p, stable in self.ends(topic, "read_committed").items() if stable < written[topic][p]]
        try:
            wait_until(lambda: not short(), seconds, "", every=0.2)
        except AssertionError:
            if left := short():
                raise AssertionError(f"transactions have not ended within {seconds:g} s: {', '.join(left)}") from None

    def _consumer(self, isolation: str) -> Consumer:
        return Consumer({**self.properties, "group.id": "test-reader", "enable.auto.commit": False,
                         "enable.partition.eof": True, "isolation.level": isolation, "fetch.wait.max.ms": 50,
                         "auto.offset.reset": "earliest"})


class Feeder:
    """A producer that fails a test when a delivery fails."""

    def __init__(self, properties: dict[str, object]):
        self._failed: list[str] = []
        self._producer = Producer({"enable.idempotence": True, "linger.ms": 20, "partitioner": "murmur2_random",
                                   "queue.buffering.max.messages": 500_000, **properties})

    def send(self, topic: str, key: bytes | None, value: bytes | None, **more: object) -> None:
        while True:
            try:
                self._producer.produce(topic, value=value, key=key, on_delivery=self._delivered, **more)
                return
            except BufferError:
                self._producer.poll(0.1)

    def send_all(self, topic: str, records: Iterable[tuple[bytes | None, bytes | None]]) -> None:
        for i, (key, value) in enumerate(records):
            self.send(topic, key, value)
            if i % 10_000 == 0:
                self._producer.poll(0)
        self.flush()

    def flush(self) -> None:
        left = self._producer.flush(120)
        if left or self._failed:
            raise AssertionError(f"{left} records not delivered, failures: {self._failed[:3]}")

    def _delivered(self, error: KafkaError | None, _message: object) -> None:
        if error is not None:
            self._failed.append(str(error))


def _bounds(consumer: Consumer, partition: TopicPartition) -> tuple[int, int]:
    """First offset and end. The broker of a topic made a moment ago may not know yet that it leads it."""
    def ask() -> tuple[int, int] | None:
        try:
            return consumer.get_watermark_offsets(partition, timeout=TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].code() not in NOT_YET:
                raise
            return None
    return wait_until(ask, TIMEOUT_S, f"{partition} has a leader")


def _record(message) -> Record:
    headers = tuple(message.headers() or ())
    return Record(message.partition(), message.offset(), message.key(), message.value(), message.timestamp()[1], headers)
