"""How often the cloud is sent, by what the cores have left; no browser is needed."""

import pytest

from mmseg_ros.view.pace import STEPS, IdleCores, Pace


class Machine:
    """A clock, and how many cores are idle."""

    def __init__(self, idle=2.0):
        self.now_s, self.idle = 0.0, idle
        self.pace = Pace(lambda: self.idle, lambda: self.now_s)

    def sent_in(self, seconds, rate_hz=10):
        """Return how many clouds are sent while the page asks so often."""
        count = 0
        for _ in range(round(seconds * rate_hz)):
            self.now_s += 1 / rate_hz
            count += self.pace.due()
        return count


def test_with_cores_to_spare_every_cloud_is_shown_whole():
    machine = Machine(idle=3.0)
    assert machine.sent_in(10) == 100
    assert machine.pace.step.points == 20_000


def test_on_a_busy_machine_clouds_get_rare_and_thin_and_come_back():
    machine = Machine(idle=0.1)
    machine.sent_in(len(STEPS))
    assert machine.pace.step == STEPS[-1]
    assert machine.sent_in(20) == 10
    machine.idle = 0.7  # neither busy nor free: it stays as it is
    machine.sent_in(10)
    assert machine.pace.step == STEPS[-1]
    machine.idle = 1.5
    machine.sent_in(len(STEPS))
    assert machine.sent_in(10) == 100


def test_where_the_kernel_does_not_tell_nothing_is_thinned(tmp_path):
    assert IdleCores(tmp_path / 'none')() is None
    (tmp_path / 'stat').write_text('cpu\n')
    assert IdleCores(tmp_path / 'stat')() is None
    machine = Machine(idle=None)
    assert machine.sent_in(10) == 100


def test_idle_cores_are_counted_since_the_last_look(tmp_path):
    stat = tmp_path / 'stat'
    stat.write_text('cpu  100 0 100 500 100 0 0 0 0 0\ncpu0 0\n')
    idle = IdleCores(stat, cores=4)
    stat.write_text('cpu  160 10 120 505 100 3 2 0 0 0\ncpu0 0\n')  # 100 later: 5 of them idle
    assert idle() == pytest.approx(4 * 0.05)
    assert idle() is None  # no time has passed
    stat.write_text('cpu  160 10 120 585 110 3 2 10 0 0\n')
    assert idle() == pytest.approx(4 * 0.9)
