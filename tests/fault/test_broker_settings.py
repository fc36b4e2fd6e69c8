"""Brokers that forget producers and transactional ids within seconds, and that take rights away."""
import pytest
from confluent_kafka.admin import (AclBinding, AclBindingFilter, AclOperation, AclPermissionType, AdminClient, ResourcePatternType,
                                   ResourceType)
from harness.broker import Broker, free_port
from harness.lab import Lab
from harness.topics import Topics
from harness.waiting import wait_until
from trial import WORKER_KILL_S, Trial, long_only

pytestmark = long_only
USER, PASSWORD = "millrace", "sesame"
ADMIN, ADMIN_PASSWORD = "keeper", "keeper"


@pytest.fixture(scope="module")
def forgetful():
    made = Broker.start("forgetful", {"producer.id.expiration.ms": "1500", "producer.id.expiration.check.interval.ms": "500",
                                      "transactional.id.expiration.ms": "3000", "transaction.max.timeout.ms": "3000",
                                      "transaction.remove.expired.transaction.cleanup.interval.ms": "500"})
    yield made
    made.remove()


@pytest.fixture
def place(lab: Lab, request: pytest.FixtureRequest):
    """The test's lab with the broker that its module fixture made."""
    made = next(request.getfixturevalue(name) for name in ("forgetful", "guarded") if name in request.fixturenames)
    broker = made if isinstance(made, Broker) else made.broker
    there = Lab(lab.name, lab.folder, broker, Topics(broker.bootstrap))
    yield there
    there.close()


def has_forgotten(topics: Topics, pipeline: str) -> bool:
    """The coordinator has removed every transactional id of the pipeline: a tombstone is the last record of each."""
    last = {record.key: record.value for record in topics.read("__transaction_state") if pipeline.encode() in (record.key or b"")}
    assert last, "the pipeline has no transactional id"
    return all(value is None for value in last.values())


def test_a_broker_that_has_forgotten_the_producer(forgetful: Broker, place: Lab):
    """The job pauses longer than its producer and its transactional id live."""
    trial = Trial(place).create()
    trial.pipeline["kafka"]["transaction.timeout.ms"] = "2000"
    trial.feed()
    trial.run()
    for _ in range(2):
        trial.await_progress("a pause", WORKER_KILL_S)
        trial.await_read()
        wait_until(lambda: has_forgotten(place.topics, place.name), 30, "the transactional id has expired", every=0.5)
        trial.count("producer idle past its expiry")
    trial.await_progress("an expired producer", WORKER_KILL_S)
    trial.verdict()


class Guarded:
    """A broker with passwords and access rights."""

    def __init__(self):
        sasl = free_port()
        listeners = f"PLAINTEXT://127.0.0.1:@PORT@,SASL://127.0.0.1:{sasl}"
        users = f'user_{USER}="{PASSWORD}" user_{ADMIN}="{ADMIN_PASSWORD}"'
        self.broker = Broker.start("guarded", {
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:@CONTROLLER_PORT@", "advertised.listeners": listeners,
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT",
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl.plain.sasl.jaas.config":
                f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:ANONYMOUS;User:{ADMIN}"})
        self.bootstrap = f"127.0.0.1:{sasl}"
        self.admin = AdminClient({"bootstrap.servers": self.broker.bootstrap})

    def allow(self) -> None:
        bindings = [AclBinding(kind, "*", ResourcePatternType.LITERAL, f"User:{USER}", "*", AclOperation.ALL, AclPermissionType.ALLOW)
                    for kind in (ResourceType.TOPIC, ResourceType.GROUP, ResourceType.TRANSACTIONAL_ID)]
        for future in self.admin.create_acls(bindings).values():
            future.result(20)

    def deny_writing(self, topic: str) -> None:
        binding = AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, f"User:{USER}", "*", AclOperation.WRITE,
                             AclPermissionType.DENY)
        self.admin.create_acls([binding])[binding].result(20)

    def undo_denial(self, topic: str) -> None:
        one = AclBindingFilter(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, f"User:{USER}", "*", AclOperation.WRITE,
                               AclPermissionType.DENY)
        assert self.admin.delete_acls([one])[one].result(20), "there was no denial"


@pytest.fixture(scope="module")
def guarded():
    made = Guarded()
    yield made
    made.broker.remove()


def as_user(trial: Trial, password: str) -> None:
    trial.pipeline["kafka"] |= {"security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN", "sasl.username": USER,
                                "sasl.password": password}


def test_rights_that_are_taken_away_end_the_job_with_a_message(guarded: Guarded, place: Lab):
    trial = Trial(place, bootstrap=guarded.bootstrap).create()
    as_user(trial, PASSWORD)
    guarded.allow()
    trial.feed()
    process = trial.run()
    trial.await_progress("the start", 20)
    guarded.deny_writing(trial.lab.output())

    def ended() -> bool:
        trial.feed(3_000)
        return not process.millrace.running()
    process.expected = "failed"
    wait_until(ended, 40, "the job ends", every=0.2)
    log = trial.wait_failed(process)
    assert process.millrace.process.returncode == 1
    assert "opic authorization failed" in log and "ask for the missing permission" in log, log[-1500:]
    trial.count("right to write taken away")
    guarded.undo_denial(trial.lab.output())
    trial.run()
    trial.await_progress("the right's return", WORKER_KILL_S)
    trial.verdict()


def test_a_wrong_password_ends_the_job_with_a_message(guarded: Guarded, place: Lab):
    trial = Trial(place, bootstrap=guarded.bootstrap).create()
    as_user(trial, "wrong")
    process = trial.run("--startup-timeout", "10s")
    process.expected = "failed"
    assert process.millrace.wait_exit(40) == 1
    assert "uthentication" in process.millrace.log(), process.millrace.tail()
    trial.count("wrong password")
    guarded.allow()
    as_user(trial, PASSWORD)
    trial.feed()
    trial.run()
    trial.await_progress("the right password", WORKER_KILL_S)
    trial.verdict()
