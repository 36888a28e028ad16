"""Training and evaluating: what `launch.py` and `gaitgs train` run.

  --config=FILE --workdir=DIR                  train, evaluating as configured
  --config=FILE --workdir=DIR --mode=evaluate  the protocol's table
  --config=FILE --mode=show                    every field of the config
  --config=FILE --mode=compile                 memory and arithmetic of a step

FILE is a config of Python, the config.json of a run, or the name of one of the
package's configs, such as demo. Any field of it can be set from the shell:
--config.batch.subjects=4; docs/config.md lists them.
"""

import difflib
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from absl import flags, logging
from ml_collections import ConfigDict, config_flags

from gaitgs_jax import errors
from gaitgs_jax.apps import config_file, options, overrides
from gaitgs_jax.errors import UserError, one_line

_NO_CONFIG = '--config=FILE is missing'
# The command line whose overrides are read.
_ARGV: list[str] = []

_CONFIG = config_flags.DEFINE_config_file(
  'config',
  None,
  'The run: a file such as configs/demo.py or config.json.',
  sys_argv=_ARGV,
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


class _Parser(flags.ArgumentParser):
  """Reads the value of --config, which ml_collections then overrides.

  Attributes:
    config: what was read.
    fault: what reading it raised. Absl rewords errors of a parser, but those of
      a config's own code must keep their traceback.
  """

  def __init__(self, argv: Sequence[str]):
    self._argv = argv
    self.config = ConfigDict()
    self.fault: Exception | None = None

  def parse(self, argument: str) -> ConfigDict:
    """Returns the config, with room for the fields that the shell adds."""
    try:
      self.config = config_file.load(argument)
      overrides.make_room(self.config, self._argv)
    except Exception as error:
      self.fault = error
      raise
    return self.config.lock()


def main(argv: Sequence[str]) -> None:
  """Runs one command line.

  Raises:
    UserError: it is wrong, or what it asks for is not possible.
    KeyboardInterrupt: after Ctrl-C.
  """
  if {'-h', '--help', '-help', '--helpfull'} & set(argv):
    print(f'{__doc__}{flags.FLAGS.module_help(__name__)}')
    return
  # Libraries log what they also raise.
  logging.set_verbosity(logging.ERROR)
  config = _parse(argv)
  # Imported late: they take seconds, which --help and a typo need not.
  from gaitgs_jax.training import (
    compilation,
    evaluating,
    forecast,
    loop,
    processes,
    settings,
    workdirs,
  )

  compilation.keep()
  if _MODE.value == 'show':
    settings.check(config)
    print(json.dumps(workdirs.as_json(config), indent=2))
    return
  if _MODE.value == 'compile':
    forecast.show(config, _TOPOLOGY.value)
    return
  processes.join()
  compilation.check_machine()
  if _MODE.value == 'train':
    loop.train(config, _WORKDIR.value)
  else:
    evaluating.evaluate(config, _WORKDIR.value, _CHECKPOINT.value)


def _parse(argv: Sequence[str]) -> ConfigDict:
  """Returns the config that the flags ask for.

  Raises:
    UserError: a flag or a field is unknown, given twice, missing or of a wrong
      type.
  """
  _ARGV[:] = argv = overrides.with_brackets(argv)
  _check_once(argv)
  flags.FLAGS['config'].parser = parser = _Parser(argv)
  try:
    left = flags.FLAGS(argv)[1:]
  except Exception as error:
    if parser.fault is None:
      raise _explained(error, argv, parser.config) from error
  if parser.fault is not None:
    raise parser.fault
  if left:
    raise options.unexpected(left[0])
  if not flags.FLAGS['config'].value:
    raise UserError(_NO_CONFIG)
  if not _WORKDIR.value and _MODE.value not in ('show', 'compile'):
    raise UserError('--workdir=DIR is missing')
  if _TOPOLOGY.value and _MODE.value != 'compile':
    raise UserError('--topology goes with --mode=compile')
  if _CHECKPOINT.value is not None and _MODE.value != 'evaluate':
    raise UserError(
      '--checkpoint goes with --mode=evaluate: training goes on from the last '
      'checkpoint in --workdir; to start a new run from other weights, set '
      f'--config.init.checkpoint={_CHECKPOINT.value or "PATH"}'
    )
  return _CONFIG.value


def _explained(
  error: Exception, argv: Sequence[str], config: ConfigDict
) -> Exception:
  """Returns what to say of an error of absl or of ml_collections' overrides."""
  match error:
    case flags.Error() if not config:
      return UserError(_NO_CONFIG)
    case flags.UnrecognizedFlagError():
      return _unknown_flag(error.flagname, config)
    case flags.Error():
      return UserError(f'{one_line(error)} (--help lists the flags)')
    case AttributeError() | KeyError():
      return UserError(_describe_field(argv, str(error), config))
    case ValueError() | IndexError() | RecursionError():
      # A name that is not one, or an element of a tuple.
      return UserError(
        f'--config.FIELD=VALUE is not understood: {one_line(error)}'
      )
  return error


def _check_once(argv: Sequence[str]) -> None:
  """Raises UserError for a flag that is given twice: absl takes the last."""
  found = set()
  for word in itertools.takewhile('--'.__ne__, argv[1:]):
    name = re.match(r'--?([^=]+)', word)
    if name and name[1] in found:
      raise options.repeated(word.partition('=')[0])
    found.add(name and name[1])


def _unknown_flag(name: str, config: ConfigDict) -> UserError:
  own = flags.FLAGS.get_key_flags_for_module(__name__)
  hint = errors.did_you_mean(f'--{name}', [f'--{each.name}' for each in own])
  field = _nearest_field(name, config)
  if not hint and field:
    hint = f" (did you mean '--config.{field}'?)"
  return UserError(
    f'unknown flag --{one_line(name)}{hint}; --help lists the flags, and '
    'docs/config.md the fields of a config'
  )


def _nearest_field(name: str, config: ConfigDict) -> str:
  """Returns the field that a name may mean, 'optimizer.learning_rate' of 'lr'.

  Returns '' if there is none.
  """
  wanted = name.replace('-', '_').lower()
  fields = {path.rpartition('.')[2]: path for path in _paths(config)}
  for last, path in fields.items():
    initials = ''.join(word[:1] for word in last.split('_'))
    if wanted == last or (wanted == initials and len(initials) > 1):
      return path
  close = difflib.get_close_matches(wanted[:100], fields, n=1)
  return fields[close[0]] if close else ''


def _paths(config: Mapping[str, Any], prefix: str = '') -> Iterator[str]:
  for key, value in config.items():
    yield f'{prefix}{key}'
    if isinstance(value, ConfigDict):
      yield from _paths(value, f'{prefix}{key}.')


def _describe_field(
  argv: Sequence[str], message: str, config: ConfigDict
) -> str:
  """Returns what is wrong with an override, of ml_collections' message."""
  quoted = re.search(r"""['"](\w+)""", message.replace('\\', ''))
  name = quoted.group(1) if quoted else ''
  given = [
    word.split('=')[0]
    for word in argv
    if word.startswith('--config.') and name in word.split('=')[0].split('.')
  ]
  closest = re.search(r'Did you mean "(\w+)"', message)
  near = closest.group(1) if closest else _nearest_field(name, config)
  hint = f' (did you mean {near!r}?)' if near else ''
  where = f' in {given[0]}' if given else ''
  return f'the config has no field {name!r}{where}{hint}'
