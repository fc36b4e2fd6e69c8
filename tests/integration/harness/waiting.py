"""Waiting for a condition with a deadline: the only way in which these tests wait."""
import time
from typing import Callable, TypeVar

T = TypeVar("T")


class DeadlineError(AssertionError):
    pass


def wait_until(condition: Callable[[], T], seconds: float, what: str, every: float = 0.05) -> T:
    """The first true result of `condition`; `what` completes "not in time: ..."."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise DeadlineError(f"not within {seconds:g} s: {what}")
        time.sleep(every)
