from harness.fixtures import broker, lab, pytest_configure, shared_topics  # noqa: F401
