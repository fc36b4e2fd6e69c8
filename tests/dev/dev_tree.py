"""A copy of ./dev in a folder of its own, with a home, a cache and programs in front of the machine's: no test of this folder
reaches a network, a package manager or anything that belongs to the user.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COPIED = ["dev", "tools/dev", "tools/kafka", "tools/deps.lock", "tools/hide_exports.py", "tools/python_tests.lock", ".clang-format"]
# What would lead pip, npm and git to places of this machine.
FOREIGN = ("PIP_", "NPM_CONFIG_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "GIT_", "MILLRACE_")
TIMEOUT_S = 120


class DevTree:
    def __init__(self):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="millrace-dev-"))
        self.root, self.home, self.cache, self.fakes = (self.top / name for name in ("tree", "home", "cache", "fakes"))
        for folder in (self.root, self.home, self.fakes):
            folder.mkdir()
        for name in COPIED:
            to = self.root / name
            to.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy2)(ROOT / name, to)
        self.environment = {name: value for name, value in os.environ.items() if not name.upper().startswith(FOREIGN)}
        self.environment |= {
            "HOME": str(self.home), "MILLRACE_DEPS": str(self.cache), "PATH": f"{self.fakes}:{os.environ['PATH']}",
            "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "LC_ALL": "C.UTF-8"}

    def remove(self) -> None:
        shutil.rmtree(self.top)

    def fake(self, name: str, script: str) -> None:
        """A program in front of the machine's; $FAKES is where it may leave something."""
        path = self.fakes / name
        path.write_text(f"#!/bin/bash\nFAKES={self.fakes}\n{script}\n")
        path.chmod(0o755)

    def left(self, name: str) -> str:
        """What a fake has left in a file of that name."""
        path = self.fakes / name
        return path.read_text() if path.exists() else ""

    def bash(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a script in the tree; what it started ends with it."""
        process = subprocess.Popen(["bash", "-c", script], cwd=self.root, env=self.environment | environment, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   start_new_session=True)
        try:
            out, error = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, error = process.communicate()
            raise AssertionError(f"{script} does not end: {out}{error}") from None
        return subprocess.CompletedProcess(script, process.returncode, out, error)

    def dev(self, words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.bash(f"./dev {words}", **environment)
