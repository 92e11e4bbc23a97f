"""Changes the node's state over its services: `lifecycle.py up|around|down SECONDS`."""

import sys
import time

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState

CONFIGURE, CLEANUP = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_CLEANUP
ACTIVATE, DEACTIVATE = Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_DEACTIVATE
STEPS = {
    'up': [(CONFIGURE, 'inactive'), (ACTIVATE, 'active')],
    'around': [
        (DEACTIVATE, 'inactive'),
        (CLEANUP, 'unconfigured'),
        (CONFIGURE, 'inactive'),
        (ACTIVATE, 'active'),
    ],
    'down': [(DEACTIVATE, 'inactive')],
}

rclpy.init()
node = rclpy.create_node('lifecycle_client')
end_s = time.monotonic() + float(sys.argv[2])
seen = {}


def on_diagnostics(array):
    seen.update({status.name: status for status in array.status})


def call(client, request):
    if not client.wait_for_service(timeout_sec=end_s - time.monotonic()):
        sys.exit(f'{client.srv_name} does not answer')
    future = client.call_async(request)
    rclpy.spin_until_future_complete(node, future, timeout_sec=end_s - time.monotonic())
    return future.result() or sys.exit(f'{client.srv_name} does not answer')


node.create_subscription(DiagnosticArray, '/diagnostics', on_diagnostics, 10)
change = node.create_client(ChangeState, '/mmseg/change_state')
state = node.create_client(GetState, '/mmseg/get_state')
for transition, wanted in STEPS[sys.argv[1]]:
    if not call(change, ChangeState.Request(transition=Transition(id=transition))).success:
        sys.exit(f'The transition to {wanted} failed')
    found = call(state, GetState.Request()).current_state.label
    print(found)
    if found != wanted:
        sys.exit(f'The state is {found}, not {wanted}')
if wanted == 'active':
    while 'mmseg: referring' not in seen and time.monotonic() < end_s:
        rclpy.spin_once(node, timeout_sec=0.1)
    text = seen['mmseg: referring'].message
    print(text)
    if not text.startswith('unavailable: ') or seen['mmseg: referring'].level != b'\x00':
        sys.exit('Text prompts do not say that their library is missing')
rclpy.shutdown()
