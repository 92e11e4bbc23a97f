"""What is said and logged about errors that nobody foresaw."""

import logging

import pytest

from mmseg_ros.core import unexpected
from mmseg_ros.core.errors import SampleError
from mmseg_ros.core.unexpected import cause_of, reason_of


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    monkeypatch.setattr(unexpected, '_logged', set())


def test_an_error_of_the_package_speaks_for_itself(caplog):
    assert reason_of(SampleError('The cloud is empty.'), 'aligning') == 'The cloud is empty.'
    assert not caplog.records


def test_others_are_counted_by_type_and_their_first_traceback_is_logged_once(caplog):
    def fail(number):
        raise MemoryError(f'Unable to allocate {number} GiB')

    reasons = set()
    with caplog.at_level(logging.ERROR, 'mmseg_ros'):
        for number in range(3):
            try:
                fail(number)
            except MemoryError as error:
                reasons.add(reason_of(error, 'aligning'))
        reason_of(TypeError('no'), 'aligning')
    assert len(reasons) == 3
    assert {cause_of(reason) for reason in reasons} == {'Unexpected MemoryError while aligning it'}
    assert any('allocate 2 GiB' in reason for reason in reasons)
    first, second = (record.getMessage() for record in caplog.records)
    assert 'Unable to allocate 0 GiB' in first
    assert 'in fail' in first
    assert 'TypeError: no' in second


def test_the_log_stays_bounded(caplog):
    for number in range(1000):
        reason_of(type(f'Kind{number}', (Exception,), {})(), 'aligning')
    assert len(caplog.records) == 64
