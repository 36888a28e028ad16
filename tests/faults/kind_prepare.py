"""Faults of `prepare`: interruptions, sources that change, damaged work."""

import contextlib
import dataclasses
import errno
import io
import os
import shutil
import warnings

import cv2
import numpy as np
import pytest
from faults import trials

from gaitgs_jax.__main__ import main
from gaitgs_jax.data import chunks
from gaitgs_jax.data.chunks import Chunk
from gaitgs_jax.data.work import TreeCall
from gaitgs_jax.input import datasets, prepared, prepared_index
from gaitgs_jax.input.partitions import Partition
from gaitgs_jax.input.pretreatment import pretreat
from gaitgs_jax.input.sources import PreparedSource

_CELLS = [(s, c, '090') for s in ('001', '002') for c in ('nm-01', 'nm-02')]


def _frames(chance, count):
  frames = np.zeros((count, 60, 40), np.uint8)
  for frame in frames:
    left = chance.randrange(2, 20)
    frame[4:56, left : left + chance.randrange(10, 20)] = 255
  return frames


def _write(folder, frames):
  folder.mkdir(parents=True, exist_ok=True)
  for number, frame in enumerate(frames):
    # All have one size in bytes.
    content = cv2.imencode('.bmp', frame)[1].tobytes()
    (folder / f'{number}.bmp').write_bytes(content)


def _replace(chance, folder):
  """Replaces a walk's images in one of several ways; returns which."""
  how = chance.choice(['in place', 'folder', 'fewer', 'more', 'renamed', 'no'])
  before = {path: path.stat() for path in sorted(folder.iterdir())}
  other = _frames(chance, len(before))
  if how == 'in place':
    _write(folder, other)
  elif how == 'folder':
    _write(folder.with_name('other'), other)
    shutil.rmtree(folder)
    folder.with_name('other').rename(folder)
  elif how == 'fewer' and len(before) > 1:
    chance.choice([*before]).unlink()
  elif how == 'more':
    _write(folder, _frames(chance, len(before) + 1))
  elif how == 'renamed' and len(before) > 1:
    one, two = chance.sample([*before], 2)
    data = one.read_bytes(), two.read_bytes()
    two.write_bytes(data[0])
    one.write_bytes(data[1])
  for path, status in before.items():
    if path.exists():  # As copying sets times.
      os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
  return how


def _damage(chance, path):
  """Damages a work file in one of several ways; returns which."""
  data = bytearray(path.read_bytes())
  how = chance.choice(['flip', 'cut', 'longer', 'zeros', 'empty', 'gone'])
  at = chance.randrange(len(data))
  if how == 'flip':
    data[at] ^= 1 << chance.randrange(8)
  elif how == 'cut':
    del data[at:]
  elif how == 'longer':
    data += chance.randbytes(chance.randrange(1, 50))
  elif how == 'zeros':  # As after a power cut.
    data[at:] = bytes(len(data) - at)
    data[-1] ^= 1 if bytes(data) == path.read_bytes() else 0
  elif how == 'empty':
    data.clear()
  path.unlink() if how == 'gone' else path.write_bytes(data)
  return how


@trials.kind('images are replaced, or a work file is damaged', short=20)
def _chunk(chance, folder):
  walks = [folder / 'walks' / name for name in 'ab']
  for walk in walks:
    _write(walk, _frames(chance, chance.randrange(2, 5)))
  work = folder / 'work'
  work.mkdir()
  chunk = Chunk(str(work), tuple(TreeCall(str(walk), 64) for walk in walks))
  path, how = chunk(), 'nothing'
  times = path.stat().st_mtime_ns
  quiet = contextlib.redirect_stderr(io.StringIO())
  for _ in range(chance.randrange(1, 4)):
    if chance.random() < 0.5:
      how = 'replaced: ' + _replace(chance, chance.choice(walks))
    else:
      how = 'damaged: ' + _damage(chance, path)
    with quiet:
      later = chance.random() < 0.3 and path == chunk.path
      path = path if later else chunk()
      found = list(chunk.load(path))
    for values, call in zip(found, chunk.calls, strict=True):
      np.testing.assert_array_equal(values, call())
    if how == 'replaced: no' and path.stat().st_mtime_ns == times:
      how = 'kept'
    path = chunk.path
  assert chunks.is_whole(path)
  assert all(each.suffix == '.chunk' for each in work.iterdir())
  return how


@contextlib.contextmanager
def _small(folder):
  """Makes two people with two walks each a dataset, in pairs of walks."""
  with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
    warnings.simplefilter('ignore')  # TensorFlow's own.
    from gaitgs_jax.data import builders

    facts = dataclasses.replace(
      datasets.get('casia_b'), views=('090',), conditions=('nm-01', 'nm-02')
    )
    patch.setitem(datasets.DATASETS, 'casia_b', facts)
    patch.setattr(
      builders, 'read_partition', lambda path: Partition(('001',), ('002',))
    )
    patch.setattr(builders, '_CHUNK', 1)
    yield [
      'prepare', '--dataset=casia_b', f'--root={folder / "data"}',
      f'--source={folder / "raw"}', '--workers=1',
    ]  # fmt: skip


def _prepare(command):
  err = io.StringIO()
  quiet = contextlib.redirect_stdout(io.StringIO())
  with quiet, contextlib.redirect_stderr(err):
    status = main(command)
  assert 'Traceback' not in err.getvalue(), err.getvalue()
  return status, err.getvalue().count('error: ')


def _interrupt(chance, patch):
  """Ends the n-th call of a step of preparing; returns which and how."""
  from gaitgs_jax.data import builders

  module, name = chance.choice(
    [
      (Chunk, 'load'),
      (chunks, 'is_whole'),
      (chunks, 'remove'),
      (prepared_index, 'write'),
      (builders.atomic, 'sync_tree'),
    ]
  )
  function, left = getattr(module, name), [chance.randrange(1, 5)]
  error = chance.choice(
    [KeyboardInterrupt(), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))]
  )

  def ending(*arguments, **options):
    left[0] -= 1
    if not left[0]:
      raise error
    return function(*arguments, **options)

  patch.setattr(module, name, ending)
  return f'{name} {type(error).__name__}'


@trials.kind('prepare is interrupted', short=2)
def _interrupted(chance, folder):
  for cell in _CELLS:
    _write((folder / 'raw').joinpath(*cell), _frames(chance, 3))
  place = folder / 'data' / 'casia_b' / '64'
  with _small(folder) as command:
    for _ in range(chance.randrange(1, 3)):
      with pytest.MonkeyPatch.context() as patch:
        how = _interrupt(chance, patch)
        status, errors = _prepare(command)
      assert (status, errors) in ((0, 0), (2, 1), (130, 0)), (how, status)
      is_done = prepared.find(folder / 'data', 'casia_b', '64')
      assert is_done or status, how
      if not is_done:  # Some walks come again, and some work is lost.
        for cell in chance.sample(_CELLS, 2):
          how += ', ' + _replace(chance, (folder / 'raw').joinpath(*cell))
        chunks = sorted(place.glob('work-*/*.chunk'))
        # One that was emptied before cannot be damaged further.
        for path in [each for each in chunks if each.stat().st_size][:2]:
          how += ', ' + _damage(chance, path)
    assert _prepare(command) == (0, 0), how
  assert [path.name for path in place.iterdir()] == ['1.0.0'], how
  source = PreparedSource(place / '1.0.0')
  for row, cell in enumerate(_CELLS):
    raw = sorted((folder / 'raw').joinpath(*cell).iterdir())
    frames = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in raw]
    read = source.read(row)['silhouettes']
    np.testing.assert_array_equal(read, pretreat(frames))
  return how
