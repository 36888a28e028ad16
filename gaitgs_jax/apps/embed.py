"""`python -m gaitgs_jax embed`: embeds your own walks with a trained run."""

import argparse
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from gaitgs_jax import atomic, cloud
from gaitgs_jax.apps import embedder, options, sources, trained
from gaitgs_jax.errors import UserError, one_line
from gaitgs_jax.evaluation import distance
from gaitgs_jax.input import datasets, pairing, sizes, walks
from gaitgs_jax.input.drawn import drawn
from gaitgs_jax.input.index import Index, make
from gaitgs_jax.input.opening import open_opengait
from gaitgs_jax.modalities import Arrays
from gaitgs_jax.training import preprocessing, settings
from gaitgs_jax.video import quality

# The widest matrix that a terminal shows, and the largest to be computed.
_SHOWN = 24
_MEASURED = 2000
# Batches of frames that are read at a time.
_AHEAD = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Declares the command's options."""
  trained.add_arguments(parser)
  parser.add_argument(
    '--source',
    required=True,
    metavar='PATH',
    help='a tree PATH/subject/condition/view, folders of images, .npy or .pkl'
    ' files of one walk each, or a video, see `silhouettes`',
  )
  parser.add_argument(
    '--batch-frames',
    type=options.whole_number(1, 1_000_000_000),
    default=1000,
    metavar='N',
    help='frames at a time, padding included (default: %(default)s)',
  )
  parser.add_argument(
    '--dtype',
    default='',
    choices=settings.DTYPES,
    help="what to compute in (default: the config's evaluation.dtype)",
  )
  parser.add_argument(
    '--out',
    default='',
    metavar='FILE',
    help='an npz file for embeddings [N,p,d], subject, condition and view',
  )


def run(args: argparse.Namespace) -> None:
  """Embeds every walk of a source and prints their distances.

  Raises:
    UserError: the run, its checkpoint or the source is not there or does not
      fit, or the result cannot be written.
  """
  out = cloud.folder(args.out) if args.out else None
  if out:
    atomic.check_writable(out)
  config = trained.read_config(args)
  if args.dtype:
    with config.unlocked():
      config.evaluation.dtype = args.dtype
  seen = preprocessing.input_sizes(config)
  with sources.as_tree(args.source, seen) as (tree, found):
    if found:
      print('\n'.join(quality.lines(found)))
    _embed(config, args, tree, out)


def _embed(
  config: ConfigDict,
  args: argparse.Namespace,
  source: str,
  out: pathlib.Path | None,
) -> None:
  several = len(preprocessing.input_sizes(config)) > 1
  read = _of_tree if several else _of_walks
  index, embeddings = read(config, args, source)
  metric = config.evaluation.metric
  if len(index) <= _MEASURED:
    matrix = distance.pairwise(embeddings, embeddings, metric=metric)
    print(describe(index, np.asarray(matrix), metric))
  trained.note_synthetic(config)
  if out:
    save(out, embeddings, index)
    print(f'wrote {out}: {len(index)} embeddings')


def _of_walks(
  config: ConfigDict, args: argparse.Namespace, source: str
) -> tuple[Index, np.ndarray]:
  """Embeds walks of any layout and size, for a model of one modality."""
  patterns = sizes.files(config.inputs, datasets.get(config.dataset.name))
  places = walks.find(source, patterns)
  _check_count(args, len(places))
  model = embedder.opened(config, args.workdir, args.checkpoint)
  lengths: list[int] = []
  found: list[np.ndarray] = []
  for some in _read(model, places, _AHEAD * args.batch_frames):
    lengths += [len(next(iter(walk.values()))) for walk in some]
    found.append(model.embed_arrays(some, args.batch_frames))
  return _named(places, cloud.local_copy(source), lengths), np.concatenate(
    found
  )


def _read(
  model: embedder.Embedder, places: list[walks.Place], most: int
) -> Iterator[list[Arrays]]:
  """Yields walks, about so many frames at a time, and prints what is odd."""
  some: list[Arrays] = []
  frames = 0
  for place in places:
    notes: list[str] = []
    walk = model.read(place, notes)
    for note in notes:
      print(f'note: {one_line(place)}: {note}')
    some.append(walk)
    frames += len(next(iter(walk.values())))
    if frames >= most:
      yield some
      some, frames = [], 0
  if some:
    yield some


def _named(
  places: list[walks.Place], root: pathlib.Path, lengths: list[int]
) -> Index:
  """Returns who walks by the folders of a tree, else the paths alone."""
  root = root.absolute()
  rows = []
  for place, length in zip(places, lengths, strict=True):
    path = place.path.relative_to(root) if place.path != root else root
    folders = path.parts if place.path.is_dir() else path.parts[:-1]
    if len(folders) == 3 and path != root:
      subject, condition, view = folders
      rows.append((subject, condition, view, length))
    else:
      rows.append(('', path.name if path == root else str(path), '', length))
  return make(rows)


def _of_tree(
  config: ConfigDict, args: argparse.Namespace, tree: str
) -> tuple[Index, np.ndarray]:
  """Embeds a tree of several modalities, paired as `dataset.pair` says."""
  dataset = datasets.get(config.dataset.name)
  source = open_opengait(
    tree,
    sizes.files(config.inputs, dataset),
    config.dataset.get('pair', pairing.CHOICES[0]),
  )
  seen = preprocessing.input_sizes(config)
  sizes.check(source.modalities, seen, dataset)
  source = drawn(source, seen)
  _check_count(args, len(source.index))
  found = trained.find(config, args.workdir, args.checkpoint)
  model = trained.restore(config, found)
  rows = np.arange(len(source.index))
  return source.index, model.embed(source, rows, args.batch_frames)


def _check_count(args: argparse.Namespace, count: int) -> None:
  if count > _MEASURED and not args.out:
    raise UserError(
      f'{args.source}: has {count} sequences, but distances are printed of'
      f' up to {_MEASURED}; pass --out=FILE to write the embeddings'
    )


def describe(index: Index, matrix: np.ndarray, metric: str) -> str:
  """Returns distances [N,N] as text, with the means within and between."""
  names = [index.name(row).strip('/') for row in range(len(index))]
  lines = [f'{len(names)} sequences, {metric} distances']
  if len(names) <= _SHOWN:
    width = max(map(len, names))
    numbers = ''.join(f'{i + 1:>8}' for i in range(len(names)))
    lines.append(f'{"":{width + 4}}{numbers}')
    for i, (name, row) in enumerate(zip(names, matrix, strict=True)):
      cells = ''.join(f'{value:8.3f}' for value in row)
      lines.append(f'{i + 1:>3} {name:{width}}{cells}')
  known = index.subject != ''
  both = known[:, None] & known[None, :]
  same = index.subject[:, None] == index.subject[None, :]
  itself = np.eye(len(names), dtype=bool)
  for what, pairs in (
    ('of the same subject', same & both & ~itself),
    ('of different subjects', ~same & both),
  ):
    if pairs.any():
      lines.append(f'mean distance {what}: {matrix[pairs].mean():.3f}')
  return '\n'.join(lines)


def save(path: pathlib.Path, embeddings: np.ndarray, index: Index) -> None:
  """Writes embeddings and their names to an npz file.

  Raises:
    UserError: the file cannot be written.
  """
  names: dict[str, Any] = {
    'subject': index.subject,
    'condition': index.condition,
    'view': index.view,
  }
  with atomic.writing(path) as file:
    np.savez_compressed(file, embeddings=embeddings, **names)
