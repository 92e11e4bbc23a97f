"""SQLite files (.db3) as storage of a recording."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from pathlib import Path

from mmseg_ros.bag.channels import CDR, Channel, full_type_name


class SqliteStorage:
    """One open .db3 file.

    Attributes: as of `Storage`.
    """

    def __init__(self, path: Path) -> None:
        """Open the file for reading.

        Raises:
            sqlite3.DatabaseError: It is no database, or none of a recording.
        """
        # A log beside the file holds what a killed recorder had not put into it yet.
        has_log = path.with_name(path.name + '-wal').exists()
        mode = 'mode=ro' if has_log else 'mode=ro&immutable=1'
        self._database = sqlite3.connect(
            f'{path.resolve().as_uri()}?{mode}', uri=True, check_same_thread=False
        )
        try:
            definitions = self._definitions()
            self._by_id = self._read_channels(definitions)
            first, last = self._database.execute(
                'SELECT min(timestamp), max(timestamp) FROM messages'
            ).fetchone()
        except BaseException:
            self._database.close()
            raise
        self.channels = tuple(self._by_id.values())
        self.start_ns, self.end_ns = first, last

    def messages(
        self, topics: Collection[str] | None, start_ns: int | None, stop_ns: int | None
    ) -> Iterator[tuple[Channel, int, bytes]]:
        """Yield as `Storage.messages` does.

        Raises:
            sqlite3.DatabaseError: The database, or its index of times, is damaged.
        """
        wanted = {n: c for n, c in self._by_id.items() if topics is None or c.topic in topics}
        marks = ', '.join('?' * len(wanted))
        # The time comes from the index, and a second time from the row that it should be of.
        row = 'SELECT row.timestamp FROM messages AS row NOT INDEXED WHERE row.id = messages.id'
        query = (
            f'SELECT topic_id, timestamp, data, ({row}) FROM messages '  # noqa: S608
            f'WHERE topic_id IN ({marks})'
        )
        values = list(wanted)
        if start_ns is not None:
            query += ' AND timestamp >= ?'
            values.append(start_ns)
        if stop_ns is not None:
            query += ' AND timestamp < ?'
            values.append(stop_ns)
        yielded = 0
        for number, stamp_ns, data, row_ns in self._database.execute(
            query + ' ORDER BY timestamp', values
        ):
            if stamp_ns != row_ns:
                raise sqlite3.DatabaseError(f'its index of times is wrong at {row_ns} ns')
            yielded += 1
            content = data if isinstance(data, bytes) else str(data).encode()
            yield wanted[number], int(stamp_ns), content
        expected = sum(channel.count for channel in wanted.values())
        if start_ns is None and stop_ns is None and yielded < expected:
            raise sqlite3.DatabaseError(f'its index of times lacks {expected - yielded} messages')

    def has_checksums(self) -> bool:
        """Return False: SQLite keeps none."""
        return False

    def check(self) -> None:
        """Hold every page, row and index of the database against each other.

        Raises:
            sqlite3.DatabaseError: They do not fit; says the first places.
        """
        found = [str(row[0]) for row in self._database.execute('PRAGMA integrity_check(3)')]
        if found != ['ok']:
            raise sqlite3.DatabaseError('; '.join(found))

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _definitions(self) -> dict[str, tuple[str, str]]:
        if not self._columns('message_definitions'):
            return {}
        rows = self._database.execute(
            'SELECT topic_type, encoding, encoded_message_definition FROM message_definitions'
        )
        return {str(name): (str(encoding), str(text)) for name, encoding, text in rows}

    def _read_channels(self, definitions: dict[str, tuple[str, str]]) -> dict[int, Channel]:
        has_qos = 'offered_qos_profiles' in self._columns('topics')
        qos = 'offered_qos_profiles' if has_qos else "''"
        rows = self._database.execute(
            f'SELECT topics.id, name, type, serialization_format, count(messages.id), {qos} '  # noqa: S608
            'FROM topics LEFT JOIN messages ON topics.id = messages.topic_id GROUP BY topics.id'
        )
        return {
            int(number): Channel(
                str(topic),
                full_type_name(str(kind)),
                str(encoding or CDR),
                *definitions.get(str(kind), ('', '')),
                int(count),
                str(offered_qos or ''),
            )
            for number, topic, kind, encoding, count, offered_qos in rows
        }

    def _columns(self, table: str) -> set[str]:
        return {str(row[1]) for row in self._database.execute(f'PRAGMA table_info({table})')}
