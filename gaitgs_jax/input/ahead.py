"""Batches that are built ahead of their use, by tf.data or a few threads.

tf.data runs the stream; where TensorFlow is not installed, threads run it in
its place and give the same batches.
"""

import collections
import concurrent.futures
import functools
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from gaitgs_jax.errors import UserError

Batch = dict[str, np.ndarray]

BACKENDS = ('', 'tensorflow', 'threads')
# Batches under construction, and batches ready ahead of the consumer. Reading
# releases Python's lock, so that each core can build one.
_WORKERS = min(max(os.cpu_count() or 1, 2), 8)
_AHEAD = 2
# What TensorFlow calls it keeps as long as the process lives. So it calls one
# function for all streams, and these build their batches while they are read.
_streams: dict[int, Callable[[int], list[np.ndarray]]] = {}
_numbers = itertools.count()


def stream(
  build: Callable[[int], Batch],
  start: int,
  stop: int | None,
  *,
  backend: str,
  dtypes: Mapping[str, Any],
) -> Iterator[Batch]:
  """Yields build(start), build(start + 1), ..., built ahead of their use.

  Args:
    build: makes the batch of a step; several threads call it.
    start: the first step.
    stop: the step after the last; None goes on for ever.
    backend: of `BACKENDS`; '' is TensorFlow where it is installed.
    dtypes: of the arrays of a batch, by name and in their order.

  Raises:
    UserError: the backend is unknown or not installed; whatever `build` raises.
  """
  if backend not in BACKENDS:
    raise UserError(
      f'unknown input backend {backend!r}; choose tensorflow or threads'
    )
  tf = None if backend == 'threads' else _tensorflow()
  if tf is not None:
    return _tf_stream(tf, build, start, stop, dtypes)
  if backend == 'tensorflow':
    raise UserError('TensorFlow is not installed; take the backend threads')
  return _thread_stream(build, start, stop)


def _thread_stream(
  build: Callable[[int], Batch], start: int, stop: int | None
) -> Iterator[Batch]:
  steps = itertools.count(start) if stop is None else range(start, stop)
  pending: collections.deque[concurrent.futures.Future] = collections.deque()
  with concurrent.futures.ThreadPoolExecutor(_WORKERS) as threads:
    try:
      for step in steps:
        pending.append(threads.submit(build, step))
        if len(pending) > _WORKERS + _AHEAD:
          yield pending.popleft().result()
      while pending:
        yield pending.popleft().result()
    finally:
      for future in pending:
        future.cancel()


def _tf_stream(
  tf: Any,
  build: Callable[[int], Batch],
  start: int,
  stop: int | None,
  dtypes: Mapping[str, Any],
) -> Iterator[Batch]:
  failures: dict[int, Exception] = {}

  def arrays(step: int) -> list[np.ndarray]:
    try:
      return list(build(step).values())
    except Exception as error:  # noqa: BLE001  (raised again below)
      # TensorFlow would print hundreds of lines, and pass on only the text.
      failures[step] = error
      return [np.empty((), dtype) for dtype in dtypes.values()]

  number = next(_numbers)
  read = _tf_reader(tuple(np.dtype(dtype) for dtype in dtypes.values()))

  # AutoGraph would only try, and warn that generators are not for it.
  @tf.autograph.experimental.do_not_convert
  def tensors(step: Any) -> Any:
    return read(number, step)

  steps = tf.data.Dataset.range(start, 2**62 if stop is None else stop)
  stream = steps.map(
    tensors, num_parallel_calls=_WORKERS, deterministic=True
  ).prefetch(_AHEAD)
  _streams[number] = arrays
  try:
    for step, values in enumerate(stream.as_numpy_iterator(), start):
      if step in failures:
        raise failures[step]
      yield dict(zip(dtypes, values, strict=True))
  finally:
    del _streams[number]
    failures.clear()  # Their tracebacks hold what builds the batches.


@functools.cache
def _tf_reader(dtypes: tuple[np.dtype, ...]) -> Any:
  """Returns TensorFlow's function from a stream and a step to a batch."""
  tf = _tensorflow()
  given = tf.TensorSpec((), tf.int64)

  def arrays(stream: np.int64, step: np.int64) -> list[np.ndarray]:
    if build := _streams.get(int(stream)):
      return build(int(step))
    # It was closed meanwhile, and nobody will see what it gives.
    return [np.empty((), dtype) for dtype in dtypes]

  @tf.function(input_signature=[given, given], autograph=False)
  def read(stream: Any, step: Any) -> Any:
    return tf.numpy_function(arrays, [stream, step], dtypes)

  return read


@functools.cache
def _tensorflow() -> Any:
  """Returns TensorFlow, kept off the accelerators, or None without it."""
  try:
    import tensorflow as tf
  except ImportError:
    return None
  # It would otherwise claim the memory of the GPUs that JAX computes on.
  tf.config.set_visible_devices([], 'GPU')
  return tf


def prefetch_to_device(
  batches: Iterable[Batch],
  place: Callable[[Batch], dict[str, jax.Array]],
) -> Iterator[dict[str, jax.Array]]:
  """Yields batches on devices, copied ahead of their use.

  Args:
    batches: the rows that this process builds, numpy arrays [n,...].
    place: copies a batch to the devices, see `training.meshes.place`.
  """
  ready: collections.deque[dict[str, jax.Array]] = collections.deque()
  for batch in batches:
    ready.append(place(batch))
    if len(ready) > _AHEAD:
      yield ready.popleft()
  yield from ready
