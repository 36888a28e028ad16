"""What one device computes, many do: the same step on other meshes."""

import functools
import math
from unittest import mock

import jax
import numpy as np
import pytest
from training import tiny

from gaitgs_jax import models
from gaitgs_jax.training import collectives, forecast, meshes, paths, setup

ROWS, FRAMES, CLASSES, FEATURES = 16, 5, 96, 4
MODELS = {
  'tiny': dict(
    size=tiny.SIZE, parts=8, model=dict(features=FEATURES, dropout=0.2)
  ),
  'gaitgs': dict(
    size=(8, 8),
    parts=4,
    model=dict(
      channels=(2, 3, 4),
      parts=2,
      strips=2,
      heads=2,
      depth=1,
      features=FEATURES,
      dropout=0.0,
    ),
  ),
}
_create = models.create


def _create_any(name, **options):
  create = tiny.create if name == 'tiny' else _create
  return create(name, **options)


@pytest.fixture(autouse=True)
def _with_tiny():
  with mock.patch.object(models, 'create', _create_any):
    yield


def _config(name, data, model, classes=CLASSES):
  config = tiny.get_config()
  config.inputs.silhouettes.size = MODELS[name]['size']
  config.batch.subjects, config.batch.sequences = ROWS // 2, 2
  config.batch.frames = FRAMES
  config.model_name = name
  config.model = dict(**MODELS[name]['model'], num_classes=classes)
  config.losses.identity = dict(scale=16.0, smoothing=0.1)
  # Of the first step, Adam's first moment is a tenth of the gradient.
  config.optimizer.weight_decay = 0.0
  config.mesh = dict(data=data, model=model)
  return config


@functools.cache
def _compiled(*chosen):
  """Returns the real train step, compiled."""
  config = _config(*chosen)
  return forecast.lower(config, meshes.create(**config.mesh)).compile()


def _batch(config, mesh):
  """Returns noise of the shapes that were compiled for, some of it padded."""
  random = np.random.default_rng(0)
  shapes = forecast.describe_batch(config, mesh)
  batch = {
    name: random.integers(
      0, 256 if name == 'silhouettes' else 8, like.shape
    ).astype(like.dtype)
    for name, like in shapes.items()
  }
  batch['subject'] = np.arange(ROWS, dtype=np.int32) // 2
  batch['mask'] = np.ones((ROWS, FRAMES), bool)
  batch['mask'][1, 3:] = False
  return jax.device_put(batch, meshes.over_data(mesh))


@functools.cache
def _first_step(*chosen):
  """Returns the loss of the first step and its gradients by name."""
  config = _config(*chosen)
  mesh = meshes.create(**config.mesh)
  _, like = setup.describe_state(config, mesh)
  state, metrics = _compiled(*chosen)(
    setup.create_state(config, like),
    _batch(config, mesh),
    jax.device_put(jax.random.key(0), meshes.replicated(mesh)),
  )
  moments = {
    name.partition('/mu/')[2]: np.asarray(leaf)
    for name, leaf in paths.flatten(state.opt_state).items()
    if '/mu/' in name
  }
  return float(metrics['loss']), moments


@pytest.mark.parametrize(
  'name, data, model, classes',
  [
    ('tiny', 8, 1, CLASSES),
    ('tiny', 2, 4, CLASSES),
    ('tiny', 2, 4, CLASSES - 1),  # Whole, as they do not divide.
  ],
)
def test_loss_and_gradients_are_those_of_one_device(name, data, model, classes):
  loss, grads = _first_step(name, 1, 1, classes)
  many_loss, many_grads = _first_step(name, data, model, classes)
  assert many_loss == pytest.approx(loss, rel=1e-5)
  assert 'identity/kernel' in grads
  for path, grad in grads.items():
    tolerance = 1e-4 * np.abs(grad).max()
    np.testing.assert_allclose(
      many_grads[path], grad, rtol=0, atol=tolerance, err_msg=path
    )


def test_neither_images_nor_the_head_travel():
  """Reads the program of GaitGS, rows over two devices, classes over four.

  all-reduce: sums of statistics, of the softmax over all classes and of
    gradients, a device's part of the head's among them;
  all-gather: the rows' subjects, features and their squares, of which the
    triplet loss needs all pairs; for the accuracy each device's largest logit
    and where it is;
  collective-permute: rows of features;
  all-to-all: which rows are of one subject.
  """
  data, model = 2, 4
  parts, size = MODELS['gaitgs']['parts'], MODELS['gaitgs']['size']
  program = _compiled('gaitgs', data, model, CLASSES).as_text()
  exchanged = {}
  for each in collectives.read(program):
    shapes = {shape for _, shape in each.arrays}
    exchanged[each.kind] = exchanged.get(each.kind, set()) | shapes
  reduced = exchanged.pop('all-reduce')
  rows = ROWS // data
  assert exchanged == {
    'all-gather': {
      (ROWS,),
      (ROWS, parts, FEATURES),
      (parts, ROWS),
      (rows, parts, model),
    },
    'collective-permute': {
      (rows // 2, parts, FEATURES),
      (parts, rows, FEATURES),
    },
    'all-to-all': {(1, rows, rows)},
  }
  images = rows * FRAMES * math.prod(size)
  assert all(math.prod(shape) < images for shape in reduced)
  assert (parts, CLASSES // model, FEATURES) in reduced
  assert not any(CLASSES in shape for shape in reduced)
