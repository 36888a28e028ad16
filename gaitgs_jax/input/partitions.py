"""Which subjects train and which are tested, as published or as the user says.

A partition is a json file as OpenGait's: {"TRAIN_SET": [...], "TEST_SET":
[...]}, subjects by name; Gait3D's has PROBE_SET too, sequences by name. The
published ones lie in `data/partitions`.
"""

import dataclasses
import functools
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gaitgs_jax import files, local
from gaitgs_jax.errors import UserError, listed
from gaitgs_jax.input import datasets
from gaitgs_jax.input.index import Index

_KINDS = (
  ('subject', '["001", "002"]'),
  ('sequence', '["0001-camid0_videoid2-seq0"]'),
)
PUBLISHED = Path(__file__).parents[1] / 'data' / 'partitions'


@dataclasses.dataclass(frozen=True)
class Partition:
  """Names of the subjects that train and of those that are tested.

  Attributes:
    train: subjects.
    test: subjects.
    sequences: 'probe' or 'gallery' -> sequences, as subject-condition-view.
  """

  train: tuple[str, ...]
  test: tuple[str, ...]
  sequences: Mapping[str, tuple[str, ...]] = dataclasses.field(
    default_factory=dict
  )


def load_partition(dataset: Mapping[str, Any]) -> Partition:
  """Reads the partition of `config.dataset`.

  Its field `partition` is a path to a json file, or the bare name of another
  published one, such as 'casia_b_73'; where it is empty the dataset's own is
  taken.

  Raises:
    UserError: there is no such file, it is not a partition, or it tests nobody.
  """
  facts = datasets.get(dataset['name'])
  variant, chosen = dataset.get('variant', ''), dataset.get('partition', '')
  if facts.split_at and not chosen:
    raise UserError(
      f'who trains of {facts.title} is a list that no rule gives, and it is not'
      ' in data/partitions: set config.dataset.partition to the json file of'
      f' its authors ({facts.split_at})'
    )
  return read_partition(partition_path(facts, variant, chosen))


def partition_path(
  facts: datasets.Dataset, variant: str = '', partition: str = ''
) -> Path:
  """Returns the json file of a dataset's partition, or of the one asked for.

  Skeletons share the partition of the silhouettes of the same people. The
  variants of the synthetic walkers have different numbers of subjects, so each
  has its own file.
  """
  if Path(partition).suffix or '/' in partition:
    return local.path(partition)
  if partition:
    return PUBLISHED / f'{partition}.json'
  name = facts.people or facts.name
  if name == 'synthetic_walkers':
    return PUBLISHED / f'{name}_{variant}.json'
  return PUBLISHED / f'{name}.json'


def read_partition(path: Path) -> Partition:
  """Reads one partition file; see `load_partition`."""
  try:
    content = files.read_json(path)
  except OSError as error:
    raise UserError(
      f'{path}: no partition there ({error.strerror}); set the `partition` of'
      ' the dataset to a json file with TRAIN_SET and TEST_SET, or to the name'
      ' of one in data/partitions'
    ) from error
  except ValueError as error:
    raise UserError(f'{path}: is not JSON ({error})') from error
  partition = Partition(
    _names(content, 'TRAIN_SET', path),
    _names(content, 'TEST_SET', path),
    {
      key.removesuffix('_SET').lower(): _names(content, key, path)
      for key in ('PROBE_SET', 'GALLERY_SET')
      if content.get(key)
    },
  )
  if not (partition.train or partition.test):
    raise UserError(f'{path}: TRAIN_SET and TEST_SET are empty; name subjects')
  both = set(partition.train) & set(partition.test)
  if both:
    note(
      f'note: {path}: {len(both)} subjects both train and are tested; the'
      ' result says nothing about strangers'
    )
  return partition


@functools.cache
def note(text: str) -> None:
  """Prints a line once, however often a file is read."""
  print(text, file=sys.stderr)


def _names(content: Any, key: str, path: Path) -> tuple[str, ...]:
  kind, such = _KINDS[key in ('PROBE_SET', 'GALLERY_SET')]
  names = content.get(key) if isinstance(content, dict) else None
  if not isinstance(names, list) or not all(
    isinstance(name, str) for name in names
  ):
    raise UserError(
      f'{path}: {key} must be a list of {kind} names in quotes, such as {such}'
    )
  if len(set(names)) != len(names):
    raise UserError(f'{path}: {key} names a {kind} twice')
  return tuple(names)


def columns(index: Index, partition: Partition) -> dict[str, np.ndarray]:
  """Returns what a partition says of each sequence, bool [N] by name.

  Such as 'probe', which the protocols of Gait3D look at.
  """
  rows = zip(index.subject, index.condition, index.view, strict=True)
  names = ['-'.join(row) for row in rows] if partition.sequences else []
  return {
    column: np.isin(names, chosen)
    for column, chosen in partition.sequences.items()
  }


def split(
  index: Index, partition: Partition, *, training: bool = True
) -> tuple[np.ndarray, np.ndarray]:
  """Returns the rows that train and those that are tested, int64 [..] each.

  Args:
    index: of the data.
    partition: who trains and who is tested.
    training: whether those who train must be there, as an evaluation does
      without them.

  Raises:
    UserError: the data lacks subjects that the partition names, as a
      half-copied tree does.
  """
  named = {*partition.test, *(partition.train if training else ())}
  missing = sorted(named - set(index.subject.tolist()))
  if missing:
    if alike := _alike(missing[0], index):
      raise UserError(
        f'the partition names a subject {missing[0]!r}, but the data calls it'
        f' {alike!r}; write the names as the data does'
      )
    raise UserError(
      f'the data lacks {len(missing)} of the {len(named)} subjects of its'
      f' partition ({listed(missing)}): complete a half-copied tree, or set'
      ' the `partition` of the dataset to a json file that names the subjects'
      ' you have'
    )
  train = np.flatnonzero(np.isin(index.subject, partition.train))
  test = np.flatnonzero(np.isin(index.subject, partition.test))
  return train, test


def _alike(missing: str, index: Index) -> str:
  """Returns the subject whose name is the same number; '' without one."""
  names = np.unique(index.subject).tolist() if missing.isdecimal() else []
  same = [
    name
    for name in names
    if name.isdecimal() and name.lstrip('0') == missing.lstrip('0')
  ]
  return same[0] if same else ''
