"""A gallery in PostgreSQL with pgvector; `make test-postgres` has both."""

import os
import pathlib
import subprocess
import sys
import tempfile
from concurrent import futures

import numpy as np
import pytest
from gallery import enrolling

from gaitgs_jax import __main__ as command
from gaitgs_jax.errors import UserError
from gaitgs_jax.gallery import (
  ExactTiles,
  InMemory,
  Model,
  Store,
  Walk,
  postgres,
  preselected,
)

# The wheel that brings a server looks for folders that may not be there.
pytestmark = pytest.mark.filterwarnings('default')

MODEL = Model('0123456789abcdef' * 4, 'gaitgs of runs/a, step 9', 'euclidean')
OTHER = Model('f' * 64, 'gaitset of runs/b, step 7', 'cosine')
SHAPE = (4, 16)


@pytest.fixture(scope='module')
def server():
  pytest.importorskip('psycopg', reason='psycopg is not installed')
  pgserver = pytest.importorskip('pgserver', reason='pgserver is not installed')
  # As root the server runs as somebody else, who may not enter pytest's folder.
  with tempfile.TemporaryDirectory(prefix='gaitgs-postgres-') as folder:
    found = pgserver.get_server(folder)
    yield found.get_uri()
    found.cleanup()


@pytest.fixture
def url(server):
  """An empty database."""
  import psycopg

  with psycopg.connect(server, autocommit=True) as connection:
    connection.execute('DROP SCHEMA IF EXISTS gaitgs CASCADE')
  return server


def walks(count, value=0.0):
  embedding = np.full(SHAPE, value, np.float32)
  return [Walk(str(number), 30, embedding + number) for number in range(count)]


def test_people_are_kept(url):
  with pytest.raises(UserError, match='no such gallery; make one'):
    Store(url)
  with Store(url, create=True) as store:
    assert store.enroll('Zoë', MODEL, walks(3), consent='signed') == 0
    assert store.enroll('Zoë', MODEL, walks(2, 5)) == 2
    store.enroll('ada', MODEL, walks(1, 9))
    store.set_calibration('{}')
  with Store(url) as store:
    assert (store.model(), store.calibration()) == (MODEL, '{}')
    first, second = store.people()
    assert (first.name, first.walks, first.consent) == ('Zoë', 3, 'signed')
    assert (second.name, second.walks, second.consented) == ('ada', 1, '')
    found = store.load()
    assert [found.names[each] for each in found.person] == [*['Zoë'] * 3, 'ada']
    assert sorted(found.embeddings[:, 1, 2]) == [2, 5, 6, 9]
    assert {each['source'] for each in store.export('Zoë')['walks']} == set(
      '012'
    )
    store.rename('ada', 'Ada')
    with pytest.raises(UserError, match='there is a Ada already'):
      store.rename('Zoë', 'Ada')
    assert store.remove('Zoë') == 3
    assert [each.name for each in store.people()] == ['Ada']


def test_two_models_are_never_mixed(url):
  with Store(url, create=True) as store:
    store.enroll('Ada', MODEL, walks(1))
    with pytest.raises(UserError, match='was enrolled with gaitgs of runs/a'):
      store.enroll('Bo', OTHER, walks(1))
    assert [each.name for each in store.people()] == ['Ada']
    store.remove('Ada')
    store.enroll('Bo', OTHER, walks(1))
    assert store.model() == OTHER


@pytest.mark.parametrize('metric', ['euclidean', 'cosine'])
def test_the_nearest_people_are_those_of_all_walks(url, metric, monkeypatch):
  monkeypatch.setattr(preselected, '_ENOUGH', 150)
  monkeypatch.setattr(preselected, '_CANDIDATES', 60)
  random = np.random.default_rng(0)
  model = MODEL._replace(metric=metric)
  centres = random.standard_normal((40, *SHAPE), np.float32)
  noise = 0.3 * random.standard_normal((40, 5, *SHAPE), np.float32)
  probes = centres[::9] + 0.3 * random.standard_normal((5, *SHAPE), np.float32)
  with Store(url, create=True) as store:
    for person, some in enumerate(centres[:, None] + noise):
      if person == 20:
        assert isinstance(store.backend(), InMemory)
      named = [Walk(str(i), 30, each) for i, each in enumerate(some)]
      store.enroll(f'{person:02d}', model, named)
    # Of a source that is there: its numbers are made again.
    store.enroll('39', model, [Walk('0', 30, centres[0])])
    backend, enrolled = store.backend(), store.load()
    assert isinstance(backend, preselected.Preselected)
    assert (backend.walks, backend.people) == (200, 40)
    exact = InMemory(enrolled, ExactTiles(enrolled.embeddings, metric))
    found, wanted = (each.nearest(probes, 3) for each in (backend, exact))
    assert [[each.name for each in some] for some in found] == [
      [each.name for each in some] for some in wanted
    ]
    np.testing.assert_allclose(
      [[each.distance for each in some] for some in found],
      [[each.distance for each in some] for some in wanted],
      rtol=1e-5,
    )
    assert backend.nearest(centres[:1], 1)[0][0].name == '39'
  # Another machine reads the same numbers.
  with Store(url) as store:
    assert store.backend().nearest(probes, 3) == found


def test_what_was_reported_survives_a_kill(url):
  program = subprocess.Popen(
    [sys.executable, enrolling.__file__, url],
    stdout=subprocess.PIPE,
    env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
  )
  with program:
    reported = [int(next(program.stdout)) for _ in range(20)]
    program.kill()
    reported += map(int, program.stdout)
  with Store(url) as store:
    found = store.load()
  assert len(found.person) - len(reported) in (0, 1)
  assert found.sources[: len(reported)] == [*map(str, reported)]


def _enroll(url, number):
  with Store(url, create=True) as store:
    model = MODEL._replace(fingerprint=f'{number % 2}' * 64)
    try:
      store.enroll(f'person {number}', model, walks(5))
    except UserError:
      return number % 2
  return None


def test_several_machines_enroll_at_once(url):
  with futures.ThreadPoolExecutor(4) as threads:
    refused = {*threads.map(lambda number: _enroll(url, number), range(4))}
  # Whichever model came first is the gallery's.
  assert len(refused) == 2 and None in refused
  with Store(url) as store:
    assert [each.walks for each in store.people()] == [5, 5]


def test_the_commands_take_a_url(url, capsys):
  with Store(url, create=True) as store:
    store.enroll('Ada', MODEL, walks(2))
  gallery = f'--gallery={url}'
  assert command.main(['people', 'list', gallery]) == 0
  assert 'Ada: 2 walks' in capsys.readouterr().out
  assert command.main(['people', 'remove', gallery, '--person=Ada']) == 0
  assert 'write-ahead log and backups may' in capsys.readouterr().out


def test_what_cannot_be_used_is_one_message(url, server):
  with pytest.raises(UserError) as error:
    Store('postgresql://me:secret@127.0.0.1:1/people')
  assert str(error.value).startswith('postgresql://127.0.0.1/people: ')
  assert 'secret' not in str(error.value)
  with pytest.raises(UserError, match='pass postgresql://USER'):
    Store('postgresql://%')
  with Store(url, create=True) as store:
    store.database.run('UPDATE version SET number = 7')
  with pytest.raises(UserError, match='are of version 7, and this'):
    Store(url)


def test_urls():
  assert postgres.is_url('postgresql://me@host/people')
  assert postgres.is_url('postgres://')
  assert not postgres.is_url('runs/postgresql.sqlite')
  assert not postgres.is_url(str(pathlib.Path('postgresql:/x')))
