"""`gaitgs COMMAND`, or `python -m gaitgs_jax COMMAND`: every command.

A command is a module of `gaitgs_jax.apps` with `add_arguments(parser)` and
`run(args)`, which may return an exit status; the module loads on use, so that
`--help` needs nothing installed. The modes of `launch.py` are commands too.
"""

from __future__ import annotations

import importlib
import pathlib
import re
import signal
import sys
from collections.abc import Callable

from gaitgs_jax import apps, errors, streams
from gaitgs_jax.errors import UserError

# Mode of `launch.py` -> one line of help.
MODES = {
  'train': 'train as a config says, evaluating at times',
  'evaluate': "evaluate a checkpoint by its config's protocol",
  'show': 'print every field of a config',
  'compile': 'show what a train step needs: memory, arithmetic',
}

# command -> (module of gaitgs_jax.apps, one line of help).
COMMANDS = {
  'prepare': ('prepare', 'make a prepared dataset from a published tree'),
  'check': ('check', 'read every sequence of a tree and name the bad ones'),
  'pretreat': ('pretreat', 'make an OpenGait tree of your own silhouettes'),
  'iou': ('iou', 'compare masks with true ones, frame by frame'),
  'import-torch': ('import_torch', 'make a checkpoint of a PyTorch file'),
  'export-torch': ('export_torch', 'make a PyTorch file of a checkpoint'),
  'export': ('export', 'make a program that embeds without this package'),
  'walkers': ('walkers', 'draw a contact sheet of the synthetic walkers'),
  'transforms': ('transforms', 'draw a contact sheet of the transforms'),
  'report': ('report', 'write a run as one HTML page'),
  'compare': ('compare', 'show runs side by side, and how sure it is'),
  'explain': ('explain', 'draw what a model looks at in a walk'),
  'fetch-models': ('fetch_models', 'download networks that see people'),
  'silhouettes': ('silhouettes', 'make walks of the people in a video'),
  'embed': ('embed', 'embed sequences and print their distances'),
  'enroll': ('enroll', 'add walks of a person to a gallery'),
  'identify': ('identify', 'name the people of some walks, or nobody'),
  'verify': ('verify', 'say whether two walks are of one person'),
  'people': ('people', 'list, rename, remove or export people of a gallery'),
}


def _program() -> str:
  """Returns what this was started as."""
  name = pathlib.Path(sys.argv[0]).name
  return 'gaitgs' if name == 'gaitgs' else 'python -m gaitgs_jax'


def _print_commands() -> None:
  print(f'usage: {_program()} COMMAND [--help | OPTIONS]\n')
  texts = MODES | {name: text for name, (_, text) in COMMANDS.items()}
  width = max(map(len, texts))
  for name, text in texts.items():
    print(f'  {name:{width}}  {text}')


def launch(argv: list[str]) -> int:
  """Runs the flags of `launch.py`; returns the process's exit status."""
  return _status(lambda: _launch(argv))


def main(argv: list[str] | None = None) -> int:
  """Runs one command; returns the process's exit status."""
  argv = sys.argv[1:] if argv is None else argv
  if argv and argv[0] not in ('-h', '--help'):
    return _status(lambda: _run(*argv))
  return _status(_print_commands) if argv else _status(_print_commands) or 2


def _status(run: Callable[[], int | None]) -> int:
  """Runs a command; returns the process's exit status.

  0 after success, or what the command returns, 2 after a `UserError`, and what
  a shell makes of a process that a signal ended: 130 after Ctrl-C, 141 where
  nobody reads what it prints.
  """
  try:
    with streams.guarded():
      try:
        status = run()
      except UserError as error:
        errors.show(error)
        return 2
      except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 128 + signal.SIGINT
  except streams.LostError as error:
    if isinstance(error.__cause__, BrokenPipeError):
      return 128 + signal.SIGPIPE
    errors.show(UserError(f'standard output cannot be written: {error}'))
    return 2
  return status or 0


def _launch(argv: list[str]) -> None:
  with apps.environment():
    importlib.import_module('gaitgs_jax.apps.launch').main(argv)


def _run_mode(name: str, *argv: str) -> None:
  given = [word for word in argv if re.match('--?mode(=|$)', word)]
  if given:
    raise UserError(f'unexpected {given[0]}: the command is {name}')
  _launch([f'{_program()} {name}', *argv, f'--mode={name}'])


def _run(name: str, *argv: str) -> int | None:
  if name in MODES:
    _run_mode(name, *argv)
    return None
  if name not in COMMANDS:
    allowed = (*MODES, *COMMANDS)
    raise errors.wrong_choice(f'unknown command {name!r}', name, allowed)
  with apps.environment():
    # Imported late: --help needs nothing installed.
    from gaitgs_jax.apps import options

    module_name, text = COMMANDS[name]
    module = importlib.import_module(f'gaitgs_jax.apps.{module_name}')
    parser = options.Parser(prog=f'{_program()} {name}', description=text)
    module.add_arguments(parser)
    return module.run(parser.parse(argv))


if __name__ == '__main__':
  sys.exit(main())
