"""What devices exchange in a compiled program, read from its text."""

import dataclasses
import math
import re

# An asynchronous collective counts where it is done: its start holds operands.
_COLLECTIVE = re.compile(
  r'%?(?P<name>\S+) = (?P<arrays>.+?) (?P<kind>all-reduce|all-gather'
  r'|reduce-scatter|all-to-all|ragged-all-to-all|collective-permute'
  r'|collective-broadcast)(-done)?\('
)
_ARRAY = re.compile(r'\b(pred|[a-z]+\d+\w*)\[([\d,]*)\]')
_CHANNEL = re.compile(r'channel_id=(\d+)')

# Names of dtypes and shapes.
ArrayTypes = tuple[tuple[str, tuple[int, ...]], ...]


@dataclasses.dataclass(frozen=True)
class Collective:
  """One exchange between devices in a compiled program.

  Attributes:
    kind: such as 'all-reduce'.
    arrays: what each device has afterwards.
  """

  kind: str
  arrays: ArrayTypes

  @property
  def bytes(self) -> int:
    """Size of the arrays."""
    return size(self.arrays)


def read(program: str) -> tuple[Collective, ...]:
  """Returns the collectives of a compiled program's text."""
  found: dict[str, Collective] = {}
  computation = ''
  for line in program.splitlines():
    if line.endswith('{'):
      computation = line
    match = _COLLECTIVE.search(line)
    if match is None:
      continue
    kind = match['kind']
    # So TPU compilers write a reduce-scatter.
    if computation.lstrip('%').startswith('all-reduce-scatter'):
      kind = 'reduce-scatter'
    # One that is hidden behind other work is written in several places.
    channel = _CHANNEL.search(line)
    name = channel[1] if channel else match['name']
    found[name] = Collective(kind, read_arrays(match['arrays']))
  return tuple(found.values())


def read_arrays(text: str) -> ArrayTypes:
  """Returns the arrays that a piece of a program's text names."""
  return tuple(
    (dtype, tuple(int(length) for length in shape.split(',') if length))
    for dtype, shape in _ARRAY.findall(text)
  )


def size(arrays: ArrayTypes) -> int:
  """Returns the bytes of arrays."""
  return sum(_bits(dtype) * math.prod(shape) // 8 for dtype, shape in arrays)


def _bits(dtype: str) -> int:
  return 8 if dtype == 'pred' else int(re.findall(r'\d+', dtype)[0])
