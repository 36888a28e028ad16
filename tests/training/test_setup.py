import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from training import tiny

from gaitgs_jax import models
from gaitgs_jax.errors import UserError
from gaitgs_jax.models import output
from gaitgs_jax.training import embedding, meshes, preprocessing, setup, steps


class Twins(nnx.Module):
  """Two weights that start as one array, and one of a weak dtype."""

  def __init__(self, rngs):
    start = jax.random.normal(rngs.params(), (3,))
    self.one, self.other = nnx.Param(start), nnx.Param(start)
    self.power = nnx.Param(jnp.asarray(6.5))

  def __call__(self, inputs, mask=None, *, train=False, key=None):
    del mask, train, key
    x = inputs.mean(axis=(1, 2, 3)) ** self.power[...]
    x = x[:, None] * (self.one[...] + self.other[...])[None, None]
    return output.GaitOutput(x, x, None, {'view_logits': x[:, 0]})


def test_a_fresh_state_is_donated_and_compiles_once(monkeypatch):
  monkeypatch.setattr(models, 'create', lambda name, rngs, **_: Twins(rngs))
  config = tiny.get_config()
  with config.unlocked():
    del config.losses.view
  graphdef, like = setup.describe_state(config, meshes.create(1))
  state = setup.create_state(config, like)
  step = steps.make_train_step(
    graphdef,
    setup.create_losses(config),
    setup.create_optimizer(config)[0],
    sizes={'silhouettes': tiny.SIZE},
    shardings=setup.shardings_of(like),
  )
  random = np.random.default_rng(0)
  batch = {
    'silhouettes': random.integers(0, 256, (4, 2, *tiny.SIZE), np.uint8),
    'mask': np.ones((4, 2), bool),
    'subject': np.arange(4, dtype=np.int32) // 2,
  }
  for _ in range(3):
    state, _ = step(state, batch, jax.random.key(0))
  assert step._cache_size() == 1


class Both(nnx.Module):
  """Sees silhouettes and keypoints, as a dict by name."""

  def __init__(self, rngs):
    self.layer = nnx.Linear(tiny.SIZE[0] + 17, 4, rngs=rngs)

  def __call__(self, inputs, mask=None, *, train=False, key=None):
    del train, key
    silhouettes, keypoints = inputs['silhouettes'], inputs['keypoints']
    rows = silhouettes.mean(axis=(-2, -1))
    joints = keypoints.mean(axis=-1) / 100
    x = jnp.concatenate([rows, joints], axis=-1)
    x = jnp.where(mask[..., None], x, 0).sum(axis=1, keepdims=True)
    x = self.layer(x)
    return output.GaitOutput(x, x, None, {})


def test_a_model_of_two_modalities_trains_and_embeds(monkeypatch):
  monkeypatch.setattr(
    models, 'create', lambda name, rngs, size, **_: Both(rngs)
  )
  config, mesh = tiny.get_config(), meshes.create(1)
  config.dataset.name = 'own'
  with config.unlocked():
    del config.losses.view
    config.inputs.keypoints = dict(size=(17, 3))
    config.augment = (dict(name='reverse'), dict(name='copies', count=2))
  graphdef, like = setup.describe_state(config, mesh)
  state = setup.create_state(config, like)
  sizes = preprocessing.input_sizes(config)
  optimizer = setup.create_optimizer(config)[0]
  losses = setup.create_losses(config)
  step = steps.make_train_step(
    graphdef,
    losses,
    optimizer,
    sizes=sizes,
    augment=preprocessing.create_augmentation(config),
  )
  random = np.random.default_rng(0)
  batch = {
    'silhouettes': random.integers(0, 256, (4, 2, 8, 10), np.uint8),
    'keypoints': random.normal(50, 9, (4, 2, 17, 3)).astype(np.float32),
    'mask': np.ones((4, 2), bool),
    'subject': np.arange(4, dtype=np.int32) // 2,
    'sequence': np.arange(4, dtype=np.int32),
  }
  state, metrics = step(state, batch, jax.random.key(0))
  assert np.isfinite(metrics['loss']) and metrics['grad_norm'] > 0
  embed = embedding.make_embed(graphdef, sizes=sizes, mesh=mesh)
  given = (embed, state.params, state.stats)
  whole, _ = embedding.embed(*given, [batch], np.arange(4), mesh=mesh)
  assert whole.shape == (4, 1, 4)
  # Each modality has its part in the result.
  for name in ('silhouettes', 'keypoints'):
    changed = {**batch, name: batch[name][::-1]}
    other, _ = embedding.embed(*given, [changed], np.arange(4), mesh=mesh)
    assert not np.allclose(other, whole)


def test_the_description_is_the_states_own(config):
  _, like = setup.describe_state(config, meshes.create())
  state = setup.create_state(config, like)
  assert jax.tree.structure(like) == jax.tree.structure(state)
  for x, y in zip(jax.tree.leaves(like), jax.tree.leaves(state), strict=True):
    assert (x.shape, x.dtype, x.sharding) == (y.shape, y.dtype, y.sharding)


def test_an_unknown_model_gets_a_hint():
  config = tiny.get_config()
  config.model_name = 'gait-gs'
  with pytest.raises(UserError, match=r"model_name is 'gait-gs' .*'gaitgs'"):
    setup.describe_model(config, meshes.create(1))


@pytest.mark.parametrize(
  ('change', 'words'),
  [
    (dict(chanels=3), r"config.model has no field 'chanels' .*'channels'"),
    (dict(channels='x'), "config.model.channels is 'x'; it must be a tuple"),
    (dict(channels=(8, 0, 8)), r'channels is .* each of its items a whole'),
    (dict(parts=2.5), 'config.model.parts is 2.5; it must be a whole number'),
    (dict(num_classes='all'), 'it must be a whole number from 1 .* or None'),
    (dict(heads=7), 'with 7 heads, which must divide it'),
    (dict(dropout=1.0), 'must be less than 1'),
    (dict(shrink=7), 'shrink=7 does not divide frames of 64 x 44'),
    (
      dict(parts=5),
      r'config.model, at config.inputs.silhouettes.size=.*5 parts',
    ),
    (dict(strips=5), '5 strips do not divide'),
  ],
)
def test_a_wrong_field_of_a_model_is_told(change, words):
  config = tiny.get_config()
  config.inputs.silhouettes.size = (64, 44)
  config.model_name, config.model = 'gaitgs', dict(channels=(8, 8, 8)) | change
  with pytest.raises(UserError, match=words):
    setup.describe_model(config, meshes.create(1))


SILHOUETTES = {}, dict(silhouettes=dict(size=(64, 44)))
HEATMAPS = dict(heatmaps=dict(size=(64, 44, 2)))
# Model -> fields of a dataset that has what it sees, and inputs.
SEEN = {
  'parsinggait': (
    dict(name='gait3d_parsing'),
    dict(parsing=dict(size=(64, 44))),
  ),
  'skeletongait': (dict(name='sustech1k', format='opengait'), HEATMAPS),
  'skeletongaitpp': (
    dict(name='sustech1k', format='opengait'),
    HEATMAPS | SILHOUETTES[1],
  ),
}


@pytest.mark.parametrize(
  ('name', 'model', 'words'),
  [
    ('gaitset', dict(bins=(16, 5)), '5 parts do not divide maps of height 16'),
    ('gaitset', dict(channels=(8, 8)), 'channels are three widths'),
    (
      'gaitpart',
      dict(strips=(1, 3, 8)),
      '3 strips do not divide maps of .* 32',
    ),
    ('gaitpart', dict(parts=5), '5 parts do not divide maps of height 16'),
    ('gaitpart', dict(strips=(1, 4)), 'must be one for each pair'),
    ('gln', dict(bins=(12,)), '12 parts do not divide maps of height 64'),
    ('gln', dict(dropout=1.0), 'dropout is 1.0; .* less than 1'),
    ('gaitgl', dict(strips=3), '3 strips do not divide a height of 64'),
    ('gaitgl', dict(parts=48), '48 parts do not divide silhouettes of .* 64'),
    ('gaitgl', dict(neck='bn'), "no neck 'bn'; choose one of"),
    ('gaitbase', dict(bins=(5,)), '5 parts do not divide maps of height 16'),
    ('swingait', dict(window=(3, 4, 5)), r'window \(3, 4, 5\) .* must divide'),
    ('gaitgs', dict(parts=5), '5 parts do not divide maps of height 32'),
    ('cstl', dict(parts=5), '5 parts do not divide maps of height 32'),
    ('deepgaitv2', dict(bins=(5,)), '5 parts do not divide maps of height 16'),
    ('sconet', dict(bins=(5,)), '5 parts do not divide maps of height 16'),
    ('parsinggait', dict(bins=(5,)), '5 parts do not divide maps of .* 16'),
    ('skeletongait', dict(bins=(5,)), '5 parts do not divide maps of .* 16'),
    ('skeletongaitpp', dict(bins=(5,)), '5 parts do not divide maps of .* 16'),
    ('gaitgraph', dict(blocks=(1, 1)), r'blocks are 3 numbers .* \(1, 1\)'),
    ('gaitgraph2', dict(blocks=(1, 1)), r'blocks are 3 numbers .* \(1, 1\)'),
  ],
)
def test_what_does_not_divide_is_told(name, model, words):
  config = tiny.get_config()
  dataset, config.inputs = SEEN.get(name, SILHOUETTES)
  config.dataset.update(dataset)
  config.model_name, config.model = name, model
  with pytest.raises(UserError, match=f'config.*{words}'):
    setup.describe_model(config, meshes.create(1))


@pytest.mark.parametrize('name', models.names())
def test_inputs_that_a_model_does_not_take_are_told(name):
  config = tiny.get_config()
  config.dataset.update(name='sustech1k', format='opengait')
  config.inputs = dict(depth=dict(size=(64, 64, 3)))
  # Others build many arrays.
  small = dict(channels=(8, 8), shared=1) if name.startswith('gp') else {}
  config.model_name, config.model = name, small
  kind = models.title(name)
  words = (
    'inputs is depth, but parsinggait is for parsing'
    if name == 'parsinggait'
    else rf'model, at config.inputs.depth.size=\(64, 64, 3\): {kind} takes '
  )
  with pytest.raises(UserError, match=f'^config.{words}'):
    setup.describe_model(config, meshes.create(1))


class Faulty(tiny.Tiny):
  """A model with a slip of the pen, as one under construction may have."""

  def __call__(self, inputs, mask=None, *, train=False, key=None):
    if self.slip == 'attribute':
      return self.nrom(inputs)
    if self.slip == 'shape':
      return inputs.reshape(7)
    n, s = inputs.shape
    return n + s


@pytest.mark.parametrize(
  ('slip', 'error'),
  [
    ('attribute', AttributeError),
    ('shape', TypeError),
    ('unpacking', ValueError),
  ],
)
def test_a_fault_in_code_keeps_its_traceback(monkeypatch, slip, error):
  def create(name, *, rngs, **_):
    model = Faulty(rngs=rngs)
    model.slip = slip
    return model

  monkeypatch.setattr(models, 'create', create)
  with pytest.raises(error) as caught:
    setup.describe_model(tiny.get_config(), meshes.create(1))
  assert not isinstance(caught.value, UserError)
  assert any('test_setup' in str(entry.path) for entry in caught.traceback)


def test_the_seed_makes_the_weights(config):
  _, like = setup.describe_state(config, meshes.create(1))
  first = setup.create_state(config, like).params['layers'][0]['kernel']
  again = setup.create_state(config, like).params['layers'][0]['kernel']
  np.testing.assert_array_equal(first, again)
  config.seed += 1
  other = setup.create_state(config, like).params['layers'][0]['kernel']
  assert not jnp.array_equal(first, other)
