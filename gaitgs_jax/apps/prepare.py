"""`python -m gaitgs_jax prepare`: makes a prepared dataset, resumably."""

import argparse
import contextlib
import errno
import importlib
import io
import time
from pathlib import Path
from typing import Any

import absl.logging

from gaitgs_jax import cloud, local, modalities
from gaitgs_jax.apps import options
from gaitgs_jax.errors import UserError, one_line
from gaitgs_jax.input import datasets, prepared, prepared_index
from gaitgs_jax.input.dataset import Dataset
from gaitgs_jax.input.sources import PreparedSource
from gaitgs_jax.modalities import shown_size


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Declares the command's options."""
  parser.add_argument(
    '--dataset', required=True, help='one of ' + ', '.join(datasets.DATASETS)
  )
  parser.add_argument(
    '--source',
    default='',
    metavar='PATH',
    help='the published tree of images or json, the csv file of skeletons, or'
    ' an OpenGait tree of pickles; synthetic walkers need none',
  )
  options.add_layout(parser)
  parser.add_argument(
    '--variant',
    default='',
    help='height of the frames, 64 (default) or 128; of OUMVLP-Pose alphapose'
    ' (default) or openpose; of the synthetic walkers demo (default) or full',
  )
  parser.add_argument(
    '--root',
    '--data_dir',
    default='',
    metavar='DIR',
    help="where prepared datasets lie (default: TFDS's folder,"
    f' {prepared.folder_of()})',
  )
  parser.add_argument(
    '--people',
    default='',
    metavar='DIR',
    help='of OUMVLP-Pose: the index files of OpenGait, which say who of several'
    ' people in a frame is meant (default: the first)',
  )
  options.add_workers(parser)


def run(args: argparse.Namespace) -> None:
  """Prepares one dataset; an interrupted run goes on where it stopped.

  Raises:
    UserError: the source is missing, incomplete or damaged, or the disk full.
  """
  facts = datasets.get(args.dataset)
  if facts.is_own:
    raise UserError(
      f'--dataset={facts.name}: your own data is read in place and needs no '
      'preparation: train with --config.dataset.format=opengait '
      '--config.dataset.root=TREE'
    )
  variant = args.variant or facts.variants[0]
  facts.check_variant(variant)
  root = prepared.data_dir(args.root).absolute()
  builder = _builder(facts.name, variant, root)
  directory = Path(builder.data_dir)
  if directory.exists():
    _check_whole(directory)
    builder.clean_up()
    print(f'already prepared: {_describe(directory)}')
    return
  if facts.subjects and not args.source:
    raise UserError(
      f'pass --source=PATH: the folder of {facts.title}, which you get from'
      f' {builder.homepage}'
    )
  source = cloud.local_copy(args.source)
  if not (
    source.is_dir()
    or (
      'keypoints' in datasets.source_of(facts).modalities and source.is_file()
    )
  ):
    raise UserError(f'--source={args.source}: no such folder')
  builder.source = str(source.absolute()) if args.source else ''
  builder.source_layout = args.layout
  builder.people = _people(args.people, facts)
  builder.workers = args.workers
  start = time.monotonic()
  _prepare(builder)
  seconds = time.monotonic() - start
  for name in builder.dropped:
    print(f'left out: {name}: no frame shows anybody')
  print(f'prepared in {seconds:.0f} s: {_describe(directory)}')


def _people(given: str, facts: Dataset) -> str:
  """Returns the folder of the index files, '' if none is given.

  Raises:
    UserError: there is none, or the dataset needs none.
  """
  if not given:
    return ''
  if datasets.source_of(facts).name not in ('oumvlp_pose', 'oumvlp_pose17'):
    raise UserError(
      f'--people goes with oumvlp_pose: {facts.name} has one person in a frame'
    )
  folder = local.path(given).absolute()
  if not folder.is_dir():
    raise UserError(f'--people={given}: no such folder')
  return str(folder)


def _builder(name: str, variant: str, root: Path) -> Any:
  """Returns the TFDS builder of the project's folder `data/`."""
  try:
    import tensorflow_datasets as tfds
  except ImportError as error:
    raise UserError(
      'preparing needs the packages tensorflow and tensorflow_datasets; install'
      ' requirements.txt, or read an OpenGait tree in place with'
      " --config.dataset.format='opengait'"
    ) from error
  # TFDS's own bars and notes would tear ours apart.
  tfds.disable_progress_bar()
  absl.logging.set_verbosity(absl.logging.ERROR)
  module = importlib.import_module(
    f'gaitgs_jax.data.{name}.{name}_dataset_builder'
  )
  return module.Builder(config=variant, data_dir=str(root))


def _prepare(builder: Any) -> None:
  import tensorflow as tf

  try:
    with contextlib.redirect_stdout(io.StringIO()):
      builder.download_and_prepare(download_dir=builder.work)
  except (OSError, RuntimeError, UserError, tf.errors.OpError) as error:
    if _is_full(error):
      raise UserError(
        f'{builder.data_dir}: the disk is full; make room and run the same'
        ' command again, it goes on from here'
      ) from error
    if isinstance(error, OSError | tf.errors.OpError):
      raise UserError(
        f'{builder.data_dir}: cannot be prepared ({one_line(error)})'
      ) from error
    raise


def _is_full(error: BaseException) -> bool:
  code = getattr(error, 'errno', None)
  # TensorFlow, TFDS and ArrayRecord only say so in their text.
  return code in (errno.ENOSPC, errno.EDQUOT) or any(
    text in str(error)
    for text in (
      'No space left',
      'Disk quota exceeded',
      'Not enough disk space',
    )
  )


def _check_whole(directory: Path) -> None:
  """Refuses a version folder that holds only part of a dataset.

  Raises:
    UserError: records or files are missing.
  """
  try:
    PreparedSource(directory)
  except UserError as error:
    raise UserError(f'{error}; or delete {directory} first') from error


def _describe(directory: Path) -> str:
  splits, stored = prepared_index.read(directory)
  parts = [
    f'{split} {len(index)} sequences of {len(set(index.subject.tolist()))}'
    ' subjects'
    for split, index in splits.items()
  ]
  frames = sum(int(index.length.sum()) for index in splits.values())
  sizes = ' and '.join(
    f'{shown_size(frame)} {modalities.get(name).title}'
    for name, frame in stored.items()
  )
  return f'{directory}: {", ".join(parts)}, {frames} frames of {sizes}'
