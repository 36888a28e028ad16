"""Files that are damaged or hostile, read by the commands in this process."""

import contextlib
import copy
import html.parser
import io
import json
import os
import pathlib
import pickle
import random
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from faults import trials

from gaitgs_jax.__main__ import main
from gaitgs_jax.apps import config_file
from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import result_files
from gaitgs_jax.input import (
  keypoints,
  partitions,
  prepared_index,
  sources,
  tree_files,
)
from gaitgs_jax.training import checks

# Seconds that reading a small file may take on a busy machine.
_LIMIT = 120
_NAMES = [
  '<img src=x onerror=alert(1)>',
  '"><script>alert(1)</script>',
  '\x1b[2J\x1b]0;x\x07',
  '\u202egnp.exe',
  '\ud800',
  'a\nerror: b',
  '',
  '.',
  '%s%n{0}',
  'x' * 5000,
  '__class__',
  "' onload='x",
]
_VALUES: list[Any] = [
  None, True, 0, -1, 1, 64.5, 1e300, 10**400, '1', 'casia_b', [], {}, [[]],
  [None], [[1.0, 2.0], [3.0]], [[[1.0]]], {'a': {'b': [1]}}, [1] * 3000,
  *_NAMES,
]  # fmt: skip
# What JSON does not have, or not as a value of Python.
_TEXTS = [
  '[' * 100_000,
  '1e400',
  'NaN',
  '{"a": 1, "a": 2}',
  '9' * 5000,
  '',
  '{',
]


@contextlib.contextmanager
def ended() -> Iterator[None]:
  """Fails where what is done within does not end."""

  def stop(*_: object) -> None:
    raise AssertionError(f'still running after {_LIMIT} s')

  before = signal.signal(signal.SIGALRM, stop)
  signal.alarm(_LIMIT)
  try:
    yield
  finally:
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def refused(read: Callable[[], Any]) -> str:
  """Returns why something is refused, '' where it is read.

  Asserts that it is one message to print, and nothing else is raised.
  """
  try:
    with ended():
      read()
  except UserError as error:
    assert str(error).isprintable() and 0 < len(str(error)) <= 2000, error
    return str(error)
  return ''


def run(*argv: str) -> int:
  """Runs a command; asserts that it ends well or with one error."""
  out, err = io.StringIO(), io.StringIO()
  with (
    contextlib.redirect_stdout(out),
    contextlib.redirect_stderr(err),
    ended(),
  ):
    status = main([*argv])
  for text in (out.getvalue(), err.getvalue()):
    assert all(line.isprintable() for line in text.split('\n')), text
  errors = [x for x in err.getvalue().split('\n') if x.startswith('error: ')]
  assert (status, len(errors)) in ((0, 0), (2, 1)), (status, err.getvalue())
  return status


def special(chance: random.Random, path: pathlib.Path) -> str:
  """Puts something that is no file in the place of one."""
  path.unlink(missing_ok=True)
  kind = chance.choice(['pipe', 'socket', 'zero', 'folder', 'loop', 'sparse'])
  if kind == 'pipe':
    os.mkfifo(path)
  elif kind == 'socket':
    here = pathlib.Path.cwd()
    os.chdir(path.parent)  # A socket's path has 107 bytes at most.
    try:
      with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.name)
    finally:
      os.chdir(here)
  elif kind == 'folder':
    path.mkdir()
  elif kind == 'sparse':
    path.touch()
    os.truncate(path, 1 << 40)
  else:
    path.symlink_to('/dev/zero' if kind == 'zero' else path.name)
  return f'{path.name} is a {kind}'


def damage(chance: random.Random, path: pathlib.Path) -> str:
  """Changes a few bytes of a file."""
  content = bytearray(path.read_bytes())
  for _ in range(chance.randint(1, 3)):
    place = chance.randrange(len(content))
    kind = chance.randrange(4)
    if kind < 2:
      content[place] ^= 1 << chance.randrange(8)
    elif kind == 2:
      del content[place : place + chance.randint(1, 40)]
    else:
      content[place:place] = chance.randbytes(chance.randint(1, 8))
    if not content:
      break
  path.write_bytes(content)
  return f'bytes of {path.name}'


def change(chance: random.Random, path: pathlib.Path) -> str:
  """Changes one value or name in a JSON file, or all of its text."""
  if chance.random() < 0.1:
    text = chance.choice(_TEXTS)
    path.write_text(text)
    return f'{path.name} is {text[:20]}'
  content = json.loads(path.read_text())
  value = copy.deepcopy(chance.choice(_VALUES))
  places = [*_places(content)]
  holder, key = chance.choice(places)
  if isinstance(holder, dict) and chance.random() < 0.2:
    holder[chance.choice(_NAMES)] = holder.pop(key)
  elif isinstance(holder, dict) and chance.random() < 0.1:
    del holder[key]
  else:
    holder[key] = value
  text = json.dumps(content)
  if chance.random() < 0.1:
    text = text.replace('1', chance.choice(_TEXTS), 1)
  path.write_text(text)
  return f'{path.name}: {key!r:.40} is {value!r:.40}'


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
  """Yields where the values of a JSON are, as holder and key."""
  items = value.items() if isinstance(value, dict) else enumerate(value)
  for key, item in list(items):
    yield value, key
    if isinstance(item, dict | list):
      yield from _places(item)


class _Tags(html.parser.HTMLParser):
  def handle_starttag(
    self, tag: str, attrs: list[tuple[str, str | None]]
  ) -> None:
    assert tag not in ('script', 'iframe', 'object', 'base', 'link'), tag
    for name, value in attrs:
      assert not name.startswith('on'), (tag, name)
      assert name != 'href' or (value or '').startswith('#'), (tag, value)
      assert name != 'src' or (value or '').startswith('data:image/png;'), value


def _workdir(folder: pathlib.Path) -> pathlib.Path:
  for label in ('step_000100', 'untrained'):
    matrix = np.array([[90.0, np.nan], [70.0, 80.0]])
    result_files.save(
      {
        'NM/rank1': 80.0,
        'NM/rank1_by_view': matrix,
        'NM/probes': 4.0,
        'NM/subjects': 2.0,
      },
      folder / 'evaluation' / f'{label}.json',
      protocol='casia_b',
      metric='euclidean',
      views=['000', '090'],
    )
  config = {
    'seed': 0,
    'model_name': 'gaitgs',
    'dataset': {'name': 'casia_b', 'size': [64, 44], 'partition': ''},
    'batch': {'subjects': 8, 'sequences': 4, 'frames': 30},
    'evaluation': {'protocol': 'casia_b', 'metric': 'euclidean'},
  }
  (folder / 'config.json').write_text(json.dumps(config))
  (folder / 'versions.json').write_text('{"jax": "0"}')
  (folder / 'metrics.csv').write_text('step,loss,NM/rank1\n1,0.5,\n2,0.2,44\n')
  return folder


@trials.kind('hostile files in the workdir of a report', short=40)
def hostile_workdir(chance: random.Random, folder: pathlib.Path) -> str:
  workdir = _workdir(folder)
  jsons = [*workdir.rglob('*.json')]
  table, page = workdir / 'metrics.csv', workdir / 'report.html'
  kind = chance.randrange(5)
  if kind == 0:
    found = special(chance, chance.choice([*jsons, table, page]))
  elif kind == 1:
    found = damage(chance, chance.choice([*jsons, table]))
  elif kind == 2:
    name = chance.choice(_NAMES).replace('/', ':').replace('\ud800', '\udcff')
    path = workdir / 'evaluation' / f'{name[:200]}.json'
    path.write_bytes(jsons[0].read_bytes())
    found = f'an evaluation {name!r}'
  elif kind == 3:
    names = [chance.choice(_NAMES) for _ in range(3)]
    cells = [repr(chance.choice(_VALUES[:12])) for _ in range(9)]
    lines = [['step', *names], cells[:4], ['2', *cells[5:]]]
    text = '\n'.join(map(','.join, lines))
    table.write_text(text, errors='surrogatepass')
    found = f'a table {text!r:.60}'
  else:
    some = chance.sample(jsons, chance.randint(1, 2))
    found = '; '.join(change(chance, path) for path in some)
  if run('report', f'--workdir={workdir}') == 0:
    text = page.read_text()
    _Tags().feed(text)
    assert "default-src 'none'" in text and '\x1b' not in text
  return found


@trials.kind('hostile config.json of a run', short=40)
def hostile_config(chance: random.Random, folder: pathlib.Path) -> str:
  path = folder / 'config.json'
  config = config_file.load('demo').to_dict()
  config['evaluation']['transform'] = {}
  path.write_text(json.dumps(config))
  draw = chance.choice([change] * 6 + [special, damage])
  found = draw(chance, path)

  def read() -> None:
    config = config_file.of_run(str(folder), '')
    checks.check_model(config)
    checks.check_config(config)

  refused(read)
  return found


def example(values: np.ndarray, key: str, *names: str) -> bytes:
  """Returns a record of a prepared dataset."""

  def part(number: int, data: bytes) -> bytes:
    size, length = len(data), b''
    while size > 127:
      length += bytes([size & 127 | 128])
      size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + data

  fields = {key: values.tobytes()} | {
    name: text.encode()
    for name, text in zip(('subject', 'condition', 'view'), names, strict=True)
  }
  entries = b''.join(
    part(1, part(1, name.encode()) + part(2, part(1, part(1, data))))
    for name, data in fields.items()
  )
  return part(1, entries)


def prepared_dataset(folder: pathlib.Path) -> dict[str, np.ndarray]:
  """Writes skeletons as `prepare` does; returns them by name."""
  from array_record.python import array_record_module

  written = {}
  splits = {'train': ['001', '002'], 'test': ['003']}
  for split, subjects in splits.items():
    path = folder / f'x-{split}.array_record-00000-of-00001'
    writer = array_record_module.ArrayRecordWriter(str(path), 'group_size:1')
    for subject in subjects:
      values = np.full((3, 17, 3), int(subject), np.float32)
      writer.write(example(values, 'keypoints', subject, 'nm-01', '090'))
      written[f'{subject}/nm-01/090'] = values
    writer.close()
  info = {
    'fileFormat': 'array_record',
    'splits': [
      {'name': split, 'shardLengths': [str(len(subjects))]}
      for split, subjects in splits.items()
    ],
  }
  tensor = {
    'shape': {'dimensions': ['-1', '17', '3']},
    'dtype': 'float32',
    'encoding': 'bytes',
  }
  features = {'featuresDict': {'features': {'keypoints': {'tensor': tensor}}}}
  (folder / 'dataset_info.json').write_text(json.dumps(info))
  (folder / 'features.json').write_text(json.dumps(features))
  with contextlib.redirect_stderr(io.StringIO()):
    prepared_index.read(folder)
  return written


@trials.kind('damaged files of a prepared dataset', short=40)
def damaged_dataset(chance: random.Random, folder: pathlib.Path) -> str:
  written = prepared_dataset(folder)
  path = chance.choice([*sorted(folder.iterdir()), folder / 'sequences.npz'])
  draws = [damage] * 4 + [special]
  if path.suffix == '.json':
    draws += [change] * 5
  found = chance.choice(draws)(chance, path)
  if path.name != 'sequences.npz' and chance.random() < 0.2:
    (folder / 'sequences.npz').unlink(missing_ok=True)
    found += ', without an index'
  _read_dataset(folder, written)
  return found


def _read_dataset(folder: pathlib.Path, written: dict[str, np.ndarray]) -> None:
  """Reads every sequence; each is as it was written, or named."""
  opened: list[sources.PreparedSource] = []
  with contextlib.redirect_stderr(io.StringIO()) as notes:
    reason = refused(lambda: opened.append(sources.PreparedSource(folder)))
  assert notes.getvalue().count('\n') <= 2
  if not opened:
    assert str(folder) in reason, reason
    return
  index = opened[0].index
  # Nothing is lost without a word.
  assert {index.name(row) for row in range(len(index))} == {*written}
  for row in range(len(index)):

    def read(row: int = row) -> None:
      (values,) = opened[0].read(row).values()
      np.testing.assert_array_equal(values, written[index.name(row)])

    reason = refused(read)
    assert not reason or index.name(row) in reason, reason


@trials.kind('odd things in a tree of pickles', short=40)
def odd_tree(chance: random.Random, folder: pathlib.Path) -> str:
  root = folder / 'tree'
  for subject in ('001', '002', '003'):
    place = root / subject / 'nm-01' / '090'
    place.mkdir(parents=True)
    (place / '090.pkl').write_bytes(pickle.dumps(np.full((4, 17, 3), 9.0)))
  place = root / chance.choice(['001', '002', '003']) / 'nm-01' / '090'
  kind = chance.randrange(5)
  if kind == 0:
    found = special(chance, place / '090.pkl')
  elif kind == 1:
    found = damage(chance, place / '090.pkl')
  elif kind == 2:
    up = chance.choice([place, place.parent, place.parent.parent, root])
    count = chance.choice([1, 300])
    for number in range(count):
      (up / f'x{number:03d}').symlink_to(
        chance.choice([root, up]), target_is_directory=True
      )
    found = f'{count} links in circles'
  elif kind == 3:
    name = os.fsencode(
      chance.choice(_NAMES[:6])
      .replace('/', ':')[:200]
      .replace('\ud800', '\udcff')
    )
    target = os.path.join(os.fsencode(place.parent.parent), name)
    os.makedirs(os.path.join(target, b'000'), exist_ok=True)
    found = f'a folder {name!r}'
  else:
    values = np.full((4, 17, 3), 9.0)
    wrong = chance.choice([np.nan, np.inf, -np.inf, 1e30, 1e308])
    values[tuple(map(chance.randrange, values.shape))] = wrong
    (place / '090.pkl').write_bytes(pickle.dumps(values))
    found = f'a number {wrong}'

  def read() -> None:
    source = sources.OpenGaitSource(root, 'keypoints')
    for row in range(len(source.index)):
      assert np.abs(source.read(row)['keypoints']).max() <= 1e6

  reasons = [
    refused(read),
    refused(lambda: keypoints.open_tree(root)),
    refused(lambda: [*tree_files.frame_files(root)]),
  ]
  assert kind < 4 or str(place) in reasons[0], reasons
  return found


@trials.kind('hostile partition', short=20)
def hostile_partition(chance: random.Random, folder: pathlib.Path) -> str:
  path = folder / 'partition.json'
  path.write_text(json.dumps({'TRAIN_SET': ['1', '2'], 'TEST_SET': ['3']}))
  found = chance.choice([change, change, damage, special])(chance, path)
  with contextlib.redirect_stderr(io.StringIO()):
    reason = refused(lambda: partitions.read_partition(path))
  assert not reason or str(path) in reason
  return found
