"""`python -m gaitgs_jax people`: the people of a gallery."""

import argparse
import json

from gaitgs_jax import atomic, cloud
from gaitgs_jax.apps import galleries
from gaitgs_jax.errors import UserError, printable
from gaitgs_jax.gallery import Store

# What is done -> the options that it takes besides --gallery and --json.
_ACTIONS = {
  'list': (),
  'rename': ('person', 'to'),
  'remove': ('person',),
  'export': ('person', 'out'),
}
_OPTIONAL = ('out',)


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Declares the command's options."""
  parser.add_argument('action', choices=_ACTIONS, help='what to do')
  galleries.add_gallery(parser)
  parser.add_argument('--person', default='', metavar='NAME', help='whom')
  parser.add_argument(
    '--to', default='', metavar='NAME', help='the new name, for rename'
  )
  parser.add_argument(
    '--out',
    default='',
    metavar='FILE',
    help='a JSON file, for export (default: standard output)',
  )
  galleries.add_json(parser)


def run(args: argparse.Namespace) -> None:
  """Lists, renames, removes or exports people.

  Raises:
    UserError: an option is missing or makes no sense, there is no such person,
      or the gallery cannot be used.
  """
  taken = _ACTIONS[args.action]
  for option in ('person', 'to', 'out'):
    given = vars(args)[option]
    if given and option not in taken:
      raise UserError(f'people {args.action} takes no --{option}')
    if not given and option in taken and option not in _OPTIONAL:
      raise UserError(f'people {args.action}: --{option} is missing')
  if args.out:
    atomic.check_writable(cloud.folder(args.out))
  with galleries.open_store(args) as gallery:
    if args.action == 'list':
      _list(gallery, args)
    elif args.action == 'export':
      _export(gallery, args)
    elif args.action == 'rename':
      gallery.rename(args.person, args.to)
      _say(args, f'{args.person} is called {args.to} now', renamed=args.to)
    else:
      walks = gallery.remove(args.person)
      left = gallery.database.traces or 'nothing of them is left'
      _say(
        args,
        f'removed {args.person} with {galleries.walks(walks)} from'
        f' {gallery.name}; {left}',
        removed=args.person,
        walks=walks,
      )


def _say(args: argparse.Namespace, text: str, **facts: object) -> None:
  print(json.dumps(facts) if args.json else printable(text))


def _list(gallery: Store, args: argparse.Namespace) -> None:
  people = gallery.people()
  if args.json:
    print(json.dumps([each._asdict() for each in people]))
    return
  model = gallery.model()
  if model is not None:
    print(f'{printable(model.title)} ({model.fingerprint[:12]})')
  for each in people:
    consent = 'no consent noted'
    if each.consent:
      consent = f'consent of {each.consented}: {printable(each.consent)}'
    print(
      f'{printable(each.name)}: {galleries.walks(each.walks)}, since'
      f' {each.enrolled[:10]}, {consent}'
    )
  total = sum(each.walks for each in people)
  print(f'{galleries.people(len(people))}, {galleries.walks(total)}')


def _export(gallery: Store, args: argparse.Namespace) -> None:
  text = json.dumps(gallery.export(args.person))
  if not args.out:
    print(text)
    return
  atomic.write(cloud.folder(args.out), text + '\n')
  print(f'wrote {args.out}')
