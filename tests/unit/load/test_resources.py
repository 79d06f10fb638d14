"""What is said of a process's use of the machine is what the process used."""

import os
import subprocess
import time
from pathlib import Path

from load.locust_users import resources
from load.locust_users.resources import OTHERS, Watch


def test_a_busy_process_shows_and_the_machine_has_room_for_all() -> None:
    watch = Watch({"this": [os.getpid()]})
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass

    this, others = watch.sample()

    assert (this.service, others.service) == ("this", OTHERS)
    assert 0 < this.cores < 1.2
    assert this.mib > 5
    assert others.cores < (os.cpu_count() or 1) + 0.5


def test_a_process_that_has_ended_takes_nothing_more() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        watch = Watch({"child": [child.pid]})
        child.kill()
    [sample] = [sample for sample in watch.sample() if sample.service == "child"]
    assert (sample.cores, sample.mib) == (0, 0)


def test_samples_are_read_as_they_were_written(tmp_path: Path) -> None:
    samples = Watch({"this": [os.getpid()]}).sample()
    resources.write(tmp_path / "resources.csv", samples)
    assert resources.read(tmp_path / "resources.csv") == samples
