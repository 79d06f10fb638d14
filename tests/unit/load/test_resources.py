"""Samples show the processor time and memory of processes."""

import os
import subprocess
import time
from pathlib import Path

from load.locust_users import resources
from load.locust_users.resources import OTHERS, Sampler


def test_a_busy_process_uses_processor_time() -> None:
    sampler = Sampler({"this": [os.getpid()]})
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass

    this, others = sampler.sample()

    assert (this.service, others.service) == ("this", OTHERS)
    assert 0 < this.cores < 1.2
    assert this.mib > 5
    assert others.cores < (os.cpu_count() or 1) + 0.5


def test_an_ended_process_uses_nothing() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        sampler = Sampler({"child": [child.pid]})
        child.kill()
    [sample] = [sample for sample in sampler.sample() if sample.service == "child"]
    assert (sample.cores, sample.mib) == (0, 0)


def test_samples_are_read_as_they_were_written(tmp_path: Path) -> None:
    samples = Sampler({"this": [os.getpid()]}).sample()
    resources.write(tmp_path / "resources.csv", samples)
    assert resources.read(tmp_path / "resources.csv") == samples
