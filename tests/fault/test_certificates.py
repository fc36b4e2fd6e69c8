"""A broker behind TLS whose certificate is over: a start ends with its name, a job that runs waits for the renewed one."""
import pathlib
import re
import ssl

import pytest
from harness.certificates import Authority
from harness.lab import Lab
from harness.topics import Topics
from kafka_proxy import ProxiedBroker
from harness.waiting import wait_until
from trial import BROKER_KILL_S, COORDINATOR_S, Trial, long_only

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


def test_a_certificate_that_expires_is_waited_for_until_it_is_renewed(certified: Certified):
    """Connections that stand do not notice; each one that is made anew does. Who starts meanwhile ends."""
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
    trial.feed()
    process.millrace.wait_log(SAYS, 30)
    # Longer than any request waits for an answer.
    wait_until(lambda: process.http.get("/readyz")[0] == 503, 60, "the process is not ready")
    said = len(re.findall(SAYS, process.millrace.log()))
    wait_until(lambda: len(re.findall(SAYS, process.millrace.log())) >= said + 2, 30, "it goes on saying why")
    process.millrace.assert_running()
    assert process.http.get("/healthz")[0] == 200
    late = trial.run()
    log = trial.wait_failed(late, 60)
    assert re.search(SAYS, log) and late.millrace.process.returncode == 1, log[-1500:]
    assert proxy.refused > before
    trial.count("expired certificate", proxy.refused - before)
    proxy.tls = certified.valid
    trial.await_progress("a renewed certificate", COORDINATOR_S)
    process.http.wait_ready(process.millrace)
    process.millrace.assert_running()
    trial.verdict()
