"""A broker behind TLS whose certificate is over, at the start and while the job runs: the error names it, and a renewed one ends it."""
import pathlib
import re
import ssl

import pytest
from harness.certificates import Authority
from harness.lab import Lab
from harness.topics import Topics
from kafka_proxy import ProxiedBroker
from trial import BROKER_KILL_S, Trial, long_only

pytestmark = long_only
SAYS = r"the certificate of broker \S+ \(/CN=127.0.0.1, valid from \S+ until \S+Z\) is refused: certificate has expired"


def serving(chain: pathlib.Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context


class Certified:
    """A job that reaches its broker by TLS."""

    def __init__(self, lab: Lab, proxied: ProxiedBroker):
        authority = Authority(lab.folder)
        self.valid, self.over = serving(authority.server("valid")), serving(authority.server("over", days=-1))
        self.proxy = proxied.proxy
        self.place = Lab(lab.name, lab.folder, proxied.broker, Topics(proxied.broker.bootstrap))
        self.trial = Trial(self.place, bootstrap=proxied.bootstrap).create()
        self.trial.pipeline["kafka"] |= {"security.protocol": "ssl", "ssl.ca.location": str(authority.ca)}


@pytest.fixture
def certified(lab: Lab, proxied: ProxiedBroker):
    made = Certified(lab, proxied)
    yield made
    made.place.close()


def test_a_start_with_an_expired_certificate_ends_with_a_message(certified: Certified):
    trial, proxy = certified.trial, certified.proxy
    proxy.tls = certified.over
    before = proxy.refused
    process = trial.run()
    process.millrace.wait_log(SAYS)
    trial.wait_failed(process)
    assert process.millrace.process.returncode == 1
    trial.count("expired certificate", proxy.refused - before)
    assert proxy.refused > before
    proxy.tls = certified.valid
    trial.start()
    trial.verdict()


def test_a_certificate_that_expires_ends_the_job_with_a_message_until_it_is_renewed(certified: Certified):
    """Connections that stand do not notice; each one that is made anew does."""
    trial, proxy = certified.trial, certified.proxy
    proxy.tls = certified.valid
    process = trial.start()
    trial.watch()
    proxy.tls = certified.over
    before = proxy.refused
    trial.await_progress("an expired certificate, unnoticed", BROKER_KILL_S)
    process.millrace.assert_running()
    assert proxy.refused == before
    proxy.cut()
    for ends in (process, trial.run()):
        log = trial.wait_failed(ends, 180)  # it may have just begun to wait for a producer
        assert re.search(SAYS, log) and ends.millrace.process.returncode == 1, log[-1500:]
    assert proxy.refused > before
    trial.count("expired certificate", proxy.refused - before)
    proxy.tls = certified.valid
    trial.run()
    trial.await_progress("a renewed certificate", BROKER_KILL_S)
    trial.verdict()
