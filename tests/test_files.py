import errno
import json
import os
import pathlib
import socket

import pytest

from gaitgs_jax import files


def pipe(path):
  os.mkfifo(path)


def link_to_a_device(path):
  path.symlink_to('/dev/zero')


def link_to_itself(path):
  path.symlink_to(path)


def folder(path):
  path.mkdir()


def unix_socket(path):
  # Bound under a short name: such a path has 107 bytes at most.
  here = pathlib.Path.cwd()
  os.chdir(path.parent)
  try:
    with socket.socket(socket.AF_UNIX) as listener:
      listener.bind(path.name)
  finally:
    os.chdir(here)


def sparse(path):
  with path.open('wb') as file:
    file.truncate(1 << 40)


@pytest.mark.parametrize(
  'make', [pipe, unix_socket, link_to_a_device, link_to_itself, folder, sparse]
)
def test_only_regular_files_of_a_limited_size_are_read(tmp_path, make):
  path = tmp_path / 'config.json'
  make(path)
  with pytest.raises(OSError, match=r'pipe|Larger|directory|links'):
    files.read(path, 1000)
  if make is not sparse:
    with pytest.raises(OSError, match=r'pipe|directory|links'):
      files.check_regular(path)


def test_a_file_that_has_more_than_it_says_is_refused():
  with pytest.raises(OSError, match='Larger than 10 bytes'):
    files.read(pathlib.Path('/proc/self/maps'), 10)


def test_what_is_regular_is_read_through_a_link(tmp_path):
  path = tmp_path / 'x.json'
  path.write_text('{"a": [1, 2.5, null, "b"]}')
  link = tmp_path / 'link'
  link.symlink_to(path)
  assert files.read_json(link) == json.loads(path.read_text())


@pytest.mark.parametrize(
  'text, reason',
  [
    ('[' * 1_000_000, 'nested too deeply'),
    ('{"a":' * 50 + '1' + '}' * 50, 'nested too deeply'),
    ('{"a": 1, "b": 2, "a": 3}', "'a' twice"),
    ('{"a": [1e400]}', 'not finite'),
    ('NaN', 'not finite'),
    ('9' * 5000, 'digits'),
    ('"a', 'Unterminated'),
    ('', 'Expecting value'),
  ],
)
def test_json_is_read_or_refused(tmp_path, text, reason):
  path = tmp_path / 'x.json'
  path.write_text(text, encoding='utf-8')
  with pytest.raises(ValueError, match=reason):
    files.read_json(path)


@pytest.mark.parametrize(
  ('code', 'tries'),
  [(errno.EIO, 3), (errno.EACCES, 3), (errno.ENOENT, 1), (errno.EISDIR, 1)],
)
def test_reading_is_tried_again_where_that_may_help(monkeypatch, code, tries):
  monkeypatch.setattr(files, '_WAITS', (0, 0))
  calls = []

  def fail():
    calls.append(code)
    raise OSError(code, '')

  with pytest.raises(OSError) as caught:
    files.retried(fail)
  assert caught.value.errno == code and len(calls) == tries
