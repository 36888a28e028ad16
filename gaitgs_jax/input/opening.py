"""From `config.dataset` to the source that it describes."""

import inspect
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from gaitgs_jax import cloud, fields
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import (
  datasets,
  opengait,
  pairing,
  prepared,
  tree_files,
)
from gaitgs_jax.input.drawn import drawn
from gaitgs_jax.input.paired import PairedSource
from gaitgs_jax.input.sizes import check as check_sizes
from gaitgs_jax.input.sources import (
  CachedSource,
  OpenGaitSource,
  PreparedSource,
  Source,
)
from gaitgs_jax.input.unreadable import Unreadable
from gaitgs_jax.modalities import Shapes


class _Section(NamedTuple):
  """What `config.dataset` may say; see `open_source`."""

  name: str
  variant: str = ''
  root: str = ''
  format: Literal['', 'tfds', 'opengait'] = ''  # '' is tfds.
  pair: Literal['exact', 'intersect'] = 'exact'
  cache: Literal['', 'ram'] = ''
  partition: str = ''
  on_error: Literal['raise', 'skip'] = 'raise'


FIELDS = _Section._fields


def open_source(
  dataset: Mapping[str, Any],
  sizes: Shapes,
  unreadable: Unreadable | None = None,
  files: Mapping[str, str] | None = None,
  where: str = 'config.dataset',
) -> Source:
  """Opens the source that `config.dataset` describes.

  Args:
    dataset: `name` of `datasets.DATASETS`; `variant` ('' for the height of the
      frames, or the first one of a dataset whose variants are not heights);
      `root` ('' for TFDS's folder); `format` 'tfds' or 'opengait'; `pair` of
      `pairing.CHOICES`; `cache` '' or 'ram'; `partition`; `on_error`.
    sizes: what the model sees of each modality, see `sizes.of`.
    unreadable: of `unreadable.create`.
    files: of `sizes.files`, for a tree.
    where: the section's name in messages.

  Raises:
    UserError: a field is wrong, there is no data, or its frames are of
      another size; the message says how to fix it.
  """
  facts = check_fields(dataset, where)
  source: Source
  if dataset.get('format', '') == 'opengait':
    source = open_opengait(
      _tree(dataset, where),
      {name: (files or {}).get(name, '') for name in sizes},
      dataset.get('pair', pairing.CHOICES[0]),
      unreadable,
    )
  else:
    directory = _prepared_directory(dataset, facts, sizes, where)
    source = PreparedSource(directory, sizes)
  check_sizes(source.modalities, sizes, facts)
  if dataset.get('cache', ''):
    source = CachedSource(source)
  return drawn(source, sizes)


def open_opengait(
  root: str | os.PathLike,
  files: Mapping[str, str],
  pair: str = pairing.CHOICES[0],
  unreadable: Unreadable | None = None,
) -> Source:
  """Opens an OpenGait tree of one or several modalities.

  Args:
    root: of the tree.
    files: modality -> pattern of the names of its files, or ''.
    pair: one of `pairing.CHOICES`.
    unreadable: as for `PairedSource`.

  Raises:
    UserError: as `OpenGaitSource` and `PairedSource`.
  """
  choices = {
    name: tree_files.PickleChoice(name, pattern, alone=len(files) == 1)
    for name, pattern in files.items()
  }
  parts = {
    name: OpenGaitSource(root, choice, unreadable)
    for name, choice in choices.items()
  }
  if len(parts) == 1:
    return next(iter(parts.values()))
  return PairedSource(parts, pair, unreadable)


def check_fields(
  dataset: Mapping[str, Any],
  where: str = 'config.dataset',
  allowed: Sequence[str] = FIELDS,
) -> datasets.Dataset:
  """Checks `config.dataset` as far as no data is needed; returns its facts.

  Args:
    dataset: the section.
    where: its name in messages.
    allowed: the fields that it may have.

  Raises:
    UserError: a field is unknown or wrong.
  """
  parameters = inspect.signature(_Section).parameters
  fields.check({name: parameters[name] for name in allowed}, dataset, where)
  facts = datasets.get(dataset['name'])
  if dataset.get('variant', '') and dataset.get('format', '') != 'opengait':
    facts.check_variant(dataset['variant'])
  return facts


def _tree(dataset: Mapping[str, Any], where: str) -> str:
  root = dataset.get('root', '')
  if not root:
    raise UserError(
      f"{where}.format is 'opengait': set {where}.root to the tree's folder"
    )
  return root


def _prepared_directory(
  dataset: Mapping[str, Any],
  facts: datasets.Dataset,
  sizes: Shapes,
  where: str,
) -> Path:
  if facts.is_own:
    raise UserError(
      'your own data is a tree of pickles, read in place: set '
      f"{where}.format='opengait' for {where}.name={facts.name!r}"
    )
  root = dataset.get('root', '')
  default = facts.variants[0]
  if default.isdecimal():  # Heights of the frames.
    default = str(next(iter(sizes.values()))[0])
  variant = dataset.get('variant', '') or default
  facts.check_variant(variant)
  directory = prepared.find(root, facts.name, variant)
  url = prepared.folder_of(root)
  if directory is None and cloud.is_url(url):
    raise UserError(
      f'{url}: no prepared {facts.name} ({variant}); prepare'
      f' it on a disk and copy {facts.name}/{variant} there'
    )
  if directory is None:
    flags = f'--dataset={facts.name} --variant={variant}'
    flags += ' --source=PATH' if facts.subjects else ''
    flags += f' --root={root}' if root else ''
    if root and opengait.is_tree(root):
      raise UserError(
        f'{root}: is an OpenGait tree, not a prepared dataset; set'
        f" {where}.format='opengait' to read it in place"
      )
    raise UserError(
      f'{prepared.data_dir(root)}: no prepared {facts.name} ({variant}); make'
      f' it with `python -m gaitgs_jax prepare {flags}`'
    )
  return directory
