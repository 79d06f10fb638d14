"""The settings with which submit.py starts a job."""

from spark_jobs import submit

GB = 1 << 30


def test_the_second_compiler_is_off_for_small_inputs() -> None:
    assert "-XX:TieredStopAtLevel=1" in submit.java_options(submit.SMALL - 1)
    assert "-XX:TieredStopAtLevel=1" not in submit.java_options(submit.SMALL)


def test_the_heap_grows_with_the_inputs_up_to_half_of_the_machine() -> None:
    assert submit.heap(0) <= GB
    assert submit.heap(GB // 10) >= submit.heap(0)
    assert submit.heap(1000 * GB) == submit.heap(2000 * GB)
