"""What a process may take, by docs/operations.md, "How `memory` is divided".

AddressSanitizer takes several times the memory, so the processes that are measured are of the release build.
"""
import os
import pathlib

import pytest

MEMORY = 64 << 20
PROGRAM, ANSWER = 60 << 20, 50 << 20  # beside `memory`
BUDGET = MEMORY + PROGRAM + ANSWER
SETTING = f"{MEMORY >> 20}MiB"
RELEASE = os.environ.get("MILLRACE_RELEASE_BINARY", "")
SANITIZED = {"asan", "tsan"}  # folders of their builds
needs_release = pytest.mark.skipif(not RELEASE, reason="MILLRACE_RELEASE_BINARY names no release build")


def is_sanitized(binary: str) -> bool:
    return not SANITIZED.isdisjoint(pathlib.Path(binary).parts)
