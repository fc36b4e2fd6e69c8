"""Certificates for 127.0.0.1, made on the spot."""
import pathlib
import subprocess


class Authority:
    """`ca` is what clients trust."""

    def __init__(self, folder: pathlib.Path):
        self.folder, self.ca = folder, folder / "ca.pem"
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
                      "-subj", "/CN=millrace test CA")
        (folder / "san").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")

    def server(self, name: str, days: int = 2) -> pathlib.Path:
        """The file with key and chain of a server. Below 0 days it is over already."""
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=127.0.0.1")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", str(days),
                      "-extfile", "san", "-out", f"{name}.pem")
        chain = self.folder / f"{name}.chain.pem"
        chain.write_text("".join((self.folder / part).read_text() for part in (f"{name}.key", f"{name}.pem", "ca.pem")))
        return chain

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)
