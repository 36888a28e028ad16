import concurrent.futures
import csv
import errno
import importlib.util
import os
import sys
import types

import cv2
import jax
import numpy as np
import pytest

from gaitgs_jax import files
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import writers


def _rows(path):
  with open(path, newline='') as file:
    return list(csv.DictReader(file))


def test_a_row_per_step_with_blanks(tmp_path):
  table = writers.Table(tmp_path / 'metrics.csv')
  table.write(2, {'loss': 0.5})
  table.write(4, {'loss': 0.25})
  table.write(4, {'NM/rank1': 90.0})
  table.write(6, {'loss': 1e-9})
  assert _rows(tmp_path / 'metrics.csv') == [
    {'step': '2', 'loss': '0.5', 'NM/rank1': ''},
    {'step': '4', 'loss': '0.25', 'NM/rank1': '90'},
    {'step': '6', 'loss': '1e-09', 'NM/rank1': ''},
  ]


def test_resuming_drops_what_will_be_written_again(tmp_path):
  path = tmp_path / 'metrics.csv'
  table = writers.Table(path)
  for step in (2, 4, 6):
    table.write(step, {'loss': float(step)})
  again = writers.Table(path, resume_step=4)
  again.write(6, {'loss': 7.0, 'view': 1.0})
  assert [(r['step'], r['loss'], r['view']) for r in _rows(path)] == [
    ('2', '2', ''),
    ('4', '4', ''),
    ('6', '7', '1'),
  ]


def test_a_torn_last_line_is_survived(tmp_path):
  path = tmp_path / 'metrics.csv'
  # Of a step as of a number, part of it may be another.
  path.write_text('step,loss,view\n2,0.5,1\n10,0.5,1\n1')
  writers.Table(path, resume_step=10).write(16, {'loss': 1.0})
  assert [row['step'] for row in _rows(path)] == ['2', '10', '16']
  path.write_text('step,loss,view\n2,0.5,1\n,,\n')
  writers.Table(path, resume_step=4)
  assert [row['step'] for row in _rows(path)] == ['2']


@pytest.mark.parametrize(
  'damage',
  [
    b'',
    bytes(50),
    b'ste',
    b'step,loss,lo\xff',
    b'step,a,a\n2,1,1\n',
    b'a,step\n',
  ],
)
def test_a_damaged_table_is_set_aside(tmp_path, capsys, damage):
  path = tmp_path / 'metrics.csv'
  path.write_bytes(damage)
  writers.Table(path, resume_step=4).write(6, {'loss': 1.0})
  assert [row['step'] for row in _rows(path)] == ['6']
  assert (tmp_path / 'metrics.csv.damaged').read_bytes() == damage
  assert 'is damaged: it is metrics.csv.damaged now' in capsys.readouterr().out


@pytest.mark.parametrize(
  'damage, is_aside', [('4,0.' + '\0' * 99, False), ('\0' * 99 + '4,1\n', True)]
)
def test_what_a_power_failure_left_of_a_table_is_kept(
  tmp_path, capsys, damage, is_aside
):
  path = tmp_path / 'metrics.csv'
  path.write_text('step,loss\n2,0.5\n3,0.25\n' + damage)
  writers.Table(path, resume_step=4).write(6, {'loss': 1.0})
  assert [row['step'] for row in _rows(path)] == ['2', '3', '6']
  assert (tmp_path / 'metrics.csv.damaged').exists() == is_aside
  assert ('; 2 rows of it are kept' in capsys.readouterr().out) == is_aside


def test_what_was_appended_can_be_synced(tmp_path, monkeypatch):
  synced, fsync = [], os.fsync

  def note(descriptor):
    synced.append(os.readlink(f'/proc/self/fd/{descriptor}'))
    fsync(descriptor)

  path = tmp_path / 'metrics.csv'
  table = writers.Table(path)
  table.write(2, {'loss': 1.0})
  monkeypatch.setattr(os, 'fsync', note)
  table.sync()  # It was written whole.
  assert synced == []
  table.write(4, {'loss': 1.0})
  for _ in range(2):
    table.sync()
    assert synced == [str(path)]
  table.write(6, {'loss': 1.0})
  path.unlink()
  table.sync()


def test_a_table_that_is_no_file_is_set_aside(tmp_path):
  path = tmp_path / 'metrics.csv'
  for make in (path.mkdir, lambda: os.mkfifo(path)):
    make()
    writers.Table(path).write(6, {'loss': 1.0})
    assert [row['step'] for row in _rows(path)] == ['6']
    path.unlink()


def test_a_table_that_cannot_be_read_stays(tmp_path, monkeypatch):
  path = tmp_path / 'metrics.csv'
  writers.Table(path).write(2, {'loss': 1.0})
  before = path.read_bytes()

  def fail(*_):
    raise OSError(errno.EIO, 'Input/output error')

  monkeypatch.setattr(files, '_WAITS', ())
  with monkeypatch.context() as patch:
    patch.setattr(files, 'read', fail)
    with pytest.raises(UserError, match=r'Input/output error. Nothing was'):
      writers.Table(path)
  assert path.read_bytes() == before


def test_a_table_that_cannot_be_written_ends_nothing(
  tmp_path, monkeypatch, capsys
):
  path = tmp_path / 'metrics.csv'
  with writers.Writers(tmp_path, resume_step=0, tensorboard=False) as both:
    both.write(2, {'loss': 1.0})
    with monkeypatch.context() as patch:
      for name in ('open', 'replace'):
        patch.setattr(os, name, _full)
      for step in (4, 6):
        both.write(step, {'loss': 1.0})
    assert [row['step'] for row in _rows(path)] == ['2']
    both.write(8, {'loss': 1.0})
    assert [row['step'] for row in _rows(path)] == ['2', '4', '6', '8']
    with monkeypatch.context() as patch:
      patch.setattr(os, 'replace', _full)
      both.write(8, {'view': 1.0})
  # When the run ends, it is tried for the last time.
  assert _rows(path)[-1] == {'step': '8', 'loss': '1', 'view': '1'}
  assert capsys.readouterr().out.count('this is tried again') == 2


def _full(*_, **__):
  raise OSError(errno.ENOSPC, 'No space left on device')


def test_a_table_that_is_a_link_is_replaced(tmp_path):
  target, path = tmp_path / 'target', tmp_path / 'run' / 'metrics.csv'
  path.parent.mkdir()
  target.write_text('step,loss\n2,1\n')
  path.symlink_to(target)
  table = writers.Table(path, resume_step=2)
  table.write(4, {'loss': 1.0})
  # While the run goes on, too.
  path.unlink()
  path.symlink_to(target)
  table.write(6, {'loss': 1.0})
  assert [row['step'] for row in _rows(path)] == ['2', '4', '6']
  assert not path.is_symlink()
  assert target.read_text() == 'step,loss\n2,1\n'


def test_tensorboard_that_fails_is_left_out(tmp_path, monkeypatch, capsys):
  class Failing:
    def write_scalars(self, *_):
      raise RuntimeError('no\nroom')

  monkeypatch.setattr(writers, '_open_tensorboard', lambda _: Failing())
  with writers.Writers(tmp_path, resume_step=0, tensorboard=True) as both:
    for step in (2, 4):
      both.write(step, {'loss': 1.0})
  assert capsys.readouterr().out == (
    'TensorBoard files cannot be written (no room); going on without\n'
  )
  assert [row['step'] for row in _rows(tmp_path / 'metrics.csv')] == ['2', '4']


def test_many_may_open_a_table_at_once(tmp_path):
  table = writers.Table(tmp_path / 'metrics.csv')
  table.write(2, {'loss': 0.5})
  with concurrent.futures.ThreadPoolExecutor(8) as threads:
    opened = [
      threads.submit(writers.Table, tmp_path / 'metrics.csv', resume_step=2)
      for _ in range(100)
    ]
  for each in opened:
    each.result()
  assert [row['step'] for row in _rows(tmp_path / 'metrics.csv')] == ['2']
  assert [path.name for path in tmp_path.iterdir()] == ['metrics.csv']


def test_only_the_first_process_writes(tmp_path, monkeypatch):
  monkeypatch.setattr(jax, 'process_index', lambda: 1)
  with writers.Writers(tmp_path, resume_step=0, tensorboard=True) as both:
    both.write(1, {'loss': 0.5})
  assert not list(tmp_path.iterdir())


def test_without_clu_only_the_table_is_written(tmp_path, monkeypatch, capsys):
  monkeypatch.setitem(sys.modules, 'clu', None)
  with writers.Writers(tmp_path, resume_step=0, tensorboard=True) as both:
    both.write(1, {'loss': 0.5})
  assert 'no TensorBoard files' in capsys.readouterr().out
  assert [p.name for p in tmp_path.iterdir()] == ['metrics.csv']


@pytest.mark.skipif(
  importlib.util.find_spec('clu') is None, reason='clu is not installed'
)
@pytest.mark.filterwarnings('default')
def test_tensorboard_reads_the_same_numbers(tmp_path):
  accumulator = pytest.importorskip(
    'tensorboard.backend.event_processing.event_accumulator'
  )
  with writers.Writers(tmp_path, resume_step=0, tensorboard=True) as both:
    both.write(3, {'loss': 0.5})
    picture = np.full((1, 4, 6, 1), 255, np.uint8)
    both.show(3, {'batch/x': picture}, {'weights/y': np.arange(9.0)})
  events = accumulator.EventAccumulator(str(tmp_path))
  events.Reload()
  assert {*events.Tags()['tensors']} == {'loss', 'batch/x', 'weights/y'}
  png = events.Tensors('batch/x')[0].tensor_proto.string_val[2]
  assert cv2.imdecode(np.frombuffer(png, np.uint8), 0).shape == (4, 6)
  (event,) = events.Tensors('loss')
  assert event.step == 3
  tensors = pytest.importorskip('tensorboard.util.tensor_util')
  assert tensors.make_ndarray(event.tensor_proto) == 0.5


@pytest.mark.skipif(
  importlib.util.find_spec('clu') is None, reason='clu is not installed'
)
@pytest.mark.filterwarnings('default')
def test_wandb_gets_the_same(tmp_path, monkeypatch, capsys):
  logged = []

  class Run:
    def log(self, values, step):
      logged.append((step, values))

    def finish(self):
      logged.append('finished')

  given = {}
  module = types.SimpleNamespace(
    init=lambda **options: given.update(options) or Run(),
    Image=lambda array: ('image', array.shape),
    Histogram=lambda values: ('histogram', len(values)),
  )
  monkeypatch.setitem(sys.modules, 'wandb', module)
  workdir = tmp_path / 'my run'
  for project in ('', 'gait'):
    monkeypatch.setenv('WANDB_PROJECT', project)
    with writers.Writers(workdir, resume_step=0, tensorboard=False) as both:
      both.write(3, {'loss': 0.5})
      picture = np.zeros((1, 4, 6, 1), np.uint8)
      both.show(3, {'batch/x': picture}, {'weights/y': np.arange(9.0)})
    assert bool(logged) == bool(project)
  assert logged == [
    (3, {'loss': 0.5}),
    (3, {'batch/x': [('image', (4, 6))]}),
    (3, {'weights/y': ('histogram', 9)}),
    'finished',
  ]
  assert given['id'] == 'my-run' and given['resume'] == 'allow'
  monkeypatch.setitem(sys.modules, 'wandb', None)
  with writers.Writers(workdir, resume_step=0, tensorboard=False) as both:
    both.write(4, {'loss': 0.5})
  assert 'nothing goes to W&B' in capsys.readouterr().out
