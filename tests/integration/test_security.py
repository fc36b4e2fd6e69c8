"""TLS and SASL/SCRAM listeners, with certificates made on the spot."""
import pathlib

import pytest
from confluent_kafka.admin import (AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion)
from harness.bids import assert_passed, bids, pass_pipeline
from harness.broker import Broker, free_port
from harness.certificates import Authority
from harness.lab import Lab
from harness.topics import Topics
from harness.waiting import wait_until

USER, PASSWORD = "millrace", "correct-horse-battery"


class SecureBroker:
    """A broker with a plain, a TLS and a SASL_SSL listener, and one SCRAM user."""

    def __init__(self, folder: pathlib.Path):
        authority = Authority(folder)
        self.ca = authority.ca
        keystore = authority.server("server")
        tls, sasl = free_port(), free_port()
        listeners = f"PLAINTEXT://127.0.0.1:@PORT@,SSL://127.0.0.1:{tls},SASL_SSL://127.0.0.1:{sasl}"
        self.broker = Broker.start("secure", {
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:@CONTROLLER_PORT@",
            "advertised.listeners": listeners,
            "listener.security.protocol.map":
                "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL",
            "ssl.keystore.type": "PEM", "ssl.keystore.location": str(keystore),
            "sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512",
            "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config":
                "org.apache.kafka.common.security.scram.ScramLoginModule required;",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config":
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"})
        self.tls = {"bootstrap.servers": f"127.0.0.1:{tls}", "security.protocol": "ssl", "ssl.ca.location": str(self.ca)}
        self.sasl = {"bootstrap.servers": f"127.0.0.1:{sasl}", "security.protocol": "sasl_ssl",
                     "ssl.ca.location": str(self.ca), "sasl.username": USER, "sasl.password": PASSWORD}
        admin = AdminClient({"bootstrap.servers": self.broker.bootstrap})
        for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
            change = UserScramCredentialUpsertion(USER, ScramCredentialInfo(mechanism, 4096), PASSWORD.encode())
            admin.alter_user_scram_credentials([change])[USER].result(20)


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory):
    made = SecureBroker(tmp_path_factory.mktemp("secure"))
    yield made
    made.broker.remove()


def run_through(lab: Lab, secure: SecureBroker, properties: dict[str, str], name: str) -> None:
    place = Lab(name, lab.folder, secure.broker)
    topic = place.create_input(2)
    place.topics.producer().send_all(topic, bids(5_000, seed=51))
    pipeline = pass_pipeline(place.name, "", topic)
    pipeline["kafka"] |= properties
    place.run_to_end(place.write(pipeline), topic)
    assert_passed(place.topics.read(topic), place.topics.read(place.output()))


def test_tls(lab: Lab, secure: SecureBroker):
    run_through(lab, secure, secure.tls, lab.name)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_scram_over_tls(lab: Lab, secure: SecureBroker, mechanism: str):
    run_through(lab, secure, secure.sasl | {"sasl.mechanism": mechanism}, lab.name)


def test_a_wrong_password_is_said_and_not_shown(lab: Lab, secure: SecureBroker):
    pipeline = pass_pipeline(lab.name, "", "bids")
    pipeline["kafka"] |= secure.sasl | {"sasl.mechanism": "SCRAM-SHA-512", "sasl.password": "wrong-horse"}
    process = lab.run(lab.write(pipeline))
    assert process.wait_exit(30) == 1, "long before the startup timeout, which would be 3"
    assert "uthenticat" in process.log(), process.log()
    assert "wrong-horse" not in process.log()


def test_a_certificate_that_nobody_trusts_is_said(lab: Lab, secure: SecureBroker):
    pipeline = pass_pipeline(lab.name, "", "bids")
    properties = dict(secure.tls)
    del properties["ssl.ca.location"]
    pipeline["kafka"] |= properties
    process = lab.run(lab.write(pipeline))
    assert process.wait_exit(30) == 1
    assert "certificate" in process.log().lower(), process.log()
