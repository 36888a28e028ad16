"""How SwinGait starts from DeepGaitV2, and how its weights learn."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from ml_collections import ConfigDict

from gaitgs_jax import models
from gaitgs_jax.configs import recipes
from gaitgs_jax.models import deepgaitv2, swingait, windows
from gaitgs_jax.training import groups

ORIGIN = dict(blocks=(1, 4, 4, 1))
CONFIG = dict(blocks=(1, 4), depths=(4, 2))


def _shapes(name, config):
  model = nnx.eval_shape(
    lambda: models.create(name, rngs=nnx.Rngs(0), **config)
  )
  state = nnx.state(model, (nnx.Param, nnx.BatchStat))
  flat = nnx.to_flat_state(state)
  return {'/'.join(map(str, path)): leaf.shape for path, leaf in flat}


def test_all_but_its_transformer_is_deepgaitv2_by_either_names():
  there, here = _shapes('deepgaitv2', ORIGIN), _shapes('swingait', CONFIG)
  shared = {
    path: shape for path, shape in here.items() if 'transformer' not in path
  }
  assert shared.items() <= there.items()
  assert 'head/kernel' in shared
  theirs = {path: names for path, names, _ in deepgaitv2.torch_names(**ORIGIN)}
  names = {path: names for path, names, _ in swingait.torch_names(**CONFIG)}
  assert {path: names[path] for path in shared}.items() <= theirs.items()


def test_rates_and_decays_are_the_released_ones():
  config = ConfigDict(dict(losses={}))
  recipes.swingait_training(config, fall_steps=1)
  ours = groups.read(config.optimizer.groups)
  # OpenGait's rule, which goes by its names.
  plain = ('patch_embed', 'norm', 'relative_position_bias_table')
  for path, names, _ in swingait.torch_names(**CONFIG):
    attends = names[0].startswith('transformer')
    assert ours.rate(path) == (1 if attends else 0.1), path
    decays = not (attends and any(each in names[0] for each in plain))
    assert ours.decays(path) == decays, path


@pytest.mark.parametrize(
  ('config', 'message'),
  [
    (dict(window=(3, 4, 5)), r'window \(3, 4, 5\) is frames.*grid \(15, 10\)'),
    (dict(depths=(2,)), r'depths \(2,\) and heads \(16, 32\) must be of'),
    (dict(blocks=(1,)), r'channels \(64, 128\) and blocks \(1,\) must be'),
  ],
)
def test_what_does_not_fit_is_told_before_weights_are_made(config, message):
  with pytest.raises(ValueError, match=message):
    nnx.eval_shape(
      lambda: models.create('swingait', rngs=nnx.Rngs(0), **config)
    )


def test_places_count_offsets_in_time_height_and_width():
  index = windows.place_index((2, 1, 3))
  # Six tokens; the last is two columns and a frame behind the first.
  assert index.shape == (6, 6)
  assert (index[0, 5], index[0, 0], index[5, 0]) == (0, 7, 14)
  assert index[0, 1] == index[1, 2] == index[3, 4]


def test_resizing_keeps_corners_and_lines():
  x = jnp.broadcast_to(jnp.arange(8.0)[:, None], (1, 1, 5, 8, 1))
  found = swingait._resized(x, 3, 15)[0, 0, :, :, 0]
  right = np.broadcast_to(np.linspace(0, 7, 15), (3, 15))
  np.testing.assert_allclose(found, right, rtol=0, atol=1e-5)
