import contextlib
import io
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from gaitgs_jax import __main__ as command
from gaitgs_jax import bar, streams


@contextlib.contextmanager
def _pipe(reader_stays):
  reader, writer = os.pipe()
  if not reader_stays:
    os.close(reader)
  with open(writer, 'w') as stream:
    yield reader, stream
    with contextlib.suppress(BrokenPipeError):
      stream.close()
  if reader_stays:
    os.close(reader)


@contextlib.contextmanager
def _full():
  # Closed by Python, it would write again what the device did not take.
  stream = open('/dev/full', 'w')  # noqa: SIM115
  yield stream
  with contextlib.suppress(OSError):
    stream.close()


def _set(monkeypatch, name, stream):
  monkeypatch.setattr(sys, name, stream)


def _read(reader):
  os.set_blocking(reader, False)
  found = b''
  with contextlib.suppress(BlockingIOError):
    while data := os.read(reader, 1 << 20):
      found += data
  return found.decode()


def test_a_command_whose_reader_is_gone_ends_without_a_word(monkeypatch, capfd):
  with _pipe(reader_stays=False) as (_, stream):
    _set(monkeypatch, 'stdout', stream)
    assert command.main(['--help']) == 128 + signal.SIGPIPE
  assert capfd.readouterr().err == ''


def test_a_command_whose_output_is_not_written_says_so(monkeypatch, capsys):
  with _full() as stream:
    _set(monkeypatch, 'stdout', stream)
    assert command.main(['--help']) == 2
  assert capsys.readouterr().err == (
    'error: standard output cannot be written: No space left on device\n'
  )


@pytest.mark.parametrize('broken', [_full, lambda: _pipe(False)])
def test_a_command_goes_on_without_standard_error(monkeypatch, broken):
  with broken() as stream, monkeypatch.context() as patch:
    _set(patch, 'stderr', stream[1] if isinstance(stream, tuple) else stream)
    with streams.guarded():
      assert list(bar.create('check', 'sequences', 3, range(3))) == [0, 1, 2]
    print('text', file=sys.stderr)
    assert command.main(['report']) == 2


def test_a_run_goes_on_when_its_reader_is_gone_and_says_so_once(
  monkeypatch, capfd
):
  with _pipe(reader_stays=True) as (reader, stream):
    _set(monkeypatch, 'stdout', stream)
    with streams.guarded(), streams.optional():
      print('one', flush=True)
      assert _read(reader) == 'one\n'
      nothing = os.open(os.devnull, os.O_RDONLY)
      os.dup2(nothing, reader)  # Closes the pipe's end.
      os.close(nothing)
      for _ in range(1000):
        print('two', flush=True)
    monkeypatch.undo()
  told = capfd.readouterr().err
  assert told == 'warning: standard output: Broken pipe; going on without it\n'


def test_a_run_does_not_wait_for_who_does_not_read(monkeypatch):
  monkeypatch.setattr(streams, '_LAST', 0.05)
  with _pipe(reader_stays=True) as (reader, stream):
    _set(monkeypatch, 'stdout', stream)
    with streams.optional():
      for number in range(30_000):
        print(f'step {number}', flush=True)
      # What the pipe took comes first, then the latest lines.
      assert _read(reader).startswith('step 0\nstep 1\n')
      print('end', flush=True)
      found = _read(reader)
      sys.stdout.flush()
      assert (found + _read(reader)).endswith('\nstep 29999\nend\n')
      print('more than a pipe holds ' * 10_000, flush=True)
    monkeypatch.undo()


def test_a_slow_reader_gets_all(monkeypatch):
  found = []

  def read(reader):
    while data := os.read(reader, 1000):
      found.append(data)
      time.sleep(0.001)

  with _pipe(reader_stays=True) as (reader, stream):
    _set(monkeypatch, 'stdout', stream)
    thread = threading.Thread(target=read, args=(reader,))
    thread.start()
    with streams.optional():
      print('ä' * 50_000, end='')
    monkeypatch.undo()
    stream.close()
    thread.join()
  assert b''.join(found).decode() == 'ä' * 50_000


def test_a_full_disk_is_tried_again(monkeypatch, tmp_path):
  """Room for a log may be made; what it did not take is written then."""
  with _full() as full, (tmp_path / 'log').open('w') as log:
    _set(monkeypatch, 'stdout', full)
    with streams.optional():
      print('one')
      os.dup2(log.fileno(), full.fileno())
      print('two')
    monkeypatch.undo()
  assert (tmp_path / 'log').read_text() == 'one\ntwo\n'


def test_streams_of_no_file_are_written_as_they_are(monkeypatch):
  stream = io.StringIO()
  _set(monkeypatch, 'stdout', stream)
  with streams.optional():
    print('text', flush=True)
  assert stream.getvalue() == 'text\n'


def test_a_signal_is_told_only_to_who_reads(monkeypatch):
  with _pipe(reader_stays=True) as (reader, stream):
    before = os.dup(2)
    os.dup2(stream.fileno(), 2)
    try:
      for _ in range(10_000):
        streams.tell('a line that is told\n')
      os.set_blocking(reader, False)
      assert len(os.read(reader, 1 << 20)) < 1 << 20
    finally:
      os.dup2(before, 2)
      os.close(before)


CLOSED = """
import os, sys
for number in (1, 2):
  os.close(number)
sys.stdout = sys.stderr = None
from gaitgs_jax import streams
with streams.guarded():
  print('lost')
  with open(sys.argv[1], 'w') as file:
    os.write(1, b'lost')
    streams.tell('lost')
    file.write(str(file.fileno()))
"""


def test_closed_streams_are_not_the_next_file(tmp_path):
  path = tmp_path / 'file'
  subprocess.run([sys.executable, '-c', CLOSED, path], check=True)
  assert int(path.read_text()) > 2
