"""`python -m gaitgs_jax verify`: whether two walks are of one person."""

import argparse
import contextlib
import json

import numpy as np

from gaitgs_jax.apps import galleries, sources, trained
from gaitgs_jax.evaluation import distance
from gaitgs_jax.gallery.calibration import rounded_up


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
  calibration = galleries.run_calibration(model, args)
  if calibration is None:
    raise galleries.missing(args, f'{args.workdir} has no thresholds')
  limit = calibration.threshold(far)
  with contextlib.ExitStack() as stack:
    walks = []
    for option in ('source', 'with'):
      path = vars(args)[option]
      given = stack.enter_context(sources.opened(model, path))
      walks.append(sources.the_one(given, f'--{option}', path))
    embeddings = model.embed_arrays(
      [each.read(model, quiet=args.json) for each in walks]
    )
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
    for each in walks:
      if each.quality:
        print(f'  {each.quality.line()}')
    trained.note_synthetic(model.config)
  return galleries.FOUND if same else galleries.UNKNOWN
