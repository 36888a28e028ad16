"""Training from a config: the one place that joins it all."""

import contextlib
import functools
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gaitgs_jax import atomic, cloud, streams
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import ahead, pipeline, sampling
from gaitgs_jax.training import (
  averaging,
  checkpoint,
  checks,
  facts,
  holding,
  initial,
  labels,
  meshes,
  preprocessing,
  processes,
  scoring,
  setup,
  steps,
  watching,
  workdirs,
  writers,
)
from gaitgs_jax.training.progress import Progress
from gaitgs_jax.training.states import TrainState
from gaitgs_jax.training.stopping import Stopping, leave


@streams.optional()
def train(config: Any, workdir: str | os.PathLike) -> None:
  """Trains as configured, going on from the workdir's last checkpoint.

  SIGTERM, SIGHUP or one Ctrl-C, in any of the processes, saves and leaves in
  all. Standard output and error may be lost, and nothing else is.

  Raises:
    KeyboardInterrupt: after a Ctrl-C; what was reached is saved. After SIGTERM
      and SIGHUP it returns.
    UserError: the config, the data or the workdir is wrong, the disk is full,
      the bucket takes no more, the workdir was moved, or the loss is no longer
      finite.
  """
  checks.check_config(config)
  folder = cloud.folder(workdir)
  with (
    cloud.refusal_as_user_error(folder),
    workdirs.full_disk_as_user_error(folder),
    holding.hold(folder) as held,
    Stopping() as stopping,
    checkpoint.Checkpoints(folder) as checkpoints,
  ):
    # Without a checkpoint there is nothing that another config could spoil.
    last = checkpoints.latest()
    if last is not None:
      workdirs.check_config(folder, config, last)
    _Run(config, folder, held, stopping, checkpoints).go()
    agreed = stopping.settle()
  if agreed == 'SIGINT':
    leave(agreed)


class _Run:
  """A training run that has its workdir to itself."""

  def __init__(
    self,
    config: Any,
    workdir: pathlib.Path,
    held: holding.Held,
    stopping: Stopping,
    checkpoints: checkpoint.Checkpoints,
  ):
    self.config, self.workdir, self.held = config, workdir, held
    self.stopping, self.checkpoints = stopping, checkpoints
    self.mesh = meshes.create(**config.mesh)
    sampler = sampling.batch_spec(config.batch).sampler
    self.rows = sampler.rows
    meshes.check_batch(self.rows, str(sampler), self.mesh, config.accumulate)
    self.augment = preprocessing.create_augmentation(config)
    self.loss_fn = setup.create_losses(config)
    self.optimizer, self.rate = setup.create_optimizer(config)
    preprocessing.create_transform(config)
    # All that the config alone shows comes before the data is opened.
    last = checkpoints.latest()
    self._build(
      facts.of_dataset(config)
      if last is None
      else facts.of_checkpoint(config, checkpoints.folder / str(last))
    )
    self.data, self.tested = setup.open_training(config)
    checks.check_data(config, self.data, self.tested)
    if last is None:
      self._build(facts.of_data(config, self.data))
    facts.check(config, self.built, self.data)

  def _build(self, built: Any) -> None:
    """Describes the run's model, of a config with the facts."""
    if vars(self).get('built') == built:
      return
    self.built = built
    self.graphdef, self.like = setup.describe_state(built, self.mesh)
    checks.check_state(self.like)
    self.taken = None
    if 'init' in built and self.checkpoints.latest() is None:
      self.taken = initial.load(built, self.like)

  def go(self) -> None:
    """Trains from where the workdir is to the last step."""
    graphdef, like = self.graphdef, self.like
    self.scorer = self._make_scorer()
    state = self._first_state(like)
    if not jax.process_index():
      workdirs.write_facts(self.workdir, self.config, state.params)
      if self.taken is not None:
        atomic.write(self.workdir / 'init.txt', self.taken.table())
    given: dict[str, Any] = dict(
      sizes=preprocessing.input_sizes(self.config), augment=self.augment
    )
    self.train_step = steps.make_train_step(
      graphdef,
      self.loss_fn,
      self.optimizer,
      shardings=setup.shardings_of(like),
      accumulate=self.config.accumulate,
      recompute=self.config.remat,
      hold=setup.create_groups(self.config).hold,
      **given,
    )
    self.refresh = steps.make_refresh(graphdef, **given)
    start = self.step = int(state.step)
    with (
      writers.Writers(
        self.workdir,
        resume_step=start,
        tensorboard=self.config.tensorboard,
      ) as self.writers,
      contextlib.suppress(scoring.Stopped),
    ):
      self._evaluate_first(state)
      self._loop(state)
    self.checkpoints.wait()
    self.held.check()
    self._tell_end(made=self.step - start)

  def _make_scorer(self) -> scoring.Scorer | None:
    """Returns what evaluates; None if the config names no protocol."""
    if self.tested is None:
      return None
    graphdef, _, _ = setup.describe_model(self.built, self.mesh)
    return scoring.Scorer(
      self.config,
      self.tested,
      graphdef,
      self.mesh,
      self.workdir,
      self.stopping,
      setup.open_gallery(self.config),
    )

  def _first_state(self, like: TrainState) -> TrainState:
    """Returns the last state saved, or that of step 0."""
    last = self.checkpoints.latest()
    if last is None:
      if self.taken is not None and not jax.process_index():
        print(self.taken, flush=True)
      return setup.create_state(self.built, like, self.taken)
    if not jax.process_index():
      print(f'going on from step {last} in {self.workdir}', flush=True)
    return self.checkpoints.restore(last, like, self.optimizer)

  def _loop(self, state: TrainState) -> None:
    """Trains on from a state, until the last step or asked to stop."""
    config, total = self.config, self.config.total_steps
    index = self.data.source.index
    self.progress = Progress(index.name, self.rows, total)
    key = jax.random.fold_in(jax.random.key(config.seed), 1)
    batches = self._batches(self.step) if self.step < total else iter(())
    self.alarm, first = watching.Alarm(config.losses), self.step + 1
    while self.step < total:
      batch = self._next(batches, state)
      state, metrics = self.train_step(state, batch, key)
      self.step = step = self.step + 1
      self.progress.note(step, metrics, batch['sequence'])
      if step % config.log_every == 0 or step == total:
        self._log(step)
      if step == total:
        state = self._take_average(state, batches, key)
      stop = self.stopping.agree()
      due = step % config.evaluation.every_steps == 0 or step == total
      save = stop or due or step % config.checkpoint.every_steps == 0
      if save or step == first:
        self._show(step, batch, state)
      if save:
        self._save(state)  # First, whatever comes of the evaluation.
        if self.scorer is not None and due and not stop:
          self._evaluate(state, self.scorer)
        self.progress.resume_clock()
      if stop:
        return

  def _next(
    self, batches: Iterator[dict[str, jax.Array]], state: TrainState
  ) -> dict[str, jax.Array]:
    """Returns the next batch; where there is none, saves what was reached.

    Raises:
      UserError: it cannot be read; where the state was saved, it says so.
    """
    try:
      return next(batches)
    except Exception as error:
      is_saved = self.step in (0, self.checkpoints.latest())
      # Other processes may be in a step already, and would not save.
      if is_saved or jax.process_count() > 1:
        raise
      self._save(state)
      self.checkpoints.wait()
      if not isinstance(error, UserError):
        raise
      raise UserError(
        f'{error}. Step {self.step} is saved; the same command goes on from '
        'there'
      ) from error

  def _save(self, state: TrainState) -> None:
    """Starts saving the step reached."""
    self._check_finite(self.step, state)
    self.held.check()
    self.writers.sync()
    self.checkpoints.save(self.step, state)

  def _take_average(
    self,
    state: TrainState,
    batches: Iterator[dict[str, jax.Array]],
    key: jax.Array,
  ) -> TrainState:
    """Returns the state of the averaged weights, if they are averaged."""
    mean = averaging.mean_of(state.opt_state)
    if mean is None:
      return state
    # A copy: the next step, if the run is made longer, donates both.
    state = state._replace(params=jax.tree.map(jnp.copy, mean))
    for number in range(self.config.average.statistics_steps):
      draw = jax.random.fold_in(key, self.config.total_steps + number)
      share = np.float32(1 / (number + 1))
      state = self.refresh(state, next(batches), draw, share)
    return state

  def _batches(self, step: int) -> Iterator[dict[str, jax.Array]]:
    batches = pipeline.train_batches(
      self.data.source,
      self.data.train,
      self.config.batch,
      dataset=self.data.dataset,
      learned=setup.learned_labels(self.config),
      seed=self.config.seed,
      start_step=step,
      slots=meshes.local_rows(self.rows, self.mesh),
      unreadable=self.data.unreadable,
    )
    place = functools.partial(meshes.place, mesh=self.mesh)
    return ahead.prefetch_to_device(batches, place)

  def _log(self, step: int) -> None:
    self.held.check()
    numbers = self.progress.summary(float(self.rate(jnp.int32(step - 1))))
    if self.data.unreadable is not None:
      # As far as this process has read, which is a few steps ahead.
      numbers['unreadable'] = float(len(self.data.unreadable))
    self.writers.write(step, numbers)
    if not jax.process_index():
      print(self.progress.line(step, numbers), flush=True)
      for text in self.alarm.notice(numbers):
        print(text, flush=True)

  def _show(
    self, step: int, batch: dict[str, jax.Array], state: TrainState
  ) -> None:
    """Shows the batch and the weights where somebody may look at them."""
    if self.writers.shows_pictures:
      self.writers.show(
        step, watching.pictures(batch), watching.weights(state.params)
      )

  def _evaluate_first(self, state: TrainState) -> None:
    """Evaluates what is due before the first step of this process."""
    scorer, options = self.scorer, self.config.evaluation
    if scorer is None:
      return
    fresh = self.checkpoints.latest() is None
    if options.baseline:
      scorer.baseline(again=fresh)
    if options.untrained and fresh:
      scorer.model('untrained', state.params, state.stats)
    step, last = self.step, self.config.total_steps
    due = step % options.every_steps == 0 or step == last
    if step and due and not self._is_evaluated(step, scorer):
      self._evaluate(state, scorer)

  def _evaluate(self, state: TrainState, scorer: scoring.Scorer) -> None:
    """Evaluates the step reached, which is saved or being saved.

    Raises:
      Stopped: the processes were asked to stop meanwhile.
    """
    label = labels.of_step(self.step)
    numbers = scorer.model(label, state.params, state.stats)
    shown = {k: v for k, v in numbers.items() if k.split('/')[-1] != 'probes'}
    self.writers.write(self.step, shown)
    self.checkpoints.add_score(self.step, scorer.score(numbers))

  def _is_evaluated(self, step: int, scorer: scoring.Scorer) -> bool:
    """Returns whether a step has its result and, in its checkpoint, a score."""
    score = self.checkpoints.score(step)
    known = score is not None and score.basis in ('', scorer.basis)
    return processes.first_says(known) and scorer.has(labels.of_step(step))

  def _check_finite(self, step: int, state: TrainState) -> None:
    """Raises UserError rather than let a state that is lost be kept."""
    self.progress.settle()
    if not _finite((state.params, state.stats)):
      raise UserError(
        f'the weights are not finite after step {step}; the last good '
        'checkpoint is kept: lower config.optimizer.learning_rate'
      )

  def _tell_end(self, *, made: int) -> None:
    step = self.step
    if jax.process_index():
      return
    if step < self.config.total_steps:
      print(
        f'stopped at step {step}, saved in {self.workdir}; the same command '
        'goes on from there'
      )
      return
    if self.scorer is not None:
      self.scorer.show()
    already = '' if made else 'already '
    print(f'{already}trained {step} steps; everything is in {self.workdir}')


@jax.jit
def _finite(tree: Any) -> jax.Array:
  leaves = [jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree)]
  return jnp.stack(leaves).all()
