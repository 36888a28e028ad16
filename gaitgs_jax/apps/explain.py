"""`python -m gaitgs_jax explain`: pictures of what a model looks at.

docs/explain.md says what they mean.
"""

import argparse
from collections.abc import Callable

import numpy as np
from ml_collections import ConfigDict

from gaitgs_jax import atomic, local, skeletons
from gaitgs_jax.apps import drawing, trained
from gaitgs_jax.apps.trained import Trained
from gaitgs_jax.errors import UserError, listed
from gaitgs_jax.input.index import Index
from gaitgs_jax.training import explaining, preprocessing, setup

# Sequences of others that a walk is compared with, at most.
_STRANGERS = 200
# Embedded at once, for a run whose config does not say it.
_BATCH_FRAMES = 1000
_LISTED = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Declares the command's options."""
  trained.add_arguments(parser)
  parser.add_argument('--subject', required=True, help='who walks, such as 075')
  parser.add_argument(
    '--out', required=True, metavar='DIR', help='where the pictures go'
  )
  parser.add_argument(
    '--condition', default='', help='such as nm-01 (default: the first)'
  )
  parser.add_argument(
    '--view', default='', help='such as 090 (default: the first)'
  )


def run(args: argparse.Namespace) -> None:
  """Writes an animation and a strip of one sequence.

  Raises:
    UserError: the run or the sequence is not there, or the model cannot be
      asked.
  """
  config = trained.read_config(args)
  draw = drawer(config)
  found = trained.find(config, args.workdir, args.checkpoint)
  _say(f'opening {config.dataset.name}')
  data = setup.open_data(config)
  index = data.source.index
  row = find_row(index, args.subject, args.condition, args.view)
  name = index.name(row)
  stem = local.path(args.out) / name.replace('/', '_')
  atomic.check_writable(stem)
  _say(f'restoring {found}')
  model = trained.restore(config, found, devices=1)
  pictures, notes = draw(model, data, row)
  caption = [f'{config.model_name}   {name.replace("/", "   ")}', *notes]
  for path in drawing.write(pictures, caption, stem):
    print(f'wrote {path}')


def find_row(index: Index, subject: str, condition: str, view: str) -> int:
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


def _say(what: str) -> None:
  """Says what is going on: each part takes seconds to minutes."""
  print(what, flush=True)


def _skeleton(
  model: Trained, data: setup.Data, row: int
) -> tuple[np.ndarray, list[str]]:
  _say('computing the activation of its joints')
  seen = explaining.activations(
    model.graphdef,
    model.params,
    model.stats,
    next(model.batches(data.source, np.array([row]), 1)),
    sizes=model.sizes,
    transform=model.transform,
  )
  skeleton = skeletons.get(
    preprocessing.skeleton_seen(model.config, training=False)
  )
  pictures = drawing.skeletons(seen.inputs, seen.heat, skeleton.edges)
  return pictures, ['activation of the joints']


def _silhouettes(
  model: Trained, data: setup.Data, row: int
) -> tuple[np.ndarray, list[str]]:
  options, index = model.config.evaluation, data.source.index
  rows = compared(data, row)
  _say(f'embedding {len(rows)} sequences to compare it with')
  # A run's own config may be older than the field.
  batch_frames = options.get('batch_frames', _BATCH_FRAMES)
  embeddings = model.embed(data.source, rows, batch_frames)
  near = explaining.neighbours(
    embeddings, index.subject[rows], rows.tolist().index(row), options.metric
  )
  _say('taking the gradient at noisy copies of it')
  seen = explaining.saliency(
    model.graphdef,
    model.params,
    model.stats,
    next(model.batches(data.source, np.array([row]), 1)),
    embeddings[near.own],
    embeddings[near.stranger],
    sizes=model.sizes,
    transform=model.transform,
    metric=options.metric,
  )
  own, stranger = (index.name(rows[i]) for i in (near.own, near.stranger))
  return drawing.silhouettes(seen.inputs, seen.heat), [
    f'nearest own {own} at {near.own_distance:.2f}',
    f'nearest stranger {stranger} at {near.stranger_distance:.2f}',
  ]


def drawer(
  config: ConfigDict,
) -> Callable[[Trained, setup.Data, int], tuple[np.ndarray, list[str]]]:
  """Returns what draws a sequence of the modality that the model sees.

  Raises:
    UserError: there is nothing that does.
  """
  drawers = {'silhouettes': _silhouettes, 'keypoints': _skeleton}
  seen = list(preprocessing.input_sizes(config))
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
