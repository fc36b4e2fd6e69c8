"""Kills and failures. They need a build with test hooks, whose binary has the crash points."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness.fixtures import broker, lab, pytest_configure, shared_topics  # noqa: E402,F401
from kafka_proxy import ProxiedBroker  # noqa: E402


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The soak takes half an hour: it goes first, and the other files run beside it."""
    items.sort(key=lambda item: item.path.name != "test_soak.py")


@pytest.fixture(scope="module")
def proxied(request: pytest.FixtureRequest):
    """The module's own broker behind a proxy."""
    made = ProxiedBroker(request.module.__name__.removeprefix("test_").replace("_", "-"))
    yield made
    made.remove()
