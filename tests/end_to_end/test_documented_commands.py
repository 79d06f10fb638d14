"""Runs every `sh` block of every document, in the document's order, in one shell per document.

All shells work in one copy of the checkout, whose suite has its own ports. `console` blocks, transcripts, are not run.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.local import state
from scripts.local.suite import ROOT, Suite
from tests.end_to_end.suites import WITH_SIGNALS, free_offset, run, wait_for
from tests.ports import free_ports

RUN_SUITE, RUN_TESTS = "./scripts/local.sh\n", "./scripts/test.sh\n"
TESTS_OF_RUN_TESTS = "tests/unit/test_documents.py"  # all tests would include those of this file
BLOCK_TIMEOUT_S = 240
END = "--- end of block, failed:"
CLOUD_SCRIPTS = [path.name for path in (ROOT / "scripts").glob("*.sh") if "lib/cloud.sh" in path.read_text()]
# Commands that are not run here, as regular expressions, with the reason. Blocks with such a command are skipped.
NOT_RUN = {
    **dict.fromkeys(CLOUD_SCRIPTS, "needs a cloud project; tests/deploy/test_scripts.py runs the script without one"),
    "gcloud": "needs a cloud project",
    "kubectl (?!kustomize)": "needs a cluster",
    **({} if shutil.which("kubectl") else {"kubectl": "needs kubectl"}),
    "docker": "needs a container engine; tests/deploy/test_compose.py checks the Compose file",
    "locust": "needs a deployed API; scripts/load_test.sh runs the same file here",
    "grpcurl": "needs grpcurl, which the project does not install",
    "lock.sh": "needs the package index",
    "load.benchmarks": "takes minutes and gigabytes",
}
NOT_COPIED = shutil.ignore_patterns(
    *(".git", ".venv", ".local", ".cache", "*_cache", "__pycache__", ".hypothesis", ".seen-protos.*")
)

pytestmark = pytest.mark.own_suite


@dataclass(frozen=True)
class Block:
    document: str
    line: int
    text: str

    @property
    def reason_not_run(self) -> str | None:
        """None if the block is run."""
        if "spark_jobs.submit" in self.text and not shutil.which("java"):
            return "needs Java"
        prefix = r"^(?:\w+=\S+\s+(?:\\\n\s*)?)*(?:\S*/)?(?:python -m )?"  # variables, folder
        found = (reason for name, reason in NOT_RUN.items() if re.search(prefix + name, self.text, re.MULTILINE))
        return next(found, None)

    @property
    def is_server(self) -> bool:
        """Whether the last command starts a service, which runs until Ctrl-C."""
        return re.search(r"-m services\.\w+\n$", self.text) is not None


def documents() -> list[Path]:
    """The project's documents; folders that begin with a dot hold environments and caches."""
    folders = [folder for folder in ROOT.glob("[!.]*/") if folder.is_dir()]
    return sorted([*ROOT.glob("*.md"), *(path for folder in folders for path in folder.rglob("*.md"))])


def blocks(document: Path) -> Iterator[Block]:
    text = document.read_text()
    for block in re.finditer(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield Block(str(document.relative_to(ROOT)), text.count("\n", 0, block.start()) + 1, block[1])


BLOCKS = [block for document in documents() for block in blocks(document)]
PARAMETERS = [
    pytest.param(
        block,
        id=(name := f"{block.document}:{block.line}"),
        marks=[pytest.mark.skip(reason=f"{name} {reason}")] if (reason := block.reason_not_run) else [],
    )
    for block in BLOCKS
]


class Shell:
    """A bash that runs blocks one after the other, so that later blocks see the variables of earlier ones."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.run("set -o pipefail; trap 'failed=$BASH_COMMAND' ERR")

    def run(self, text: str) -> str:
        """Returns the output; fails if one of the commands does."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        timer = threading.Timer(BLOCK_TIMEOUT_S, self.process.kill)
        timer.start()
        self.process.stdin.write(f'failed=\n{text}\n{{ set +x; }} 2>/dev/null; echo; echo "{END} $failed"\n')
        self.process.stdin.flush()
        output = ""
        for line in self.process.stdout:
            if line.startswith(END):
                timer.cancel()
                assert line == f"{END} \n", f"failed: {line.removeprefix(END).strip()}\n{output}"
                return output
            output += line
        raise AssertionError(f"the shell ended, or the block took more than {BLOCK_TIMEOUT_S} s\n{output}")


class Checkout:
    """A copy of the working tree, with the installed packages of this one, and its own suite."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT, folder, ignore=NOT_COPIED, symlinks=True)
        (folder / ".venv").symlink_to(ROOT / ".venv")
        self._suite: subprocess.Popen[bytes] | None = None
        self._suite_output = folder.parent / "suite.txt"
        self._shells: dict[str, Shell] = {}
        self._outputs: dict[str, str] = {}  # by the text that has been run
        self._environment = os.environ | {
            "HOME": str(folder.parent),
            "PATH": f"{folder / '.venv' / 'bin'}:{os.environ['PATH']}",
            "MYPY_CACHE_DIR": str(ROOT / ".mypy_cache"),
            # Tests that a document names are only collected: they run elsewhere.
            "PYTEST_ADDOPTS": "--collect-only --quiet",
        }
        self._move()

    def _move(self) -> None:
        """Changes to ports that are free now."""
        self._offset = free_offset()
        self._environment["SEEN_PORT_OFFSET"] = str(self._offset)

    def run(self, block: Block) -> str:
        """Returns the output; fails if one of the commands does. The same commands in two documents run once."""
        if "local.sh --detach" in block.text:
            self.stop_suite()
        elif re.search(r"localhost:|local\.sh|load\.sh", block.text):
            self.start_suite()
        if block.is_server:
            return self._run_server(block)
        if block.document not in self._shells:
            self._shells[block.document] = Shell(self.folder, self._environment)
        text = self._adapted(block.text)
        if text not in self._outputs:
            self._outputs[text] = self._shells[block.document].run(text)
        return self._outputs[text]

    def _adapted(self, text: str) -> str:
        """The commands with this suite's ports, this test's folder for /tmp, and less work."""
        standard = {port for process in Suite(Path(), 0).processes() for port in process.ports}
        for port in standard:
            text = re.sub(rf"(?<=[:=]){port}\b", str(port + self._offset), text)
        text = re.sub(r"(load_test\.sh) \d+ \d+", r"\1 4 2", text)
        text = text.replace("/tmp/", f"{self.folder.parent}/")
        # start_suite() has run it.
        text = re.sub(r"^\./scripts/local\.sh *(#.*)?$", "", text, flags=re.MULTILINE)
        return re.sub(
            r"^\./scripts/test\.sh$",
            f"PYTEST_ADDOPTS= ./scripts/test.sh {TESTS_OF_RUN_TESTS}",
            text,
            flags=re.MULTILINE,
        )

    def _run_server(self, block: Block) -> str:
        port, metrics_port = free_ports(2)
        text = re.sub(r"\bSEEN_PORT=\d+", f"SEEN_PORT={port}", self._adapted(block.text))
        text = re.sub(r"\bSEEN_METRICS_PORT=\d+", f"SEEN_METRICS_PORT={metrics_port}", text)
        log = self.folder.parent / "server.txt"
        with log.open("wb") as output:
            server = subprocess.Popen(
                [*WITH_SIGNALS, "bash", "-c", text],
                cwd=self.folder,
                env=self._environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            wait_for(lambda: server.poll() is not None or accepts_connections(port))
            os.killpg(server.pid, signal.SIGINT)
            assert server.wait(30) == 0, log.read_text()
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGKILL)
        return log.read_text()

    def start_suite(self) -> None:
        """In the foreground, as a reader would in a second terminal; does nothing if one runs."""
        if state.running(self.folder / ".local"):
            return
        with self._suite_output.open("wb") as output:
            self._suite = subprocess.Popen(
                [*WITH_SIGNALS, "./scripts/local.sh"],
                cwd=self.folder,
                env=self._environment,
                stdout=output,
                stderr=output,
            )
        wait_for(self._is_ready_or_ended, BLOCK_TIMEOUT_S)
        text = self._suite_output.read_text()
        if "is taken" in text and not self._shells:
            self._move()
            self.start_suite()
        else:
            assert "ready after" in text, text

    def _is_ready_or_ended(self) -> bool:
        assert self._suite is not None
        return self._suite.poll() is not None or "ready after" in self._suite_output.read_text()

    def press_ctrl_c(self) -> int:
        """Returns the exit code of the suite in the foreground."""
        assert self._suite is not None
        self._suite.send_signal(signal.SIGINT)
        return self._suite.wait(90)

    def stop_suite(self) -> None:
        if self._suite and self._suite.poll() is None:
            self.press_ctrl_c()
        run(self.folder / "scripts" / "local.sh", "--stop", folder=self.folder).succeeded()

    def close(self) -> None:
        for shell in self._shells.values():
            shell.process.kill()
        self.stop_suite()


def accepts_connections(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    checkout = Checkout(tmp_path_factory.mktemp("documents") / "seen")
    checkout.start_suite()
    yield checkout
    checkout.close()


def test_the_readme_begins_with_the_two_commands() -> None:
    assert [block.text for block in blocks(ROOT / "README.md")][:2] == [RUN_SUITE, RUN_TESTS]


def test_shell_blocks_are_marked_as_sh_or_console() -> None:
    others = [
        path for path in documents() if re.search(r"^ *```(bash|shell|zsh|shell-session)\b", path.read_text(), re.M)
    ]
    assert others == [], "only blocks marked as sh are run by a test; transcripts are marked as console"


@pytest.mark.parametrize("block", PARAMETERS)
def test_a_documented_command_works(checkout: Checkout, block: Block) -> None:
    output = checkout.run(block)
    assert '"requestId"' not in output, output  # only errors have one
    assert "Traceback" not in output, output


def test_the_test_command_runs_tests(checkout: Checkout) -> None:
    [block] = (block for block in BLOCKS if block.text == RUN_TESTS)
    last_line = checkout.run(block).rstrip().splitlines()[-1]
    assert re.search(r"=+ \d+ passed.* in ", last_line)


def test_ctrl_c_stops_the_suite(checkout: Checkout) -> None:
    checkout.start_suite()
    assert checkout.press_ctrl_c() == 0
