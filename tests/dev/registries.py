"""Stand-ins for what ./dev setup fetches: packages as small as its steps allow, in registries on a port of this machine."""
import base64
import hashlib
import http.server
import io
import json
import pathlib
import subprocess
import tarfile
import threading
import urllib.parse
import zipfile

from dev_tree import DevTree

WHEEL = "pyarrow-26.0.1-cp311-cp311-manylinux_2_28_x86_64.whl"
TARBALL = "confluentinc-kafka-javascript-1.10.1.tgz"
NPM_NAME = "@confluentinc/kafka-javascript"
LIBRARIES = ("arrow", "arrow_compute", "arrow_acero", "arrow_dataset", "arrow_flight", "arrow_s3", "arrow_substrait", "parquet")
# One name that hide_exports.py hides in each of the two libraries that it treats.
LEAKS = "int SSL_new(void) { return 0; }\nint _ZN3re23RE2C1Ev(void) { return 0; }\n"


class Registry:
    """Serves files by path, and counts what was asked for."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
                registry.asked.append(path)
                content = registry.files.get(path)
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Type", "application/json" if path == f"/{NPM_NAME}" else
                                 "text/html" if path.endswith("/") else "application/octet-stream")
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve_wheel(self, wheel: bytes) -> None:
        self.files[f"/{WHEEL}"] = wheel
        self.files["/simple/pyarrow/"] = f'<!DOCTYPE html><a href="{self.url}/{WHEEL}">{WHEEL}</a>'.encode()

    def serve_tarball(self, tarball: bytes) -> None:
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()
        version = {"name": NPM_NAME, "version": "1.10.1", "dist": {"tarball": f"{self.url}/{TARBALL}", "integrity": integrity}}
        self.files[f"/{TARBALL}"] = tarball
        self.files[f"/{NPM_NAME}"] = json.dumps(
            {"name": NPM_NAME, "dist-tags": {"latest": "1.10.1"}, "versions": {"1.10.1": version}}).encode()


def use_registry(tree: DevTree, url: str) -> None:
    """pip and npm of the tree ask there, once and without a proxy, and read no configuration of this machine."""
    tree.environment |= {
        "PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": f"{url}/simple", "PIP_RETRIES": "1", "no_proxy": "127.0.0.1",
        "npm_config_registry": url, "npm_config_userconfig": "/dev/null", "npm_config_globalconfig": str(tree.top / "npmrc"),
        "npm_config_fetch_retries": "0"}


def arrow_wheel(work: pathlib.Path) -> bytes:
    """A wheel with the folders and libraries of pyarrow's."""
    (work / "leaks.c").write_text(LEAKS)
    subprocess.run(["gcc", "-shared", "-Wl,-soname,libleaks.so.1,--no-as-needed", "-o", work / "leaks.so", work / "leaks.c"], check=True)
    library = (work / "leaks.so").read_bytes()
    files = {"pyarrow/include/arrow/api.h": b"// Arrow\n"}
    files |= {f"pyarrow/lib{name}.so.2600": library for name in LIBRARIES}
    about = "pyarrow-26.0.1.dist-info"
    files[f"{about}/METADATA"] = b"Metadata-Version: 2.1\nName: pyarrow\nVersion: 26.0.1\n"
    files[f"{about}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-manylinux_2_28_x86_64\n"
    files[f"{about}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{about}/RECORD"]).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def librdkafka_tarball() -> bytes:
    """An npm package with a librdkafka whose build takes no time."""
    folder = "package/deps/librdkafka"
    files = {
        "package/package.json": json.dumps({"name": NPM_NAME, "version": "1.10.1"}),
        f"{folder}/configure": "#!/bin/bash\ntrue\n",
        f"{folder}/src/Makefile": "librdkafka.a: rdkafka.c\n\tcp rdkafka.c librdkafka.a\n",
        f"{folder}/src/rdkafka.c": "as fetched\n",
        f"{folder}/src/rdkafka.h": "// API\n",
        f"{folder}/src/rdkafka_mock.h": "// mock\n"}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


PATCH = "--- a/src/rdkafka.c\n+++ b/src/rdkafka.c\n@@ -1 +1 @@\n-as fetched\n+patched\n"


def pin(tree: DevTree, wheel: bytes, tarball: bytes) -> None:
    """The tree's lock file names these files, and its only patch fits the tarball."""
    (tree.root / "tools/deps.lock").write_text(
        f"pip {sha256(wheel)} pyarrow==26.0.1 {WHEEL}\nnpm {sha256(tarball)} {NPM_NAME}@1.10.1 {TARBALL}\n")
    patches = tree.root / "tools/librdkafka"
    patches.mkdir()
    (patches / "one.patch").write_text(PATCH)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
