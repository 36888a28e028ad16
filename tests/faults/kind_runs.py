"""Whole runs that are stopped, moved, unheard or cannot save.

All in this process but the last kind. Each fault falls at a random call of what
a run does; the run must then leave as it should, and the same command must end
it bit for bit as a run without faults ends.
"""

import atexit
import contextlib
import errno
import functools
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest.mock
from collections.abc import Callable, Iterator
from typing import Any

from faults import kills, trials
from training import tiny

from gaitgs_jax import atomic, models, streams
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import pipeline
from gaitgs_jax.training import (
  checkpoint,
  digests,
  kept,
  loop,
  progress,
  scoring,
  writers,
)

_STEPS = 6
# What a run calls, and how often.
_CALLS = {
  'a step': (progress.Progress, 'note', _STEPS),
  'a start of saving': (loop._Run, '_save', 4),
  'the end of a save': (digests, 'write', 4),
  'an evaluation': (scoring.Scorer, 'model', 2),
  'writing numbers': (writers.Writers, 'write', 5),
  'writing a file': (atomic, 'write', 12),
}
_BROKEN = (errno.EACCES, errno.EDQUOT, errno.EIO, errno.ENOSPC, errno.EROFS)


@functools.cache
def _root() -> pathlib.Path:
  """Returns a folder with a tree and a whole run on it."""
  root = pathlib.Path(tempfile.mkdtemp(prefix='gaitgs_jax-trials-'))
  atexit.register(shutil.rmtree, root, ignore_errors=True)
  tiny.write_tree(root / 'tree')
  _train(root, root / 'whole')
  # Not if this process was asked to stop meanwhile.
  assert checkpoint.find(root / 'whole').name == str(_STEPS)
  return root


def _train(root: pathlib.Path, run: pathlib.Path, **changes: Any) -> None:
  config = tiny.get_config(root / 'tree')
  config.total_steps = _STEPS
  config.update(changes)
  with unittest.mock.patch.object(models, 'create', tiny.create):
    loop.train(config, run)


def _check_goes_on(run: pathlib.Path) -> None:
  """Asserts that the same command ends a run as it would have ended."""
  _train(_root(), run)
  assert checkpoint.find(run).name == str(_STEPS)
  assert kills.differences(_root() / 'whole', run) == []


class _Fault:
  """What happens before one random call, once.

  Args:
    chance: draws the call.
    act: what happens.

  Attributes:
    happened: whether the call was made.
    step: the last step that was made.
  """

  def __init__(self, chance: random.Random, act: Callable[[], Any]):
    self.name = chance.choice(list(_CALLS))
    self.number = chance.randint(1, _CALLS[self.name][2])
    self.happened, self.step = False, 0
    self._act, self._calls = act, 0

  def __str__(self) -> str:
    return f'{self.name}, number {self.number}'

  @contextlib.contextmanager
  def set(self) -> Iterator[None]:
    """Makes it happen in the body."""
    with contextlib.ExitStack() as stack:
      for name, (owner, attribute, _) in _CALLS.items():
        call = self._wrapped(name, getattr(owner, attribute))
        stack.enter_context(unittest.mock.patch.object(owner, attribute, call))
      yield

  def _wrapped(self, name: str, real: Callable) -> Callable:
    def call(*args: Any, **options: Any) -> Any:
      if name == 'a step':
        self.step = args[1]
      if name == self.name:
        self._calls += 1
        if self._calls == self.number:
          self.happened = True
          self._act()
      return real(*args, **options)

    return call


@contextlib.contextmanager
def _output(how: str) -> Iterator[Any]:
  """Yields a stream: of a full disk, a broken pipe, or one nobody reads."""
  with contextlib.ExitStack() as stack:
    if how == 'full disk':
      stream = stack.enter_context(open('/dev/full', 'w'))
    else:
      reader, writer = os.pipe()
      stream = stack.enter_context(os.fdopen(writer, 'w'))
      if how == 'no reader':
        os.close(reader)
      else:
        stack.callback(os.close, reader)
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
          while os.write(writer, bytes(1 << 16)):
            pass
        os.set_blocking(writer, True)
    yield stream


@trials.kind('a signal to a run whose output is lost', short=2)
def try_signal(chance: random.Random, folder: pathlib.Path) -> str:
  """Saves what was reached, and leaves as the signal asks."""
  number = chance.choice([signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
  ways = ['full disk', 'no reader', 'not read']
  out, err = chance.choice(ways), chance.choice(ways)
  fault = _Fault(chance, lambda: signal.raise_signal(number))
  root, interrupted = _root(), False
  told = f'{number.name} at {fault}; stdout: {out}, stderr: {err}'
  with (
    fault.set(),
    _output(out) as stdout,
    _output(err) as stderr,
    unittest.mock.patch.object(sys, 'stdout', stdout),
    unittest.mock.patch.object(sys, 'stderr', stderr),
    unittest.mock.patch.object(streams, '_LAST', 0.01),
  ):
    try:
      _train(root, folder / 'run')
    except KeyboardInterrupt:
      interrupted = True
  assert interrupted == (fault.happened and number == signal.SIGINT), told
  assert checkpoint.find(folder / 'run').name == str(fault.step), told
  _check_goes_on(folder / 'run')
  return told


@trials.kind('a workdir that is moved or deleted', short=2)
def try_move(chance: random.Random, folder: pathlib.Path) -> str:
  """Says so, saves nothing in another folder, and goes on where it is now."""
  run, moved = folder / 'run', folder / 'moved'
  how = chance.choice(['moved', 'deleted'])
  act = {
    'moved': lambda: run.rename(moved),
    'deleted': lambda: shutil.rmtree(run, ignore_errors=True),
  }
  fault = _Fault(chance, act[how])
  root, message = _root(), ''
  with fault.set():
    try:
      _train(root, run)
    except UserError as error:
      message = str(error)
  told = f'{how} at {fault}: {message}'
  assert fault.happened == bool(message), told
  if not message:
    return told
  assert f'{run} was moved ' in message, told
  # Only the file that was being written may be there.
  assert not kept.steps(run / kept.FOLDER), told
  if how == 'moved':
    assert f'moved to {moved}' in message, told
    _check_goes_on(moved)
  return told


@contextlib.contextmanager
def _failing(module: Any, name: str, code: int) -> Iterator[None]:
  """Lets a function of the system fail below folders of checkpoints."""
  real = getattr(module, name)

  def fail(path: Any, *args: Any, **options: Any) -> Any:
    place = path
    if isinstance(path, int):
      place = os.readlink(f'/proc/self/fd/{path}')
    if f'/{kept.FOLDER}/' in os.fspath(place):
      raise OSError(code, os.strerror(code), os.fspath(place))
    return real(path, *args, **options)

  with unittest.mock.patch.object(module, name, fail):
    yield


@contextlib.contextmanager
def _small_files(size: int) -> Iterator[None]:
  """Lets this process write no file beyond a size."""
  before = resource.getrlimit(resource.RLIMIT_FSIZE)
  resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
  try:
    yield
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@trials.kind('a save that fails', short=2)
def try_failed_save(chance: random.Random, folder: pathlib.Path) -> str:
  """Says so at once; what was saved before is whole."""
  code = chance.choice(_BROKEN)
  size = chance.randrange(2000)
  name = chance.choice(['mkdir', 'fsync', 'rename', 'size'])
  number = chance.randint(1, 3)
  before, root = threading.enumerate(), _root()
  with contextlib.ExitStack() as broken:
    save, calls = checkpoint.Checkpoints.save, []

    def start(*args: Any) -> None:
      calls.append(args)
      if len(calls) == number:
        broken.enter_context(
          _small_files(size) if name == 'size' else _failing(os, name, code)
        )
      save(*args)

    message = ''
    with unittest.mock.patch.object(checkpoint.Checkpoints, 'save', start):
      try:
        # What is evaluated would be compiled, and kept in files.
        _train(root, folder / 'run', evaluation={'protocol': ''})
      except UserError as error:
        message = str(error)
  what = f'files of {size} bytes' if name == 'size' else os.strerror(code)
  told = f'{name} fails from save {number} on, {what}: {message}'
  assert re.search('(could not|cannot) write ', message), told
  left = set(threading.enumerate()) - set(before)
  assert not [each for each in left if 'save' in each.name], told
  with contextlib.suppress(UserError):
    assert int(checkpoint.find(folder / 'run').name) < _STEPS, told
  _check_goes_on(folder / 'run')
  return told


@trials.kind('data that cannot be read any more', short=1)
def try_unreadable(chance: random.Random, folder: pathlib.Path) -> str:
  """Saves what was reached before it says so."""
  failing = chance.randint(1, _STEPS)
  error = chance.choice([UserError('gone'), MemoryError('gone')])
  real, made, root = pipeline.train_batches, [], _root()

  def batches(*args: Any, **options: Any) -> Iterator[pipeline.Batch]:
    stream = real(*args, **options)
    for number, batch in enumerate(stream, 1):
      if number == failing:
        raise error
      made.append(number)
      yield batch

  message = ''
  every = {'checkpoint': {'every_steps': 100}}
  with (
    unittest.mock.patch.object(pipeline, 'train_batches', batches),
    _last_step() as last,
  ):
    try:
      _train(root, folder / 'run', evaluation={'every_steps': 100}, **every)
    except (UserError, MemoryError) as found:
      message = str(found)
  told = f'{error!r} at batch {failing}, after step {last}: {message}'
  # Two batches are on the device ahead of their use.
  assert len(last) == max(failing - 3, 0) and message, told
  assert isinstance(error, MemoryError) or (
    (f'Step {len(last)} is saved' in message) == bool(last)
  ), told
  if last:
    assert checkpoint.find(folder / 'run').name == str(len(last)), told
  _check_goes_on(folder / 'run')
  return told


@contextlib.contextmanager
def _last_step() -> Iterator[list[int]]:
  """Yields the steps that are made in the body."""
  made: list[int] = []
  note = progress.Progress.note

  def noted(self: progress.Progress, step: int, *args: Any) -> None:
    made.append(step)
    note(self, step, *args)

  with unittest.mock.patch.object(progress.Progress, 'note', noted):
    yield made


_CONFIG = """
from training import tiny

def get_config():
  config = tiny.get_config({tree!r})
  config.total_steps, config.log_every = 1_000_000, 5
  config.evaluation.every_steps = 20
  config.checkpoint.every_steps = 10
  return config
"""


def _redirect(chance: random.Random) -> dict[str, str]:
  """Draws where a process's output goes, as a shell writes it."""
  ways = {
    'a file': '{0}>{1}',
    'closed': '{0}>&-',
    'a full disk': '{0}>/dev/full',
    'no reader': '{0}> >(exec true)',
    'a reader that ends': '{0}> >(head -n 3 >/dev/null)',
    'a reader that sleeps': '{0}> >(exec sleep 30)',
  }
  names = [chance.choice(list(ways)) for _ in range(2)]
  return {
    f'{stream} {name}': ways[name].format(number, f'"${stream}"')
    for number, stream, name in zip((1, 2), ('OUT', 'ERR'), names, strict=True)
  }


@trials.kind('a signal to a process whose output is lost', short=1)
def try_process(chance: random.Random, folder: pathlib.Path) -> str:
  """Ends with the status of the signal, with all saved and no traceback."""
  number = chance.choice([signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
  output = _redirect(chance)
  told = f'{number.name}; {", ".join(output)}'
  config, run = folder / 'config.py', folder / 'run'
  config.write_text(_CONFIG.format(tree=str(_root() / 'tree')))
  process = subprocess.Popen(
    [
      *('bash', '-c', f'exec "$@" {" ".join(output.values())}', 'bash'),
      *(sys.executable, tiny.__file__),
      *(f'--config={config}', f'--workdir={run}'),
    ],
    env=tiny.environment(tensorflow=False)
    | {'OUT': str(folder / 'out'), 'ERR': str(folder / 'err')},
  )
  try:
    limit = time.monotonic() + 200
    # From when there is this folder, signals are noted.
    while not (run / kept.FOLDER).exists() and time.monotonic() < limit:
      assert process.poll() is None, told
      time.sleep(0.01)
    time.sleep(chance.uniform(0, 4))
    process.send_signal(number)
    status = process.wait(timeout=200)
  finally:
    process.kill()
    process.wait()
  assert status == (130 if number == signal.SIGINT else 0), (status, told)
  printed = [
    path for name in ('out', 'err') if (path := folder / name).exists()
  ]
  said = ''.join(path.read_text() for path in printed)
  assert 'Traceback' not in said and 'error:' not in said, (said, told)
  step = int(checkpoint.find(run).name)
  if (folder / 'out').exists():
    assert f'stopped at step {step}, saved' in said, (said, told)
  with checkpoint.Checkpoints(run) as opened:
    assert opened.latest() == step, told
  return f'{told}, at step {step}'
