import collections
import concurrent.futures
import errno
import os
import sys
import time

import buckets
import fsspec
import pytest
from training import tiny

from gaitgs_jax import cloud
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import opening, prepared, sources
from gaitgs_jax.training import evaluating, loop


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
  """Where copies go."""
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
  return tmp_path / 'cache' / 'gaitgs_jax' / 'data'


@pytest.fixture
def root(tmp_path, monkeypatch):
  """A folder whose folders are buckets."""
  folder = tmp_path / 'buckets'
  folder.mkdir()
  register(monkeypatch, buckets.create(folder))
  return folder


def register(monkeypatch, kind):
  """Makes a class that of gs:// and s3://, for one test.

  What fsspec's own `register_implementation` does is for good.
  """
  monkeypatch.setattr(fsspec, 'filesystem', lambda scheme: kind())


def counting(root):
  """Returns a class of buckets that counts how often each file is fetched."""

  class Counting(buckets.create(root)):
    def get_file(self, rpath, lpath, **kwargs):
      self.fetched[rpath.rpartition('/')[2]] += 1
      return super().get_file(rpath, lpath, **kwargs)

  Counting.fetched = collections.Counter()
  return Counting


def listing(facts, **failures):
  """Returns a class of buckets that hold what they say, or raise what is."""

  class Listing(buckets.create('/nowhere')):
    def find(self, path, **_):
      if 'find' in failures:
        raise failures['find']
      return {
        f'{path}/{name}': {'size': size, 'type': 'file'}
        for name, size in facts.items()
      }

    def get_file(self, rpath, lpath, **_):
      raise failures['get_file']

  return Listing


def write(folder, **texts):
  folder.mkdir(parents=True, exist_ok=True)
  for name, text in texts.items():
    (folder / name).write_text(text)


def test_a_folder_on_this_machine_stays_what_it_is(tmp_path):
  assert cloud.local_copy(str(tmp_path)) == tmp_path
  assert cloud.folder(tmp_path) == tmp_path


@pytest.mark.parametrize('scheme', ['gs', 's3'])
def test_only_what_is_missing_or_of_another_size_is_copied(
  scheme, root, cache, monkeypatch, capsys
):
  kind = counting(root)
  register(monkeypatch, kind)
  write(root / 'b' / 'x', one='1', two='22')
  write(root / 'b' / 'x' / 'inner', three='333')
  write(root / 'b' / 'xy', four='4')
  copy = cloud.local_copy(f'{scheme}://b/x/')
  assert copy == cache / scheme / 'b' / 'x'
  found = {p.name: p.read_text() for p in copy.rglob('*') if p.is_file()}
  assert found == {'one': '1', 'two': '22', 'three': '333'}
  assert 'copying 3 files' in capsys.readouterr().out
  write(root / 'b' / 'x', two='2222')
  assert cloud.local_copy(f'{scheme}://b//x') == copy
  assert (copy / 'two').read_text() == '2222'
  assert kind.fetched == {'one': 1, 'two': 2, 'three': 1}
  assert not (cache / 'partial').exists()


def test_a_single_file_is_copied(root, cache):
  write(root / 'b', rows='csv')
  assert cloud.local_copy('gs://b/rows').read_text() == 'csv'


def test_an_interrupted_copy_goes_on(root, cache, monkeypatch):
  write(root / 'b' / 'x', one='1', two='22')
  kind = counting(root)

  class Failing(kind):
    def get_file(self, rpath, lpath, **_):
      if rpath.endswith('two'):
        with open(lpath, 'w') as file:
          file.write('2')
        raise OSError('the connection was lost')
      return super().get_file(rpath, lpath)

  register(monkeypatch, Failing)
  with pytest.raises(UserError, match=r'connection was lost.*credentials'):
    cloud.local_copy('s3://b/x')
  copy = cache / 's3' / 'b' / 'x'
  assert [path.name for path in copy.iterdir()] == ['one']
  register(monkeypatch, kind)
  cloud.local_copy('s3://b/x')
  assert (copy / 'two').read_text() == '22'
  assert kind.fetched == {'one': 1, 'two': 1}


def test_of_processes_that_copy_the_same_one_does(root, monkeypatch, capsys):
  names = [f'n{i}' for i in range(8)]
  write(root / 'b' / 'x', **dict.fromkeys(names, 'text'))
  kind = counting(root)

  class Slow(kind):
    def get_file(self, rpath, lpath, **_):
      time.sleep(0.05)
      return super().get_file(rpath, lpath)

  register(monkeypatch, Slow)
  # Two openings of a lock exclude each other in one process as in two.
  with concurrent.futures.ThreadPoolExecutor() as threads:
    copies = list(threads.map(cloud.local_copy, ['gs://b/x'] * 2))
  assert sorted(p.name for p in copies[1].iterdir()) == names
  assert kind.fetched == dict.fromkeys(names, 1)
  assert 'waiting for another process' in capsys.readouterr().out


@pytest.mark.parametrize(
  'name', ['../x', 'a/../../x', '/etc/x', 'a//x', './x', 'a\nb', '\x1b[2J']
)
def test_names_that_lead_elsewhere_are_refused(name, cache, monkeypatch):
  register(monkeypatch, listing({'good': 1, name: 1}))
  with pytest.raises(UserError, match='cannot be the name of a file') as found:
    cloud.local_copy('s3://b/x')
  assert str(found.value).isprintable()
  assert not cache.exists()


@pytest.mark.parametrize('url', ['gs://b/../x', 'gs://../x', 'gs:///'])
def test_urls_that_lead_elsewhere_are_refused(url, root, cache):
  for call in (cloud.local_copy, cloud.folder):
    with pytest.raises(UserError, match='cannot be the name of a file'):
      call(url)
  assert not cache.exists()


def test_no_room_is_a_sentence(monkeypatch):
  register(monkeypatch, listing({'big': 10**18}))
  with pytest.raises(UserError, match='are free; make room, or set XDG'):
    cloud.local_copy('gs://b/x')
  full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
  register(monkeypatch, listing({'small': 1}, get_file=full))
  with pytest.raises(UserError, match='no room for the copy of gs://b/x'):
    cloud.local_copy('gs://b/x')


def test_a_file_that_changes_meanwhile_is_a_sentence(root, monkeypatch):
  write(root / 'b' / 'x', one='1')

  class Changing(buckets.create(root)):
    def find(self, path, **kwargs):
      found = super().find(path, **kwargs)
      write(root / 'b' / 'x', one='more')
      return found

  register(monkeypatch, Changing)
  with pytest.raises(UserError, match='one changed while it was copied'):
    cloud.local_copy('gs://b/x')
  assert cloud.local_copy('gs://b/x').joinpath('one').read_text() == 'more'


class NoCredentialsError(Exception):
  __module__ = 'botocore.exceptions'


@pytest.mark.parametrize(
  'error, told',
  [
    (FileNotFoundError('b'), 'no such bucket'),
    (OSError('Forbidden: b'), 'Forbidden: b.*are there credentials'),
    (ValueError('Bad Request: b'), 'Bad Request'),
    (NoCredentialsError('Unable to locate'), 'Unable.*`aws configure`'),
  ],
)
def test_a_bucket_that_cannot_be_read_is_a_sentence(error, told, monkeypatch):
  register(monkeypatch, listing({}, find=error))
  with pytest.raises(UserError, match=told):
    cloud.local_copy('s3://b/x')


def test_other_errors_are_not_hidden(monkeypatch):
  register(monkeypatch, listing({}, find=ZeroDivisionError()))
  with pytest.raises(ZeroDivisionError):
    cloud.local_copy('s3://b/x')


def test_an_empty_folder_is_a_sentence(root):
  (root / 'b').mkdir()
  with pytest.raises(UserError, match='no such folder, or nothing is in it'):
    cloud.local_copy('gs://b/x')


@pytest.mark.parametrize('url', ['gs://b/x', 's3://b/x'])
def test_a_missing_package_is_named(url, tmp_path, monkeypatch):
  package = {'g': 'gcsfs', 's': 's3fs'}[url[0]]
  monkeypatch.setitem(sys.modules, package, None)  # Cannot be imported.
  told = rf'{package}.*pip install -r requirements-cloud\.txt'
  with pytest.raises(UserError, match=told):
    cloud.local_copy(url)
  if url.startswith('gs'):
    with pytest.raises(UserError, match=told):
      loop.train(tiny.get_config(tmp_path), url)


def test_a_run_is_not_kept_on_s3(tmp_path):
  config = tiny.get_config(tmp_path)
  for call in (loop.train, evaluating.evaluate):
    with pytest.raises(UserError, match='mount the bucket'):
      call(config, 's3://b/run')
  with pytest.raises(UserError, match='mount the bucket'):
    evaluating.evaluate(config, tmp_path / 'run', 's3://b/run')


def test_of_a_prepared_dataset_the_newest_version_is_copied(root, cache):
  folder = root / 'b' / 'data' / 'casia_b' / '64'
  for version in ('1.9.0', '1.10.0'):
    write(folder / version, records=version)
    (folder / version / 'dataset_info.json').write_text('{}')
  write(folder / '2.0.0', records='half-copied')
  write(folder.parent / '128' / '1.0.0', records='another variant')
  found = prepared.find('s3://b/data', 'casia_b', '64')
  assert found == cache / 's3/b/data/casia_b/64/1.10.0'
  copied = [path for path in cache.rglob('*') if path.is_file()]
  assert {path.parent for path in copied} == {found, cache}
  assert prepared.find('s3://b/data', 'casia_b', '128') is None
  dataset = {
    **tiny.get_config().dataset,
    'root': 's3://b/data',
    'format': 'tfds',
  }
  with pytest.raises(UserError, match='prepare it on a disk and copy casia_b'):
    opening.open_source(dataset, {'silhouettes': (128, 88)})


def test_a_tree_is_read_from_its_copy(root):
  tiny.write_tree(root / 'b' / 'tree')
  there = sources.OpenGaitSource(root / 'b' / 'tree')
  copied = sources.OpenGaitSource('gs://b/tree')
  assert len(copied.index) == len(there.index) > 0
  assert (copied.read(3)['silhouettes'] == there.read(3)['silhouettes']).all()
