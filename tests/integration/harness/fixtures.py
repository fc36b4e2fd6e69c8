"""Fixtures of both test folders."""
import itertools
import os
import pathlib

import pytest
from .broker import Broker
from .lab import Lab
from .topics import Topics

LABS = itertools.count()  # names of tests are cut, and may then be alike


def pytest_configure(config: pytest.Config) -> None:
    binary = os.environ.get("MILLRACE_BINARY", "")
    if not pathlib.Path(binary).is_file():
        raise pytest.UsageError("MILLRACE_BINARY must name the program; run these tests with ./dev test --kafka")


@pytest.fixture(scope="session")
def broker() -> Broker:
    return Broker.shared()


@pytest.fixture(scope="session")
def shared_topics(broker: Broker) -> Topics:
    return Topics(broker.bootstrap)


@pytest.fixture
def lab(request: pytest.FixtureRequest, tmp_path: pathlib.Path, broker: Broker, shared_topics: Topics):
    place = Lab(f"{request.node.name.removeprefix('test_')[:66]}-{os.getpid()}-{next(LABS)}", tmp_path, broker, shared_topics)
    yield place
    place.close()
