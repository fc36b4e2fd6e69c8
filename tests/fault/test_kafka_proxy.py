"""The proxy itself: a client behind it sees exactly the fault that was asked for."""
import pytest
from confluent_kafka import KafkaError, Producer
from harness.lab import Lab
from harness.topics import Topics
from harness.waiting import wait_until
from kafka_proxy import Fault, Plan, ProxiedBroker, wait_fired


def send_one(proxied: ProxiedBroker, topic: str, **properties: object) -> KafkaError | None:
    """The delivery's error: without retries a client learns of every fault."""
    seen: list[KafkaError | None] = []
    producer = Producer({"bootstrap.servers": proxied.bootstrap, "retries": 0, "message.timeout.ms": 5_000, "log_level": 0,
                         **properties})
    producer.produce(topic, b"x", partition=0, on_delivery=lambda error, _: seen.append(error))
    producer.flush(10)
    assert len(seen) == 1
    return seen[0]


@pytest.mark.parametrize("fault,stored", [(Fault.LOSE_REQUEST, 0), (Fault.LOSE_RESPONSE, 1)], ids=["request", "response"])
def test_what_is_lost_fails_the_client_and_only_a_lost_response_is_stored(lab: Lab, proxied: ProxiedBroker, fault: Fault,
                                                                          stored: int):
    topics = Topics(proxied.broker.bootstrap)
    topic = topics.create(f"{lab.name}-in", 1)
    plan = proxied.proxy.spoil(Plan("Produce", fault))
    assert send_one(proxied, topic) is not None
    assert plan.fired == 1
    assert len(topics.read(topic)) == stored
    assert send_one(proxied, topic) is None
    assert len(topics.read(topic)) == stored + 1


def test_a_late_request_reaches_the_broker_after_the_client_gave_up(lab: Lab, proxied: ProxiedBroker):
    topics = Topics(proxied.broker.bootstrap)
    topic = topics.create(f"{lab.name}-in", 1)
    plan = proxied.proxy.spoil(Plan("Produce", Fault.LATE_REQUEST, seconds=60.0))
    assert send_one(proxied, topic) is not None
    assert topics.read(topic) == []
    wait_fired(plan)
    plan.release.set()
    wait_until(lambda: plan.late_delivered == 1, 20, "the late request is answered")
    assert len(topics.read(topic)) == 1
