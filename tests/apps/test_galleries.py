"""Enroll, identify, verify and people, and `gaitgs_jax.load`."""

import dataclasses
import json
import pickle
import shutil

import cv2
import numpy as np
import pytest
from training import tiny

import gaitgs_jax.gallery
from gaitgs_jax import __main__ as command
from gaitgs_jax import models
from gaitgs_jax.apps import enroll
from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import distance, result_files
from gaitgs_jax.input.pretreatment import pretreat
from gaitgs_jax.synthetic import scene
from gaitgs_jax.training import loop
from gaitgs_jax.video import overlay, pipeline


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """A trained run, its tree, and thresholds that tell its people apart."""
  folder = tmp_path_factory.mktemp('gallery')
  tiny.write_tree(folder / 'tree')
  config = tiny.get_config(folder / 'tree')
  config.total_steps = 1
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(models, 'create', tiny.create)
    loop.train(config, folder / 'run')
    yield folder


@pytest.fixture
def thresholds(run, monkeypatch):
  """An evaluation whose distances are those of the tree."""
  monkeypatch.setenv('JAX_NUM_PROCESSES', '1')
  config = (run / 'run' / 'config.json').as_posix()
  flags = [f'--config={config}', f'--workdir={run / "run"}']
  flags += ['--config.evaluation.verification=True']
  assert command.main(['evaluate', *flags]) == 0
  path = run / 'run' / 'evaluation' / 'step_000001.json'
  yield path
  path.unlink()


@pytest.fixture
def far(run, tmp_path):
  """Thresholds for any rate: half of what is between the people of the tree."""
  walks = [_frames(run, each, 'nm-01') for each in tiny.SUBJECTS]
  embeddings = gaitgs_jax.load(run / 'run').embed(walks)
  apart = np.asarray(distance.pairwise(embeddings, embeddings))
  least = float(apart[~np.eye(len(apart), dtype=bool)].min()) / 2
  path = tmp_path / 'evaluation.json'
  curve = np.array([[1e-3, 100], [least, 99 * least]])
  result_files.save({'NM/thresholds': curve}, path, metric='euclidean')
  return f'--evaluation={path}'


def _frames(run, *names):
  folder = (run / 'tree').joinpath(*names)
  return pickle.loads(next(folder.rglob('*.pkl')).read_bytes())


def _call(run, name, *options):
  return command.main([name, f'--workdir={run / "run"}', *options])


def _enroll(run, gallery, person, *names, options=()):
  source = (run / 'tree').joinpath(*names)
  words = (f'--gallery={gallery}', f'--person={person}', f'--source={source}')
  return _call(run, 'enroll', *words, *options)


def test_from_folders_to_names(run, far, tmp_path, capsys):
  gallery = tmp_path / 'g.sqlite'
  consent = '--consent=on paper'
  assert _enroll(run, gallery, 'Ada', '001/nm-01', options=(consent, far)) == 0
  assert 'Ada has 2 walks, 2 of them from' in capsys.readouterr().out
  assert _enroll(run, gallery, 'Bo', '002') == 0
  assert 'no consent is noted' in capsys.readouterr().out
  # Again, as after a crash.
  assert _enroll(run, gallery, 'Bo', '002', options=('--json',)) == 0
  wanted = {'person': 'Bo', 'walks': 8, 'replaced': 8, 'of': 8}
  assert json.loads(capsys.readouterr().out) == wanted
  ask = (f'--gallery={gallery}', '--json')
  # The thresholds are stored with the gallery.
  assert _call(run, 'identify', *ask, f'--source={run}/tree/001/nm-02') == 0
  found = json.loads(capsys.readouterr().out)
  assert [each['person'] for each in found['walks']] == ['Ada', 'Ada']
  first = found['walks'][0]['candidates'][0]
  assert first['source'].startswith(str(run / 'tree/001/nm-01'))
  assert first['distance'] <= found['threshold']
  assert first['far'] <= found['far'] == 0.01
  assert _call(run, 'identify', *ask, f'--source={run}/tree/003/nm-02') == 1
  found = json.loads(capsys.readouterr().out)
  assert [each['person'] for each in found['walks']] == [None, None]
  assert {each['name'] for each in found['walks'][0]['candidates']} == {
    'Ada',
    'Bo',
  }
  assert _call(run, 'identify', *ask[:1], f'--source={run}/tree/001') == 0
  text = capsys.readouterr().out
  assert '2 people, 10 walks' in text and text.count(': Ada\n') == 8


def test_one_walk_is_called_so(run, tmp_path, capsys):
  gallery = tmp_path / 'g.sqlite'
  assert _enroll(run, gallery, 'Ada', '001/nm-01/000') == 0
  text = capsys.readouterr().out
  assert 'Ada has 1 walk, 1 of them' in text and 'of 1 walk\n' in text
  assert command.main(['people', 'list', f'--gallery={gallery}']) == 0
  assert capsys.readouterr().out.endswith('\n1 person, 1 walk\n')


def test_two_walks(run, far, tmp_path, capsys):
  def verify(one, other, *options):
    pair = (f'--source={run}/tree/{one}', f'--with={run}/tree/{other}')
    return _call(run, 'verify', *pair, far, *options)

  assert verify('001/nm-01/000', '001/nm-02/090') == 0
  assert capsys.readouterr().out.startswith('the same person: distance')
  assert verify('001/nm-01/000', '002/nm-01/000', '--json') == 1
  found = json.loads(capsys.readouterr().out)
  assert found['same'] is False
  assert found['distance'] > found['threshold']
  assert verify('001/nm-01', '002/nm-01/000') == 2
  assert 'holds 2 walks' in capsys.readouterr().err
  config = json.loads((run / 'run' / 'config.json').read_text())
  config['dataset']['name'] = 'synthetic_walkers'
  path = tmp_path / 'config.json'
  path.write_text(json.dumps(config))
  verify('001/nm-01/000', '001/nm-02/090', f'--config={path}')
  assert 'trained on synthetic walkers alone' in capsys.readouterr().out


def test_thresholds_come_from_the_runs_own_evaluation(
  run, tmp_path, thresholds, capsys
):
  gallery = tmp_path / 'g.sqlite'
  assert _enroll(run, gallery, 'Ada', '005/nm-01') == 0
  assert _enroll(run, gallery, 'Bo', '006/nm-01') == 0
  ask = (f'--gallery={gallery}', f'--source={run}/tree/005/nm-02')
  capsys.readouterr()
  # Eight impostor pairs tell as little as they are.
  assert _call(run, 'identify', *ask) == 2
  error = capsys.readouterr().err
  assert 'against 4 enrolled walks' in error
  least = error.partition('pass ')[2].partition(' or more')[0]
  assert _call(run, 'identify', *ask, least) in (0, 1)
  assert 'the evaluation on casia_b' in _stored(gallery)


def _stored(path):
  with gaitgs_jax.gallery.Store(path) as store:
    return store.calibration()


def test_without_thresholds_a_message_says_how_to_get_them(
  run, tmp_path, capsys
):
  gallery = tmp_path / 'g.sqlite'
  assert _enroll(run, gallery, 'Ada', '001/nm-01') == 0
  assert 'note: identify needs thresholds' in capsys.readouterr().out
  source = f'--source={run}/tree/001/nm-01/000'
  hint = '--config.evaluation.verification=True'
  assert _call(run, 'identify', f'--gallery={gallery}', source) == 2
  assert hint in capsys.readouterr().err
  other = f'--with={run}/tree/001/nm-02/000'
  assert _call(run, 'verify', source, other) == 2
  assert hint in capsys.readouterr().err
  plain = tmp_path / 'plain.json'
  result_files.save({'NM/rank1': 50.0}, plain, metric='euclidean')
  assert _call(run, 'verify', source, other, f'--evaluation={plain}') == 2
  assert 'holds no thresholds; evaluate' in capsys.readouterr().err


def test_two_runs_are_never_mixed(run, far, tmp_path, capsys):
  gallery = tmp_path / 'g.sqlite'
  assert _enroll(run, gallery, 'Ada', '001/nm-01', options=(far,)) == 0
  # The same weights are the same model wherever they are; others are not.
  shutil.copytree(run / 'run', tmp_path / 'moved')
  ask = (f'--gallery={gallery}', f'--source={run}/tree/001/nm-02/000')
  assert command.main(['identify', f'--workdir={tmp_path}/moved', *ask]) == 0
  config = json.loads((tmp_path / 'moved' / 'config.json').read_text())
  config['evaluation']['frames_max'] = 3
  (tmp_path / 'moved' / 'config.json').write_text(json.dumps(config))
  capsys.readouterr()
  assert command.main(['identify', f'--workdir={tmp_path}/moved', *ask]) == 2
  error = capsys.readouterr().err
  assert f'tiny of {run / "run"}, step 1 (' in error
  assert f'tiny of {tmp_path / "moved"}, step 1 (' in error
  # Before a video is opened.
  video = (f'--workdir={tmp_path}/moved', '--person=Bo', '--source=none.mp4')
  assert command.main(['enroll', f'--gallery={gallery}', *video]) == 2
  assert f'tiny of {run / "run"}, step 1 (' in capsys.readouterr().err


@pytest.fixture
def film(tmp_path, monkeypatch):
  """Films so many rendered walkers; they are found by what moves."""
  create = pipeline.create_watcher

  def without_networks(source, settings):
    motion = {'detector': 'motion', 'segmenter': 'motion', 'height': 24}
    return create(source, dataclasses.replace(settings, **motion))

  def film(people):
    path = tmp_path / f'street{people}.avi'
    with overlay.Writer(path, (120, 160), 25.0) as writer:
      for picture in scene.render(1, people, size=(120, 160)).frames:
        writer.add(picture)
    return path

  monkeypatch.setattr(pipeline, 'create_watcher', without_networks)
  return film


def test_from_a_video_to_a_name(run, far, tmp_path, capsys, film):
  gallery, alone, both = tmp_path / 'g.sqlite', film(1), film(2)
  words = (f'--gallery={gallery}', '--person=Ada', far)
  assert _call(run, 'enroll', *words, f'--source={both}') == 2
  error = capsys.readouterr().err.partition('error: ')[2]
  assert 'shows 2 people (street2-01 in ' in error and error.count('\n') == 1
  assert f'--source={both} --out=TREE' in error
  assert error.endswith('--source=TREE/street2-01\n')
  assert not gallery.exists()
  assert _call(run, 'enroll', *words, f'--source={alone}') == 0
  said = capsys.readouterr().out
  assert said.startswith('street1-01: ') and 'Ada has 1 walk' in said
  ask = (f'--gallery={gallery}', f'--source={alone}')
  assert _call(run, 'identify', *ask) == 0
  lines = capsys.readouterr().out.splitlines()
  assert lines[1] == f'{alone}#street1-01: Ada'
  assert lines[2].startswith('  street1-01: ') and 'frames used' in lines[2]
  assert _call(run, 'identify', *ask[:1], f'--source={both}', '--json') in (
    0,
    1,
  )
  found = json.loads(capsys.readouterr().out)['walks']
  assert [each['source'] for each in found] == [
    f'{both}#street2-01',
    f'{both}#street2-02',
  ]
  assert all(each['quality']['used'] >= 15 for each in found)
  pair = (f'--source={alone}', f'--with={alone}')
  assert _call(run, 'verify', *pair, far) == 0
  said = capsys.readouterr().out
  assert 'distance 0,' in said and said.count('street1-01: ') == 2


def test_people_are_listed_renamed_exported_and_removed(run, tmp_path, capsys):
  gallery = tmp_path / 'g.sqlite'
  _enroll(run, gallery, 'Ada', '001/nm-01', options=('--consent=on paper',))
  _enroll(run, gallery, 'Bo', '002/nm-01')
  capsys.readouterr()

  def people(action, *options):
    status = command.main(['people', action, f'--gallery={gallery}', *options])
    return status, capsys.readouterr()

  status, printed = people('list')
  assert status == 0 and 'Ada: 2 walks, since 20' in printed.out
  assert ': on paper\nBo: 2 walks' in printed.out
  assert people('rename', '--person=Ada', '--to=Ada L.')[0] == 0
  out = tmp_path / 'ada.json'
  assert people('export', '--person=Ada L.', f'--out={out}')[0] == 0
  assert len(json.loads(out.read_text())['walks']) == 2
  status, printed = people('remove', '--person=Ada L.', '--json')
  assert json.loads(printed.out) == {'removed': 'Ada L.', 'walks': 2}
  status, printed = people('list', '--json')
  assert [each['name'] for each in json.loads(printed.out)] == ['Bo']
  for words, message in (
    (('remove', '--person=Ada'), "no person 'Ada'"),
    (('remove',), '--person is missing'),
    (('rename', '--person=Bo'), '--to is missing'),
    (('list', '--person=Bo'), 'takes no --person'),
    (('delete', '--person=Bo'), 'delete'),
  ):
    status, printed = people(*words)
    assert status == 2 and message in printed.err
    assert printed.err.count('\n') == 1


@pytest.mark.parametrize('share', ['0', '2', '-1', 'nan', '1%', 'x', '1e999'])
def test_a_rate_is_a_share(share, capsys):
  options = ['--workdir=a', '--source=b', '--with=c', f'--far={share}']
  assert command.main(['verify', *options]) == 2
  assert f'--far={share}: pass a share' in capsys.readouterr().err


def test_wrong_sources_are_messages(run, tmp_path, capsys):
  gallery = tmp_path / 'g.sqlite'
  (tmp_path / 'empty').mkdir()
  (tmp_path / 'x.txt').write_text('x')
  (tmp_path / 'x.npy').write_bytes(b'\x93NUMPY')
  np.save(tmp_path / 'floats.npy', np.zeros((5, 8, 6)))
  np.save(tmp_path / 'blank.npy', np.zeros((5, 80, 60), np.uint8))
  np.save(tmp_path / 'flat.npy', np.full((8, 6), 255, np.uint8))
  np.save(tmp_path / 'ones.npy', np.ones((5, 80, 60), np.uint8))
  for name, message in (
    ('none', 'no such file'),
    ('empty', 'no image, pickle, json or .npy'),
    ('x.txt', 'is not a walk'),
    ('x.npy', 'is not an array of numpy'),
    ('floats.npy', 'silhouettes are uint8 [s,h,w], not float64 [5, 8, 6]'),
    ('blank.npy', 'blank.npy: '),
    ('flat.npy', 'not uint8 [8, 6]'),
    ('ones.npy', 'its values run from 0 to 1'),
  ):
    words = (
      f'--gallery={gallery}',
      '--person=A',
      f'--source={tmp_path}/{name}',
    )
    assert _call(run, 'enroll', *words) == 2
    error = capsys.readouterr().err
    assert message in error and error.count('\n') == 1
  with gaitgs_jax.gallery.Store(gallery) as store:
    assert store.people() == []
  assert _enroll(run, gallery, '\t', '001') == 2
  assert '--person=' in capsys.readouterr().err


def test_what_was_stored_before_an_error_stays(
  run, tmp_path, capsys, monkeypatch
):
  monkeypatch.setattr(enroll, '_AT_ONCE', 2)
  source = tmp_path / 'walks'
  for number in range(3):
    folder = source / str(number)
    shutil.copytree(run / 'tree/001/nm-01/000', folder)
  next((source / '2').iterdir()).write_bytes(b'broken')
  gallery = tmp_path / 'g.sqlite'
  words = (f'--gallery={gallery}', '--person=A', f'--source={source}')
  assert _call(run, 'enroll', *words) == 2
  assert 'enrolled 2 of 3 walks' in capsys.readouterr().out
  with gaitgs_jax.gallery.Store(gallery) as store:
    assert store.people()[0].walks == 2


def test_load_embeds_arrays_of_any_size(run):
  model = gaitgs_jax.load(run / 'run')
  whole = _frames(run, '001/nm-01/000')
  (one,) = model.embed([whole])
  np.testing.assert_array_equal(model.embed(whole), one)
  assert one.shape == (8, 4) and one.dtype == np.float32
  # Lengths and batches change nothing.
  walks = [np.concatenate([whole] * count) for count in (1, 5, 2)]
  for batch_frames in (1, 40, 1000):
    found = model.embed(walks, batch_frames=batch_frames)
    np.testing.assert_allclose(found, [one] * 3, rtol=1e-5, atol=1e-6)
  # Raw frames are pretreated, as those of folders are.
  raw = np.zeros((6, 90, 70), np.uint8)
  raw[:, 20:80, 30:50] = 255
  small = pretreat(raw, 8)
  np.testing.assert_array_equal(model.embed(raw), model.embed(small))
  np.testing.assert_allclose(
    model.embed(small[:, :, 1:7]), model.embed(small), rtol=1e-5, atol=1e-6
  )
  with pytest.raises(
    UserError, match=r'walk 1: silhouettes are uint8 \[s,h,w\]'
  ):
    model.embed([whole, whole[0]])
  with pytest.raises(UserError, match='no walks'):
    model.embed([])


def test_images_arrays_and_pickles_are_the_same_walk(run, tmp_path):
  model = gaitgs_jax.load(run / 'run')
  raw = np.zeros((6, 90, 70), np.uint8)
  for number, frame in enumerate(raw):
    frame[20:80, 30 : 45 + number] = 255
    (tmp_path / 'all' / 'images').mkdir(exist_ok=True, parents=True)
    cv2.imwrite(str(tmp_path / f'all/images/{number}.png'), frame)
  np.save(tmp_path / 'all' / 'raw.npy', raw)
  small = pretreat(raw, 8)
  (tmp_path / 'all' / 'two').mkdir()
  for name in ('one.pkl', 'two.pkl'):
    (tmp_path / 'all' / 'two' / name).write_bytes(pickle.dumps(small))
  places = model.find(tmp_path / 'all')
  names = [place.path.relative_to(tmp_path / 'all') for place in places]
  assert [*map(str, names)] == [
    'images',
    'raw.npy',
    'two/one.pkl',
    'two/two.pkl',
  ]
  for place in places:
    (array,) = model.read(place).values()
    np.testing.assert_array_equal(array, small)
    assert model.find(place.path) == [place]


def test_load_names_what_is_missing(run, tmp_path):
  with pytest.raises(UserError, match='holds no config'):
    gaitgs_jax.load(tmp_path)
  (tmp_path / 'x.pt').write_bytes(b'x')
  with pytest.raises(UserError, match='pass its config'):
    gaitgs_jax.load(tmp_path / 'x.pt')
  with pytest.raises(UserError, match='no checkpoint'):
    gaitgs_jax.load(run / 'run', checkpoint=str(tmp_path / 'none'))
