"""What one process computes, many do, however the mesh is laid over them."""

import csv
import json

import numpy as np
import process_group
import pytest
from training import splits

from gaitgs_jax import models
from gaitgs_jax.training import loop


def _losses(folder):
  with open(folder / 'metrics.csv', newline='') as file:
    return [float(row['loss']) for row in csv.DictReader(file)]


def _result(folder):
  path = folder / 'evaluation' / 'step_000003.json'
  return json.loads(path.read_text())


@pytest.fixture(scope='module')
def alone(tree, tmp_path_factory):
  """The workdir of a run on one device."""
  folder = tmp_path_factory.mktemp('alone')
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(models, 'create', splits.tiny.create)
    loop.train(splits.get_config(tree, 1, 1), folder)
  return folder


def _same(folder, alone):
  # Three steps of sums of at most a thousand terms: a float32 rounds by 6e-8,
  # so even all of it in one direction stays below. Half of the batch would
  # change the loss by a tenth.
  losses = _losses(alone)
  assert len(losses) == 3
  assert _losses(folder) == pytest.approx(losses, rel=1e-3)
  assert _result(folder) == _result(alone)


def test_one_process(config, tree, alone, tmp_path):
  loop.train(splits.get_config(tree, 2, 2), tmp_path)
  _same(tmp_path, alone)


@pytest.mark.parametrize(
  'count, devices, names',
  [
    # Three devices each: the processes share the second of three slices. And
    # some of the devices only.
    (2, 3, ['3x2', '1x2']),
    (4, 1, ['2x2', '1x4']),
  ],
)
def test_several_processes(count, devices, names, tree, alone, tmp_path):
  program = [splits.__file__, tree, tmp_path, *names]
  process_group.run(*program, count=count, devices=devices)
  for name in names:
    _same(tmp_path / name, alone)
  for number in range(count):
    with np.load(tmp_path / f'found_{number}.npz') as saved:
      for found, wanted in zip(saved.values(), splits.find(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5)
