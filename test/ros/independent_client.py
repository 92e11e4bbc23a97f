"""Knows only topic names and standard messages: `independent_client.py all|camera|lidar 20`."""

import sys
import time

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField


def image(kind, data):
    step = data[0].nbytes
    return Image(height=384, width=640, encoding=kind, step=step, data=data.tobytes())


def info(width, height, f):
    k = [f, 0.0, width / 2 - 0.5, 0.0, f, height / 2 - 0.5, 0.0, 0.0, 1.0]
    return CameraInfo(width=width, height=height, distortion_model='plumb_bob', k=k)


def cloud(names, values):
    fields = [PointField(name=n, offset=4 * i, datatype=7, count=1) for i, n in enumerate(names)]
    data, step = np.float32(values).T.tobytes(), 4 * len(names)
    return PointCloud2(height=1, width=500, fields=fields, point_step=step, data=data)


rng = np.random.default_rng(1)
angle, zero = rng.uniform(-0.5, 0.5, 500), np.zeros(500)
INFO = {f'{name}/camera_info': info(640, 384, 457.0) for name in ('rgb', 'depth')}
RGB = {'rgb/image_raw': image('rgb8', rng.integers(0, 255, (384, 640, 3), np.uint8))}
DEPTH = {'depth/image': image('16UC1', rng.integers(2000, 9000, (384, 640), np.uint16))}
POINTS = {'lidar/points': cloud('xyz', [20 * np.cos(angle), 20 * np.sin(angle), zero])}
EVENTS = {'event/events': cloud('xytp', [angle * 200 + 150, angle * 90 + 96, zero, angle > 0])}
EVENTS['event/camera_info'] = info(320, 192, 228.5)
LIDAR = {'rgb/camera_info': INFO['rgb/camera_info'], **POINTS}
SENT = {'all': INFO | RGB | DEPTH | POINTS | EVENTS, 'camera': RGB, 'lidar': LIDAR}[sys.argv[1]]
WANTED = {'/mmseg/labels': Image, '/mmseg/confidence': Image, '/diagnostics': DiagnosticArray}
WANTED |= {'/mmseg/points': PointCloud2} if 'lidar/points' in SENT else {}
got = dict.fromkeys(WANTED, 0)


def receive(topic, message):
    got[topic] += 1
    stamp, width = message.header.stamp, getattr(message, 'width', '')
    print(topic, f'{stamp.sec}.{stamp.nanosec:09d}', message.header.frame_id, width, flush=True)


rclpy.init()
node = rclpy.create_node('independent_client')
publishers = {topic: node.create_publisher(type(m), topic, 10) for topic, m in SENT.items()}
for topic, kind in WANTED.items():
    node.create_subscription(kind, topic, lambda m, topic=topic: receive(topic, m), 10)
end_s, next_s = time.monotonic() + float(sys.argv[2]), 0.0
while min(got.values()) < 3 and time.monotonic() < end_s:
    rclpy.spin_once(node, timeout_sec=0.02)
    if time.monotonic() > next_s:
        next_s = time.monotonic() + 0.1
        for topic, message in SENT.items():
            if hasattr(message, 'data'):
                message.data[0] = (message.data[0] + 1) % 256
            message.header.frame_id = topic.split('/')[0]
            message.header.stamp = node.get_clock().now().to_msg()
            publishers[topic].publish(message)
sys.exit(min(got.values()) < 3)
