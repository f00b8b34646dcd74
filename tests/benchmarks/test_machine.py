"""What is said of the machine that figures are taken on."""

from benchmarks.machine import busy_ticks


def test_a_core_is_busy_when_it_neither_idles_nor_waits_for_the_disk_and_guests_are_not_counted_twice() -> None:
    #      user nice system idle iowait irq softirq steal guest guest_nice
    stat = "cpu  100 20 30 4000 500 6 7 8 90 10\ncpu0 1 1 1 1 1 1 1 1 1 1\n"
    assert busy_ticks(stat) == 100 + 20 + 30 + 6 + 7 + 8
