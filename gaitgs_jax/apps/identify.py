"""`python -m gaitgs_jax identify`: who walks here, of a gallery's people."""

import argparse
import json

from gaitgs_jax.apps import galleries, options, sources, trained
from gaitgs_jax.errors import one_line
from gaitgs_jax.gallery import Answer, identify
from gaitgs_jax.gallery.calibration import rounded_up


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Declares the command's options."""
  galleries.add_gallery(parser)
  galleries.add_model(parser)
  galleries.add_far(parser)
  parser.add_argument(
    '--candidates',
    type=options.whole_number(1, 1000),
    default=5,
    metavar='N',
    help='people shown for each walk (default: %(default)s)',
  )
  galleries.add_json(parser)


def run(args: argparse.Namespace) -> int:
  """Prints who walks; returns 0, or 1 where somebody is unknown.

  Raises:
    UserError: the run, a walk or the gallery cannot be used, or there are no
      thresholds.
  """
  far = galleries.far(args)
  with galleries.open_store(args) as gallery:
    model = galleries.open_model(args)
    gallery.check_model(galleries.described(model))
    backend = gallery.backend()
    calibration = galleries.stored_calibration(gallery, model, args)
    if calibration is None:
      raise galleries.missing(args, f'{gallery.name} has no thresholds')
    # Before a video is watched, and the model computes.
    limit = calibration.threshold(far, backend.walks)
    with sources.opened(model, args.source) as walks:
      arrays = [each.read(model, quiet=args.json) for each in walks]
    answers = identify(
      model.embed_arrays(arrays),
      backend,
      calibration,
      far=far,
      count=args.candidates,
    )
  named = list(zip(walks, answers, strict=True))
  if args.json:
    print(json.dumps(_plain(named, far, limit)))
  else:
    print(
      f'{galleries.people(backend.people)}, {galleries.walks(backend.walks)};'
      f' unknown beyond distance {limit:.4g}, so that at most {100 * far:g} %'
      ' of strangers are named'
    )
    print('\n'.join(line for each in named for line in _lines(*each)))
    trained.note_synthetic(model.config)
  known = all(answer.name for answer in answers)
  return galleries.FOUND if known else galleries.UNKNOWN


def _lines(walk: sources.Walk, answer: Answer) -> list[str]:
  """Returns what is printed of a walk."""
  width = max(len(each.name) for each in answer.candidates)
  return [
    f'{one_line(walk.name)}: {answer.name or "unknown"}',
    *([f'  {walk.quality.line()}'] if walk.quality else []),
    *(
      f'  {place}. {each.name:{width}}  distance {each.distance:.4g}:'
      f' {_strangers(each.far)} come as near'
      for place, each in enumerate(answer.candidates, 1)
    ),
  ]


def _strangers(share: float) -> str:
  if share >= 1:
    return 'strangers'
  return f'at most {rounded_up(100 * share):g} % of strangers'


def _plain(
  named: list[tuple[sources.Walk, Answer]], far: float, limit: float
) -> dict[str, object]:
  """Returns the answers in JSON's types."""
  return {
    'far': far,
    'threshold': limit,
    'walks': [
      {
        'source': walk.name,
        'quality': walk.quality.plain() if walk.quality else None,
        'person': answer.name or None,
        'candidates': [each._asdict() for each in answer.candidates],
      }
      for walk, answer in named
    ],
  }
