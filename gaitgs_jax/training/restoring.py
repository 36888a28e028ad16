"""Reading the arrays of a checkpoint, by Orbax."""

import contextlib
import logging
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint._src.serialization import tensorstore_utils

from gaitgs_jax.errors import UserError, one_line
from gaitgs_jax.training import kept, paths, workdirs
from gaitgs_jax.training.states import Arrays

_SHOWN = 5

T = TypeVar('T')

# One run has its folder to itself, and `Checkpoints` syncs what it writes: file
# systems without locks or fsync will do. Orbax has no option for it.
for _context in (
  tensorstore_utils._BASE_TS_CONTEXT,
  tensorstore_utils._DEFAULT_OCDBT_TS_CONTEXT,
):
  _context.update(file_io_locking={'mode': 'none'}, file_io_sync=False)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
  """Silences Orbax's log, which repeats what it raises."""
  logger = logging.getLogger('absl')
  level = logger.level
  logger.setLevel(logging.CRITICAL)
  try:
    yield
  finally:
    logger.setLevel(level)


def model_shapes(folder: pathlib.Path) -> dict[str, tuple[int, ...]]:
  """Returns the shapes of a model's arrays in a step's folder.

  Names are those of `shapes`, after 'params/' or 'stats/'.

  Raises:
    UserError: the checkpoint cannot be read.
  """
  return {
    name: shape
    for name, shape in shapes(folder).items()
    if name.startswith(('params/', 'stats/'))
  }


def read_some(
  folder: pathlib.Path, like: Mapping[str, Any]
) -> dict[str, np.ndarray]:
  """Reads some of a step's arrays, by the names of `shapes`.

  Args:
    folder: one step's, of `find`.
    like: name -> anything of the shape and dtype that is there.
  """
  wanted = {
    name: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)
    for name, leaf in like.items()
  }
  stored = {name: tuple(leaf.shape) for name, leaf in wanted.items()}
  return paths.flatten(restore(folder, stored, paths.nest(wanted)))


def restore_model(
  folder: pathlib.Path, params: Arrays, stats: Arrays
) -> tuple[int, Arrays, Arrays]:
  """Reads a model alone, without the optimizer's state.

  Args:
    folder: one step's, of `find`.
    params: arrays, or shapes with shardings, to be filled.
    stats: the same of its statistics.

  Returns:
    The step, the params and the stats.

  Raises:
    UserError: the checkpoint holds another model's arrays.
  """
  like = {'params': params, 'stats': stats, 'step': np.int32(0)}
  found = restore(folder, shapes(folder), like)
  return int(found['step']), found['params'], found['stats']


def _read(
  folder: pathlib.Path, call: Callable[[ocp.Checkpointer], T]
) -> T | None:
  """Returns what Orbax reads in a step's folder, None where it finds no list.

  Raises:
    UserError: it cannot be read, or its files are damaged.
  """

  def read() -> T:
    handler = ocp.PyTreeCheckpointHandler()
    with quiet(), ocp.Checkpointer(handler) as reader:
      try:
        return call(reader)
      except ValueError as error:
        code = workdirs.disk_error(error)
        if code is None:
          raise
        raise OSError(code, os.strerror(code)) from error

  try:
    return kept.reading(folder, read)
  except (FileNotFoundError, ValueError) as error:
    raise _unreadable(folder, error) from error


def _unreadable(folder: pathlib.Path, reason: object) -> UserError:
  return UserError(
    f'{folder} cannot be read as a checkpoint ({one_line(reason)}): give '
    'another with --checkpoint, or move it away to go on from an earlier one'
  )


def shapes(folder: pathlib.Path) -> dict[str, tuple[int, ...]]:
  """Returns the shapes of the arrays in a step's folder, by name."""
  item = folder / kept.ITEM
  metadata = _read(folder, lambda reader: reader.metadata(item).item_metadata)
  if metadata is None:
    raise _unreadable(folder, 'its list of arrays is missing or damaged')
  arrays = paths.flatten(metadata.tree)
  return {name: tuple(leaf.shape) for name, leaf in arrays.items()}


def _differences(
  stored: Mapping[str, tuple[int, ...]], wanted: Mapping[str, Any]
) -> list[str]:
  found = []
  for name in sorted({*stored, *wanted}):
    if name not in stored:
      found.append(f'{name} is missing there')
    elif name not in wanted:
      # Reading a model leaves the optimizer where it is.
      if name.startswith(('params/', 'stats/')):
        found.append(f'{name} is not in this model')
    elif stored[name] != tuple(wanted[name].shape):
      shape = tuple(wanted[name].shape)
      found.append(f'{name} is {stored[name]} there and {shape} here')
  return found


def restore(
  folder: pathlib.Path, stored: Mapping[str, tuple[int, ...]], like: Any
) -> Any:
  """Returns `like` filled with the arrays of its names."""
  wanted = paths.flatten(like)
  differences = _differences(stored, wanted)
  if differences:
    shown = '; '.join(differences[:_SHOWN])
    more = len(differences) - _SHOWN
    raise UserError(
      f'{folder} holds a different model: {shown}'
      + (f'; and {more} more' if more > 0 else '')
      + '. Take the config it was trained with, or another --workdir'
    )
  item, how = {}, {}
  for name, leaf in wanted.items():
    item[name] = jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)
    sharding = getattr(leaf, 'sharding', None)
    how[name] = (
      ocp.RestoreArgs(restore_type=np.ndarray, dtype=leaf.dtype)
      if sharding is None
      else ocp.ArrayRestoreArgs(sharding=sharding, dtype=leaf.dtype)
    )
  args = ocp.args.PyTreeRestore(
    item=paths.nest(item), restore_args=paths.nest(how), partial_restore=True
  )
  place = folder / kept.ITEM
  found = _read(folder, lambda reader: reader.restore(place, args=args))
  return paths.fill(like, paths.flatten(found))
