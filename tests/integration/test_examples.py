"""The examples for Snapchat, each with its one command: a broker of their own, and a stand-in of Snap where they need one."""
import os
import pathlib
import subprocess
import sys

import pytest

TRY = pathlib.Path(__file__).resolve().parents[2] / "examples" / "snapchat" / "try.py"


@pytest.mark.parametrize("example, said", [("conversions", "1000 orders, 1000 events"),
                                           ("audience", "100 customers, 100 members of the segment vip"),
                                           ("stats", ".parquet"),
                                           ("profile", "stories can be seen now"),
                                           ("leads", "20 are in the topic"),
                                           ("story_expiry", "2 of 4 stories can be seen: cat, dog\n1 came when it was over"),
                                           ("sessions", "the one between them came last: 1 session"),
                                           ("streaks", "ana and ben: 3 snaps on 3 days")])
def test_an_example_shows_what_came_of_it(example: str, said: str):
    done = subprocess.run([sys.executable, TRY, example], capture_output=True, text=True, timeout=120,
                          env=os.environ | {"MILLRACE": os.environ["MILLRACE_BINARY"]})
    assert done.returncode == 0, done.stdout + done.stderr
    assert said in done.stdout


def test_an_unknown_example_is_said():
    done = subprocess.run([sys.executable, TRY, "storys"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 1 and "usage: " in done.stderr
