"""Files and folders appear whole or not at all; what stood before stands until then."""

import errno
import os
import resource
import signal
import subprocess
import sys
import textwrap

import pytest

from mmseg_ros.core import atomic_files
from mmseg_ros.core.atomic_files import (
    append_text,
    atomic_file,
    atomic_folder,
    require_writable,
    write_bytes,
    write_text,
)
from mmseg_ros.core.errors import OutputError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_takes_the_place_of_the_old_one(tmp_path):
    path = tmp_path / 'deep' / 'a.txt'
    write_text(path, 'old')
    write_text(path, 'grün')
    assert path.read_text(encoding='utf-8') == 'grün'
    assert names(path.parent) == ['a.txt']
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_failed_writer_leaves_the_old_file_and_no_draft(tmp_path):
    write_text(tmp_path / 'a', 'old')
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / 'a') as draft:
        draft.write_text((tmp_path / 'missing').read_text())
    assert (tmp_path / 'a').read_text() == 'old'
    assert names(tmp_path) == ['a']


def test_a_folder_takes_its_name_when_it_is_full(tmp_path):
    with atomic_folder(tmp_path / 'bag') as draft:
        assert draft.name == 'bag'
        write_text(draft / 'x', '1')
        assert not (tmp_path / 'bag').exists()
    assert names(tmp_path) == ['bag']
    with pytest.raises(OutputError, match='exists; remove it'), atomic_folder(tmp_path / 'bag'):
        pytest.fail('the folder is there')
    with atomic_folder(tmp_path / 'bag', replaces=True) as draft:
        write_text(draft / 'y', '2')
        assert (tmp_path / 'bag' / 'x').exists()
    assert names(tmp_path / 'bag') == ['y']
    assert names(tmp_path) == ['bag']


def test_a_failed_folder_leaves_the_old_one(tmp_path):
    with atomic_folder(tmp_path / 'a') as draft:
        write_text(draft / 'x', '1')
    with pytest.raises(FileNotFoundError), atomic_folder(tmp_path / 'a', replaces=True) as draft:
        write_text(draft / 'y', (tmp_path / 'missing').read_text())
    assert names(tmp_path) == ['a']
    assert names(tmp_path / 'a') == ['x']


def test_the_draft_of_a_killed_process_gives_way(tmp_path):
    (tmp_path / '.a.draft').write_text('half')
    stale = tmp_path / '.b.draft' / 'b'
    stale.mkdir(parents=True)
    (stale / 'manifest.json').write_text('{}')
    write_text(tmp_path / 'a', 'new')
    with atomic_folder(tmp_path / 'b') as draft:
        write_text(draft / 'x', '1')
    assert names(tmp_path) == ['a', 'b']
    assert names(tmp_path / 'b') == ['x']


def test_two_writers_of_one_target_do_not_mix(tmp_path):
    with atomic_file(tmp_path / 'a') as draft:
        draft.write_text('first')
        with pytest.raises(OutputError, match='another process'):
            write_text(tmp_path / 'a', 'second')
    assert (tmp_path / 'a').read_text() == 'first'
    with atomic_folder(tmp_path / 'b') as draft:
        write_text(draft / 'x', '1')
        with pytest.raises(OutputError, match='another process'), atomic_folder(tmp_path / 'b'):
            pytest.fail('it is being written')
    assert names(tmp_path / 'b') == ['x']


def test_links_devices_and_folders_stay_what_they_are(tmp_path):
    (tmp_path / 'target').write_text('old')
    (tmp_path / 'link').symlink_to('target')
    write_text(tmp_path / 'link', 'new')
    assert (tmp_path / 'link').is_symlink()
    assert (tmp_path / 'target').read_text() == 'new'
    os.mkfifo(tmp_path / 'pipe')
    for special in (tmp_path / 'pipe', '/dev/null', tmp_path):
        with pytest.raises(OutputError, match='not a regular file'):
            write_text(special, 'x')
    (tmp_path / 'secret').write_text('mine')
    (tmp_path / '.b.draft').symlink_to('secret')
    with pytest.raises(OutputError, match='symbolic links'):
        write_text(tmp_path / 'b', 'x')
    assert (tmp_path / 'secret').read_text() == 'mine'


@pytest.mark.parametrize('name', ['n' * 250, 'ü' * 120])
def test_long_names_that_fit_the_disk_are_written(tmp_path, name):
    write_text(tmp_path / name, 'x')
    assert names(tmp_path) == [name]


@pytest.mark.parametrize(
    ('path', 'words'),
    [
        ('n' * 300, 'the name is too long'),
        ('file/below', 'a part of the path is a file'),
        ('nul\0', 'null byte'),
        ('/proc/nowhere/file', 'cannot be written'),
    ],
)
def test_what_cannot_be_written_is_said_in_one_sentence(tmp_path, path, words):
    (tmp_path / 'file').write_text('')
    for write in (lambda p: write_text(p, 'x'), require_writable, lambda p: append_text(p, 'x')):
        with pytest.raises(OutputError, match=words) as found:
            write(tmp_path / path)
        assert '\n' not in str(found.value)
        assert len(str(found.value)) < 400
    with pytest.raises(OutputError, match=words), atomic_folder(tmp_path / path):
        pytest.fail('nothing can be there')


@pytest.mark.parametrize(
    ('number', 'words'),
    [
        (errno.ENOSPC, 'the disk is full; make room'),
        (errno.EDQUOT, 'quota'),
        (errno.EROFS, 'read-only'),
        (errno.EACCES, 'may not write'),
        (errno.EIO, 'input/output error'),
    ],
)
def test_a_disk_that_fails_at_the_end_is_named(tmp_path, monkeypatch, number, words):
    def fsync(descriptor):
        raise OSError(number, os.strerror(number))

    write_text(tmp_path / 'a', 'old')
    monkeypatch.setattr(atomic_files.os, 'fsync', fsync)
    with pytest.raises(OutputError, match=words):
        write_text(tmp_path / 'a', 'new')
    assert (tmp_path / 'a').read_text() == 'old'
    with pytest.raises(OutputError, match=words), atomic_folder(tmp_path / 'b') as draft:
        write_bytes(draft / 'x', b'1', durable=False)
    assert names(tmp_path) == ['a']


def test_errors_of_other_files_and_of_programs_pass(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_folder(tmp_path / 'a'):
        (tmp_path / 'input').read_text()
    with pytest.raises(ZeroDivisionError), atomic_file(tmp_path / 'a'):
        _ = 1 / 0
    assert names(tmp_path) == []


def limited(size, code, folder):
    """Run code in a process whose files may have so many bytes: a disk that fills up."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return subprocess.run(
        [sys.executable, '-c', textwrap.dedent(code)],
        cwd=folder,
        preexec_fn=limit,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_no_more_than_the_disk_takes(tmp_path):
    (tmp_path / 'log').write_text('first\n')
    done = limited(
        1000,
        """
        from mmseg_ros.core.atomic_files import append_text, write_bytes
        from mmseg_ros.core.errors import OutputError
        for write in (lambda: write_bytes('a', bytes(5000)),
                      lambda: append_text('log', 'x' * 5000),
                      lambda: append_text('new', 'x' * 5000)):
            try:
                write()
            except OutputError as error:
                print(error)
        """,
        tmp_path,
    )
    assert done.stdout.count('largest size allowed here') == 3, done.stderr
    assert names(tmp_path) == ['log']
    assert (tmp_path / 'log').read_text() == 'first\n'
