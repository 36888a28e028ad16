import importlib.util
import json
from pathlib import Path

import pytest

from gaitgs_jax.input.partitions import PUBLISHED, read_partition

spec = importlib.util.spec_from_file_location('make', PUBLISHED / 'make.py')
assert spec and spec.loader
make = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make)


def test_folder_holds_what_the_rules_give():
  files = {path.name: path for path in PUBLISHED.glob('*.json')}
  assert files.keys() == make.partitions().keys()
  for name, content in make.partitions().items():
    assert files[name].read_text() == make.text(content)
    assert json.loads(files[name].read_text())['source']


@pytest.mark.parametrize(
  ('name', 'train', 'test', 'subjects'),
  [
    ('casia_b', 74, 50, 124),
    ('casia_b_73', 73, 50, 124),
    ('oumvlp', 5153, 5154, 10_307),
    ('synthetic_walkers_full', 74, 50, 124),
  ],
)
def test_published_sizes(name, train, test, subjects):
  partition = read_partition(Path(PUBLISHED, f'{name}.json'))
  assert (len(partition.train), len(partition.test)) == (train, test)
  named = {*map(int, partition.train), *map(int, partition.test)}
  assert len(named) == train + test
  assert named <= set(range(1, subjects + 1))


def test_who_trains_is_the_published_rule():
  partition = read_partition(Path(PUBLISHED, 'casia_b_73.json'))
  assert '005' not in partition.train
  partition = read_partition(Path(PUBLISHED, 'oumvlp.json'))
  assert all(int(name) % 2 for name in partition.train)
  assert [name for name in partition.test if int(name) % 2] == ['10307']
