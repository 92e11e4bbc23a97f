"""Subscriptions that follow the graph: topic variant, message type and reliability."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rclpy.node import Node
from rclpy.subscription import Subscription

from mmseg_ros.ros.qos import (
    NO_INPUT_EVENTS,
    choose_reliability,
    incompatibility,
    input_qos,
)
from mmseg_ros.ros.qos_overrides import given_reliability, input_options


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way in which an input may be published.

    Attributes:
        topic: Relative topic name.
        type_name: Message type as `package/msg/Name`.
        message_class: Its rclpy class.
        callback: What takes its messages.
    """

    topic: str
    type_name: str
    message_class: Any
    callback: Callable[[Any], None]


class _TakeAll:
    """The callback of a subscription; takes what waits on the others of its batch too.

    Attributes:
        batch: What yields them, for an executor that serves a batch once.
    """

    def __init__(
        self,
        others: Callable[[], Iterable[AdaptiveSubscription]],
        take: Callable[[Candidate, Any], None],
        candidate: Candidate,
    ) -> None:
        self.batch = None if others is tuple else others
        self._take = take
        self._candidate = candidate

    def __call__(self, message: Any) -> None:
        self._take(self._candidate, message)


class AdaptiveSubscription:
    """Subscribes to the first candidate that someone publishes, with a QoS that fits them all.

    Attributes:
        problem: Why messages of some publisher cannot be taken, with the remedy; else empty.
    """

    def __init__(
        self,
        node: Node,
        candidates: Sequence[Candidate],
        reliability: str,
        depth: int,
        others: Callable[[], Iterable[AdaptiveSubscription]] = tuple,
    ) -> None:
        """Subscribe; `refresh` must be called from time to time afterwards.

        Args:
            node: Owner.
            candidates: In order of preference, at least one.
            reliability: `auto`, `reliable` or `best_effort`.
            depth: KEEP_LAST depth.
            others: Subscriptions whose waiting messages are taken at the same opportunity.
        """
        self._others = others
        self.problem = ''
        self._node = node
        self._candidates = tuple(candidates)
        self._wanted = reliability
        self._depth = depth
        self._subscription: Subscription | None = None
        self._current: tuple[Candidate, str] | None = None
        self.refresh()

    @property
    def topic(self) -> str:
        """Return the full name of the topic that is subscribed to."""
        candidate = self._current[0] if self._current else self._candidates[0]
        return str(self._node.resolve_topic_name(candidate.topic))

    @property
    def topics(self) -> set[str]:
        """Return the full names of all topics that may be subscribed to."""
        return {str(self._node.resolve_topic_name(c.topic)) for c in self._candidates}

    @property
    def reliability(self) -> str:
        """Return the reliability that is in use, or '' while unsubscribed."""
        return self._current[1] if self._current else ''

    def publisher_count(self) -> int:
        """Return how many publishers the subscribed topic has."""
        return int(self._node.count_publishers(self.topic))

    def refresh(self) -> None:
        """Look at the publishers and subscribe anew where type, topic or QoS changed."""
        publishers = self._publishers()
        candidate = self._choose(publishers)
        matching = [p for p in publishers.get(candidate.topic, []) if _has_type(p, candidate)]
        wanted = given_reliability(self._node, candidate.topic) or self._wanted
        reliability = choose_reliability(wanted, matching)
        self.problem = incompatibility(reliability, matching) or self._other_types(publishers)
        if self._current == (candidate, reliability) or (self._current and not matching):
            return
        self.close()
        self._current = (candidate, reliability)
        self._subscription = self._node.create_subscription(
            candidate.message_class,
            candidate.topic,
            _TakeAll(self._others, self._take_all, candidate),
            input_qos(reliability, self._depth),
            # The graph check above names the publisher; rclpy's own handlers only warn.
            event_callbacks=NO_INPUT_EVENTS,
            qos_overriding_options=input_options(self._node, candidate.topic),
        )

    def close(self) -> None:
        """Unsubscribe."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
        self._subscription = None
        self._current = None

    def _take_all(self, candidate: Candidate, message: Any) -> None:
        """Hand over a message and all that wait behind it, on this topic and on the others.

        The executor takes one message per subscription and round, and a round costs more than a
        message: a fast topic would stay behind by its whole queue for as long as the load lasts.
        """
        candidate.callback(message)
        self.take_waiting()
        for other in self._others():
            if other is not self:
                other.take_waiting()

    def take_waiting(self) -> None:
        """Hand over all messages that have come, at most as many as the queue holds."""
        for _ in range(self._depth):
            if self._subscription is None or self._current is None:
                return
            candidate = self._current[0]
            with self._subscription.handle:
                taken = self._subscription.handle.take_message(candidate.message_class, False)
            if taken is None:
                return
            candidate.callback(taken[0])

    def _publishers(self) -> dict[str, list[Any]]:
        topics = {candidate.topic for candidate in self._candidates}
        return {
            topic: self._node.get_publishers_info_by_topic(self._node.resolve_topic_name(topic))
            for topic in topics
        }

    def _choose(self, publishers: dict[str, list[Any]]) -> Candidate:
        for candidate in self._candidates:
            if any(_has_type(info, candidate) for info in publishers[candidate.topic]):
                return candidate
        return self._current[0] if self._current else self._candidates[0]

    def _other_types(self, publishers: dict[str, list[Any]]) -> str:
        known = {candidate.type_name for candidate in self._candidates}
        for topic, infos in publishers.items():
            unsupported = sorted({info.topic_type for info in infos} - known)
            if unsupported:
                return (
                    f'Type: {self._node.resolve_topic_name(topic)} is published as '
                    f'{", ".join(unsupported)}; supported here: {", ".join(sorted(known))}.'
                )
        return '' if any(publishers.values()) else self._other_transports()

    def _other_transports(self) -> str:
        """Return that a silent topic is published in forms that are not read; '' if it is not."""
        known = {self._node.resolve_topic_name(c.topic) for c in self._candidates}
        base = self._node.resolve_topic_name(self._candidates[0].topic)
        others = [
            f'{name} ({", ".join(types)})'
            for name, types in self._node.get_topic_names_and_types()
            if name.startswith(f'{base}/')
            and name not in known
            and self._node.count_publishers(name)
        ]
        if not others:
            return ''
        return (
            f'Transport: {base} is published only as {", ".join(others)}, which is not read; '
            f'republish it as one of {", ".join(sorted(known))}.'
        )


def _has_type(info: Any, candidate: Candidate) -> bool:
    return bool(info.topic_type == candidate.type_name)
