"""What holds for every model of the folder."""

import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from gaitgs_jax import models, skeletons
from gaitgs_jax.interop import from_torch, to_torch

# Model -> forms, each small enough to run in seconds, and the shape [h,w,c] or
# [v,c] of its input (a form may have another skeleton). A model that is missing
# here fails `test_every_model_is_here`.
SMALL = dict(parts=4, strips=2, heads=2, depth=2, features=6, num_views=3)
SMALL_GRAPH = dict(
  blocks=(1, 1, 1), channels=(8, 4, 8, 12), reduction=2, features=6
)
FORMS = {
  'cstl': {
    'a row a part': dict(
      channels=(4, 8), parts=8, squeeze=4, features=6, num_classes=5
    ),
    'two rows a part': dict(
      channels=(4, 8, 12), parts=4, squeeze=4, features=6, num_classes=5
    ),
  },
  'gaitgraph': {
    'default': dict(SMALL_GRAPH, blocks=(1, 2, 1)),
    'plain, as in OpenGait': dict(
      SMALL_GRAPH, test_time=False, convention='opengait'
    ),
  },
  'gaitgraph2': {
    'three branches': dict(SMALL_GRAPH),
    'one branch': dict(SMALL_GRAPH, joined=True, blocks=(2, 1, 1)),
    '18 joints, as in OpenGait': dict(
      SMALL_GRAPH, skeleton='openpose18', convention='opengait'
    ),
    'plain': dict(SMALL_GRAPH, test_time=False),
  },
  'gaitgs': {
    'three widths': dict(SMALL, channels=(2, 4, 8)),
    'four widths, identity': dict(SMALL, channels=(2, 4, 8, 12), num_classes=5),
  },
}
SHAPES = {
  'cstl': (16, 10, 1),
  'gaitgraph': (17, 3),
  'gaitgraph2': (17, 3),
  'gaitgs': (16, 10, 1),
}
# Model -> published parameters by form (the sizes differ from those above).
PARAMETERS = {
  ('cstl', 9_091_232): dict(),
  ('cstl', 17_933_216): dict(parts=64),
  ('gaitgraph', 319_530): dict(),
  ('gaitgraph2', 255_782): dict(joined=True),
  ('gaitgraph2', 350_822): dict(),
  ('gaitgraph2', 765_278): dict(
    skeleton='openpose18', blocks=(2, 3, 3), reduction=4
  ),
  ('gaitgs', 11_844_577): dict(),
  ('gaitgs', 115_186_017): dict(
    channels=(32, 64, 128, 256), strips=2, num_views=14, num_classes=5153
  ),
}
# Ends of the paths of parameters whose gradient is zero but for rounding: the
# batch normalisation behind takes such a bias off again.
TAKEN_OFF = {
  'gaitgraph': 'convolution/bias',
  'gaitgraph2': 'convolution/bias',
}
CASES = [(name, form) for name, forms in FORMS.items() for form in forms]

every_form = pytest.mark.parametrize(('name', 'form'), CASES)


@functools.cache
def create(name, form, **extra):
  """Builds a form as if trained: nothing that starts at 0 or 1 still is so."""
  model = models.create(name, rngs=nnx.Rngs(0), **FORMS[name][form], **extra)
  rng = np.random.default_rng(1)
  changed = {}
  for path, leaf in nnx.to_flat_state(nnx.state(model)):
    noise = jnp.asarray(0.1 * rng.standard_normal(leaf.shape), jnp.float32)
    value = {
      'scale': 1 + noise,
      'edge': 1 + noise,
      'bias': noise,
      'mean': noise,
      'variance': 1 + abs(noise),
    }.get(path[-1], leaf[...])
    changed[path] = leaf.replace(value)
  nnx.update(model, nnx.from_flat_state(changed))
  return model


def inputs(name, form, n=3, s=10, seed=0):
  """Draws silhouettes or skeletons that move, so that frames differ."""
  rng = np.random.default_rng(seed)
  if len(SHAPES[name]) == 2:
    skeleton = skeletons.get(FORMS[name][form].get('skeleton', 'coco17'))
    v = len(skeleton.joints)
    x = rng.uniform(20, 60, (n, 1, v, 2)) + rng.normal(0, 5, (n, s, v, 2))
    x = np.concatenate([x, rng.random((n, s, v, 1))], axis=-1)
    return jnp.asarray(x, jnp.float32)
  h, w, c = SHAPES[name]
  x = rng.random((n, s, h // 2, w // 2, c)) > 0.5
  return jnp.asarray(np.kron(x, np.ones((1, 1, 2, 2, 1))), jnp.float32)


def poison(x, mask):
  """Fills padded frames with NaN, which would survive any arithmetic."""
  return jnp.where(mask.reshape(*mask.shape, *(1,) * (x.ndim - 2)), x, jnp.nan)


def arrays(output):
  tree = (output.embedding, output.features, output.logits, output.extras)
  return [np.asarray(leaf, np.float32) for leaf in jax.tree.leaves(tree)]


@functools.cache
def jitted():
  return jax.jit(lambda model, x, mask: model(x, mask))


def test_every_model_is_here():
  assert set(models.names()) == set(FORMS)


@every_form
def test_shapes_and_dtypes(name, form):
  x = inputs(name, form)
  output = jitted()(create(name, form), x, None)
  n, p, _ = output.embedding.shape
  assert n == len(x)
  assert output.features.shape[:2] == (n, p)
  if output.logits is not None:
    assert output.logits.shape[:2] == (n, p)
  assert output.embedding.dtype == jnp.float32
  assert all(np.all(np.isfinite(array)) for array in arrays(output))
  assert np.ptp(np.asarray(output.embedding), axis=0).max() > 1e-3


@every_form
def test_padding_is_exact(name, form):
  model, lengths = create(name, form), (1, 2, 5, 10)
  x = inputs(name, form, n=len(lengths))
  mask = jnp.asarray(np.arange(10)[None] < np.array(lengths)[:, None])
  padded = arrays(jitted()(model, poison(x, mask), mask))
  for row, length in enumerate(lengths):
    alone = jitted()(model, x[row : row + 1, :length], None)
    for a, b in zip(padded, arrays(alone), strict=True):
      np.testing.assert_allclose(a[row : row + 1], b, rtol=0, atol=1e-5)


@every_form
def test_what_padded_frames_hold_does_not_matter_in_training(name, form):
  model, x = create(name, form), inputs(name, form)
  mask = jnp.asarray(np.arange(10)[None] < np.array([7, 9, 10])[:, None])
  graphdef, state = nnx.split(model)

  @jax.jit
  def step(x):
    model = nnx.merge(graphdef, state, copy=True)
    output = model(x, mask, train=True, key=jax.random.key(0))
    return output, nnx.state(model, nnx.BatchStat)

  clean, poisoned = step(x), step(poison(x, mask))
  jax.tree.map(np.testing.assert_array_equal, clean, poisoned)
  assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(clean))


@every_form
def test_a_mask_with_holes_drops_those_frames(name, form):
  model, x = create(name, form), inputs(name, form, n=1)
  mask = np.ones((1, 10), bool)
  mask[0, [0, 4, 5]] = False
  holes = jitted()(model, x, jnp.asarray(mask))
  alone = jitted()(model, x[:, mask[0]], None)
  for a, b in zip(arrays(holes), arrays(alone), strict=True):
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)


@every_form
def test_the_order_of_the_batch_does_not_matter(name, form):
  model, x = create(name, form), inputs(name, form)
  order = np.array([2, 0, 1])
  plain = jitted()(model, x, None)
  mixed = jitted()(model, x[order], None)
  for a, b in zip(arrays(plain), arrays(mixed), strict=True):
    np.testing.assert_allclose(a[order], b, rtol=0, atol=1e-5)


@every_form
def test_every_parameter_gets_a_gradient(name, form):
  model, x = create(name, form), inputs(name, form)
  graphdef, params, stats = nnx.split(model, nnx.Param, nnx.BatchStat)

  @jax.jit
  def gradient(params, key):
    def objective(params):
      model = nnx.merge(graphdef, params, stats, copy=True)
      output = model(x, None, train=True, key=key)
      leaves = jax.tree.leaves((output.features, output.logits, output.extras))
      # Weights, so that no symmetry makes a gradient vanish.
      return sum(
        (leaf * jax.random.normal(jax.random.key(7), leaf.shape)).sum()
        for leaf in leaves
      )

    return jax.grad(objective)(params)

  grads = gradient(params, jax.random.key(1))
  sizes = [np.abs(grad).max() for grad in jax.tree.leaves(grads)]
  for path, grad in nnx.to_flat_state(grads):
    assert np.all(np.isfinite(grad[...])), path
    if path[-1] == 'edge':
      # The published factors reach one distance farther than the network.
      assert not np.any(grad[3])
      assert np.all(np.any(grad[:3], axis=(1, 2))), path
    if '/'.join(map(str, path)).endswith(TAKEN_OFF.get(name, 'no such')):
      assert np.abs(grad[...]).max() < 1e-4 * max(sizes), path
    else:
      assert np.abs(grad[...]).max() > 0, path


@every_form
def test_dropout_follows_its_key(name, form):
  model, x = create(name, form), inputs(name, form)
  graphdef, state = nnx.split(model)

  @jax.jit
  def embed(key):
    model = nnx.merge(graphdef, state, copy=True)
    return model(x, None, train=True, key=key).features

  first, again = embed(jax.random.key(1)), embed(jax.random.key(1))
  other = embed(jax.random.key(2))
  np.testing.assert_array_equal(first, again)
  drops = 'dropout' in inspect.signature(type(model).__init__).parameters
  assert (np.abs(first - other).max() > 1e-4) == drops


@every_form
def test_bfloat16_is_close(name, form):
  x = inputs(name, form)
  wide = jitted()(create(name, form), x, None).embedding
  narrow = jitted()(create(name, form, dtype='bfloat16'), x, None).embedding
  assert narrow.dtype == jnp.float32
  scale = np.abs(wide).max()
  np.testing.assert_allclose(narrow, wide, rtol=0, atol=0.05 * scale)
  assert np.abs(narrow - wide).max() > 0


@every_form
def test_parameters_stay_float32_under_bfloat16(name, form):
  state = nnx.state(create(name, form, dtype='bfloat16'), nnx.Param)
  assert {leaf.dtype for leaf in jax.tree.leaves(state)} == {
    jnp.dtype('float32')
  }


@every_form
def test_torch_names_round_trip(name, form):
  model, config = create(name, form), FORMS[name][form]
  state_dict = to_torch(name, model, **config)
  again = from_torch(name, state_dict, **config)
  jax.tree.map(
    np.testing.assert_array_equal, nnx.state(model), nnx.state(again)
  )


@pytest.mark.parametrize(('name', 'count'), PARAMETERS)
def test_published_number_of_parameters(name, count):
  config = PARAMETERS[name, count]
  model = nnx.eval_shape(
    lambda: models.create(name, rngs=nnx.Rngs(0), **config)
  )
  state = nnx.state(model, nnx.Param)
  assert sum(leaf.size for leaf in jax.tree.leaves(state)) == count


def test_an_unknown_model_is_told():
  with pytest.raises(ValueError, match="no model 'gaitgsx'; choose one of"):
    models.create('gaitgsx', rngs=nnx.Rngs(0))
