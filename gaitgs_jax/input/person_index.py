"""Which person of each frame of OUMVLP-Pose is the one who walks.

Frames show bystanders too, and the detectors list people in no certain order.
OpenGait publishes a pickle per sequence, FOLDER/subject/condition/view/
pose_selection_idx.pkl, of the place in the list for each frame that shows
several.
"""

import re
from pathlib import Path
from typing import Any

from gaitgs_jax import files
from gaitgs_jax.errors import UserError
from gaitgs_jax.pickle_machine import Machine, Name

FILE = 'pose_selection_idx.pkl'
_MAX_BYTES, _MOST_FRAMES = 1 << 20, 10_000
_SCALAR = ('numpy.core.multiarray scalar', 'numpy._core.multiarray scalar')


def path(folder: str, sequence: str) -> Path:
  """Returns the file of a sequence 'subject/condition/view'."""
  return Path(folder, sequence, FILE)


def read(file: Path) -> dict[str, int]:
  """Returns the person by the number of the frame, as its file's name has it.

  Raises:
    UserError: there is no such file, or it is not such an index.
  """
  machine = _IndexMachine()
  try:
    with files.open_regular(file, _MAX_BYTES) as stream:
      whole = machine.follow(stream, 20 * _MOST_FRAMES)
  except OSError as error:
    raise UserError(
      f'{file}: cannot be read ({error.strerror}); give the folder that the'
      " detector's index files are unpacked to"
    ) from error
  except ValueError as error:
    raise UserError(f'{file}: is damaged ({error}); copy it again') from error
  found = machine.stack[-1] if machine.stack else None
  if not whole or not isinstance(found, dict):
    raise UserError(f'{file}: does not hold which person is taken by frame')
  for frame, person in found.items():
    if not isinstance(frame, str) or type(person) is not int or person < 0:
      raise UserError(f'{file}: does not hold a whole number for each frame')
  return found


def frame_of(name: str) -> str:
  """Returns the number of a frame that is in its file's name.

  It is at the end, or, of `0001_keypoints.json`, the first four digits.
  """
  found = re.search(r'(\d+)\.json', name) or re.search(r'(\d{4})', name)
  return found[1] if found else ''


class _IndexMachine(Machine):
  """A pickle machine whose values are texts, whole numbers and one dict."""

  def look_up(self, name: Name) -> Name:
    if name not in (*_SCALAR, 'numpy dtype'):
      raise ValueError(f'it asks for {name[:80]}')
    return name

  def call(self, name: Any, arguments: Any) -> Any:
    match name, arguments:
      case 'numpy dtype', (('i8' | 'i4' | 'u8' | 'u4'), *_):
        return {}  # Its state says the order of bytes.
      case str(), (_, bytes(number)) if name in _SCALAR and len(number) <= 8:
        return int.from_bytes(number, 'little', signed=True)
    raise ValueError('it calls something else than a number')

  def set_state(self, value: Any, state: Any) -> None:
    if not isinstance(state, tuple) or '<' not in state:
      raise ValueError('its numbers are of another order of bytes')

  def other(self, opcode: str, argument: Any) -> None:
    if opcode == 'EMPTY_DICT':
      self.stack.append({})
      return
    if opcode not in ('SETITEM', 'SETITEMS'):
      raise ValueError(f'it has the instruction {opcode}')
    values = self.pop(2 if opcode == 'SETITEM' else -1)
    if not self.stack or not isinstance(self.stack[-1], dict):
      raise ValueError('a dict is missing')
    self.stack[-1].update(zip(values[::2], values[1::2], strict=True))
