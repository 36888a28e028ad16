import errno
import gc
import os
import pathlib
import signal
import subprocess
import sys
import threading
import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest

from gaitgs_jax import files
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import (
  checkpoint,
  meshes,
  paths,
  restoring,
  scores,
  states,
)
from gaitgs_jax.training.scores import Score

PARAMS = {
  'layers': {0: {'kernel': np.arange(6.0, dtype=np.float32).reshape(2, 3)}},
  'head': {'kernel': np.ones((4,), np.float32)},
}
STATS = {'norm': {'mean': np.full(3, 2.0, np.float32)}}
OPTIMIZER = optax.adam(0.1)


def _state(scale=1.0, params=PARAMS):
  params = jax.tree.map(lambda x: jnp.asarray(x * np.float32(scale)), params)
  return states.create(params, jax.tree.map(jnp.asarray, STATS), OPTIMIZER)


def _like(state, devices):
  places = meshes.shardings(state, devices)
  return jax.tree.map(
    lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s),
    state,
    places,
  )


def _assert_equal(left, right):
  assert jax.tree.structure(left) == jax.tree.structure(right)
  jax.tree.map(np.testing.assert_array_equal, left, right)


def test_what_is_saved_comes_back(tmp_path):
  state = _state(3.0)._replace(step=jnp.int32(7))
  with checkpoint.Checkpoints(tmp_path) as kept:
    kept.save(7, state)
    kept.wait()
    assert kept.latest() == 7
    like = _like(_state(), meshes.create())
    restored = kept.restore(7, like, OPTIMIZER)
  _assert_equal(restored, state)
  assert len(restored.step.sharding.device_set) == jax.device_count()


def test_what_is_saved_and_restored_leaves_nothing_in_memory(tmp_path):
  like, counts = _like(_state(), meshes.create()), []
  gc.freeze()  # What others left is not gone through.
  with checkpoint.Checkpoints(tmp_path) as kept:
    for step in range(1, 8):
      kept.save(step, _state())
      kept.wait()
      kept.restore(step, like, OPTIMIZER)
      gc.collect()
      counts.append(len(gc.get_objects()))
  gc.unfreeze()
  # Some are kept for the next time; a loss is of several for every array.
  assert (counts[-1] - counts[-4]) / 3 < len(jax.tree.leaves(like))


def _save_all(folder, found):
  """Saves a checkpoint of each step with its score, if it has one."""
  with checkpoint.Checkpoints(folder) as kept:
    for step, score in found.items():
      kept.save(step, {'w': jnp.zeros(2)})
      if score is None:
        kept.wait()
      else:
        kept.add_score(step, score)
      assert kept.latest() == step


def _kept(folder):
  return {path.name for path in (folder / 'checkpoints').iterdir()}


def test_the_resume_point_and_the_best_are_kept(tmp_path, capsys):
  _save_all(
    tmp_path,
    {1: Score(10.0), 2: Score(90.0, 'on A'), 3: None, 4: Score(20.0, 'on A')},
  )
  _save_all(tmp_path, {5: None, 6: None})
  assert _kept(tmp_path) == {'1', '2', '5', '6'}  # '1' is of another basis.
  assert checkpoint.choose(tmp_path, None).name == '6'
  assert checkpoint.choose(tmp_path, 'best').name == '2'
  out = capsys.readouterr().out
  assert 'step 2 is the best of its run: mean rank-1 90.0 (on A)' in out
  assert 'chosen on these test subjects' in out


def test_a_score_that_comes_late_is_kept_with_its_checkpoint(tmp_path):
  """As of an evaluation that was interrupted and made up for on resuming."""
  _save_all(tmp_path, {1: Score(10.0), 2: None})
  with checkpoint.Checkpoints(tmp_path) as kept:
    kept.add_score(2, Score(90.0))
    for step in (3, 4, 5):
      kept.save(step, {'w': jnp.zeros(2)})
    kept.wait()
    assert kept.score(2) == Score(90.0)
  assert _kept(tmp_path) == {'2', '4', '5'}
  assert checkpoint.choose(tmp_path, 'best').name == '2'


def test_what_was_the_best_is_removed_once_another_is(tmp_path):
  _save_all(tmp_path, {1: Score(90.0), 2: None, 3: None, 4: Score(95.0)})
  assert _kept(tmp_path) == {'3', '4'}


def test_without_scores_there_is_no_best(tmp_path):
  _save_all(tmp_path, {1: None})
  with pytest.raises(UserError, match=r'no checkpoint .* has been evaluated'):
    checkpoint.choose(tmp_path, 'best')


def test_a_damaged_score_ends_nothing(tmp_path, capsys):
  _save_all(tmp_path, {1: Score(90.0), 2: Score(10.0), 3: None})
  for step in (1, 2):
    path = tmp_path / 'checkpoints' / str(step) / 'metrics' / 'metrics'
    path.write_text('{"score": 9')
  with checkpoint.Checkpoints(tmp_path) as kept:
    assert kept.latest() == 3 and kept.score(1) is None
  assert capsys.readouterr().out.count('score was damaged and is removed') == 2
  assert checkpoint.find(tmp_path / 'checkpoints' / '2')


@pytest.mark.parametrize(
  'found, expected',
  [
    ([], []),
    ([None, None], []),
    ([('a', 1), ('a', 3), None, ('a', 3), ('a', 2)], [3]),
    ([('a', 5), ('b', 1), None, ('a', 4), ('b', 2)], [0, 4]),
  ],
)
def test_the_best_of_each_basis_is_kept(found, expected):
  infos = [
    types.SimpleNamespace(metrics=each and Score(each[1], each[0]).metrics)
    for each in found
  ]
  kept = scores.KeepBest().should_preserve(infos, context=None)
  assert [place for place, keep in enumerate(kept) if keep] == expected


def test_what_a_killed_process_left_is_removed(tmp_path):
  checkpoint.save_model(tmp_path, PARAMS, STATS, step=3)
  left = tmp_path / 'checkpoints' / '4.orbax-checkpoint-tmp'
  (tmp_path / 'checkpoints' / '3').rename(left)
  with checkpoint.Checkpoints(tmp_path) as kept:
    assert kept.latest() is None
  assert not left.exists()


def test_a_donated_state_is_saved_as_it_was(tmp_path):
  params = {'w': jnp.ones((512, 512))}
  add = jax.jit(lambda x: jax.tree.map(lambda a: a + 1, x), donate_argnums=0)
  with checkpoint.Checkpoints(tmp_path) as kept:
    kept.save(1, {'step': jnp.int32(1), 'params': params})
    like = jax.tree.map(np.zeros_like, params)
    for _ in range(20):
      params = add(params)
  folder = checkpoint.find(tmp_path)
  _, saved, _ = restoring.restore_model(folder, like, {})
  np.testing.assert_array_equal(saved['w'], 1.0)


def test_a_model_alone_is_read_from_a_whole_state(tmp_path):
  with checkpoint.Checkpoints(tmp_path) as kept:
    kept.save(5, _state(2.0)._replace(step=jnp.int32(5)))
  state = _state()
  step, params, stats = restoring.restore_model(
    checkpoint.find(tmp_path), state.params, state.stats
  )
  assert step == 5
  _assert_equal(params, _state(2.0).params)
  _assert_equal(stats, state.stats)


def test_an_imported_model_starts_a_fresh_optimizer(tmp_path):
  folder = checkpoint.save_model(tmp_path, _state(2.0).params, STATS)
  assert checkpoint.find(tmp_path) == folder
  like = _like(_state(), meshes.create())
  with checkpoint.Checkpoints(tmp_path) as kept:
    restored = kept.restore(0, like, OPTIMIZER)
  _assert_equal(restored, _state(2.0))
  with pytest.raises(UserError, match='already holds checkpoints'):
    checkpoint.save_model(tmp_path, _state().params, STATS)


def test_another_model_is_refused_with_its_first_differences(tmp_path):
  folder = checkpoint.save_model(tmp_path, PARAMS, STATS)
  other = {
    'layers': {0: {'kernel': np.zeros((2, 5), np.float32)}},
    'tail': {'kernel': np.zeros((4,), np.float32)},
  }
  with pytest.raises(UserError) as caught:
    restoring.restore_model(folder, other, STATS)
  message = str(caught.value)
  assert 'params/layers/0/kernel is (2, 3) there and (2, 5) here' in message
  assert 'params/head/kernel is not in this model' in message
  assert 'params/tail/kernel is missing there' in message


def test_many_differences_are_counted(tmp_path):
  folder = checkpoint.save_model(tmp_path, PARAMS, STATS)
  other = {f'layer{i}': np.zeros(2, np.float32) for i in range(9)}
  with pytest.raises(UserError, match=r'; and 6 more\. Take'):
    restoring.restore_model(folder, other, STATS)


def test_find_takes_a_workdir_a_folder_of_steps_or_a_step(tmp_path):
  with checkpoint.Checkpoints(tmp_path) as kept:
    for step in (9, 10):
      kept.save(step, _state())
  folder = tmp_path / 'checkpoints'
  assert checkpoint.find(tmp_path).name == '10'
  assert checkpoint.find(folder).name == '10'
  assert checkpoint.find(folder / '9').name == '9'
  for nothing in (tmp_path / 'nowhere', folder / '9' / 'default'):
    with pytest.raises(UserError, match='no checkpoint in'):
      checkpoint.find(nothing)


def test_a_damaged_checkpoint_is_named(tmp_path):
  folder = checkpoint.save_model(tmp_path, PARAMS, STATS)
  (folder / 'default' / '_METADATA').unlink()
  with pytest.raises(UserError, match=r'checkpoints/0 cannot be read'):
    restoring.restore_model(folder, PARAMS, STATS)


def _fail(code):
  def fail(*_, **__):
    raise OSError(code, os.strerror(code))

  return fail


@pytest.mark.parametrize('code', [errno.EIO, errno.ESTALE, errno.EACCES])
def test_what_cannot_be_read_for_a_while_is_not_moved(
  tmp_path, monkeypatch, code
):
  for step in (1, 2):
    _save_all(tmp_path, {step: Score(1.0)})
  monkeypatch.setattr(files, '_WAITS', (0, 0))
  before = sorted(tmp_path.rglob('*'))
  for place, call in (
    (files, 'open_regular'),
    (os, 'scandir'),
    (pathlib.Path, 'iterdir'),
    (pathlib.Path, 'is_dir'),
  ):
    for use in (checkpoint.Checkpoints, checkpoint.find):
      with monkeypatch.context() as patch:
        patch.setattr(place, call, _fail(code))
        with pytest.raises(UserError, match=r'cannot be read: .*Nothing was'):
          use(tmp_path)
  assert sorted(tmp_path.rglob('*')) == before


@pytest.mark.parametrize('code', [errno.EIO, errno.EACCES])
def test_an_array_that_cannot_be_read_for_a_while_is_tried_again(
  tmp_path, monkeypatch, code
):
  monkeypatch.setattr(files, '_WAITS', (0, 0))
  folder = checkpoint.save_model(tmp_path, PARAMS, STATS, step=3)
  restore, failures = ocp.Checkpointer.restore, []

  def fail(*args, **options):
    failures.append(args)
    if len(failures) % 3 < tries:
      # As TensorStore does.
      raise ValueError(f"Failed to open: ... [os_error_code='{code}']")
    return restore(*args, **options)

  monkeypatch.setattr(ocp.Checkpointer, 'restore', fail)
  tries = 2
  assert restoring.restore_model(folder, PARAMS, STATS)[0] == 3
  failures.clear()
  tries = 3
  with pytest.raises(UserError, match=f'read: {os.strerror(code)}. Nothing'):
    restoring.restore_model(folder, PARAMS, STATS)


def test_without_digests_a_damaged_list_of_arrays_is_damage(tmp_path):
  """As of an older version after a power failure."""
  _save_all(tmp_path, {1: None, 2: None})
  step = tmp_path / 'checkpoints' / '2'
  (step / 'SHA256SUMS').unlink()
  (step / 'default' / '_METADATA').write_bytes(b'')
  assert checkpoint.find(tmp_path).name == '1'
  with checkpoint.Checkpoints(tmp_path) as kept:
    assert kept.latest() == 1
  assert (tmp_path / 'checkpoints' / '2.damaged').is_dir()


def test_a_list_of_arrays_that_is_a_pipe_is_not_waited_for(tmp_path):
  step = tmp_path / 'checkpoints' / '2'
  (step / 'default').mkdir(parents=True)
  os.mkfifo(step / 'default' / '_METADATA')
  with pytest.raises(UserError, match='_METADATA cannot be read: Not a fi'):
    checkpoint.find(tmp_path)


def test_a_checkpoint_is_on_the_disk_before_it_has_its_name(
  tmp_path, monkeypatch
):
  synced, sync, rename = set(), os.fsync, os.rename

  def note(descriptor):
    sync(descriptor)
    synced.add(os.fstat(descriptor).st_ino)

  def check(source, target):
    if pathlib.Path(target).name == '1':
      paths = [pathlib.Path(source), *pathlib.Path(source).rglob('*')]
      left = [path for path in paths if path.stat().st_ino not in synced]
      checked.append(left)
    rename(source, target)

  checked = []
  monkeypatch.setattr(os, 'fsync', note)
  monkeypatch.setattr(os, 'rename', check)
  _save_all(tmp_path, {1: None})
  assert checked == [[]]
  # The name too, before anybody is told that the step is saved.
  assert (tmp_path / 'checkpoints').stat().st_ino in synced


def test_file_systems_without_locks_and_sync_are_written_to(tmp_path):
  """TensorStore would lock and sync by itself, and fail."""
  for use_ocdbt in (True, False):
    context = ocp.type_handlers.get_ts_context(use_ocdbt=use_ocdbt)
    assert context['file_io_locking'].to_json() == {'mode': 'none'}
    assert context['file_io_sync'].to_json() is False


@pytest.mark.parametrize('place', ['checkpoints', 'checkpoints/2'])
def test_after_a_save_that_fails_nothing_is_waited_for(
  tmp_path, monkeypatch, place
):
  mkdir = os.mkdir

  def fail(path, *mode, **folder):
    if f'/{place}' in os.fspath(path):
      raise OSError(errno.EACCES, 'Permission denied')
    mkdir(path, *mode, **folder)

  before = threading.enumerate()
  with (
    pytest.raises(UserError, match=r'could not write in .*: permission denied'),
    monkeypatch.context() as patch,
    checkpoint.Checkpoints(tmp_path) as kept,
  ):
    kept.save(1, {'w': jnp.zeros(2)})
    patch.setattr(os, 'mkdir', fail)
    kept.save(2, {'w': jnp.zeros(2)})
    kept.wait()
  left = [thread.name for thread in set(threading.enumerate()) - set(before)]
  assert left == []


def test_checkpoints_that_is_a_file_is_a_message(tmp_path):
  (tmp_path / 'checkpoints').write_text('')
  with (
    pytest.raises(UserError, match=r'checkpoints.*(ot a directory|exists)'),
    checkpoint.Checkpoints(tmp_path) as kept,
  ):
    kept.save(1, {'w': jnp.zeros(2)})


FULL_DISK = """
import pathlib, resource, signal, sys
import numpy as np
import gaitgs_jax
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import checkpoint, workdirs

folder = pathlib.Path(sys.argv[1])
tree = {'w': np.random.default_rng(0).random(100_000)}
try:
  with workdirs.full_disk_as_user_error(folder):
    with checkpoint.Checkpoints(folder) as kept:
      kept.save(1, tree)
      kept.wait()
      signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
      resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
      kept.save(2, tree)
      kept.wait()
except UserError as error:
  sys.exit(str(error))
"""


@pytest.mark.skipif(
  not hasattr(signal, 'SIGXFSZ'), reason='file sizes cannot be limited'
)
def test_a_full_disk_leaves_the_previous_checkpoint_good(tmp_path):
  done = subprocess.run(
    [sys.executable, '-c', FULL_DISK, str(tmp_path)],
    capture_output=True,
    text=True,
    cwd=pathlib.Path(__file__).parents[2],
  )
  assert done.returncode == 1
  assert 'file too large; the checkpoints already there' in done.stderr
  assert 'Traceback' not in done.stderr
  assert checkpoint.find(tmp_path).name == '1'
  with checkpoint.Checkpoints(tmp_path) as kept:
    assert kept.latest() == 1
  stored = restoring.shapes(checkpoint.find(tmp_path))
  assert stored == {'w': (100_000,)}
  assert paths.flatten({'w': 0}).keys() == stored.keys()
