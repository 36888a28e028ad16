"""Helper processes that import neither TensorFlow nor JAX.

`multiprocessing` would either fork a process whose threads hold locks, or have
each child import the main script again, TensorFlow with it where that is
TFDS's command line. So children are started as a module of their own, take
pickled calls on standard input and answer on standard output. They end by
themselves when the parent does, however it ends.
"""

import collections
import concurrent.futures
import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gaitgs_jax.errors import UserError

_ROOT = Path(__file__).parents[2]
# Calls handed out per child beyond the one whose result is wanted next.
_AHEAD = 2


class Workers:
  """A pool of helper processes: `with Workers(2) as workers: ...`."""

  def __init__(self, count: int):
    self._count = max(count, 1)
    self._children: queue.SimpleQueue[_Child] = queue.SimpleQueue()
    self._threads = concurrent.futures.ThreadPoolExecutor(self._count)

  def __enter__(self) -> Self:
    for _ in range(self._count):
      self._children.put(_Child())
    return self

  def __exit__(
    self,
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: TracebackType | None,
  ) -> None:
    self._threads.shutdown(wait=True, cancel_futures=True)
    while not self._children.empty():
      self._children.get().close()

  def map(self, calls: Iterable[Callable[[], Any]]) -> Iterator[Any]:
    """Yields the results of picklable calls in their order.

    At most a few calls per child are in flight, so memory stays bounded where
    the consumer is slow.

    Raises:
      Exception: what a call raised, when its turn comes.
    """
    pending: collections.deque[concurrent.futures.Future] = collections.deque()
    for call in calls:
      pending.append(self._threads.submit(self._run, call))
      if len(pending) > _AHEAD * self._count:
        yield pending.popleft().result()
    while pending:
      yield pending.popleft().result()

  def _run(self, call: Callable[[], Any]) -> Any:
    child = self._children.get()
    try:
      return child.ask(call)
    finally:
      self._children.put(child)


class _Child:
  """One helper process and the pipes to it."""

  def __init__(self) -> None:
    paths = [str(_ROOT), os.environ.get('PYTHONPATH', '')]
    self._process = subprocess.Popen(
      [sys.executable, '-m', 'gaitgs_jax.input.workers'],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      env={
        **os.environ,
        'PYTHONPATH': os.pathsep.join(filter(None, paths)),
        # One process per core; threads inside would only get in the way.
        'OMP_NUM_THREADS': '1',
        'OPENBLAS_NUM_THREADS': '1',
        'OPENCV_FOR_THREADS_NUM': '1',
      },
    )
    assert self._process.stdin and self._process.stdout
    self._calls, self._replies = self._process.stdin, self._process.stdout

  def ask(self, call: Callable[[], Any]) -> Any:
    try:
      pickle.dump(call, self._calls, protocol=5)
      self._calls.flush()
      result, error, trace = pickle.load(self._replies)
    except (EOFError, BrokenPipeError, pickle.UnpicklingError) as gone:
      raise self._ended() from gone
    if error is not None:
      error.add_note(trace)
      raise error
    return result

  def _ended(self) -> Exception:
    """Returns what to raise where the process has ended."""
    status = self._process.wait()
    # The system, or a person; anything else is a fault in what it ran.
    if status not in (-signal.SIGKILL, -signal.SIGTERM):
      return RuntimeError(f'a helper process ended with status {status}')
    return UserError(
      f'a helper process was killed ({signal.Signals(-status).name}), probably '
      'because the memory ran out: pass fewer --workers'
    )

  def close(self) -> None:
    # The child ends at the end of its input.
    with contextlib.suppress(BrokenPipeError):
      self._calls.close()
    self._process.wait()
    self._replies.close()


def _serve() -> None:
  """Runs calls from standard input until it ends."""
  # Ctrl-C reaches every process of the terminal; the parent decides.
  signal.signal(signal.SIGINT, signal.SIG_IGN)
  replies = os.fdopen(os.dup(sys.stdout.fileno()), 'wb')
  # A call that prints must not be read as an answer.
  os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
  while True:
    try:
      call = pickle.load(sys.stdin.buffer)
    except EOFError:
      replies.close()
      return
    reply: tuple[Any, Exception | None, str]
    try:
      reply = (call(), None, '')
    except Exception as error:  # noqa: BLE001  (raised again by the parent)
      reply = (None, error, traceback.format_exc())
    # The parent may have been killed: then nobody waits for the reply.
    try:
      pickle.dump(reply, replies, protocol=5)
      replies.flush()
    except BrokenPipeError:
      os._exit(1)


if __name__ == '__main__':
  _serve()
