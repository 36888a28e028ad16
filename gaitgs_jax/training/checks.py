"""What can be found wrong with a run before it does any work."""

import math
import os
from typing import Any

import jax
import numpy as np

from gaitgs_jax import losses, modalities
from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import distance, protocols, published
from gaitgs_jax.input import (
  mixture,
  opening,
  pipeline,
  samplers,
  sampling,
  sources,
)
from gaitgs_jax.input.index import DATASET, Index
from gaitgs_jax.training import preprocessing, settings, setup

_GB = 1e9


def check_config(config: Any, *, training: bool = True) -> None:
  """Checks what the config alone shows, in no time.

  Args:
    config: of a run.
    training: whether the run trains; otherwise it only evaluates.

  Raises:
    UserError: a field is missing, unknown or wrong.
  """
  settings.check(config)
  opening.check_fields(config.dataset)
  preprocessing.input_sizes(config)
  distance.check_metric(config.evaluation.metric)
  published.check(config.get('published', {}))
  if config.evaluation.protocol or not training:
    protocols.get_protocol(config.evaluation.protocol)
  if training:
    sampling.batch_spec(config.batch)
    if 'mixture' in config:
      given = config.mixture, config.inputs, config.dataset.name
      mixture.check_inputs(*given)
      if config.evaluation.protocol:
        mixture.note_overlap(config.mixture, config.dataset)


def check_model(config: Any) -> None:
  """Checks what using a trained model takes of its config.

  Raises:
    UserError: a field is missing or wrong.
  """
  settings.check_model(config)
  opening.check_fields(config.dataset)
  preprocessing.input_sizes(config)
  distance.check_metric(config.evaluation.metric)


def check_data(
  config: Any, data: setup.Data, tested: setup.Data | None
) -> None:
  """Checks what the config and the index of the training data show.

  Args:
    config: of a run that trains.
    data: what it learns from.
    tested: what it is evaluated on, if it is.

  Raises:
    UserError: the batch cannot be drawn from the data or holds no pair, the
      model has too few classes, the dataset does not know a view or condition
      that is learned, or a batch, or the data that should, does not fit in
      memory.
  """
  check_pairs(config, data)
  longest = pipeline.check_training(
    data.source,
    data.train,
    config.batch,
    dataset=data.dataset,
    learned=setup.learned_labels(config),
    seed=config.seed,
  )
  sampler = sampling.batch_spec(config.batch).sampler
  frames = sampler.rows * sampler.windows * longest
  what = f'{sampler} of {longest:,} frames'
  _check_batch(data.source, 'batch', what, frames, _memory())
  kept = [(data.source, _cached(config, data))]
  if tested is not None and config.dataset.get('cache', ''):
    kept.append((tested.source, tested.test))
  _check_memory(kept, _memory())


def _cached(config: Any, data: setup.Data) -> np.ndarray:
  """Returns the training rows that are to be kept in memory."""
  if 'mixture' not in config:
    return data.train if config.dataset.get('cache', '') else data.train[:0]
  labels = [k for k, v in config.mixture.items() if v.get('cache', '')]
  whose = data.source.index.columns[DATASET][data.train]
  return data.train[np.isin(whose, labels)]


def check_pairs(config: Any, data: setup.Data) -> None:
  """Checks that batches hold pairs for the losses that compare pairs.

  Args:
    config: of a run that trains.
    data: its dataset.

  Raises:
    UserError: no batch holds one.
  """
  index = data.source.index.take(data.train)
  for name, labels in losses.pairs_in(config.losses).items():
    _check_pairs(config, f'config.losses.{name}', labels, index)


def _check_pairs(config: Any, loss: str, labels: str, index: Index) -> None:
  """Raises UserError where no batch has a pair of equal labels and a third.

  Copies of a sequence are a pair too.
  """
  sampler = sampling.batch_spec(config.batch).sampler
  copies = preprocessing.copies(config) or 1
  if labels == 'subject' and isinstance(sampler, samplers.PK):
    several = int((np.unique(index.subject, return_counts=True)[1] > 1).sum())
    alone = sampler.sequences < 2 or several < 2
    if sampler.subjects < 2 or (alone and copies < 2):
      raise UserError(
        f'{loss} compares two walks of a person with walks of others: a batch '
        'must hold two walks each of at least two people, but '
        f'config.batch.subjects is {sampler.subjects}, config.batch.sequences '
        f'is {sampler.sequences}, and {several} training subjects have two '
        'walks or more'
      )
    return
  # Which sequences are drawn does not depend on other labels.
  names = {
    'subject': index.subject,
    'view': index.view,
    'condition': index.condition,
  }
  values = names.get(labels, np.arange(len(index)))
  counts = np.unique(np.asarray(values), return_counts=True)[1]
  rows = sampler.rows
  alone = copies < 2 and (rows < 3 or counts.max() < 2)
  if rows < 2 or len(counts) < 2 or alone:
    raise UserError(
      f'{loss} compares rows of the same {labels} with rows of another, but '
      f'config.batch has {rows} rows and the training sequences have '
      f'{len(counts)} values of {labels}, {int((counts > 1).sum())} of them '
      'more than once: no batch holds a pair; copies of a sequence '
      "(config.augment with dict(name='copies', count=2)) are pairs"
    )


def check_evaluation(config: Any, data: setup.Data, multiple: int) -> None:
  """Raises UserError if a batch of an evaluation does not fit in memory.

  Args:
    config: of a run with a protocol.
    data: its dataset.
    multiple: divides the rows of a batch.
  """
  options = config.evaluation
  frames = pipeline.evaluation_frames(
    data.source.index,
    data.test,
    options.batch_frames,
    frames_max=options.frames_max,
    multiple=multiple,
  )
  where = 'evaluation.batch_frames and config.evaluation.frames_max'
  _check_batch(data.source, where, f'{frames:,} frames', frames, _memory())


def check_state(state: Any) -> None:
  """Raises UserError if the weights of a run do not fit in memory.

  Args:
    state: the shapes of a run's arrays, or of a model's.
  """
  size = sum(
    math.prod(leaf.shape) * np.dtype(leaf.dtype).itemsize
    for leaf in jax.tree.leaves(state)
    if not jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.extended)
  )
  if size > _memory():
    raise UserError(
      f'config.model takes {size / _GB:,.1f} GB of weights, and this machine '
      f'has {_memory() / _GB:.1f} GB: make it smaller'
    )


def _check_batch(
  source: sources.Source, where: str, what: str, frames: int, limit: int
) -> None:
  """Raises UserError unless a batch as it is stored fits in `limit` bytes."""
  size = frames * _frame_bytes(source)
  if size > limit:
    raise UserError(
      f'config.{where}: a batch of {what} takes {size / _GB:,.1f} GB, and this '
      f'machine has {limit / _GB:.1f} GB: make it smaller'
    )


def _frame_bytes(source: sources.Source) -> int:
  return sum(
    modalities.get(name).dtype.itemsize * math.prod(frame)
    for name, frame in source.modalities.items()
  )


def _check_memory(
  kept: list[tuple[sources.Source, np.ndarray]], limit: int
) -> None:
  """Raises UserError unless rows of sources fit in `limit` bytes."""
  count = frames = size = 0
  for source, rows in kept:
    own = int(source.index.length[rows].sum(dtype=np.int64))
    count, frames = count + len(rows), frames + own
    size += own * _frame_bytes(source)
  if size > limit:
    raise UserError(
      f"config.dataset.cache is 'ram', but {count:,} sequences of "
      f'{frames:,} frames take {size / _GB:.1f} GB, and this machine '
      f"has {limit / _GB:.1f} GB: set config.dataset.cache=''"
    )


def _memory() -> int:
  """Returns the bytes of memory that the machine has."""
  return os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
