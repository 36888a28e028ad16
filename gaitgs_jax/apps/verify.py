"""`python -m gaitgs_jax verify`: whether two walks are of one person."""

import argparse
import json

import numpy as np

from gaitgs_jax.apps import galleries
from gaitgs_jax.apps.embedder import Embedder
from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import distance
from gaitgs_jax.gallery.calibration import rounded_up
from gaitgs_jax.input.walks import Place


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Declares the command's options."""
  galleries.add_model(parser)
  parser.add_argument(
    '--with', required=True, metavar='PATH', help='the other walk, as --source'
  )
  galleries.add_far(parser)
  galleries.add_json(parser)


def run(args: argparse.Namespace) -> int:
  """Prints whether two walks are of one person; returns 0 if so, else 1.

  Raises:
    UserError: the run or a walk cannot be used, or there are no thresholds.
  """
  far = galleries.far(args)
  model = galleries.open_model(args)
  places = [
    _one(model, option, vars(args)[option]) for option in ('source', 'with')
  ]
  calibration = galleries.run_calibration(model, args)
  if calibration is None:
    raise galleries.missing(args, f'{args.workdir} has no thresholds')
  limit = calibration.threshold(far)
  embeddings = model.embed_arrays([model.read(place) for place in places])
  apart = float(
    distance.of_pairs(embeddings[:1], embeddings[1:], metric=model.metric)[0]
  )
  same, rate = apart <= limit, float(calibration.rate(np.array(apart)))
  if args.json:
    facts = {'same': same, 'distance': apart, 'threshold': limit}
    print(json.dumps({**facts, 'far': far, 'rate': rate}))
  else:
    print(
      f'{"the same person" if same else "different people"}: distance'
      f' {apart:.4g}, at most {limit:.4g} for one person; at most'
      f' {rounded_up(100 * rate):g} % of pairs of strangers are as near'
    )
  return galleries.FOUND if same else galleries.UNKNOWN


def _one(model: Embedder, option: str, path: str) -> Place:
  """Returns the one walk at a path."""
  places = model.find(path)
  if len(places) > 1:
    raise UserError(
      f'--{option}={path}: holds {len(places)} walks, such as {places[0]}; pass'
      ' the path of one'
    )
  return places[0]
