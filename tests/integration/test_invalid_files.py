"""What `millrace run` says of a wrong file: the place of every mistake and exit code 2, before any broker is asked."""
import time

import pytest
from harness.broker import free_port
from harness.lab import Lab
from harness.process import command

GOOD = """name: wrong
kafka: {bootstrap.servers: "127.0.0.1:PORT"}
source:
  topic: t
  schema: {ts: "timestamp[ms]", k: int64, price: double, name: string}
steps:
  - filter: price > 50
  - window:
      by: [k]
      tumbling: 1m
      aggregate: {n: count()}
sinks:
  - topic: o
"""

MISTAKES = {
    "an unknown key": ("  - filter: price", "  - fliter: price", "7:5: unknown key 'fliter' in a step (did you mean 'filter'?)"),
    "an unknown key at the top": ("sinks:", "sink:", "12:1: unknown key 'sink' at the top level (did you mean 'sinks'?)"),
    "a value of the wrong kind": ("by: [k]", "by: {a: k}", "9:11: "),
    "a word for a number": ("steps:", "workers: many\nsteps:", "6:10: 'workers' must be an integer from 1 to 1024, not 'many'"),
    "an unknown type": ("price: double", "price: dubble", "5:50: "),
    "types that do not compare": ("price > 50", "name > 50", "7:18: "),
    "a condition that is none": ("price > 50", "price + 50", "7:"),
    "a missing column": ("price > 50", "prise > 50", "7:13: filter 'filter-1': unknown column 'prise' (did you mean 'price'?)"),
    "a missing group column": ("by: [k]", "by: [key]", "9:12: "),
    "a missing event time": ("  topic: t\n", "  topic: t\n  timestamp: time\n", "'time'"),
    "a bad regular expression": ("price > 50", "regexp_like(name, '(')", "7:13: "),
    "a bad duration": ("tumbling: 1m", "tumbling: 1 parsec", "10:17: 'tumbling': '1 parsec' is not a duration"),
    "a duration of nothing": ("tumbling: 1m", "tumbling: 0s", "'tumbling' must be longer than 0"),
    "an unknown function": ("price > 50", "uper(name) = 'A'", "unknown function 'uper' (did you mean 'upper'?)"),
    "no source": ("source:\n  topic: t\n  schema:", "x-none:\n  schema:", "source"),
    "a variable that is not set": ("price > 50", "price > ${NOT_SET}", "environment variable NOT_SET is not set"),
    "an unknown Kafka property": ("bootstrap.servers:", "bootstrap.server:", "bootstrap.servers"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_pointed_at(lab: Lab, mistake: str):
    before, after, message = MISTAKES[mistake]
    assert before in GOOD
    file = lab.folder / "wrong.yaml"
    file.write_text(GOOD.replace(before, after).replace("PORT", str(free_port())))
    begin = time.monotonic()
    done = command("run", file, "--state-dir", lab.state_dir)
    assert done.returncode == 2, done.stderr
    assert f"{file}:" in done.stderr and message in done.stderr, done.stderr
    assert time.monotonic() - begin < 10, "it waited for a broker"
    assert not lab.state_dir.exists()


def test_all_mistakes_come_at_once(lab: Lab):
    file = lab.folder / "wrong.yaml"
    file.write_text(GOOD.replace("  - filter", "  - fliter").replace("tumbling: 1m", "tumbling: soon").replace("sinks:", "sink:"))
    done = command("run", file)
    assert done.returncode == 2
    for place in (":7:5: ", ":10:17: ", ":12:1: "):
        assert f"{file}{place}" in done.stderr, done.stderr


def test_a_column_that_an_inferred_schema_does_not_have_is_pointed_at(lab: Lab):
    topic = lab.create_input(1)
    lab.topics.producer().send_all(topic, [(None, b'{"price": 60.5}')])
    file = lab.folder / "inferred.yaml"
    file.write_text(f"name: {lab.name}\nkafka: {{bootstrap.servers: '{lab.broker.bootstrap}'}}\nsource: {{topic: {topic}}}\n"
                    f"steps:\n  - filter: prise > 50\nsinks:\n  - topic: {lab.output()}\n")
    done = command("run", file, "--state-dir", lab.state_dir)
    assert done.returncode in (1, 2)
    assert f"{file}:5:13: " in done.stderr and "unknown column 'prise' (did you mean 'price'?)" in done.stderr, done.stderr
    assert lab.output() not in lab.topics.names()


def test_an_empty_topic_without_a_declared_schema_is_said(lab: Lab):
    topic = lab.create_input(1)
    job = {"name": lab.name, "kafka": {"bootstrap.servers": lab.broker.bootstrap}, "source": {"topic": topic},
           "sinks": [{"topic": lab.output()}]}
    done = command("run", lab.write(job), "--state-dir", lab.state_dir)
    assert done.returncode == 1
    assert f"topic '{topic}' is empty" in done.stderr and "source.schema" in done.stderr, done.stderr
