from types import SimpleNamespace

import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy

from mmseg_ros.ros.qos import choose_reliability, incompatibility, input_qos

RELIABLE, BEST_EFFORT = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT


def publisher(reliability, name='driver'):
    profile = QoSProfile(depth=1, reliability=reliability)
    return SimpleNamespace(qos_profile=profile, node_name=name, node_namespace='/')


@pytest.mark.parametrize(
    ('wanted', 'offered', 'chosen'),
    [
        ('auto', [], 'best_effort'),
        ('auto', [RELIABLE], 'reliable'),
        ('auto', [RELIABLE, RELIABLE], 'reliable'),
        ('auto', [RELIABLE, BEST_EFFORT], 'best_effort'),
        ('auto', [BEST_EFFORT], 'best_effort'),
        ('reliable', [BEST_EFFORT], 'reliable'),
        ('best_effort', [RELIABLE], 'best_effort'),
    ],
)
def test_auto_is_reliable_only_if_all_publishers_are(wanted, offered, chosen):
    assert choose_reliability(wanted, [publisher(kind) for kind in offered]) == chosen


def test_incompatible_publisher_is_named_with_the_remedy():
    text = incompatibility('reliable', [publisher(RELIABLE), publisher(BEST_EFFORT, 'camera')])
    assert '/camera' in text
    assert 'best_effort' in text
    assert 'set reliability to auto' in text
    assert incompatibility('best_effort', [publisher(BEST_EFFORT)]) == ''
    assert incompatibility('reliable', [publisher(RELIABLE)]) == ''


def test_input_profile():
    profile = input_qos('reliable', 7)
    assert (profile.reliability, profile.depth) == (RELIABLE, 7)
    assert input_qos('best_effort', 1).reliability == BEST_EFFORT
