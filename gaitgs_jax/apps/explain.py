"""`python -m gaitgs_jax explain`: pictures of what a model looks at.

docs/explain.md says what they mean.
"""

import argparse
import pathlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from flax import nnx
from jax.sharding import Mesh
from ml_collections import ConfigDict

from gaitgs_jax import atomic, local, skeletons
from gaitgs_jax.apps import config_file, drawing
from gaitgs_jax.errors import UserError, listed
from gaitgs_jax.input import pipeline
from gaitgs_jax.input.augment import Transform
from gaitgs_jax.input.index import Index
from gaitgs_jax.training import (
  checkpoint,
  checks,
  compilation,
  embedding,
  explaining,
  facts,
  setup,
)
from gaitgs_jax.training import mesh as meshes
from gaitgs_jax.training.state import Arrays

# Sequences of others that a walk is compared with, at most.
_STRANGERS = 200
# Embedded at once, for a run whose config does not say it.
_BATCH_FRAMES = 1000
_LISTED = 12


class _Run(NamedTuple):
  """A trained model and what it was trained on."""

  config: ConfigDict
  data: setup.Data
  mesh: Mesh
  graphdef: nnx.GraphDef
  params: Arrays
  stats: Arrays
  transform: Transform


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Declares the command's options."""
  parser.add_argument(
    '--workdir', required=True, metavar='DIR', help='of the trained run'
  )
  parser.add_argument('--subject', required=True, help='who walks, such as 075')
  parser.add_argument(
    '--out', required=True, metavar='DIR', help='where the pictures go'
  )
  parser.add_argument(
    '--config',
    default='',
    metavar='FILE',
    help="the run's config (default: the one that its workdir keeps)",
  )
  parser.add_argument(
    '--condition', default='', help='such as nm-01 (default: the first)'
  )
  parser.add_argument(
    '--view', default='', help='such as 090 (default: the first)'
  )
  parser.add_argument(
    '--checkpoint',
    default='',
    metavar='PATH',
    help='a path, or best: the best evaluated one of the workdir (default: its'
    ' latest)',
  )


def run(args: argparse.Namespace) -> None:
  """Writes an animation and a strip of one sequence.

  Raises:
    UserError: the run or the sequence is not there, or the model cannot be
      asked.
  """
  config = config_file.of_run(args.workdir, args.config)
  checks.check_model(config)
  draw = _drawer(config)
  found = checkpoint.choose(args.workdir, args.checkpoint)
  _say(f'opening {config.dataset.name}')
  data = setup.open_data(config)
  index = data.source.index
  row = choose(index, args.subject, args.condition, args.view)
  name = index.name(row)
  stem = local.path(args.out) / name.replace('/', '_')
  atomic.check_writable(stem)
  compilation.keep()
  compilation.check_machine()
  _say(f'restoring {found}')
  run = _restore(config, found, data)
  pictures, notes = draw(run, row)
  caption = [f'{config.model_name}   {name.replace("/", "   ")}', *notes]
  for path in drawing.write(pictures, caption, stem):
    print(f'wrote {path}')


def choose(index: Index, subject: str, condition: str, view: str) -> int:
  """Returns the first row of a subject, with that condition and view if given.

  Raises:
    UserError: there is none; the message says what there is.
  """
  rows = np.arange(len(index))
  for what, wanted in (
    ('subject', subject),
    ('condition', condition),
    ('view', view),
  ):
    names = getattr(index, what)[rows]
    if wanted and wanted not in names:
      there = np.unique(names).tolist()
      raise UserError(
        f'no sequence with --{what}={wanted}; there are '
        f'{listed(there, _LISTED)}'
      )
    rows = rows[names == wanted] if wanted else rows
  return int(rows[0])


def _restore(
  config: ConfigDict, folder: pathlib.Path, data: setup.Data
) -> _Run:
  mesh = meshes.create(data=1)
  built = facts.of_checkpoint(config, folder)
  graphdef, params, stats = setup.describe_model(built, mesh)
  _, params, stats = checkpoint.restore_model(folder, params, stats)
  transform = setup.create_transform(config)
  return _Run(config, data, mesh, graphdef, params, stats, transform)


def _say(what: str) -> None:
  """Says what is going on: each part takes seconds to minutes."""
  print(what, flush=True)


def _batches(
  run: _Run, rows: np.ndarray, batch_frames: int = 1
) -> Iterator[pipeline.Batch]:
  return pipeline.evaluation_batches(
    run.data.source,
    rows,
    batch_frames,
    dataset=run.data.dataset,
    # A run's own config may be older than the field.
    frames_max=run.config.evaluation.get('frames_max', 0),
  )


def _skeleton(run: _Run, row: int) -> tuple[np.ndarray, list[str]]:
  _say('computing the activation of its joints')
  seen = explaining.activations(
    run.graphdef,
    run.params,
    run.stats,
    next(_batches(run, np.array([row]))),
    sizes=setup.input_sizes(run.config),
    transform=run.transform,
  )
  skeleton = skeletons.get(setup.skeleton(run.config))
  pictures = drawing.skeletons(seen.inputs, seen.heat, skeleton.edges)
  return pictures, ['activation of the joints']


def _silhouettes(run: _Run, row: int) -> tuple[np.ndarray, list[str]]:
  options, index = run.config.evaluation, run.data.source.index
  sizes = setup.input_sizes(run.config)
  rows = compared(run.data, row)
  _say(f'embedding {len(rows)} sequences to compare it with')
  embeddings = embedding.embed(
    embedding.make_embed(
      run.graphdef, sizes=sizes, transform=run.transform, mesh=run.mesh
    ),
    run.params,
    run.stats,
    _batches(run, rows, options.get('batch_frames', _BATCH_FRAMES)),
    rows,
    mesh=run.mesh,
  )
  near = explaining.neighbours(
    embeddings, index.subject[rows], rows.tolist().index(row), options.metric
  )
  _say('taking the gradient at noisy copies of it')
  seen = explaining.saliency(
    run.graphdef,
    run.params,
    run.stats,
    next(_batches(run, np.array([row]))),
    embeddings[near.own],
    embeddings[near.stranger],
    sizes=sizes,
    transform=run.transform,
    metric=options.metric,
  )
  own, stranger = (index.name(rows[i]) for i in (near.own, near.stranger))
  return drawing.silhouettes(seen.inputs, seen.heat), [
    f'nearest own {own} at {near.own_distance:.2f}',
    f'nearest stranger {stranger} at {near.stranger_distance:.2f}',
  ]


def _drawer(
  config: ConfigDict,
) -> Callable[[_Run, int], tuple[np.ndarray, list[str]]]:
  """Returns what draws a sequence of the modality that the model sees.

  Raises:
    UserError: there is nothing that does.
  """
  drawers = {'silhouettes': _silhouettes, 'keypoints': _skeleton}
  seen = list(setup.input_sizes(config))
  if len(seen) == 1 and seen[0] in drawers:
    return drawers[seen[0]]
  raise UserError(
    f'pictures are made of models that see one of {" and ".join(drawers)}; this'
    f' one sees {" and ".join(seen)}'
  )


def compared(data: setup.Data, row: int) -> np.ndarray:
  """Returns the rows that a walk is compared with, its own among them.

  They are of the same part of the partition and, where the subject has
  another such sequence, of the same view; of strangers' no more than
  `_STRANGERS`, evenly spread.

  Raises:
    UserError: the subject has no other sequence, or there is nobody else.
  """
  index = data.source.index
  everything = np.arange(len(index))
  parts = (data.test, data.train, everything)
  rows = next(part for part in parts if row in part)
  seen_alike = rows[index.view[rows] == index.view[row]]
  for some in (seen_alike, rows):
    same = index.subject[some] == index.subject[row]
    own, strangers = some[same], some[~same]
    if len(own) > 1 and len(strangers):
      spread = np.linspace(0, len(strangers) - 1, _STRANGERS).round()
      chosen = strangers[np.unique(spread.astype(int))]
      return np.sort(np.concatenate([own, chosen]))
  raise UserError(
    f'{index.name(row)} can be compared with nothing: that takes another '
    'sequence of the subject and one of somebody else'
  )
