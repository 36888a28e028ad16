"""People and walks in a file."""

import os
import sqlite3
import stat
import subprocess
import sys
from concurrent import futures

import numpy as np
import pytest
from gallery import enrolling

from gaitgs_jax.errors import UserError
from gaitgs_jax.gallery import Model, Store, Walk, database
from gaitgs_jax.gallery.sqlite import Sqlite

MODEL = Model('0123456789abcdef' * 4, 'gaitgs of runs/a, step 9', 'euclidean')
OTHER = Model('f' * 64, 'gaitset of runs/b, step 7', 'euclidean')


def walk(source, value=0.0, shape=(2, 3)):
  return Walk(source, 30, np.full(shape, value, np.float32))


@pytest.fixture
def path(tmp_path):
  with Store(tmp_path / 'g.sqlite', create=True) as store:
    store.enroll('Ada', MODEL, [walk('1', 1), walk('2', 2)], consent='signed')
    store.enroll('Bo', MODEL, [walk('1', 3)])
  return tmp_path / 'g.sqlite'


def test_what_was_enrolled_is_loaded(path):
  with Store(path) as store:
    found = store.load()
    assert store.model() == MODEL
    ada, bo = store.people()
  assert found.names == ['Ada', 'Bo']
  assert found.person.tolist() == [0, 0, 1]
  assert found.sources == ['1', '2', '1']
  assert found.embeddings.dtype == np.float32
  assert found.embeddings.flags['C_CONTIGUOUS']
  assert found.embeddings[:, 1, 2].tolist() == [1, 2, 3]
  assert (ada.walks, ada.consent, bo.consent) == (2, 'signed', '')
  assert len(ada.consented) == 10 and bo.consented == ''
  assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_walk_of_the_same_source_is_replaced(path):
  with Store(path) as store:
    walks = [walk('2', 7), walk('3', 8)]
    assert store.enroll('Ada', MODEL, walks) == 1
    found = store.load()
    ada, _ = store.people()
  assert (ada.walks, ada.consent) == (3, 'signed')
  assert sorted(found.embeddings[:, 0, 0]) == [1, 3, 7, 8]


def test_two_models_are_never_mixed(path):
  with Store(path) as store:
    with pytest.raises(UserError) as error:
      store.enroll('Cy', OTHER, [walk('1')])
    assert MODEL.title in str(error.value) and OTHER.title in str(error.value)
    assert '0123456789ab' in str(error.value) and 'f' * 12 in str(error.value)
    with pytest.raises(UserError, match='euclidean distances, and the config'):
      store.check_model(MODEL._replace(metric='cosine'))
    # A run that was moved is the same model.
    store.check_model(MODEL._replace(title='gaitgs of /elsewhere, step 9'))
    assert [each.name for each in store.people()] == ['Ada', 'Bo']
    # An empty gallery takes any.
    for name in ('Ada', 'Bo'):
      store.remove(name)
    with pytest.raises(UserError, match='nobody is enrolled'):
      store.load()
    store.enroll('Cy', OTHER, [walk('1', shape=(1, 5))])
    assert store.load().embeddings.shape == (1, 1, 5)


def test_a_calibration_is_kept_with_the_model(path):
  with Store(path) as store:
    assert store.calibration() == ''
    store.set_calibration('{}')
  with Store(path) as store:
    assert store.calibration() == '{}'


def test_people_are_renamed(path):
  with Store(path) as store:
    store.rename('Ada', 'Ada L.')
    assert store.load().names == ['Ada L.', 'Bo']
    with pytest.raises(UserError, match=r'there is a Bo already'):
      store.rename('Ada L.', 'Bo')
    with pytest.raises(UserError, match=r"no person 'ada' \(did you mean 'Ada"):
      store.rename('ada', 'x')


def test_a_removed_person_is_nowhere_in_the_files(tmp_path):
  path = tmp_path / 'g.sqlite'
  value = np.float32(1234.56789)
  with Store(path, create=True) as store:
    for name in ('Zebedee', 'Bo'):
      walks = [
        walk(f'/{name}/{i}', value if name[0] == 'Z' else 1, (64, 32))
        for i in range(9)
      ]
      store.enroll(name, MODEL, walks, consent=f'{name} agreed')
    traces = [b'Zebedee', value.tobytes() * 8]
    assert all(trace in _bytes(tmp_path) for trace in traces)
    assert store.remove('Zebedee') == 9
    # While the gallery is open, and after.
    assert not any(trace in _bytes(tmp_path) for trace in traces)
    assert store.load().names == ['Bo']
    with pytest.raises(UserError, match="no person 'Zebedee'"):
      store.remove('Zebedee')
  assert not any(trace in _bytes(tmp_path) for trace in traces)
  with Store(path) as store:
    assert len(store.load().person) == 9


def _bytes(folder):
  return b''.join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_what_another_process_still_reads_is_said(path):
  with Store(path) as store:
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute('BEGIN')
    reader.execute('SELECT * FROM person').fetchall()
    store.database.run('PRAGMA busy_timeout = 10')
    with pytest.raises(UserError, match='another process'):
      store.remove('Ada')
    assert [each.name for each in store.people()] == ['Bo']
    reader.close()


def test_all_that_is_stored_of_a_person_is_exported(path):
  with Store(path) as store:
    store.set_calibration('{}')
    found = store.export('Ada')
    with pytest.raises(UserError, match='no person'):
      store.export('Eve')
  assert (found['name'], found['consent']) == ('Ada', 'signed')
  assert [each['source'] for each in found['walks']] == ['1', '2']
  last = found['walks'][1]
  assert last['embedding'] == [[2, 2, 2], [2, 2, 2]]
  assert (last['model'], last['fingerprint']) == MODEL[1::-1]
  # Every column of the tables about people is there.
  with sqlite3.connect(path) as connection:
    for table, facts in (('person', found), ('walk', last)):
      columns = connection.execute(f'PRAGMA table_info({table})').fetchall()
      names = {column[1] for column in columns} - {'id', 'person'}
      assert names <= set(facts)
  connection.close()


def test_what_was_reported_survives_a_kill(tmp_path):
  path = tmp_path / 'g.sqlite'
  program = subprocess.Popen(
    [sys.executable, enrolling.__file__, str(path)],
    stdout=subprocess.PIPE,
    env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
  )
  with program:
    reported = [int(next(program.stdout)) for _ in range(40)]
    program.kill()
    reported += map(int, program.stdout)
  with Store(path) as store:
    found = store.load()
  # One more may be there, whose report was not written.
  assert len(found.person) - len(reported) in (0, 1)
  assert found.sources[: len(reported)] == [*map(str, reported)]
  values = np.arange(len(found.person), dtype=np.float32)
  shape = (len(values), *enrolling.SHAPE)
  wanted = np.broadcast_to(values[:, None, None], shape)
  np.testing.assert_array_equal(found.embeddings, wanted)


def _enroll(path, number):
  with Store(path, create=True) as store:
    for walk_ in range(5):
      store.enroll(f'person {number}', MODEL, [walk(str(walk_), number)])


def test_several_enroll_at_once(tmp_path):
  path = tmp_path / 'g.sqlite'
  with futures.ThreadPoolExecutor(4) as threads:
    list(threads.map(lambda number: _enroll(path, number), range(4)))
  with Store(path) as store:
    assert [each.walks for each in store.people()] == [5] * 4


def test_another_makes_the_file_meanwhile(tmp_path, monkeypatch):
  path = tmp_path / 'g.sqlite'
  number = Sqlite._number

  def read(database, pragma):
    value = number(database, pragma)
    if pragma == 'application_id' and not value:
      monkeypatch.undo()
      Store(path, create=True).close()
    return value

  monkeypatch.setattr(Sqlite, '_number', read)
  with Store(path, create=True) as store:
    assert not store.people()


@pytest.mark.parametrize('name', ['', ' ', 'a\nb', 'x' * 201, '\x1b[31m'])
def test_names_can_be_printed(path, name):
  with Store(path) as store:
    with pytest.raises(UserError, match='--person='):
      store.enroll(name, MODEL, [walk('1')])
    with pytest.raises(UserError, match='--to='):
      store.rename('Ada', name)
    with pytest.raises(UserError, match='--consent='):
      store.enroll('Ada', MODEL, [walk('1')], consent='\n')


def test_what_is_no_gallery_is_one_message(tmp_path):
  path = tmp_path / 'x'
  with pytest.raises(UserError, match='no such gallery; make one'):
    Store(path)
  assert not path.exists()
  for folder in (tmp_path, tmp_path / 'none' / 'g'):
    with pytest.raises(UserError):
      Store(folder, create=True)
  path.write_bytes(b'not a database, ' * 99)
  with pytest.raises(UserError, match='is it the file of a gallery'):
    Store(path)
  path.unlink()
  # A process that was killed as it made the file.
  path.touch()
  with pytest.raises(UserError, match='the gallery is empty'):
    Store(path)
  Store(path, create=True).close()
  Store(path).close()
  _run(path, f'PRAGMA user_version = {database.VERSION + 1}')
  with pytest.raises(
    UserError, match=r'are of version 2, and this .* version 1'
  ):
    Store(path)
  _run(path, 'PRAGMA application_id = 0')
  with pytest.raises(UserError, match='but not a gallery'):
    Store(path, create=True)


def test_damage_is_one_message(path):
  _run(path, "UPDATE walk SET embedding = x'00'")
  with Store(path) as store:
    with pytest.raises(UserError, match=r'an embedding that is not \[2,3\]'):
      store.load()
    with pytest.raises(UserError, match='the file is damaged'):
      store.export('Ada')
  data = bytearray(path.read_bytes())
  data[4096:] = b'\xff' * (len(data) - 4096)
  path.write_bytes(data)
  with Store(path) as store, pytest.raises(UserError, match=str(path)):
    store.load()


def _run(path, statement):
  connection = sqlite3.connect(path, isolation_level=None)
  connection.execute(statement)
  connection.close()
