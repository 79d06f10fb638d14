"""Fakes of gcloud, kubectl, helm and curl for tests of the cloud scripts. They record their calls."""

import shlex
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import ROOT
from tests.deploy import programs

FAKES = ("gcloud", "kubectl", "helm", "curl", "gke-gcloud-auth-plugin")
# The real commands that scripts may use.
TOOLS = (
    *("bash", "env", "sed", "grep", "cat", "mktemp", "mkdir", "cp", "mv", "rm", "chmod", "find", "wc", "sort", "tail"),
    *("tr", "dirname", "basename", "tar", "gzip", "base64", "openssl"),
)
# Default behaviour: the caller is signed in and has all permissions; no resource exists yet.
RESPONSES = {
    "gcloud auth print-access-token*": "echo token",
    "curl *:testIamPermissions": 'echo "$*"',
    "kubectl get *": "exit 1",
    "gcloud * describe *": "exit 1",
}
# Variables of an operator.
OPERATOR = {
    "SEEN_PROJECT": "demo",
    "SEEN_REGION": "europe-west1",
    "SEEN_CLUSTER": "seen",
    "SEEN_DOMAIN": "seen.demo.org",
    "SEEN_AUTH0_URL": "https://demo.eu.auth0.com",
    "SEEN_AUTH0_AUDIENCE": "https://seen.demo.org/api",
    "SEEN_AUTH0_CLIENT_ID": "client",
    "SEEN_AUTH0_WEBSITE_CLIENT_ID": "website",
    "SEEN_BUCKET": "demo-seen",
    "SEEN_DATAPROC_CLUSTER": "seen-spark",
}
# The real kubectl runs what needs no cluster. Applied manifests are stored, one file per call. Rendered overlays are
# kept by the content of their sources, because rendering would take most of the time of a test.
KUBECTL = r"""
case $call in
"kubectl kustomize "*)
    read -r key _ < <(tar --sort=name --mtime=@0 -cf - -C "${{2%/*}}" . | {sha256sum})
    if [[ ! -d {rendered}/$key ]]; then
        mkdir -p {rendered}/new
        {real} kustomize "$2" --output={rendered}/new || exit
        mv {rendered}/new {rendered}/$key
    fi
    cp {rendered}/$key/* "${{3#--output=}}"
    exit
    ;;
*" --dry-run=client "*) exec {real} "$@" ;;
"kubectl apply --dry-run=server "*) ;;
"kubectl apply "*)
    file={applied}/$(printf %03d "$(find {applied} -type f | wc -l)")
    for argument; do
        path=${{argument#*=}}
        case $argument in
        --filename=*) if [[ -d $path ]]; then sed -s '$a---' "$path"/*; else cat "$path"; fi >"$file" ;;
        --kustomize=*) {real} kustomize "$path" >"$file" ;;
        esac
    done
    ;;
esac
"""
# Parts of calls that only read.
READS = (
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
class Result:
    """A finished script: exit code, output and the calls of fakes."""

    code: int
    out: str
    err: str
    calls: Sequence[str] = field(repr=False)

    def succeeded(self) -> "Result":
        assert self.code == 0, self.out + self.err
        return self

    def failed(self, *words: str) -> "Result":
        assert self.code != 0, self.out
        for word in words:
            assert word in self.err
        return self

    def rejected(self, *words: str) -> "Result":
        """Failed with a one-line message that contains these words, without changing anything."""
        self.failed(*words)
        assert self.err.count("\n") == 1, self.err
        assert self.changes() == []
        return self

    def changes(self) -> list[str]:
        """The calls that change something."""
        return [call for call in self.calls if not any(words in f"{call} " for words in READS)]

    def last(self, words: str) -> int:
        """The index of the last call that contains these words."""
        return max(number for number, call in enumerate(self.calls) if words in call)


class FakeCommands:
    """Runs scripts with fakes that it writes into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._applied = folder / "applied"
        self._fakes = folder / "fakes"

    def run(
        self,
        script: str,
        *arguments: str | Path,
        variables: Mapping[str, str] = OPERATOR,
        responses: Mapping[str, str] | None = None,
        without: Collection[str] = (),
        stdin: str = "",
    ) -> Result:
        """`responses` maps patterns of calls, as in `case`, to shell commands. `without` are missing commands."""
        for folder in (self._fakes, self._applied):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        log = self.folder / "calls"
        log.write_text("")
        for command in {*FAKES} - {*without}:
            # The test's responses come first and override the defaults.
            self._write_fake(command, log, {**(responses or {}), **RESPONSES, **(responses or {})})
        done = subprocess.run(
            [ROOT / "scripts" / script, *arguments],
            env={
                "PATH": f"{self._fakes}:{self._tools(without)}",
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
        return Result(done.returncode, done.stdout, done.stderr, log.read_text().split("\x1e")[:-1])

    def applied(self) -> list[str]:
        """The manifests that kubectl applied, one text per call."""
        return [path.read_text() for path in sorted(self._applied.iterdir())]

    def _tools(self, without: Collection[str]) -> Path:
        folder = self.folder / "-".join(["tools", *sorted({*TOOLS} & {*without})])
        if not folder.exists():
            folder.mkdir()
            for tool in {*TOOLS} - {*without}:
                path = shutil.which(tool)
                assert path, f"{tool} is not installed"
                (folder / tool).symlink_to(path)
        return folder

    def _write_fake(self, command: str, log: Path, responses: Mapping[str, str]) -> None:
        path = self._fakes / command
        cases = "\n".join(f"{_pattern(pattern)}) {action} ;;" for pattern, action in responses.items())
        kubectl = KUBECTL.format(
            real=programs.need("kubectl"),
            sha256sum=shutil.which("sha256sum"),
            rendered=self.folder / "rendered",
            applied=self._applied,
        )
        path.write_text(
            f'#!{shutil.which("bash")}\ncall="{command} $*"\nprintf "%s\\x1e" "$call" >>{log}\n'
            f"{kubectl if command == 'kubectl' else ''}\n"
            f"case $call in\n{cases}\nesac\n"
        )
        path.chmod(0o755)


def _pattern(pattern: str) -> str:
    """A pattern for `case`, in which only * is special."""
    return "*".join(shlex.quote(part) if part else "" for part in pattern.split("*"))
