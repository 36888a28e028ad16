"""Datasets that Apache Beam makes; `make test-beam` runs a pipeline too."""

import dataclasses
import types

import numpy as np
import pytest

from gaitgs_jax.data import beam
from gaitgs_jax.data.work import Job, WalkCall
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import prepared

# TensorFlow Datasets, Beam and what they import warn of their own.
pytestmark = pytest.mark.filterwarnings('default')


@dataclasses.dataclass(frozen=True)
class NobodyCall:
  source: str = ''

  def digests(self):
    return []

  def __call__(self):
    return np.zeros((0, 64, 64), np.uint8)


def test_what_workers_make_are_records_in_order(tmp_path):
  walks = [WalkCall(0, i, 'nm-01', '090', 3 + i, 64) for i in range(2)]
  jobs = [
    Job(f'{i:03d}', 'nm-01', '090', {'silhouettes': call})
    for i, call in enumerate([walks[0], NobodyCall(), walks[1]])
  ]
  made = [beam._make(each) for each in reversed(list(enumerate(jobs)))]
  beam._write_rows([beam._row(each) for each in made], tmp_path / 'rows.json')
  rows, dropped = beam.read_rows(tmp_path / 'rows.json')
  assert rows == [('000', 'nm-01', '090', 3), ('002', 'nm-01', '090', 4)]
  assert dropped == ['001/nm-01/090']
  assert not list(tmp_path.iterdir())

  examples = dict(pair for each in made for pair in beam._examples(each, 3))
  assert sorted(examples) == [prepared.record_key(i, 3) for i in (0, 2)]
  last = examples[prepared.record_key(2, 3)]
  assert last['subject'] == '002'
  np.testing.assert_array_equal(last['silhouettes'], walks[1]())


def test_beam_is_used_where_it_is_asked_for():
  config = types.SimpleNamespace(
    beam_options=None, beam_runner=None, nondeterministic_order=False
  )
  assert not beam.is_wanted(None) and not beam.is_wanted(config)
  config.beam_options = object()
  assert beam.is_wanted(config)
  config.nondeterministic_order = True
  with pytest.raises(UserError, match='leave out --nondeterministic_order'):
    beam.is_wanted(config)


def test_a_record_is_the_same_bytes_whatever_the_order_of_its_features():
  builders = pytest.importorskip('gaitgs_jax.data.builders')
  tf = pytest.importorskip('tensorflow')
  parts = [
    tf.train.Features(feature={name: tf.train.Feature()}).SerializeToString()
    for name in ('view', 'condition', 'subject')
  ]
  records = [
    b'\n' + bytes([len(joined)]) + joined
    for joined in (b''.join(parts), b''.join(reversed(parts)))
  ]
  assert records[0] != records[1]
  (one, other) = (builders._with_sorted_features((7, each)) for each in records)
  assert one == other
  assert set(tf.train.Example.FromString(one[1]).features.feature) == {
    'condition', 'subject', 'view',
  }  # fmt: skip


def test_folders_in_buckets_are_refused(tmp_path, monkeypatch):
  pytest.importorskip('tensorflow_datasets')
  from gaitgs_jax.data.d_gait import d_gait_dataset_builder

  builder = d_gait_dataset_builder.Builder(config='64', data_dir=str(tmp_path))
  builder.source = 'gs://bucket/raw'
  with pytest.raises(UserError, match='gs://bucket/raw is not a folder of'):
    builder.jobs(None)
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(builder, '_data_dir', 'gs://bucket/data')
  with pytest.raises(UserError, match='gs://bucket/data is not a folder of'):
    builder.download_and_prepare()
  assert not list(tmp_path.rglob('*'))


def test_a_pipeline_makes_the_same_files(tmp_path):
  apache_beam = pytest.importorskip('apache_beam')
  tfds = pytest.importorskip('tensorflow_datasets')
  from gaitgs_jax.data.synthetic_walkers import (
    synthetic_walkers_dataset_builder as walkers,
  )

  files = []
  for runner in ('', 'DirectRunner'):
    root = tmp_path / (runner or 'default')
    config = tfds.download.DownloadConfig()
    if runner:
      config.beam_options = (
        apache_beam.options.pipeline_options.PipelineOptions(runner=runner)
      )
    builder = walkers.Builder(config='tiny', data_dir=str(root))
    builder.download_and_prepare(download_config=config)
    files.append(
      {
        path.relative_to(root): path.read_bytes()
        for path in root.rglob('*')
        if path.is_file()
      }
    )
  default, piped = files
  assert len(default) > 4
  assert piped == default
