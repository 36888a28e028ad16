"""`python -m gaitgs_jax enroll`: walks of a person into a gallery."""

import argparse
import json

from gaitgs_jax.apps import galleries
from gaitgs_jax.apps.embedder import Embedder
from gaitgs_jax.errors import one_line
from gaitgs_jax.gallery import Store, Walk, store
from gaitgs_jax.input.walks import Place

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
    UserError: the run, a walk or the gallery cannot be used.
  """
  store.check_person(args.person, args.consent)
  model = galleries.open_model(args)
  places = model.find(args.source)
  with galleries.open_store(args, create=True) as gallery:
    gallery.check_model(galleries.described(model))
    replaced = 0
    for start in range(0, len(places), _AT_ONCE):
      some = places[start : start + _AT_ONCE]
      replaced += _enroll(gallery, model, some, args)
      if not args.json:
        done = start + len(some)
        print(f'enrolled {done} of {galleries.walks(len(places))}', flush=True)
    calibration = galleries.stored_calibration(gallery, model, args)
    person = next(each for each in gallery.people() if each.name == args.person)
  if args.json:
    facts = {'walks': len(places), 'replaced': replaced}
    print(json.dumps({'person': args.person, **facts, 'of': person.walks}))
    return
  again = f' ({replaced} replaced)' if replaced else ''
  print(
    f'{gallery.name}: {args.person} has {galleries.walks(person.walks)},'
    f' {len(places)} of them from {args.source}{again}'
  )
  if not person.consent:
    print("note: no consent is noted; pass --consent='...' to note it")
  if calibration is None:
    what = 'note: identify needs thresholds, and the run has none'
    print(galleries.missing(args, what))


def _enroll(
  gallery: Store, model: Embedder, places: list[Place], args: argparse.Namespace
) -> int:
  """Stores some walks at once; returns how many replaced one."""
  arrays = []
  for place in places:
    notes: list[str] = []
    arrays.append(model.read(place, notes))
    if not args.json:
      for note in notes:
        print(f'note: {one_line(place)}: {note}')
  walks = [
    Walk(str(place), len(next(iter(walk.values()))), embedding)
    for place, walk, embedding in zip(
      places, arrays, model.embed_arrays(arrays), strict=True
    )
  ]
  return gallery.enroll(
    args.person, galleries.described(model), walks, consent=args.consent
  )
