"""What hostile files are made of, and what reading one must not do."""

import contextlib
import os
import sys
import tracemalloc

import hypothesis.strategies as st

from gaitgs_jax.errors import UserError

# A small file may cost this much at most.
MEMORY = 64 << 20
# Sizes and counts that lie, as files write them.
_NUMBERS = [
  number.to_bytes(width, order)
  for number in (0, 1, 0x7F, 0xFF, 0x7FFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**40, 2**63)
  for width in (1, 2, 4, 8)
  if number < 256**width
  for order in ('little', 'big')
]
# What only code does: `open` is looked at for writing.
_EVENTS = ('exec', 'os.', 'subprocess.', 'socket.', 'ctypes.', 'shutil.')
_READING = ('os.listdir', 'os.scandir')

_events: list[str] | None = None


def _note(event: str, details: tuple) -> None:
  if _events is None:
    return
  if event == 'exec' and details[0].co_filename.endswith('.py'):
    return  # Python's own modules, such as codecs, load on use.
  if event.startswith(_EVENTS) and event not in _READING:
    _events.append(f'{event} {details}')
  elif event == 'open' and details[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
    _events.append(f'open {details}')


sys.addaudithook(_note)


@contextlib.contextmanager
def nothing_happens(memory=MEMORY):
  """Asserts that what is done within runs nothing and takes little memory."""
  global _events
  traced = tracemalloc.is_tracing()
  if not traced:
    tracemalloc.start()
  before, _ = tracemalloc.get_traced_memory()
  tracemalloc.reset_peak()
  _events = seen = []
  try:
    yield
  finally:
    _events = None
    peak = tracemalloc.get_traced_memory()[1] - before
    if not traced:
      tracemalloc.stop()
  assert not seen, seen
  assert peak < memory, peak


def read(call, *arguments):
  """Returns what a reader returns, None where it refuses in one sentence."""
  with nothing_happens():
    try:
      return call(*arguments)
    except UserError as error:
      refusal = str(error)
  assert 0 < len(refusal) < 2000, refusal
  assert '\n' not in refusal, refusal
  return None


@st.composite
def mutated(draw, *files):
  """Draws one of the files with some of its bytes changed."""
  content = bytearray(draw(st.sampled_from(files)))
  others = st.sampled_from(files)
  for _ in range(draw(st.integers(1, 6))):
    start = draw(st.integers(0, len(content)))
    stop = min(start + draw(st.integers(0, 12)), len(content))
    kind = draw(st.integers(0, 6))
    if kind == 0 and start < len(content):  # A bit flips.
      content[start] ^= 1 << draw(st.integers(0, 7))
    elif kind == 1:  # A size lies.
      lie = draw(st.sampled_from(_NUMBERS))
      content[start : start + len(lie)] = lie
    elif kind == 2:  # Some is missing.
      del content[start:stop]
    elif kind == 3:  # All that follows is.
      del content[start:]
    elif kind == 4:  # A part comes twice.
      content[start:start] = content[start:stop]
    elif kind == 5:  # A part of another file.
      other = draw(others)
      at = draw(st.integers(0, len(other)))
      content[start:stop] = other[at : at + draw(st.integers(0, 40))]
    else:  # Anything.
      content[start:stop] = draw(st.binary(max_size=8))
  return bytes(content)
