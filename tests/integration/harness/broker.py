"""Apache Kafka brokers, started and stopped by ./dev kafka."""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]


class Broker:
    """One broker of this repository. `bootstrap` is its plain listener."""

    def __init__(self, bootstrap: str, name: str = ""):
        self.bootstrap = bootstrap
        self.name = name  # "": started by somebody else; it cannot be stopped from here

    @staticmethod
    def shared() -> "Broker":
        """The broker of this test run; started (and left running) when no one has done it."""
        address = os.environ.get("MILLRACE_TEST_KAFKA")
        return Broker(address) if address else Broker.start("test")

    @staticmethod
    def start(name: str, settings: dict[str, str] | None = None, *options: str) -> "Broker":
        """Settings may hold @PORT@ and @CONTROLLER_PORT@."""
        words = [word for key, value in (settings or {}).items() for word in ("--set", f"{key}={value}")] + list(options)
        return Broker(_dev("up", "--name", name, *words).splitlines()[-1], name)

    def kill(self) -> None:
        _dev("kill", "--name", self.name)

    def stop(self) -> None:
        _dev("stop", "--name", self.name)

    def restart(self) -> None:
        """Continues with its data and its port."""
        _dev("up", "--name", self.name)

    def pid(self) -> int:
        return int((ROOT / "build" / "kafka" / self.name / "pid").read_text())

    def log(self) -> str:
        return (ROOT / "build" / "kafka" / self.name / "broker.log").read_text(errors="replace")

    def remove(self) -> None:
        _dev("down", "--name", self.name)


def _dev(*words: str) -> str:
    done = subprocess.run([ROOT / "dev", "kafka", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"./dev kafka {' '.join(words)}: {done.stderr}")
    return done.stdout


def free_port() -> int:
    """A port that nobody else of this tree gets, brokers included."""
    found = subprocess.run([sys.executable, ROOT / "tools" / "dev" / "free_port.py", ROOT / "build" / "last-port"],
                           capture_output=True, text=True, check=True)
    return int(found.stdout)
