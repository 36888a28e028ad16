"""Checkpoints: the run's whole state, by Orbax.

A checkpoint is a tree of named arrays: 'step', 'params/...', 'stats/...' and
'opt_state/...'. The latest two and the best by evaluation are kept. Each on a
disk holds the `digests` of its files; in a bucket the store checks what it
keeps. There a checkpoint is whole once Orbax has written its mark, as nothing
in a bucket can be renamed at once.
"""

import contextlib
import logging
import os
import pathlib
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np
import optax
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils
from orbax.checkpoint import checkpoint_managers

from gaitgs_jax import cloud
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import digests, paths, scores
from gaitgs_jax.training import workdir as workdirs
from gaitgs_jax.training.scores import Score
from gaitgs_jax.training.state import Arrays, TrainState

_FOLDER = 'checkpoints'
_ITEM = 'default'  # Orbax's folder for the arrays of one step.
_UNFINISHED = '*.orbax-checkpoint-tmp*'  # What Orbax is writing, or was.
_MARK = 'commit_success.txt'  # Orbax's, of what it has written to a bucket.
_SHOWN = 5
BEST = 'best'  # What --checkpoint calls it.


class Checkpoints:
  """The checkpoints of one workdir, written while training goes on.

  The latest two are always there to resume from, whichever is the best. Opening
  moves the newest aside where they are damaged, to STEP.damaged, and says so.

  Raises:
    UserError: all of them are damaged.
  """

  def __init__(self, workdir: pathlib.Path):
    policy = checkpoint_managers.AnyPreservationPolicy(
      [
        checkpoint_managers.LatestN(2),
        scores.KeepBest(),
      ]
    )
    options = ocp.CheckpointManagerOptions(
      # Orbax stores no metrics without one.
      best_fn=lambda metrics: metrics['score'],
      preservation_policy=policy,
      # Called before a checkpoint gets its final name.
      async_options=ocp.AsyncOptions(post_finalization_callback=self._add_sums),
    )
    self.folder = cloud.absolute(workdir / _FOLDER)
    # The manager of every other process waits for the first one's.
    if not jax.process_index():
      # What killed processes half wrote would fill the disk in time.
      for left in _unfinished(self.folder):
        cloud.remove(left) if cloud.is_url(left) else shutil.rmtree(left)
      if _steps(self.folder):
        _set_aside(self.folder)
      for step in _steps(self.folder):
        if scores.remove_damaged(step):
          _tell(f'{step}: its score was damaged and is removed')
    with _quiet():
      self._manager = ocp.CheckpointManager(self.folder, options=options)
    self._silence = _quiet()

  def __enter__(self) -> 'Checkpoints':
    self._silence.__enter__()
    return self

  def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
    try:
      self._manager.close()
    except Exception:
      # The error that ended the run says more than one that follows it.
      if kind is None:
        raise
    finally:
      self._silence.__exit__(None, None, None)

  def _add_sums(self) -> None:
    """Adds the digests to what is being saved, except in a bucket."""
    if not jax.process_index() and not cloud.is_url(self.folder):
      for folder in self.folder.glob(_UNFINISHED):
        digests.write(folder, _ITEM)

  def latest(self) -> int | None:
    """Returns the last step saved, None if there is none."""
    return self._manager.latest_step()

  def score(self, step: int) -> Score | None:
    """Returns the score kept with a step, None if there is none."""
    return scores.read(self.folder / str(step))

  def add_score(self, step: int, score: Score) -> None:
    """Adds a score to the checkpoint of a step; waits until that is saved."""
    self.wait()
    if not jax.process_index():
      scores.write(self.folder / str(step), score)
    multihost_utils.sync_global_devices('a score is written')
    self._manager.reload()

  def save(self, step: int, tree: Any) -> None:
    """Starts saving a tree; an earlier save's failure is raised here.

    Args:
      step: number of updates made.
      tree: arrays to save; they may be donated once this returns.
    """
    named = paths.nest(paths.flatten(tree))
    args = ocp.args.PyTreeSave(named)
    self._manager.save(step, args=args, force=True)

  def wait(self) -> None:
    """Waits for the last save; its failure is raised here."""
    self._manager.wait_until_finished()

  def restore(
    self,
    step: int,
    like: TrainState,
    optimizer: optax.GradientTransformation,
  ) -> TrainState:
    """Returns the state of a step, placed as `like` is.

    Of a model alone, such as an imported one, the optimizer starts afresh.

    Raises:
      UserError: it holds another model's arrays.
    """
    folder = self.folder / str(step)
    stored = _stored(folder)
    if any(name.startswith('opt_state/') for name in stored):
      return _restore(folder, stored, like)
    alone = {key: getattr(like, key) for key in ('step', 'params', 'stats')}
    found = _restore(folder, stored, alone)
    places = jax.tree.map(lambda leaf: leaf.sharding, like.opt_state)
    start = jax.jit(optimizer.init, out_shardings=places)
    return TrainState(**found, opt_state=start(found['params']))


def find(path: pathlib.Path) -> pathlib.Path:
  """Returns the folder of one step, given it, a checkpoints folder or workdir.

  The latest whole step is taken where several are possible; damaged ones after
  it are named on standard output.

  Raises:
    UserError: there is no checkpoint, or it is damaged.
  """
  path = cloud.absolute(path)
  if (path / _ITEM).is_dir():
    damage = _damage(path)
    if damage:
      raise UserError(
        f'{path} is damaged ({damage}): give another with --checkpoint'
      )
    return path
  for folder in (path / _FOLDER, path):
    if _steps(folder):
      whole, damaged = _newest_whole(folder)
      for step, damage in damaged.items():
        _tell(f'{step} is damaged ({damage}); taking {whole.name} instead')
      return whole
  raise UserError(
    f'no checkpoint in {path}: train first, or give the workdir of a run or '
    'one of its checkpoints/STEP folders'
  )


def choose(
  workdir: str | os.PathLike, given: str | os.PathLike | None
) -> pathlib.Path:
  """Returns the folder of the checkpoint that --checkpoint asks for.

  Args:
    workdir: the run's.
    given: 'best' for the best of the workdir's, which a line explains; a path
      for `find`; '' or None for the latest of the workdir's.

  Raises:
    UserError: there is no such checkpoint, or it is damaged.
  """
  if given != BEST:
    return find(cloud.folder(given or workdir))
  steps = _steps(cloud.absolute(cloud.folder(workdir)) / _FOLDER)[::-1]
  found = [scores.read(step) for step in steps]
  place = scores.best(found)
  if place is None:
    raise UserError(
      f'no checkpoint in {workdir} has been evaluated: train with '
      'config.evaluation.protocol, or give a step with --checkpoint'
    )
  chosen, score = find(steps[place]), found[place]
  assert score is not None
  basis = score.basis or 'its protocol was not noted'
  _tell(
    f'step {chosen.name} is the best of its run: mean {score.metric} '
    f'{score.value:.1f} ({basis}). It was chosen on these test subjects, so '
    'its accuracy on them is optimistic'
  )
  return chosen


def _steps(folder: pathlib.Path) -> list[pathlib.Path]:
  """Returns the checkpoints in a folder, the latest first."""
  if not folder.is_dir():
    return []
  steps = [
    path
    for path in folder.iterdir()
    if path.name.isdigit() and _is_finished(path)
  ]
  return sorted(steps, key=lambda path: -int(path.name))


def _is_finished(step: pathlib.Path) -> bool:
  # A disk's gets its name when it is.
  return not cloud.is_url(step) or (step / _MARK).exists()


def _unfinished(folder: pathlib.Path) -> list[pathlib.Path]:
  """Returns what killed processes half wrote in a folder."""
  if not cloud.is_url(folder):
    return list(folder.glob(_UNFINISHED))
  steps = folder.iterdir() if folder.is_dir() else ()
  return [
    path for path in steps if path.name.isdigit() and not _is_finished(path)
  ]


def _newest_whole(
  folder: pathlib.Path,
) -> tuple[pathlib.Path, dict[pathlib.Path, str]]:
  """Returns the latest whole checkpoint and what is wrong with later ones."""
  damaged: dict[pathlib.Path, str] = {}
  for step in _steps(folder):
    damage = _damage(step)
    if not damage:
      return step, damaged
    damaged[step] = damage
  reasons = '; '.join(f'{step.name}: {why}' for step, why in damaged.items())
  raise UserError(
    f'every checkpoint in {folder} is damaged ({reasons}): copy one back from '
    'elsewhere, or move the folder away to train from the start'
  )


def _set_aside(folder: pathlib.Path) -> None:
  """Renames the damaged checkpoints after the latest whole one."""
  whole, damaged = _newest_whole(folder)
  for step, damage in damaged.items():
    aside = workdirs.set_aside(step)
    _tell(
      f'{step} is damaged ({damage}): it is {aside.name} now, and {whole.name} '
      'the last checkpoint'
    )


def _tell(text: str) -> None:
  if not jax.process_index():
    print(text, flush=True)


def _damage(folder: pathlib.Path) -> str:
  """Returns what is wrong with the files of a checkpoint, '' if nothing.

  One without digests, of another program, is taken as it is.
  """
  if not (folder / _ITEM).is_dir():
    return f'{_ITEM} is missing'
  if not _is_finished(folder):
    return f'{_MARK} is missing'
  return digests.damage(folder)


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
  found = _restore(folder, _stored(folder), like)
  return int(found['step']), found['params'], found['stats']


def check_new(workdir: pathlib.Path) -> None:
  """Raises UserError if a workdir has checkpoints."""
  if _steps(cloud.absolute(workdir) / _FOLDER):
    raise UserError(
      f'{workdir} already holds checkpoints: take another --workdir'
    )


def save_model(
  workdir: pathlib.Path, params: Arrays, stats: Arrays, step: int = 0
) -> pathlib.Path:
  """Writes a model as a checkpoint to be evaluated or trained further.

  Returns:
    The checkpoint's folder.

  Raises:
    UserError: the workdir has checkpoints already.
  """
  check_new(workdir)
  with Checkpoints(workdir) as checkpoints:
    tree = {'step': np.int32(step), 'params': params, 'stats': stats}
    checkpoints.save(step, tree)
    checkpoints.wait()
    return checkpoints.folder / str(step)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
  """Silences Orbax's log, which repeats what it raises."""
  logger = logging.getLogger('absl')
  level = logger.level
  logger.setLevel(logging.CRITICAL)
  try:
    yield
  finally:
    logger.setLevel(level)


def _reader() -> ocp.Checkpointer:
  return ocp.Checkpointer(ocp.PyTreeCheckpointHandler())


def _stored(folder: pathlib.Path) -> dict[str, tuple[int, ...]]:
  """Returns the shapes of the arrays in a step's folder, by name."""
  reason = 'its list of arrays is missing'
  metadata = None
  try:
    with _quiet(), _reader() as reader:
      metadata = reader.metadata(folder / _ITEM).item_metadata
  except (OSError, ValueError) as error:
    reason = str(error)
  if metadata is None:
    raise UserError(
      f'{folder} cannot be read as a checkpoint ({reason}): give another with '
      '--checkpoint, or remove it to go on from an earlier one'
    )
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


def _restore(
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
  with _quiet(), _reader() as reader:
    found = reader.restore(folder / _ITEM, args=args)
  return paths.fill(like, paths.flatten(found))
