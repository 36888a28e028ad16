"""`python -m gaitgs_jax enroll`: walks of a person into a gallery."""

import argparse
import json

from gaitgs_jax.apps import galleries, sources
from gaitgs_jax.apps.embedder import Embedder
from gaitgs_jax.gallery import Store, Walk, store

# Walks that are read, embedded and stored at a time.
_AT_ONCE = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Declares the command's options."""
  galleries.add_gallery(parser)
  galleries.add_model(parser)
  parser.add_argument(
    '--person', required=True, metavar='NAME', help='whose walks these are'
  )
  parser.add_argument(
    '--consent',
    default='',
    metavar='TEXT',
    help="a note on the person's consent, stored with today's date",
  )
  galleries.add_json(parser)


def run(args: argparse.Namespace) -> None:
  """Stores every walk of a source; what is reported is on the disk.

  Raises:
    UserError: the run, a walk or the gallery cannot be used, or a video shows
      several people.
  """
  store.check_person(args.person, args.consent)
  model = galleries.open_model(args)
  # Before a video is watched.
  galleries.check_owner(args, model)
  with sources.opened(model, args.source) as given:
    if given[0].quality:
      sources.the_one(given, '--source', args.source)
    _enroll_all(model, given, args)


def _enroll_all(
  model: Embedder, given: list[sources.Walk], args: argparse.Namespace
) -> None:
  with galleries.open_store(args, create=True) as gallery:
    gallery.check_model(galleries.described(model))
    replaced = 0
    for start in range(0, len(given), _AT_ONCE):
      some = given[start : start + _AT_ONCE]
      replaced += _enroll(gallery, model, some, args)
      if not args.json:
        done = start + len(some)
        print(f'enrolled {done} of {galleries.walks(len(given))}', flush=True)
    calibration = galleries.stored_calibration(gallery, model, args)
    person = next(each for each in gallery.people() if each.name == args.person)
  if args.json:
    facts = {'walks': len(given), 'replaced': replaced}
    print(json.dumps({'person': args.person, **facts, 'of': person.walks}))
    return
  again = f' ({replaced} replaced)' if replaced else ''
  print(
    f'{gallery.name}: {args.person} has {galleries.walks(person.walks)},'
    f' {len(given)} of them from {args.source}{again}'
  )
  if not person.consent:
    print("note: no consent is noted; pass --consent='...' to note it")
  if calibration is None:
    what = 'note: identify needs thresholds, and the run has none'
    print(galleries.missing(args, what))


def _enroll(
  gallery: Store,
  model: Embedder,
  given: list[sources.Walk],
  args: argparse.Namespace,
) -> int:
  """Stores some walks at once; returns how many replaced one."""
  arrays = [each.read(model, quiet=args.json) for each in given]
  walks = [
    Walk(each.name, len(next(iter(walk.values()))), embedding)
    for each, walk, embedding in zip(
      given, arrays, model.embed_arrays(arrays), strict=True
    )
  ]
  for each in given:
    if each.quality and not args.json:
      print(each.quality.line())
  return gallery.enroll(
    args.person, galleries.described(model), walks, consent=args.consent
  )
