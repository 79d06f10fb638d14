"""Every command of the README, run in the README's order, in one shell, as a newcomer would type them.

Only the ports are others, so that a suite which runs here already is not in the way.
"""

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.local.suite import AUTH0, GATEWAY, ROOT
from tests.end_to_end import checkout
from tests.end_to_end.suites import AS_IN_A_TERMINAL, free_offset, run, wait_for

BLOCKS = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
RUN_IT, TEST_IT = "./scripts/local.sh\n", "./scripts/test.sh\n"
# Those about containers need an engine, and those of the cloud a cloud: test_compose.py and test_scripts.py try them.
ELSEWHERE = ("docker ", "scripts/create_cluster.sh ")
TYPED = [block for block in BLOCKS if block not in (RUN_IT, TEST_IT) and not block.startswith(ELSEWHERE)]
END = "--- end of block, failed:"

pytestmark = pytest.mark.own_suite


class Newcomer:
    """Somebody with a fresh checkout and two terminals: one runs the suite, the other is for everything else."""

    def __init__(self, folder: Path) -> None:
        self.folder = checkout.copy(folder)
        self._suite: subprocess.Popen[bytes] | None = None
        self._suite_said = folder.parent / "suite.txt"
        self._shell = subprocess.Popen(
            ["bash"],
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.type("set -o pipefail; trap 'failed=$BASH_COMMAND' ERR")

    def type(self, block: str) -> str:
        """Returns what the commands printed; fails where one of them did."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f'failed=\n{block}\n{{ set +x; }} 2>/dev/null; echo; echo "{END} $failed"\n')
        self._shell.stdin.flush()
        said = ""
        for line in self._shell.stdout:
            if line.startswith(END):
                assert line == f"{END} \n", f"failed: {line.removeprefix(END).strip()}\n{said}"
                return said
            said += line
        raise AssertionError(f"the shell ended\n{said}")

    def run_the_suite(self) -> None:
        self.offset = free_offset()
        with self._suite_said.open("wb") as output:
            self._suite = subprocess.Popen(
                [*AS_IN_A_TERMINAL, "./scripts/local.sh"],
                cwd=self.folder,
                env=os.environ | {"SEEN_PORT_OFFSET": str(self.offset)},
                stdout=output,
                stderr=output,
            )
        wait_for(lambda: self._ready_or_ended(), 240)
        assert "ready after" in self._suite_said.read_text(), self._suite_said.read_text()

    def _ready_or_ended(self) -> bool:
        assert self._suite is not None
        return self._suite.poll() is not None or "ready after" in self._suite_said.read_text()

    def press_ctrl_c(self) -> int:
        assert self._suite is not None
        self._suite.send_signal(signal.SIGINT)
        return self._suite.wait(90)

    def leave(self) -> None:
        self._shell.kill()
        if self._suite and self._suite.poll() is None:
            self.press_ctrl_c()


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    newcomer = Newcomer(tmp_path_factory.mktemp("newcomer") / "seen")
    try:
        newcomer.run_the_suite()  # the README's first block, and the others stand on it
        yield newcomer
    finally:
        newcomer.leave()


def test_the_readme_begins_with_the_two_commands() -> None:
    assert BLOCKS[:2] == [RUN_IT, TEST_IT]


@pytest.mark.parametrize("block", TYPED)
def test_each_block_does_what_it_says(newcomer: Newcomer, block: str) -> None:
    for port in (GATEWAY, AUTH0):
        block = block.replace(f"localhost:{port}", f"localhost:{port + newcomer.offset}")
    said = newcomer.type(block)
    assert '"requestId"' not in said, said  # only a problem has one
    assert "Traceback" not in said, said


def test_the_test_command_tests(newcomer: Newcomer) -> None:
    """All of it would begin this test anew, so it is given a small part."""
    cache = str(ROOT / ".mypy_cache")
    tested = run(*shlex.split(TEST_IT), "tests/unit/common", folder=newcomer.folder, MYPY_CACHE_DIR=cache)
    last_line = tested.output.rstrip().splitlines()[-1]
    assert re.search(r"=+ \d+ passed.* in ", last_line), tested.output


def test_ctrl_c_stops_the_suite(newcomer: Newcomer) -> None:
    assert newcomer.press_ctrl_c() == 0
