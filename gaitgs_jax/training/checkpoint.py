"""Checkpoints: the run's whole state, by Orbax.

A checkpoint is a tree of named arrays: 'step', 'params/...', 'stats/...' and
'opt_state/...'. The latest two and the best by evaluation are kept. Each on a
disk holds the `digests` of its files; in a bucket the store checks what it
keeps. There a checkpoint is whole once Orbax has written its mark, as nothing
in a bucket can be renamed at once.
"""

import contextlib
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import optax
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils
from orbax.checkpoint import checkpoint_managers

from gaitgs_jax import atomic, cloud
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import (
  digests,
  kept,
  paths,
  restoring,
  scores,
  workdirs,
)
from gaitgs_jax.training.scores import Score
from gaitgs_jax.training.states import Arrays, TrainState

_LATEST = 2  # Checkpoints kept, besides the best.
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
        checkpoint_managers.LatestN(_LATEST),
        scores.KeepBest(),
      ]
    )
    options = ocp.CheckpointManagerOptions(
      # Orbax stores no metrics without one.
      best_fn=lambda metrics: metrics['score'],
      preservation_policy=policy,
      async_options=ocp.AsyncOptions(
        # Called before a checkpoint gets its final name.
        post_finalization_callback=self._complete,
        # Where that fails, Orbax's threads would wait for it for minutes.
        create_directories_asynchronously=False,
      ),
    )
    self.folder = cloud.absolute(workdir / kept.FOLDER)
    # The manager of every other process waits for the first one's.
    if not jax.process_index():
      kept.remove_unfinished(self.folder)
      kept.set_damaged_aside(self.folder)
    with restoring.quiet(), self._as_user_error():
      self._manager = ocp.CheckpointManager(self.folder, options=options)
    self._silence = restoring.quiet()

  def __enter__(self) -> 'Checkpoints':
    self._silence.__enter__()
    return self

  def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
    try:
      with self._as_user_error():
        self._manager.close()
    except Exception:
      # The error that ended the run says more than one that follows it.
      if kind is None:
        raise
    finally:
      self._silence.__exit__(None, None, None)

  def _complete(self) -> None:
    """Adds the digests to what is being saved, and puts it on the disk.

    A bucket does both by itself.
    """
    if not jax.process_index() and not cloud.is_url(self.folder):
      for folder in self.folder.glob(kept.UNFINISHED):
        digests.write(folder, kept.ITEM)
        atomic.sync_tree(folder)

  @contextlib.contextmanager
  def _as_user_error(self) -> Iterator[None]:
    """Converts an error of the disk into a UserError."""
    try:
      yield
    except Exception as error:
      if workdirs.disk_error(error) is None or isinstance(error, UserError):
        raise
      raise workdirs.not_written(self.folder, error) from error

  def latest(self) -> int | None:
    """Returns the last step saved, None if there is none."""
    return self._manager.latest_step()

  def score(self, step: int) -> Score | None:
    """Returns the score kept with a step, None if there is none."""
    return kept.score(self.folder / str(step))

  def add_score(self, step: int, score: Score) -> None:
    """Adds a score to the checkpoint of a step; waits until that is saved."""
    self.wait()
    if not jax.process_index():
      scores.write(self.folder / str(step), score)
    multihost_utils.sync_global_devices('a score is written')
    self._manager.reload()
    if jax.process_count() == 1:  # Of several, the next save does it.
      self._remove_surpassed()

  def _remove_surpassed(self) -> None:
    """Removes what was kept as the best and is not any more."""
    steps = sorted(self._manager.all_steps())
    is_best = scores.best_of_each([self.score(step) for step in steps])
    for step, keep in list(zip(steps, is_best, strict=True))[:-_LATEST]:
      if not keep:
        self._manager.delete(step)

  def save(self, step: int, tree: Any) -> None:
    """Starts saving a tree; an earlier save's failure is raised here.

    Args:
      step: number of updates made.
      tree: arrays to save; they may be donated once this returns.
    """
    named = paths.nest(paths.flatten(tree))
    args = ocp.args.PyTreeSave(named)
    with self._as_user_error():
      self._manager.save(step, args=args, force=True)

  def wait(self) -> None:
    """Waits until the last save is on the disk; its failure is raised here."""
    with self._as_user_error():
      self._manager.wait_until_finished()
    if not cloud.is_url(self.folder):
      atomic.sync_folder(self.folder)

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
    stored = restoring.shapes(folder)
    if any(name.startswith('opt_state/') for name in stored):
      return restoring.restore(folder, stored, like)
    alone = {key: getattr(like, key) for key in ('step', 'params', 'stats')}
    found = restoring.restore(folder, stored, alone)
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
  if kept.is_step(path):
    damage = kept.damage(path)
    if damage:
      raise UserError(
        f'{path} is damaged ({damage}): give another with --checkpoint'
      )
    return path
  for folder in (path / kept.FOLDER, path):
    if kept.steps(folder):
      whole, damaged = kept.newest_whole(folder)
      for step, damage in damaged.items():
        kept.show(f'{step} is damaged ({damage}); taking {whole.name} instead')
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
  steps = kept.steps(cloud.absolute(cloud.folder(workdir)) / kept.FOLDER)[::-1]
  found = [kept.score(step) for step in steps]
  place = scores.best(found)
  if place is None:
    raise UserError(
      f'no checkpoint in {workdir} has been evaluated: train with '
      'config.evaluation.protocol, or give a step with --checkpoint'
    )
  chosen, score = find(steps[place]), found[place]
  assert score is not None
  basis = score.basis or 'its protocol was not noted'
  kept.show(
    f'step {chosen.name} is the best of its run: mean {score.metric} '
    f'{score.value:.1f} ({basis}). It was chosen on these test subjects, so '
    'its accuracy on them is optimistic'
  )
  return chosen


def check_new(workdir: pathlib.Path) -> None:
  """Raises UserError if a workdir has checkpoints."""
  if kept.steps(cloud.absolute(workdir) / kept.FOLDER):
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
