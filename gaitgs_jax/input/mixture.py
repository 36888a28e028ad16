"""Several datasets to train on as one: `config.mixture`.

  config.mixture = dict(
      casia_b=dict(name='casia_b'),
      corridor=dict(name='own', format='opengait', root='TREE'))

A label and the fields of a dataset, which are those of `config.dataset`. Each
sequence is called after its dataset, 'corridor/ann/walk1/000', so that people
of two datasets are never one.
"""

import dataclasses
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gaitgs_jax.errors import UserError, one_line
from gaitgs_jax.input import datasets, opening, partitions, sizes
from gaitgs_jax.input.dataset import Dataset, joined
from gaitgs_jax.input.index import DATASET, Index, concatenate
from gaitgs_jax.input.partitions import Partition
from gaitgs_jax.input.sources import Source
from gaitgs_jax.input.unreadable import Unreadable
from gaitgs_jax.modalities import Arrays, Shapes, shown_size

# Of each dataset. `config.dataset.on_error` is for all of them.
FIELDS = tuple(name for name in opening.FIELDS if name != 'on_error')
# label -> fields.
Mixture = Mapping[str, Mapping[str, Any]]


class JoinedSource:
  """The sequences of several sources.

  Args:
    parts: label -> source.

  Raises:
    UserError: they have different modalities, or frames of different sizes.
  """

  def __init__(self, parts: Mapping[str, Source]):
    self._parts = list(parts.values())
    self.modalities = _common(parts)
    self.index = concatenate(
      _labelled(part.index, label) for label, part in parts.items()
    )
    self._ends = np.cumsum([len(part.index) for part in self._parts])

  def read(self, sequence: int, frames: np.ndarray | None = None) -> Arrays:
    """Returns frames [k,...] by modality; see `Source`."""
    part = int(np.searchsorted(self._ends, sequence, side='right'))
    source = self._parts[part]
    first = int(self._ends[part]) - len(source.index)
    return source.read(int(sequence) - first, frames)


def check(mixture: Mapping[str, Any]) -> None:
  """Checks `config.mixture` as far as no data is needed.

  Raises:
    UserError: a label or a field is wrong.
  """
  if not mixture:
    raise UserError(
      'config.mixture is empty: name the datasets to train on, such as'
      " config.mixture = dict(casia_b=dict(name='casia_b'))"
    )
  for label, fields in mixture.items():
    where = _where(label)
    if not re.fullmatch(r'[A-Za-z0-9_]+', label):
      raise UserError(
        f'config.mixture has the label {one_line(repr(label))}; it must be of'
        ' letters, digits and underscores'
      )
    if not isinstance(fields.get('name'), str):
      raise UserError(f'{where}.name must be set to the name of a dataset')
    opening.check_fields(fields, where, FIELDS)


def check_inputs(
  mixture: Mixture, inputs: Mapping[str, Any], dataset: str
) -> None:
  """Checks that all datasets have what the model sees.

  Args:
    mixture: of which `check` finds nothing wrong.
    inputs: `config.inputs`.
    dataset: name of the one that is evaluated.

  Raises:
    UserError: one of the mixture lacks a modality, or has other skeletons.
  """
  wanted = _seen(inputs, datasets.get(dataset))
  for label, fields in mixture.items():
    try:
      found = _seen(inputs, datasets.get(fields['name']))
    except UserError as error:
      raise UserError(f'{_where(label)}: {error}') from error
    if found != wanted:
      raise UserError(
        f'{_where(label)}: {fields["name"]} has skeletons of {found[1]}, and'
        f' config.dataset.name {dataset} of {wanted[1]}: a model sees one kind'
      )


def _seen(inputs: Mapping[str, Any], facts: Dataset) -> tuple[Shapes, str]:
  found = sizes.of(inputs, facts)
  return found, sizes.skeleton(found, facts)


def facts(mixture: Mixture) -> Dataset:
  """Returns the facts on the datasets of a mixture as on one."""
  return joined(
    [datasets.get(fields['name']) for _, fields in _in_order(mixture)]
  )


def count_people(mixture: Mixture) -> int:
  """Returns how many people the partitions name to train.

  Of one's own data without a partition nobody is counted.
  """
  people = [_partition(fields) for fields in mixture.values()]
  return sum(len(each.train) for each in people if each)


def open_sources(
  mixture: Mixture,
  inputs: Mapping[str, Any],
  unreadable: Unreadable | None = None,
) -> tuple[JoinedSource, np.ndarray]:
  """Opens the datasets of a mixture.

  Args:
    mixture: of which `check` and `check_inputs` find nothing wrong.
    inputs: `config.inputs`.
    unreadable: of `unreadable.create`.

  Returns:
    What joins them, and the rows that train, int64 [N].

  Raises:
    UserError: one cannot be opened, lacks people of its partition, or has
      other modalities or frames than another.
  """
  parts: dict[str, Source] = {}
  rows, first = [], 0
  for label, fields in _in_order(mixture):
    where, own = _where(label), datasets.get(fields['name'])
    try:
      source = opening.open_source(
        fields,
        sizes.of(inputs, own),
        unreadable,
        sizes.files(inputs, own),
        where,
      )
      rows.append(first + _training_rows(source.index, _partition(fields)))
    except UserError as error:
      if where in str(error):
        raise
      raise UserError(f'{where}: {error}') from error
    parts[label] = source
    first += len(source.index)
  return JoinedSource(parts), np.concatenate(rows)


def note_overlap(mixture: Mixture, dataset: Mapping[str, Any]) -> None:
  """Prints a note where people train who are tested.

  Args:
    mixture: what is learned from.
    dataset: `config.dataset`, which is evaluated.
  """
  tested = set(partitions.load_partition(dataset).test)
  for label, fields in mixture.items():
    if _population(fields) == _population(dataset):
      partition = _partition(fields)
      both = tested & set(partition.train) if partition else tested
      if both:
        partitions.note(
          f'note: {_where(label)}: {len(both)} subjects train and are tested'
          ' in config.dataset; the result says nothing about strangers'
        )


def _population(dataset: Mapping[str, Any]) -> tuple[str, str]:
  """Returns what is equal where subjects of one name are the same people."""
  facts = datasets.get(dataset['name'])
  if facts.is_own:
    return '', os.path.abspath(dataset.get('root', ''))
  return facts.people or facts.name, ''


def _partition(fields: Mapping[str, Any]) -> Partition | None:
  """Returns who trains; None of one's own data of which everybody does."""
  if datasets.get(fields['name']).is_own and not fields.get('partition'):
    return None
  return partitions.load_partition(fields)


def _training_rows(index: Index, partition: Partition | None) -> np.ndarray:
  if partition is None:
    return np.arange(len(index))
  wanted = dataclasses.replace(partition, test=())
  rows, _ = partitions.split(index, wanted)
  if not len(rows):
    raise UserError('its partition names nobody to train')
  return rows


def _labelled(index: Index, label: str) -> Index:
  return dataclasses.replace(
    index,
    subject=np.char.add(f'{label}/', index.subject),
    columns={DATASET: np.full(len(index), label)},
  )


def _common(parts: Mapping[str, Source]) -> Shapes:
  """Returns the shapes of frames that all sources have."""
  first, *others = parts
  wanted = parts[first].modalities
  for label in others:
    found = parts[label].modalities
    if found != wanted:
      raise UserError(
        f'config.mixture: {first} has {_shown(wanted)}, and {label} has'
        f' {_shown(found)}: a batch holds frames of one size; make them alike'
      )
  return wanted


def _shown(shapes: Shapes) -> str:
  return ' and '.join(
    f'{name} of {shown_size(frame)}' for name, frame in shapes.items()
  )


def _in_order(mixture: Mixture) -> Iterator[tuple[str, Mapping[str, Any]]]:
  """Yields the labels, sorted, so that their order in a config is no matter."""
  for label in sorted(mixture):
    yield label, mixture[label]


def _where(label: str) -> str:
  return f'config.mixture.{label}'
