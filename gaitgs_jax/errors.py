"""The exception that means "the user's input is wrong", and its wording."""

import difflib
import sys
from collections.abc import Iterable

# Longest message printed, and longest text of a library or a file within one,
# in characters.
_LONGEST, _LONGEST_PART = 2000, 300
_SHOWN = 5


class UserError(Exception):
  """Bad input from the user: what is wrong, where, and how to fix it.

  The command line prints the message on stderr, without a traceback, and
  exits with status 2. Every other exception is a bug.

  A message is one printable line, however long or odd the names in it are: it
  is safe to print in a terminal wherever it ends up.
  """

  def __init__(self, message: str):
    super().__init__(printable(message, _LONGEST))


class BadValue(UserError, ValueError):
  """A value that a model, a loss or another part cannot take.

  A program that calls them sees a ValueError; `training.setup` puts in front
  of it which section of the config the value comes from.
  """


def show(error: UserError) -> None:
  """Prints an error on stderr, as every command does before status 2."""
  print(f'error: {error}', file=sys.stderr)


def printable(text: object, longest: int = _LONGEST_PART) -> str:
  r"""Returns a text from outside as it may be shown in a terminal.

  What moves the cursor, changes colours, breaks the line, reverses the order
  of letters or is not a character at all is written as an escape, such as \x1b.

  Args:
    text: such as a name in a file, which may hold anything.
    longest: how many characters to show at most; the middle is left out.
  """
  # First, as a text may fill the memory; then again, as escapes are longer.
  text = shortened(str(text), longest)
  if text.isprintable():
    return text
  shown = ''.join(
    each
    if each.isprintable()
    else each.encode('unicode_escape').decode('ascii')
    for each in text
  )
  return shortened(shown, longest)


def shortened(text: str, longest: int = _LONGEST_PART) -> str:
  """Returns a text of at most `longest` characters, its middle left out."""
  if len(text) <= longest:
    return text
  gap = ' ... '
  end = (longest - len(gap)) // 4
  return text[: longest - len(gap) - end] + gap + text[-end:]


def one_line(text: object) -> str:
  """Returns a library's message, or a file's text, as part of ours.

  See `printable`; of lines that are broken it makes one.
  """
  return printable(' '.join(str(text).split()))


def listed(items: Iterable[str], shown: int = _SHOWN) -> str:
  """Returns the first items, and how many more there are."""
  items = list(items)
  more = f' and {len(items) - shown:,} more' if len(items) > shown else ''
  return ', '.join(map(one_line, items[:shown])) + more


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
  """Returns " (did you mean 'x'?)" for a misspelt name, or ''."""
  plain = {_plain(each): each for each in allowed}
  close = difflib.get_close_matches(_plain(name[:_LONGEST_PART]), plain, n=1)
  return f' (did you mean {plain[close[0]]!r}?)' if close else ''


def _plain(name: str) -> str:
  return name.lower().replace('-', '_')


def wrong_value(where: str, value: object, wanted: str) -> UserError:
  """Returns the error for a value that does not fit.

  Args:
    where: it stands, such as 'config.batch.frames'.
    value: what was given.
    wanted: what it must be instead.
  """
  return UserError(f'{where} is {one_line(repr(value))}; it must be {wanted}')


def wrong_choice(
  problem: str, given: object, allowed: Iterable[str]
) -> UserError:
  """Returns the error for a name that is not one of those allowed.

  Args:
    problem: such as "unknown dataset 'casia-b'".
    given: the name.
    allowed: the names there are.
  """
  allowed = list(allowed)
  choices = ', '.join(name or "''" for name in allowed)
  return UserError(
    f'{one_line(problem)}{did_you_mean(str(given), allowed)}; '
    + (f'choose one of {choices}' if allowed else 'there are none')
  )
