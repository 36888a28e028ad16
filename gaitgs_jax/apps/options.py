"""Reading the options of a command: one clear message for each mistake."""

import argparse
import os
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from gaitgs_jax import errors
from gaitgs_jax.errors import UserError

# The most helper processes that --workers takes.
_MOST_WORKERS = 1000
# argparse's messages -> ours.
_WORDS = (
  (r'the following arguments are required: (.*, .*)', r'\1 are missing'),
  (r'the following arguments are required: (.*)', r'\1 is missing'),
  (r'argument ([^ :]*): expected one argument', r'\1 needs a value'),
  (r'argument ([^ :]*): ignored explicit argument .*', r'\1 takes no value'),
  (r'^argument ', ''),
)


class Parser(argparse.ArgumentParser):
  """Takes options in full and once each, and raises `UserError`.

  argparse itself would take the last of several values, and any unambiguous
  beginning of an option's name.
  """

  def __init__(self, **options: Any):
    self._names: list[str] = []
    super().__init__(allow_abbrev=False, **options)

  def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
    """Declares an option; see `argparse`."""
    options.setdefault('action', _Once)
    self._names += names
    return super().add_argument(*names, **options)

  def parse(self, argv: Sequence[str]) -> argparse.Namespace:
    """Returns the options of a command line.

    Raises:
      UserError: an option is unknown, repeated, missing or of a wrong type.
    """
    # Before argparse, to which a misspelt option may be a missing one.
    for word in argv:
      name = word.partition('=')[0]
      if name.startswith('--') and name not in self._names:
        long = [each for each in self._names if each.startswith('--')]
        raise errors.wrong_choice(f'unknown option {name}', name, long)
    args, left = self.parse_known_args(argv)
    if left:
      raise unexpected(left[0])
    return args

  def error(self, message: str) -> NoReturn:
    """Raises argparse's message as a `UserError`."""
    for theirs, ours in _WORDS:
      message = re.sub(theirs, ours, message)
    raise UserError(message)


class _Once(argparse.Action):
  """Stores an option's value, and refuses a second one."""

  def __call__(
    self,
    parser: argparse.ArgumentParser,
    namespace: argparse.Namespace,
    values: Any,
    option_string: str | None = None,
  ) -> None:
    given = vars(namespace).setdefault('given', set())
    if self.dest in given:
      raise repeated(str(option_string))
    if self.required and values == '':
      parser.error(f'{option_string} needs a value')
    given.add(self.dest)
    setattr(namespace, self.dest, values)


def add_layout(parser: argparse.ArgumentParser) -> None:
  """Declares --layout of a tree."""
  parser.add_argument(
    '--layout',
    default='',
    help="the tree's folders, for example '{condition}/{subject}'; found out"
    ' where it can be',
  )


def add_workers(parser: argparse.ArgumentParser) -> None:
  """Declares --workers, the processes that help."""
  parser.add_argument(
    '--workers',
    type=whole_number(1, _MOST_WORKERS),
    default=os.cpu_count() or 1,
    help='helper processes',
  )


def unexpected(word: str) -> UserError:
  """Returns the error for a word of a command line that is not an option."""
  return UserError(
    f'unexpected argument {errors.one_line(repr(word))}: options look like '
    '--name=value'
  )


def repeated(name: str) -> UserError:
  """Returns the error for an option that is given more than once."""
  return UserError(f'{name} is given more than once: keep one')


def whole_number(least: int, most: int) -> Callable[[str], int]:
  """Returns an option's `type`: whole numbers from `least` to `most`."""

  def read(text: str) -> int:
    if not re.fullmatch(r'[0-9]{1,18}', text) or not least <= int(text) <= most:
      raise argparse.ArgumentTypeError(
        f'expected a whole number from {least:,} to {most:,}, not '
        f'{errors.one_line(repr(text))}'
      )
    return int(text)

  return read
