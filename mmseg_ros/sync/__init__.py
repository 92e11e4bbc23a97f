"""Time: which samples belong together, and which sensors are alive."""

from mmseg_ros.sync.collector import Collector
from mmseg_ros.sync.counters import CollectorCounters, SensorCounters
from mmseg_ros.sync.health import HealthReport
from mmseg_ros.sync.monitor import HealthMonitor
from mmseg_ros.sync.offline import OfflineCollector
from mmseg_ros.sync.states import HealthState

__all__ = [
    'Collector',
    'CollectorCounters',
    'HealthMonitor',
    'HealthReport',
    'HealthState',
    'OfflineCollector',
    'SensorCounters',
]
