"""Kills and failures. They need a build with test hooks, whose binary has the crash points."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness.fixtures import broker, lab, pytest_configure, shared_topics  # noqa: E402,F401
