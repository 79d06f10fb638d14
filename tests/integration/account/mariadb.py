"""A real MariaDB server, installed by the system's package manager, in a temporary folder on loopback, with TLS."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql

from tests.ports import free_port

MAKE_CERTIFICATES = Path(__file__).parents[3] / "scripts/make_certs.sh"
PASSWORD = "s3cret/for-tests"
START_TIMEOUT_S = 30


def missing() -> str | None:
    """Names the missing tools and their package; None if the server can run."""
    packages = {"mariadbd": "mariadb-server", "mariadb-install-db": "mariadb-server", "openssl": "openssl"}
    tools = [tool for tool in packages if shutil.which(tool, path=_path()) is None]
    return "; ".join(f"{tool} not found: install {packages[tool]}" for tool in tools) or None


class MariaDb:
    """Keeps its port and its data when it is stopped and started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.certificates = folder / "certificates"

    def install(self) -> None:
        make_certificates(self.certificates)
        self._run("mariadb-install-db", "--auth-root-authentication-method=normal", "--skip-test-db")
        self.start()
        for user, requirement in (("seen", "NONE"), ("seen_tls", "X509")):
            self.execute(f"CREATE USER {user}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}' REQUIRE {requirement}")
            self.execute(f"GRANT ALL ON `seen%`.* TO {user}@'127.0.0.1'")

    def start(self) -> None:
        command = [
            *self._command("mariadbd"),
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            f"--socket={self._folder}/socket",
            f"--pid-file={self._folder}/pid",
            "--skip-name-resolve",
            "--innodb-buffer-pool-size=32M",
            "--innodb-log-file-size=16M",
            # Lax defaults: the service must not rely on the server's settings.
            "--sql-mode=",
            "--character-set-server=latin1",
            f"--ssl-ca={self.certificates}/ca.pem",
            f"--ssl-cert={self.certificates}/server-cert.pem",
            f"--ssl-key={self.certificates}/server-key.pem",
        ]
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self._wait_until_ready()

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(START_TIMEOUT_S)
            self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """SIGSTOP: its connections stay open, but nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)  # all threads have stopped
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def execute(self, statement: str) -> Any:
        """As the server's administrator."""
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    def new_database(self, name: str) -> str:
        """Creates an empty database, replacing one of the same name. Returns its URL."""
        self.execute(f"DROP DATABASE IF EXISTS {name}")
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, database: str, user: str = "seen") -> str:
        return f"mysql+pymysql://{user}:{PASSWORD.replace('/', '%2F')}@localhost:{self.port}/{database}"

    def _connect(self) -> "pymysql.Connection[Any]":
        return pymysql.connect(unix_socket=f"{self._folder}/socket", user="root", autocommit=True)

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                self._connect().close()
                return
            except pymysql.OperationalError:
                assert self._process is not None
                if self._process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError((self._folder / "log").read_text()[-2000:]) from None
                time.sleep(0.05)

    def _run(self, tool: str, *options: str) -> None:
        subprocess.run([*self._command(tool), *options], check=True, capture_output=True, timeout=60)

    def _command(self, tool: str) -> list[str]:
        executable = shutil.which(tool, path=_path())
        assert executable is not None
        # Root must name the user to run as; other users must not.
        user = [f"--user={pwd.getpwuid(os.geteuid()).pw_name}"] if os.geteuid() == 0 else []
        return [executable, "--no-defaults", f"--datadir={self._folder}/db", *user]


@contextmanager
def running(folder: Path) -> Iterator[MariaDb]:
    server = MariaDb(folder)
    try:
        server.install()
        yield server
    finally:
        server.stop()


def make_certificates(folder: Path) -> None:
    """A CA, a server certificate for localhost and a client certificate."""
    subprocess.run([MAKE_CERTIFICATES, folder, "localhost"], check=True, capture_output=True, timeout=60)


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
