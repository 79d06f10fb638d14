"""Programs that stand in for gcloud, kubectl and the like: first on the PATH, they write down how they are called."""

import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import ROOT

PROGRAMS = ("gcloud", "kubectl", "helm", "curl", "gke-gcloud-auth-plugin")
# All that a script has beside them.
TOOLS = (
    *("bash", "env", "sed", "grep", "cat", "mktemp", "mkdir", "cp", "mv", "rm", "chmod", "find", "wc", "sort", "tail"),
    *("tr", "dirname", "basename", "tar", "gzip", "base64", "openssl"),
)
# Where a test says nothing else: whoever asks is signed in and may do anything, and nothing is there yet.
ANSWERS = {
    "gcloud auth print-access-token*": "echo token",
    "curl *:testIamPermissions": 'echo "$*"',
    "kubectl get *": "exit 1",
    "gcloud * describe *": "exit 1",
}
# An operator's own, as scripts/… --config would read them.
OPERATOR = {
    "SEEN_PROJECT": "demo",
    "SEEN_REGION": "europe-west1",
    "SEEN_CLUSTER": "seen",
    "SEEN_DOMAIN": "seen.demo.org",
    "SEEN_AUTH0_URL": "https://demo.eu.auth0.com",
    "SEEN_AUTH0_AUDIENCE": "https://seen.demo.org/api",
    "SEEN_AUTH0_CLIENT_ID": "client",
    "SEEN_BUCKET": "demo-seen",
    "SEEN_DATAPROC_CLUSTER": "seen-spark",
}
# kubectl by itself does what needs no cluster; what it is told to apply is kept, all of one call in one file.
KUBECTL = r"""
case $call in
"kubectl kustomize "* | *" --dry-run=client "*) exec {real} "$@" ;;
"kubectl apply --dry-run=server "*) ;;
"kubectl apply "*)
    kept={applied}/$(printf %03d "$(find {applied} -type f | wc -l)")
    for argument; do
        path=${{argument#*=}}
        case $argument in
        --filename=*) if [[ -d $path ]]; then sed -s '$a---' "$path"/*; else cat "$path"; fi >"$kept" ;;
        --kustomize=*) {real} kustomize "$path" >"$kept" ;;
        esac
    done
    ;;
esac
"""
QUESTIONS = (
    *(
        " describe ",
        " auth ",
        " get ",
        " version ",
        " get-credentials ",
        " config view ",
        " tags list ",
        ":testIamPermissions",
    ),
    *(" kustomize ", " --dry-run="),
)


@dataclass
class Ran:
    """How a script ended, and what it called meanwhile."""

    code: int
    out: str
    err: str
    calls: Sequence[str] = field(repr=False)

    def succeeded(self) -> "Ran":
        assert self.code == 0, self.out + self.err
        return self

    def failed(self, *words: str) -> "Ran":
        assert self.code != 0, self.out
        for word in words:
            assert word in self.err
        return self

    def refused(self, *words: str) -> None:
        """In one line, with these words, and with nothing changed."""
        self.failed(*words)
        assert self.err.count("\n") == 1, self.err
        assert self.changes() == []

    def changes(self) -> list[str]:
        """The calls that do more than ask."""
        return [call for call in self.calls if not any(words in f"{call} " for words in QUESTIONS)]

    def last(self, words: str) -> int:
        """Which call is the last with these words."""
        return max(number for number, call in enumerate(self.calls) if words in call)


class StandIns:
    """A folder of stand-ins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._applied = folder / "applied"
        self._programs = folder / "programs"

    def run(
        self,
        script: str,
        *arguments: str | Path,
        variables: Mapping[str, str] = OPERATOR,
        answers: Mapping[str, str] | None = None,
        without: Sequence[str] = (),
        stdin: str = "",
    ) -> Ran:
        """`answers` has patterns of calls, as in `case`, and what the shell does then."""
        for folder in (self._programs, self._applied):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        log = self.folder / "calls"
        log.write_text("")
        for program in {*PROGRAMS} - {*without}:
            # The test's own come first, and count where both have the same pattern.
            self._stand_in(program, log, {**(answers or {}), **ANSWERS, **(answers or {})})
        done = subprocess.run(
            [ROOT / "scripts" / script, *arguments],
            env={
                "PATH": f"{self._programs}:{self._tools(without)}",
                "TMPDIR": str(self.folder),
                "HOME": str(self.folder),
                **variables,
            },
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr, log.read_text().split("\x1e")[:-1])

    def applied(self) -> list[str]:
        """What kubectl was told to apply, a text for each time."""
        return [path.read_text() for path in sorted(self._applied.iterdir())]

    def _tools(self, without: Sequence[str]) -> Path:
        folder = self.folder / "-".join(["tools", *sorted({*TOOLS} & {*without})])
        if not folder.exists():
            folder.mkdir()
            for tool in {*TOOLS} - {*without}:
                found = shutil.which(tool)
                assert found, f"this machine has no {tool}"
                (folder / tool).symlink_to(found)
        return folder

    def _stand_in(self, program: str, log: Path, answers: Mapping[str, str]) -> None:
        path = self._programs / program
        cases = "\n".join(f"{_pattern(pattern)}) {action} ;;" for pattern, action in answers.items())
        before = KUBECTL.format(real=shutil.which("kubectl"), applied=self._applied) if program == "kubectl" else ""
        path.write_text(
            f'#!{shutil.which("bash")}\ncall="{program} $*"\nprintf "%s\\x1e" "$call" >>{log}\n{before}\n'
            f"case $call in\n{cases}\nesac\n"
        )
        path.chmod(0o755)


def _pattern(pattern: str) -> str:
    """For `case`: * keeps its meaning, and all else is itself."""
    return "*".join(shlex.quote(part) if part else "" for part in pattern.split("*"))


def need_kubectl() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl, which renders the manifests, is not installed")
