"""Training and evaluating: what `launch.py` and `gaitgs train` run.

  --config=FILE --workdir=DIR                  train, evaluating as configured
  --config=FILE --workdir=DIR --mode=evaluate  the protocol's table
  --config=FILE --mode=show                    every field of the config
  --config=FILE --mode=compile                 memory and arithmetic of a step

FILE is a config of Python, the config.json of a run, or the name of one of the
package's configs, such as demo. Any field of it can be set from the shell:
--config.batch.subjects=4; docs/config.md lists them.
"""

import json
import re
import sys
from collections.abc import Sequence

from absl import flags, logging
from ml_collections import ConfigDict, config_flags

from gaitgs_jax.apps import config_file, overrides
from gaitgs_jax.errors import UserError

_CONFIG = config_flags.DEFINE_config_file(
  'config', None, 'The run: a file such as configs/demo.py or config.json.'
)
_WORKDIR = flags.DEFINE_string(
  'workdir', '', 'Folder for checkpoints, metrics and results.'
)
_MODE = flags.DEFINE_enum(
  'mode',
  'train',
  ['train', 'evaluate', 'show', 'compile'],
  'What to do; show and compile need neither data nor --workdir.',
)
_CHECKPOINT = flags.DEFINE_string(
  'checkpoint',
  None,
  'With --mode=evaluate: a workdir, a checkpoints folder or one step in it, or '
  'best: the best evaluated step of --workdir (default: its latest step).',
)
_TOPOLOGY = flags.DEFINE_string(
  'topology',
  '',
  'With --mode=compile: TPUs to compile for, such as v5e:2x4 (default: the '
  'devices of this machine).',
)

# Letters of an error of others that are shown.
_LONGEST = 300


class _Refused(Exception):
  """The command line is wrong; the message says how."""


class _Parser(flags.ArgumentParser):
  """Reads the value of --config, which ml_collections then overrides."""

  def __init__(self, argv: Sequence[str]):
    self._argv = argv

  def parse(self, argument: str) -> ConfigDict:
    """Returns the config, with room for the fields that the shell adds."""
    config = config_file.load(argument)
    overrides.make_room(config, self._argv)
    return config.lock()


def main(argv: Sequence[str]) -> int:
  """Runs one command line; returns the process's exit status."""
  if {'-h', '--help', '-help', '--helpfull'} & set(argv):
    print(f'{__doc__}{flags.FLAGS.module_help(__name__)}')
    return 0
  # Libraries log what they also raise.
  logging.set_verbosity(logging.ERROR)
  try:
    config = _parse(argv)
  except _Refused as error:
    print(f'error: {error}', file=sys.stderr)
    return 2
  # Imported late: they take seconds, which --help and a typo need not.
  from gaitgs_jax.training import (
    compilation,
    forecast,
    loop,
    processes,
    settings,
    workdir,
  )

  compilation.keep()
  try:
    if _MODE.value == 'show':
      settings.check(config)
      print(json.dumps(workdir.as_json(config), indent=2))
      return 0
    if _MODE.value == 'compile':
      forecast.show(config, _TOPOLOGY.value)
      return 0
    processes.join()
    if _MODE.value == 'train':
      loop.train(config, _WORKDIR.value)
    else:
      loop.evaluate(config, _WORKDIR.value, _CHECKPOINT.value)
  except UserError as error:
    print(f'error: {error}', file=sys.stderr)
    return 2
  except KeyboardInterrupt:
    print('interrupted', file=sys.stderr)
    return 130
  return 0


def _parse(argv: Sequence[str]) -> ConfigDict:
  """Returns the config that the flags ask for.

  Raises:
    _Refused: a flag or a field is unknown, missing or of a wrong type.
  """
  flags.FLAGS['config'].parser = _Parser(argv)
  try:
    left = flags.FLAGS(argv)[1:]
  except UserError as error:
    raise _Refused(str(error)) from error
  except flags.Error as error:
    if not any(word.startswith('--config=') for word in argv):
      raise _Refused('--config=FILE is missing') from error
    raise _Refused(f'{_short(error)} (--help lists the flags)') from error
  except (AttributeError, KeyError) as error:
    raise _Refused(_describe_field(argv, str(error))) from error
  except (ValueError, IndexError, RecursionError) as error:
    # Of a name that is none, or an element of a tuple.
    raise _Refused(
      f'--config.FIELD=VALUE is not understood: {_short(error)}'
    ) from error
  if left:
    raise _Refused(
      f'cannot place {left[0][:_LONGEST]!r}: flags look like --name=value'
    )
  if not flags.FLAGS['config'].value:
    raise _Refused('--config=FILE is missing')
  if not _WORKDIR.value and _MODE.value not in ('show', 'compile'):
    raise _Refused('--workdir=DIR is missing')
  if _TOPOLOGY.value and _MODE.value != 'compile':
    raise _Refused('--topology goes with --mode=compile')
  if _CHECKPOINT.value is not None and _MODE.value != 'evaluate':
    raise _Refused(
      '--checkpoint goes with --mode=evaluate: training starts at the last '
      'checkpoint in --workdir, and cannot start from others'
    )
  return _CONFIG.value


def _short(error: Exception) -> str:
  """Returns an error as one line; it may hold all of a flag's value."""
  return ' '.join(str(error).split())[:_LONGEST]


def _describe_field(argv: Sequence[str], message: str) -> str:
  """Returns what is wrong with an override, of ml_collections' message."""
  quoted = re.search(r"""['"](\w+)""", message.replace('\\', ''))
  name = quoted.group(1) if quoted else ''
  given = [
    word.split('=')[0]
    for word in argv
    if word.startswith('--config.') and name in word.split('=')[0].split('.')
  ]
  closest = re.search(r'Did you mean "(\w+)"', message)
  hint = f' (did you mean {closest.group(1)!r}?)' if closest else ''
  where = f' in {given[0]}' if given else ''
  return f'the config has no field {name!r}{where}{hint}'
