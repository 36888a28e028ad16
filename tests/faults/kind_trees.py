"""Faults of commands that write trees and files, and of the images they read.

All in this process but the one that is killed.
"""

import contextlib
import errno
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from faults import trials

from gaitgs_jax import atomic, locks
from gaitgs_jax.__main__ import main
from gaitgs_jax.apps import drawing, embed, pretreat, walkers
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import images, tree_frames, trees
from gaitgs_jax.input.index import make
from gaitgs_jax.input.pretreatment import pretreat as pretreated

_WALKS = [
  ('001', 'nm-01', '090'),
  ('001', 'nm-02', '090'),
  ('002', 'nm-01', '090'),
]
# Of folders, whose names some file systems cannot be told to put on the disk.
_NOT_NEEDED = ('fsync',)
_CODES = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES)


class _Here:
  """Does in this process what helper processes do."""

  def __init__(self, count):
    assert count >= 1

  def __enter__(self):
    return self

  def __exit__(self, *_):
    pass

  def map(self, calls):
    return (call() for call in calls)


def _frame(chance):
  """Returns one person, white on black."""
  frame = np.zeros((60, 40), np.uint8)
  top, left = chance.randrange(2, 8), chance.randrange(4, 12)
  frame[top : chance.randrange(40, 58), left : left + 20] = 255
  return frame


def _encoded(frame, kind='.png'):
  return cv2.imencode(kind, frame)[1].tobytes()


def _snapshot(folder):
  """Returns what a folder holds, links unfollowed."""
  return {
    path.relative_to(folder): path.read_bytes() if path.is_file() else None
    for path in folder.rglob('*')
  }


def _put_neighbours(chance, folder):
  """Puts there what a user may have called nearly so."""
  names = [
    'tree.unfinished', 'tree.tmp', '.tree.tmp', '.tree.0123abcd.tmp', 'tree2',
    '.tree', 'work-1.0.0', '.tree.lock.tmp', '.tree.0123ABCD.tmp',
  ]  # fmt: skip
  for name in chance.sample(names, chance.randrange(1, len(names))):
    (folder / name).mkdir()
    (folder / name / 'notes.txt').write_text(name)
  return _snapshot(folder)


def _failing(chance, patch, code):
  """Makes the n-th call of something that writes fail; returns its name."""
  module, name = chance.choice(
    [
      (os, 'fsync'),
      (os, 'rename'),
      (pathlib.Path, 'mkdir'),
      (pretreat.pickle, 'dump'),
      (locks.Lock, 'write_note'),
    ]
  )
  function, left = getattr(module, name), [chance.randrange(1, 4)]

  def fail(*arguments, **options):
    left[0] -= 1
    if not left[0]:
      raise OSError(code, os.strerror(code))
    return function(*arguments, **options)

  patch.setattr(module, name, fail)
  return name, left


def _run(command):
  """Runs a command; returns its status and the lines of errors."""
  out, err = io.StringIO(), io.StringIO()
  with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
    status = main(command)
  lines = err.getvalue().splitlines()
  assert 'Traceback' not in err.getvalue(), err.getvalue()
  return status, [line for line in lines if line.startswith('error: ')]


def _write_walks(chance, source):
  walks = {}
  for walk in _WALKS:
    frames = [_frame(chance) for _ in range(3)]
    folder = source.joinpath(*walk)
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames):
      (folder / f'{number}.png').write_bytes(_encoded(frame))
    walks['/'.join(walk)] = pretreated(frames)
  return walks


def _spoil(chance, source, out):
  """Makes a fault that pretreat must refuse; returns it in words."""
  path = chance.choice(sorted(source.rglob('*.png')))
  data = path.read_bytes()
  fault = chance.choice(['cut', 'format', 'empty', 'folder', 'file', 'link'])
  if fault == 'cut':
    path.write_bytes(data[: chance.randrange(9, len(data) - 13)])
  elif fault == 'format':
    path.write_bytes(
      _encoded(_frame(chance), chance.choice(['.tiff', '.webp']))
    )
  elif fault == 'empty':
    path.write_bytes(b'')
  elif fault == 'folder':
    out.mkdir()
    (out / 'mine').write_text('kept')
  elif fault == 'file':
    out.write_text('kept')
  else:
    out.symlink_to(chance.choice(['nothing', 'walks', 'tree']))
  return fault


def _same(tree, walks):
  found = trees.open_tree(tree)
  assert [each.name for each in found.sequences] == sorted(walks)
  for each in found.sequences:
    np.testing.assert_array_equal(
      tree_frames.read_frames(each.folder), walks[each.name]
    )


@trials.kind('pretreat fails, or writes where something is', short=12)
def _pretreat(chance, folder):
  source, out = folder / 'walks', folder / 'tree'
  walks = _write_walks(chance, source)
  command = ['pretreat', f'--source={source}', f'--out={out}', '--workers=1']
  mine = _put_neighbours(chance, folder)
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(pretreat, 'Workers', _Here)
    kind = chance.choice(['source', 'disk', 'held', 'killed before', 'none'])
    with contextlib.ExitStack() as stack:
      if kind == 'source':
        kind = f'{kind}: {_spoil(chance, source, out)}'
        mine = _snapshot(folder)
      elif kind == 'held':
        stack.enter_context(locks.hold(folder / '.tree.lock'))
        mine[pathlib.Path('.tree.lock')] = b''
      elif kind == 'killed before':
        left = folder / '.tree.89abcdef.tmp'
        (left / '001').mkdir(parents=True)
        (folder / '.tree.lock').write_text(left.name)
      elif kind == 'disk':
        code = chance.choice(_CODES)
        failing = stack.enter_context(pytest.MonkeyPatch.context())
        name, left_calls = _failing(chance, failing, code)
        kind = f'{kind}: {name} {errno.errorcode[code]}'
      status, errors = _run(command)
    if kind.startswith(('source', 'held')) or (
      kind.startswith('disk') and status
    ):
      assert status == 2 and len(errors) == 1, (kind, status, errors)
      if kind.startswith('disk: rename'):  # What was made is kept, and named.
        place = re.search(r'lies in (.*): rename that', errors[0])[1]
        pathlib.Path(place).rename(folder / 'found')
        _same(folder / 'found', walks)
        shutil.rmtree(folder / 'found')
      assert _snapshot(folder) == mine, kind
      return kind
    # A disk that does not fail at what is not needed.
    assert status == 0, (kind, errors)
    if kind.startswith('disk'):
      assert left_calls[0] > 0 or name in _NOT_NEEDED, kind
    assert _run(command)[0] == 2
  _same(out, walks)
  found = _snapshot(folder)
  assert found.items() >= mine.items()
  extra = {path.parts[0] for path in found.keys() - mine.keys()}
  assert extra == {'tree'}, extra
  return kind


@trials.kind('a process that makes a folder is killed', short=3)
def _killed(chance, folder):
  code = (
    'import pathlib, sys; from gaitgs_jax import atomic\n'
    'with atomic.folder(pathlib.Path(sys.argv[1])) as made:\n'
    '  print("begun", flush=True)\n'
    '  for i in range(300):\n'
    '    (made / str(i)).mkdir(); (made / str(i) / "x").write_text("x")\n'
    'print("done", flush=True)'
  )
  mine, out = _put_neighbours(chance, folder), folder / 'tree'
  for _ in range(chance.randrange(1, 3)):
    with subprocess.Popen(
      [sys.executable, '-c', code, str(out)],
      stdout=subprocess.PIPE,
      stderr=subprocess.DEVNULL,
    ) as process:
      process.stdout.readline()
      time.sleep(chance.uniform(0, 0.08))
      process.kill()
    if out.exists():  # It was faster.
      assert len(list(out.iterdir())) == 300
      shutil.rmtree(out)
  with atomic.folder(out) as made:
    (made / 'x').write_text('whole')
  assert _snapshot(folder).items() - mine.items() == {
    (pathlib.Path('tree'), None),
    (pathlib.Path('tree/x'), b'whole'),
  }
  return 'killed'


def _sheet(path):
  walkers.run(
    walkers.argparse.Namespace(
      out=str(path),
      seed=0,
      subjects=1,
      views='',
      conditions='',
      keypoints=False,
    )
  )


@trials.kind('the disk fails while a file is written', short=8)
def _file(chance, folder):
  index = make([('a', 'nm-01', '000', 9)])
  picture = np.full((1, 32, 24, 3), chance.randrange(256), np.uint8)
  name, write, names = chance.choice(
    [
      (
        'embed',
        lambda: embed.save(folder / 'x.npz', picture, index),
        ['x.npz'],
      ),
      (
        'explain',
        lambda: drawing.write(picture, ['x'], folder / 'x'),
        ['x.gif', 'x.png'],
      ),
      ('walkers', lambda: _sheet(folder / 'x.png'), ['x.png']),
    ]
  )
  before = {pathlib.Path(each): chance.randbytes(20) for each in names}
  for path, data in before.items():
    (folder / path).write_bytes(data)
  code = chance.choice(_CODES)
  quiet = contextlib.redirect_stdout(io.StringIO())
  with quiet, pytest.MonkeyPatch.context() as patch:
    patch.setattr(walkers, 'contact_sheet', lambda *_, **__: picture[0])
    call = chance.choice(['fsync', 'replace'])

    def fail(*_):
      raise OSError(code, os.strerror(code))

    with patch.context() as failing:
      failing.setattr(os, call, fail)
      with pytest.raises(UserError, match='cannot write'):
        write()
    assert _snapshot(folder) == before
    write()
  assert sorted(path.name for path in folder.iterdir()) == names
  assert not _snapshot(folder).items() & before.items()
  return f'{name}: {call} {errno.errorcode[code]}'


_OTHERS = ('.tiff', '.webp', '.jp2', '.ras', '.pgm')
_STARTS = (
  b'II*\0', b'MM\0*', b'RIFF\x10\0\0\0WEBP', b'GIF89a', b'#?RADIANCE\n',
  b'Pf\n', b'PF\n', b'P7\n', b'\x59\xa6\x6a\x95', b'\0\0\0\x1cftypavif',
  b'\xff\x4f\xff\x51', b'v/1\x01', b'\0\0\0\x0cjP  \r\n\x87\n', b'',
)  # fmt: skip


@trials.kind('an image of another format, or damaged', short=20)
def _image(chance, folder):
  path = folder / chance.choice(['1.png', '1.jpg', '1.bmp'])
  frame, decoded = _frame(chance), []
  kind = chance.choice(['format', 'start', 'good', 'flipped'])
  good = _encoded(frame, chance.choice(['.png', '.jpg', '.bmp']))
  data = good
  if kind == 'format':
    data = _encoded(frame, chance.choice(_OTHERS))
  elif kind == 'start':
    data = chance.choice(_STARTS) + chance.randbytes(chance.randrange(100))
  elif kind == 'flipped':
    at = chance.randrange(len(good))
    flipped = bytes([good[at] ^ 1 << chance.randrange(8)])
    data = good[:at] + flipped + good[at + 1 :]
  path.write_bytes(data)
  decode = cv2.imdecode

  def noted(buffer, flags):
    decoded.append(bytes(buffer[:2]))
    return decode(buffer, flags)

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(cv2, 'imdecode', noted)
    try:
      found = images.read(path)
    except UserError as error:
      assert kind != 'good' and str(path) in str(error)
    else:
      assert kind in ('good', 'flipped') and found.ndim == 2
  assert set(decoded) <= {b'\x89P', b'\xff\xd8', b'BM'}, decoded
  return kind
