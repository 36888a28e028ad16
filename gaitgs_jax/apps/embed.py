"""`python -m gaitgs_jax embed`: embeds your own walks with a trained run."""

import argparse
import pathlib
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from gaitgs_jax import atomic, cloud
from gaitgs_jax.apps import options, silhouettes, trained
from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import distance
from gaitgs_jax.input import datasets, pairing, sizes
from gaitgs_jax.input.drawn import drawn
from gaitgs_jax.input.index import Index
from gaitgs_jax.input.opening import open_opengait
from gaitgs_jax.training import checkpoint, preprocessing, settings, setup

# The widest matrix that a terminal shows, and the largest to be computed.
_SHOWN = 24
_MEASURED = 2000


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Declares the command's options."""
  trained.add_arguments(parser)
  parser.add_argument(
    '--source',
    required=True,
    metavar='DIR',
    help='a tree DIR/subject/condition/view/*.pkl of silhouettes or skeletons,'
    ' or a video, see `silhouettes`',
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
  """Embeds every sequence of a tree and prints their distances.

  Raises:
    UserError: the run, its checkpoint or the tree is not there or does not
      fit, or the result cannot be written.
  """
  out = cloud.folder(args.out) if args.out else None
  if out:
    atomic.check_writable(out)
  config = trained.read_config(args)
  if args.dtype:
    with config.unlocked():
      config.evaluation.dtype = args.dtype
  with silhouettes.as_tree(args.source) as tree:
    _embed(config, args, tree, out)


def _embed(
  config: ConfigDict,
  args: argparse.Namespace,
  tree: str,
  out: pathlib.Path | None,
) -> None:
  dataset = datasets.get(config.dataset.name)
  source = open_opengait(
    tree,
    sizes.files(config.inputs, dataset),
    config.dataset.get('pair', pairing.CHOICES[0]),
  )
  seen = preprocessing.input_sizes(config)
  sizes.check(source.modalities, seen, dataset)
  source = drawn(source, seen)
  index = source.index
  if len(index) > _MEASURED and not args.out:
    raise UserError(
      f'{args.source}: has {len(index)} sequences, but distances are printed of'
      f' up to {_MEASURED}; pass --out=FILE to write the embeddings'
    )
  found = checkpoint.choose(args.workdir, args.checkpoint)
  model = trained.restore(config, found)
  embeddings = model.embed(source, np.arange(len(index)), args.batch_frames)
  metric = config.evaluation.metric
  if len(index) <= _MEASURED:
    matrix = distance.pairwise(embeddings, embeddings, metric=metric)
    print(describe(index, np.asarray(matrix), metric))
  learned = setup.trained_on(config)
  if learned.is_synthetic:
    print(
      f'note: this model was trained on {learned.title} alone; its distances'
      ' between real people say little about who they are'
    )
  if out:
    save(out, embeddings, index)
    print(f'wrote {out}: {len(index)} embeddings')


def describe(index: Index, matrix: np.ndarray, metric: str) -> str:
  """Returns distances [N,N] as text, with the means within and between."""
  names = [index.name(row) for row in range(len(index))]
  lines = [f'{len(names)} sequences, {metric} distances']
  if len(names) <= _SHOWN:
    width = max(map(len, names))
    numbers = ''.join(f'{i + 1:>8}' for i in range(len(names)))
    lines.append(f'{"":{width + 4}}{numbers}')
    for i, (name, row) in enumerate(zip(names, matrix, strict=True)):
      cells = ''.join(f'{value:8.3f}' for value in row)
      lines.append(f'{i + 1:>3} {name:{width}}{cells}')
  same = index.subject[:, None] == index.subject[None, :]
  itself = np.eye(len(names), dtype=bool)
  for what, pairs in (
    ('of the same subject', same & ~itself),
    ('of different subjects', ~same),
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
