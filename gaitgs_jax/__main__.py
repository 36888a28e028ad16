"""`python -m gaitgs_jax COMMAND`: every command besides training.

A command is a module of `gaitgs_jax.apps` with `add_arguments(parser)` and
`run(args)`; the module loads on use, so that `--help` stays fast.
"""

import importlib
import sys

from gaitgs_jax import errors
from gaitgs_jax.apps import options
from gaitgs_jax.errors import UserError

# command -> (module of gaitgs_jax.apps, one line of help).
COMMANDS = {
  'prepare': ('prepare', 'make a prepared dataset from a published tree'),
  'check': ('check', 'read every sequence of a tree and name the bad ones'),
  'pretreat': ('pretreat', 'make an OpenGait tree of your own silhouettes'),
  'import-torch': ('import_torch', 'make a checkpoint of a PyTorch file'),
  'export-torch': ('export_torch', 'make a PyTorch file of a checkpoint'),
  'walkers': ('walkers', 'draw a contact sheet of the synthetic walkers'),
  'report': ('report', 'write a run as one HTML page'),
  'explain': ('explain', 'draw what a model looks at in a walk'),
  'embed': ('embed', 'embed sequences and print their distances'),
}


def _print_commands() -> None:
  print('usage: python -m gaitgs_jax COMMAND [--help | OPTIONS]\n')
  width = max(map(len, COMMANDS))
  for name, (_, text) in COMMANDS.items():
    print(f'  {name:{width}}  {text}')


def main(argv: list[str] | None = None) -> int:
  """Runs one command; returns the process's exit status."""
  argv = sys.argv[1:] if argv is None else argv
  if not argv or argv[0] in ('-h', '--help'):
    _print_commands()
    return 0 if argv else 2
  try:
    _run(*argv)
  except UserError as error:
    errors.show(error)
    return 2
  except KeyboardInterrupt:
    print('interrupted', file=sys.stderr)
    return 130
  return 0


def _run(name: str, *argv: str) -> None:
  if name not in COMMANDS:
    raise errors.wrong_choice(f'unknown command {name!r}', name, COMMANDS)
  module_name, text = COMMANDS[name]
  module = importlib.import_module(f'gaitgs_jax.apps.{module_name}')
  parser = options.Parser(prog=f'python -m gaitgs_jax {name}', description=text)
  module.add_arguments(parser)
  module.run(parser.parse(argv))


if __name__ == '__main__':
  sys.exit(main())
