"""GET /state of running processes."""
import json

from harness.bids import WINDOW_MS, WindowOracle, bids, window_pipeline
from harness.broker import free_port
from harness.lab import Lab
from harness.process import Http, command
from harness.waiting import wait_until

STEP = "/state/window-1"


def ask(http: Http, query: str = "", expected: int = 200) -> dict:
    status, text = http.get(f"{STEP}?{query}")
    assert status == expected, f"{status} {text}"
    return json.loads(text)


def as_results(rows: list[dict]) -> dict[tuple[int, int], dict]:
    return {(row["key"]["auction"], row["window_start"]): row["values"] for row in rows}


def expected_of(oracle: WindowOracle) -> dict[tuple[int, int], dict]:
    not_values = ("auction", "window_start", "window_end")
    return {key: {name: value for name, value in row.items() if name not in not_values} for key, row in oracle.open.items()}


def test_the_open_windows_of_a_step_can_be_read(lab: Lab):
    topic = lab.create_input(2)
    lab.topics.producer().send_all(topic, bids(25_000, seed=31))
    process, http = lab.run_with_http(lab.write(window_pipeline(lab.name, lab.broker.bootstrap, topic)), free_port())
    lab.await_read(topic)
    expected = expected_of(WindowOracle.of(lab.topics.read(topic)))
    assert len(expected) > 100

    answer = ask(http, "limit=10000")
    assert (answer["partitions"], answer["elsewhere"], answer["more"]) == ([0, 1], [], False)
    assert as_results(answer["rows"]) == expected

    (auction, start) = next(iter(expected))
    assert as_results(ask(http, f"key={auction}&window={start}")["rows"]) == {(auction, start): expected[auction, start]}
    of_auction = {key: row for key, row in expected.items() if key[0] == auction}
    assert as_results(ask(http, f"key={auction}")["rows"]) == of_auction
    of_window = {key: row for key, row in expected.items() if key[1] == start}
    assert as_results(ask(http, f"window={start}&limit=10000")["rows"]) == of_window
    assert ask(http, f"window={start + 1000 * WINDOW_MS}")["rows"] == []
    limited = ask(http, "limit=3")
    assert len(limited["rows"]) == 3 and limited["more"]

    assert "window-1" in http.get("/state")[1]
    assert "'auction'" in ask(http, "key=many", expected=400)["error"]
    assert http.get("/state/nothing")[0] == 404
    process.stop()

    verified = command("checkpoint", "verify", lab.write(window_pipeline(lab.name, lab.broker.bootstrap, topic)), "--state-dir",
                       lab.state_dir, "--json")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    tables = [json.loads(line) for line in verified.stdout.splitlines()]
    assert [table["partition"] for table in tables] == [0, 1] and all(table["ok"] for table in tables)
    assert sum(table["rows"] for table in tables) == len(expected)


def test_each_process_answers_for_its_partitions_and_says_which_are_elsewhere(lab: Lab):
    topic = lab.create_input(2)
    lab.topics.producer().send_all(topic, bids(15_000, seed=32))
    file = lab.write(window_pipeline(lab.name, lab.broker.bootstrap, topic))
    both = [lab.run_with_http(file, free_port()) for _ in range(2)]
    lab.await_read(topic)

    def one_each() -> bool:
        return all(http.get("/readyz")[0] == 200 and len(ask(http)["partitions"]) == 1 for _, http in both)
    wait_until(one_each, 60, "each process has a partition")
    # The new owner notes its address with its next commit.
    lab.topics.producer().send_all(topic, bids(1_000, seed=33, first=15_000))
    lab.await_read(topic)
    answers = [ask(http, "limit=10000") for _, http in both]
    for mine, other in ((0, 1), (1, 0)):
        [partition] = answers[other]["partitions"]
        assert answers[mine]["elsewhere"] == [{"partition": partition, "address": both[other][1].address}]
    rows = [row for answer in answers for row in answer["rows"]]
    assert as_results(rows) == expected_of(WindowOracle.of(lab.topics.read(topic)))
    for process, _ in both:
        process.stop()
