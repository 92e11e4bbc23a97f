"""Other bundles while the node runs: `model.bundle`, `referring.bundle` and `~/load_model`."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any, Protocol

from diagnostic_msgs.msg import DiagnosticStatus
from rcl_interfaces.msg import ParameterType, SetParametersResult
from rcl_interfaces.srv import SetParameters
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.parameter import Parameter

from mmseg_ros.core.config import NodeConfig
from mmseg_ros.core.errors import MmsegError
from mmseg_ros.core.priority import LOW, LOWEST, lower_priority
from mmseg_ros.inference.bundle import MANIFEST_FILE, read_manifest
from mmseg_ros.inference.runtime import SHARED_THREADS
from mmseg_ros.referring.bundle import ReferringManifest, load_referring_bundle
from mmseg_ros.referring.segmenter import ReferringSegmenter, load_segmenter
from mmseg_ros.ros.environment import return_free_memory
from mmseg_ros.ros.loading import check_bundle, load, plan
from mmseg_ros.ros.network import Network
from mmseg_ros.ros.session import Session
from mmseg_ros.ros.switch import Switch

SERVICE = '~/load_model'
MODEL, REFERRING = 'model.bundle', 'referring.bundle'


class SwitchedNode(Protocol):
    """What switching takes from the node.

    Attributes:
        config: All parameters. session: What configuring made. stopping: Whether the process ends.
        executor: What spins it, or None.
    """

    config: NodeConfig
    session: Session | None
    stopping: bool
    executor: Any

    def create_service(self, *arguments: Any, **options: Any) -> Any:
        """Create a service; see rclpy."""

    def set_parameters(self, parameters: list[Parameter]) -> list[SetParametersResult]:
        """Set parameters; see rclpy."""

    def get_logger(self) -> Any:
        """Return its logger; see rclpy."""


class _ModelSlot:
    """The segmentation network of a session."""

    def __init__(self, node: SwitchedNode, session: Session) -> None:
        self._node, self._session = node, session

    def load(self, name: str) -> Network:
        config = self._node.config
        settings = plan(replace(config, model=replace(config.model, bundle=name)))
        runtime = settings.backend.name
        if runtime in SHARED_THREADS and runtime == self._session.backend.name:
            lower_priority(LOWEST)  # this thread and those that compile; the frames come first
        self._session.is_loading = True
        try:
            return load(settings, lambda: self._node.stopping)
        finally:
            self._session.is_loading = False

    def swap(self, loaded: Network) -> Callable[[float], object]:
        replaced = self._session.use(loaded)

        def free(timeout_s: float) -> None:
            replaced.close_when_idle(timeout_s)
            return_free_memory()

        return free

    def discard(self, loaded: Network) -> None:
        loaded.close()


class _ReferringSlot:
    """The network of the text prompts: a loaded one is replaced, else it is only verified."""

    def __init__(self, node: SwitchedNode, session: Session) -> None:
        self._config = node.config.referring
        self._referring = session.referring

    def load(self, name: str) -> tuple[str, ReferringSegmenter | None]:
        if self._referring.segmenter is None:
            load_referring_bundle(name)
            return name, None
        lower_priority(LOW)  # as in the thread of the first one
        config = self._config
        return name, load_segmenter(name, config.backend, config.threads, config.aspect)

    def swap(self, loaded: tuple[str, ReferringSegmenter | None]) -> Callable[[float], object]:
        self._referring.use(*loaded)
        return lambda timeout_s: None  # its own thread frees the one so far

    def discard(self, loaded: tuple[str, ReferringSegmenter | None]) -> None:
        if loaded[1] is not None:
            loaded[1].close()


class ModelSwitch:
    """Switches both bundles of a configured node; all methods run in the executor's thread."""

    def __init__(self, node: SwitchedNode) -> None:
        """Offer the service."""
        self._node = node
        self._switches: dict[str, Switch[Any]] = {}
        node.create_service(
            SetParameters, SERVICE, self._serve, callback_group=ReentrantCallbackGroup()
        )

    def begin(self, session: Session, config: NodeConfig) -> None:
        """Take over what a session runs by now."""
        slots: dict[str, Any] = {
            MODEL: _ModelSlot(self._node, session),
            REFERRING: _ReferringSlot(self._node, session),
        }
        self._switches = {
            name: Switch(slot, _value(config, name), self._wake, self._tell)
            for name, slot in slots.items()
        }
        self.tune(self._node.config)

    def end(self) -> None:
        """Use nothing that is still being loaded."""
        for switch in self._switches.values():
            switch.stop()
        self._switches = {}

    def check(self, config: NodeConfig) -> str:
        """Return why a change cannot be, as far as the manifests tell, or ''."""
        for name, switch in self._switches.items():
            wanted = _value(config, name)
            if wanted == switch.running:
                continue
            if self._node.executor is None:
                return f'{name} can be changed only while the node spins.'
            try:
                _check(name, config)
            except MmsegError as error:
                return str(error)
        return ''

    def tune(self, config: NodeConfig) -> None:
        """Begin what changed parameters ask for."""
        for name, switch in self._switches.items():
            self._request(switch, _value(config, name))

    def status(self) -> tuple[bytes, str, dict[str, object]]:
        """Return level, message and values for diagnostics."""
        level, texts = DiagnosticStatus.OK, []
        values: dict[str, object] = {}
        for name, switch in self._switches.items():
            values |= {name: switch.running, f'{name} switches': switch.done}
            texts.append(f'{switch.running!r}')
            if switch.loading:
                values[f'{name} loading'] = switch.loading
                texts[-1] = f'{switch.running!r} until {switch.loading!r} is loaded'
            elif switch.rejected:
                level = DiagnosticStatus.WARN
                values[f'{name} rejected'] = switch.rejected
                texts[-1] = f'{switch.running!r} goes on: {switch.rejected}'
        return level, '; '.join(texts) or 'not configured', values

    async def _serve(self, request: Any, response: Any) -> Any:
        """Set the bundles that a request names; answer when each is in use or rejected."""
        for item in request.parameters:
            response.results.append(await self._change(item))
        return response

    async def _change(self, item: Any) -> SetParametersResult:
        if (
            item.name not in (MODEL, REFERRING)
            or item.value.type != ParameterType.PARAMETER_STRING
        ):
            reason = f'{SERVICE} takes {MODEL} and {REFERRING} as strings, not {item.name!r}.'
            return SetParametersResult(successful=False, reason=reason)
        name = item.value.string_value
        switch = self._switches.get(item.name)
        (result,) = self._node.set_parameters([Parameter(item.name, value=name)])
        if switch is None or not result.successful:
            return result
        self._request(switch, name, again=not switch.loading)
        await _Until(lambda: not switch.loading)
        if switch.running == name and not switch.rejected:
            return SetParametersResult(successful=True)
        reason = switch.rejected or f'{switch.running!r} was asked for meanwhile.'
        return SetParametersResult(successful=False, reason=reason)

    def _request(self, switch: Switch[Any], name: str, again: bool = False) -> None:
        if switch.request(name, again):
            self._node.executor.create_task(switch.run())

    def _tell(self, text: str, done: bool) -> None:
        logger = self._node.get_logger()
        if done:
            logger.info(f'Bundle {text}')
            return
        logger.error(f'Bundle {text}')
        for name, switch in self._switches.items():
            if _value(self._node.config, name) != switch.wanted:
                self._node.set_parameters([Parameter(name, value=switch.wanted)])

    def _wake(self) -> None:
        executor = self._node.executor
        if executor is not None:
            executor.wake()


class _Until:
    """Awaitable in a coroutine of an executor: a condition that another of its tasks meets."""

    def __init__(self, condition: Callable[[], bool]) -> None:
        self._condition = condition

    def __await__(self) -> Generator[None, None, None]:
        while not self._condition():
            yield


def _value(config: NodeConfig, name: str) -> str:
    return config.model.bundle if name == MODEL else config.referring.bundle


def _check(name: str, config: NodeConfig) -> None:
    """Raise what a bundle's manifest alone already rules out."""
    if name == MODEL:
        check_bundle(config)
    else:
        path, data = read_manifest(config.referring.bundle)
        ReferringManifest.from_dict(data, str(path / MANIFEST_FILE))
