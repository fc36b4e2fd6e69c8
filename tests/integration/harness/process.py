"""The program under test, as a process."""
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

from .waiting import wait_until


class Millrace:
    """One `millrace` process with its log. Leaving the `with` block kills it when it still runs."""

    def __init__(self, words: list[str | pathlib.Path], log: pathlib.Path, environment: dict[str, str] | None = None):
        self.log_path = log
        binary = (environment or os.environ).get("MILLRACE_BINARY") or os.environ["MILLRACE_BINARY"]
        kept = {k: v for k, v in os.environ.items() if k not in ("CRASH_AT", "MILLRACE_SLOT", "KAFKA")}
        with open(log, "ab") as out:
            self.begin_of_log = out.tell()
            self.process = subprocess.Popen([binary, *words], stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                            env={**kept, **(environment or {})})

    def __enter__(self) -> "Millrace":
        return self

    def __exit__(self, *_: object) -> None:
        if self.running():
            self.process.kill()
            self.process.wait()

    def running(self) -> bool:
        return self.process.poll() is None

    def log(self) -> str:
        """What this process has written."""
        with open(self.log_path, "rb") as file:
            file.seek(self.begin_of_log)
            return file.read().decode(errors="replace")

    def wait_log(self, pattern: str, seconds: float = 30) -> str:
        def search() -> str | None:
            found = re.search(pattern, self.log())
            if found is None and not self.running():
                raise AssertionError(f"the process ended with {self.process.returncode} before it logged "
                                     f"/{pattern}/:\n{self.tail()}")
            return found[0] if found else None
        return wait_until(search, seconds, f"log line /{pattern}/; the log:\n{self.tail()}")

    def wait_exit(self, seconds: float = 30) -> int:
        """The exit code; negative for a signal."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the process did not end within {seconds:g} s:\n{self.tail()}") from None

    def assert_running(self) -> None:
        assert self.running(), f"the process ended with {self.process.returncode}:\n{self.tail()}"

    def stop(self, sig: int = signal.SIGTERM, seconds: float = 30) -> None:
        """Stops it the polite way; it must end with 0."""
        self.assert_running()
        self.process.send_signal(sig)
        code = self.wait_exit(seconds)
        assert code == 0, f"ended with {code} after {signal.Signals(sig).name}:\n{self.tail()}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def wait_killed(self, seconds: float = 30) -> None:
        """Waits for the SIGKILL of a crash point."""
        code = self.wait_exit(seconds)
        assert code == -signal.SIGKILL, f"ended with {code} instead of at the crash point:\n{self.tail()}"

    def tail(self, length: int = 4_000) -> str:
        return self.log()[-length:]


def command(*words: str | pathlib.Path, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """A command of the program that ends by itself."""
    return subprocess.run([os.environ["MILLRACE_BINARY"], *words], input=stdin, capture_output=True, text=True, timeout=60,
                          env={**os.environ, **environment})


class Http:
    """The endpoints of `--http`."""

    def __init__(self, port: int):
        self.address = f"127.0.0.1:{port}"

    def get(self, path: str) -> tuple[int, str]:
        """Status and body; status 0 when nobody listens."""
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def wait_ready(self, process: Millrace, seconds: float = 30) -> None:
        def ready() -> bool:
            process.assert_running()
            return self.get("/readyz")[0] == 200
        wait_until(ready, seconds, "/readyz answers 200")

    def metric(self, name: str, **labels: str) -> float:
        """The sum over the series of that name that have these labels."""
        total = 0.0
        for line in self.get("/metrics")[1].splitlines():
            match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if match and match[1] == name and all(f'{k}="{v}"' in (match[2] or "") for k, v in labels.items()):
                total += float(match[3])
        return total


def kill_all(processes: list[Millrace]) -> None:
    for process in processes:
        process.process.kill()
    deadline = time.monotonic() + 10
    for process in processes:
        process.process.wait(max(0.1, deadline - time.monotonic()))
