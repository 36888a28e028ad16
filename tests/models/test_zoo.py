"""What holds for every model of the folder."""

import functools
import inspect
import operator
import types

import jax
import jax.numpy as jnp
import lowered
import numpy as np
import pytest
from flax import nnx
from jax import export

from gaitgs_jax import models, skeletons
from gaitgs_jax.interop import from_torch, hub, to_torch, torch_file
from gaitgs_jax.models import remat

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
  'deepgaitv2': {
    'p3d, several blocks': dict(
      blocks=(1, 2, 1, 1), channels=(4, 4, 6, 8), bins=(4,), features=6
    ),
    '3d, behind the neck': dict(
      kind='3d', channels=(4, 6, 8, 8), bins=(4,), features=6, behind_neck=True
    ),
  },
  'swingait': {
    'two stages': dict(
      channels=(4, 8),
      width=8,
      heads=(2, 2),
      window=(3, 2, 2),
      grid=(4, 4),
      drop_path=0.5,
      features=6,
    ),
  },
  'skeletongait': {
    'behind the neck': dict(
      channels=(4, 4, 6),
      blocks=(1, 1, 1),
      bins=(4,),
      features=6,
      behind_neck=True,
    ),
  },
  'skeletongaitpp': {
    'two blocks': dict(
      channels=(4, 4, 6), blocks=(1, 2, 1), bins=(4,), features=6
    ),
  },
  'gaitbase': {
    'residual': dict(channels=(4, 4, 6, 8), bins=(4,), features=6),
    'plain, two scales': dict(
      backbone='plain', channels=(4, 4, 6, 8), bins=(2, 1), features=6
    ),
  },
  'sconet': {
    'three conditions': dict(channels=(4, 4, 6, 8), bins=(4,), features=6)
  },
  'parsinggait': {
    'both graphs': dict(
      graphs=('fine', 'coarse'),
      channels=(4, 4, 6, 8),
      bins=(4,),
      features=6,
      num_classes=5,
    )
  },
  'gaitgraph': {'as in OpenGait': dict(SMALL_GRAPH, convention='opengait')},
  'gaitgraph2': {
    'three branches': dict(SMALL_GRAPH),
    'one branch, plain': dict(SMALL_GRAPH, joined=True, test_time=False),
    '18 joints, as in OpenGait': dict(
      SMALL_GRAPH, skeleton='openpose18', convention='opengait', joined=True
    ),
  },
  'gaitgl': {
    'three widths': dict(channels=(2, 4, 6), strips=4, parts=8, num_classes=5),
    'four widths, cosines': dict(
      channels=(2, 4, 4, 6),
      depth=2,
      strips=2,
      parts=16,
      neck='cosine',
      num_classes=5,
    ),
  },
  'gaitpart': {
    'strips in two pairs': dict(
      channels=(4, 4, 8), strips=(1, 2, 2), parts=4, features=6
    ),
  },
  'gln': {
    'first phase': dict(
      channels=(2, 4, 4), lateral=4, bins=(2, 1), features=6, dropout=0.0
    ),
    'second phase': dict(
      channels=(2, 4, 4), lateral=4, bins=(2, 1), features=6, num_classes=5
    ),
  },
  'gaitset': {
    'two scales': dict(channels=(4, 4, 6), bins=(2, 1), features=6),
  },
  'gaitgs': {
    'three widths': dict(SMALL, channels=(2, 4, 8), depth=1),
    'four widths, identity': dict(SMALL, channels=(2, 4, 8, 12), num_classes=5),
  },
  'gaittr': {'two blocks': dict(channels=(32, 32), features=6)},
  'gpgaitpp': {
    'two blocks': dict(
      channels=(8, 8), shared=1, masked=True, features=6, num_classes=5
    )
  },
  'gpgait': {
    'two blocks': dict(channels=(8, 8), shared=1, features=6, num_classes=5)
  },
}
SHAPES = {
  'cstl': (16, 10, 1),
  'deepgaitv2': (16, 10, 1),
  'skeletongait': (16, 10, 2),
  'swingait': (16, 10, 1),
  'skeletongaitpp': {'heatmaps': (16, 10, 2), 'silhouettes': (16, 10, 1)},
  'gaitbase': (16, 10, 1),
  'sconet': (16, 10, 1),
  'parsinggait': (16, 10, 1),
  'gaitgraph': (17, 3),
  'gaitgraph2': (17, 3),
  'gaitgs': (16, 10, 1),
  'gaitgl': (16, 10, 1),
  'gaitpart': (16, 10, 1),
  'gln': (16, 12, 1),
  'gaitset': (16, 10, 1),
  'gaittr': (17, 10),
  'gpgait': (17, 6),
  'gpgaitpp': (17, 6),
}
# Model -> values of a pixel, of models that see other ones than 0 and 1.
LABELS = {'parsinggait': 12}
# Ends of the paths of parameters whose gradient is zero but for rounding: the
# batch normalisation behind takes such a bias off again, or it is fixed.
TAKEN_OFF = {
  'gaitgraph': 'convolution/bias',
  'gaitgraph2': 'convolution/bias',
  'gaittr': 'shortcut/convolution/bias',
  'gpgaitpp': (
    *('query/bias', 'mix/bias'),
    *('beside_spatial/convolution/bias', 'beside_temporal/convolution/bias'),
  ),
  # A softmax over joints takes off what a query's bias adds to all of them.
  'gpgait': ('query/bias', 'mix/bias', 'shortcut/convolution/bias'),
  'gln': 'norm/bias',
  'parsinggait': tuple(
    f'graphs/{i}/layers/{k}/bias' for i in '01' for k in '01'
  ),
}
# The tests of a form share what they compile, hence one process for them.
every_form = pytest.mark.parametrize(
  ('name', 'form'),
  [
    pytest.param(name, form, marks=pytest.mark.xdist_group(f'{name} {form}'))
    for name, forms in FORMS.items()
    for form in forms
  ],
)


@functools.cache
def create(name, form, **extra):
  """Builds a form as if trained: nothing that starts at 0 or 1 still is so."""
  model = models.create(name, rngs=nnx.Rngs(0), **FORMS[name][form], **extra)
  rng = np.random.default_rng(1)
  changed = {}
  for path, leaf in nnx.to_flat_state(nnx.state(model)):
    # In NumPy, as JAX compiles each of these for each shape.
    noise = 0.1 * rng.standard_normal(leaf.shape).astype(np.float32)
    value = {
      'scale': 1 + noise,
      'edge': 1 + noise,
      'bias': noise,
      'mean': noise,
      'variance': 1 + abs(noise),
    }.get(path[-1])
    if value is not None:
      changed[path] = leaf.replace(jnp.asarray(value))
  nnx.update(model, nnx.from_flat_state(changed))
  return model


def inputs(name, form, n=3, s=10, seed=0):
  """Draws maps or skeletons that move, so that frames differ."""
  rng = np.random.default_rng(seed)
  if isinstance(SHAPES[name], dict):
    return {key: maps(rng, n, s, *each) for key, each in SHAPES[name].items()}
  if len(SHAPES[name]) == 2:
    skeleton = skeletons.get(FORMS[name][form].get('skeleton', 'coco17'))
    v, c = len(skeleton.joints), SHAPES[name][1]
    if c > 3:  # Features of joints.
      x = rng.normal(0, 1, (n, 1, v, c)) + rng.normal(0, 0.3, (n, s, v, c))
      return jnp.asarray(x, jnp.float32)
    x = rng.uniform(20, 60, (n, 1, v, 2)) + rng.normal(0, 5, (n, s, v, 2))
    x = np.concatenate([x, rng.random((n, s, v, 1))], axis=-1)
    return jnp.asarray(x, jnp.float32)
  return maps(rng, n, s, *SHAPES[name], labels=LABELS.get(name, 2))


def maps(rng, n, s, h, w, c, labels=2):
  x = np.floor(labels * rng.random((n, s, h // 2, w // 2, c)))
  return jnp.asarray(np.kron(x, np.ones((1, 1, 2, 2, 1))), jnp.float32)


def poison(x, mask):
  """Fills padded frames with NaN, which would survive any arithmetic."""

  def fill(x):
    kept = mask.reshape(*mask.shape, *(1,) * (x.ndim - 2))
    return jnp.where(kept, x, jnp.nan)

  return jax.tree.map(fill, x)


def rows(x, *index):
  """Indexes the arrays that a model sees, of one modality or of several."""
  return jax.tree.map(operator.itemgetter(index), x)


def arrays(output):
  tree = (output.embedding, output.features, output.logits, output.extras)
  return [np.asarray(leaf, np.float32) for leaf in jax.tree.leaves(tree)]


# Valid frames of each row of a batch; the last row has holes instead.
LENGTHS = (1, 2, 7, 10)
MASK = np.arange(10)[None] < np.array(LENGTHS)[:, None]
MASK[-1, [0, 4, 5]] = False
# In training a model may want each half of the frames to hold some.
TRAIN_MASK = np.arange(10)[None] < np.array((7, 8, 9, 10))[:, None]


def batch(name, form):
  return inputs(name, form, n=len(LENGTHS)), jnp.asarray(MASK)


# One program for each form and shape, as compiling takes most of the time.
@functools.cache
def jitted():
  return jax.jit(lambda model, x, mask: model(x, mask))


@functools.cache
def stepped(name, form, level='none'):
  """Returns (x, key) -> gradients, features and statistics of a train step."""
  model = create(name, form)
  graphdef, params, stats = nnx.split(model, nnx.Param, nnx.BatchStat)

  def objective(params, x, key):
    model = nnx.merge(graphdef, params, stats, copy=True)
    with remat.recomputing(level):
      output = model(x, jnp.asarray(TRAIN_MASK), train=True, key=key)
    leaves = jax.tree.leaves((output.features, output.logits, output.extras))
    # Weights, so that no symmetry makes a gradient vanish.
    total = sum(
      (leaf * jax.random.normal(jax.random.key(7), leaf.shape)).sum()
      for leaf in leaves
    )
    return total, (leaves, nnx.state(model, nnx.BatchStat))

  step = jax.jit(jax.grad(objective, has_aux=True))
  return functools.partial(step, params)


def test_every_model_is_here():
  assert set(models.names()) == set(FORMS)


@every_form
def test_shapes_and_dtypes(name, form):
  x, mask = batch(name, form)
  output = jitted()(create(name, form), x, mask)
  n, p, _ = output.embedding.shape
  assert n == len(mask)
  assert output.features.shape[:2] == (n, p)
  if output.logits is not None:
    assert output.logits.shape[:2] in ((n, p), (n, 1))
  assert output.embedding.dtype == jnp.float32
  assert all(np.all(np.isfinite(array)) for array in arrays(output))
  assert np.ptp(np.asarray(output.embedding), axis=0).max() > 1e-3


def wrong_inputs(name, form):
  """Returns inputs and masks that a model must refuse, by what is wrong."""
  x, mask = batch(name, form)
  if isinstance(x, dict):
    return wrong_modalities(x, mask)
  other = x[..., : x.shape[3] - 1, :]
  return {
    'stored as uint8': ((255 * x).astype(jnp.uint8), mask),
    'of another size': (other, mask),
    'without the last axis': (x[..., 0], mask),
    'with an axis too many': (x[..., None], mask),
    'of one sequence': (x[0], mask[0]),
    'a list': ([0.0], None),
    'a mask of numbers': (x, mask.astype(jnp.float32)),
    'a mask of other frames': (x, mask[:, 1:]),
    'a mask of one sequence': (x, mask[0]),
  }


def wrong_modalities(x, mask):
  """Returns the same for a model of several modalities."""
  maps, silhouettes = x['heatmaps'], x['silhouettes']
  return {
    'one of them': (maps, mask),
    'one of them by name': (dict(heatmaps=maps), mask),
    'of two sizes': (x | dict(heatmaps=maps[:, :, :-1]), mask),
    'of other frames': (x | dict(silhouettes=silhouettes[:, 1:]), mask),
    'square': (jax.tree.map(lambda x: x[:, :, : x.shape[3]], x), mask),
    'exchanged': (dict(heatmaps=silhouettes, silhouettes=maps), mask),
    'stored as uint8': (x | dict(heatmaps=maps.astype(jnp.uint8)), mask),
    'a list': ([maps, silhouettes], mask),
    'a mask of other frames': (x, mask[:, 1:]),
  }


@every_form
def test_wrong_inputs_get_one_message(name, form):
  config = FORMS[name][form]
  x, mask = batch(name, form)
  several = isinstance(x, dict)
  size = None if several else x.shape[2:4]
  model = models.create(name, rngs=nnx.Rngs(0), size=size, **config)
  kind = type(model).__name__
  jax.eval_shape(model, x, mask)
  jax.eval_shape(model, x, None)
  for what, given in wrong_inputs(name, form).items():
    with pytest.raises(ValueError, match=rf'^{kind} takes .*; got ') as error:
      model(*given)
    fix = 'config.inputs names' if several else 'create the model with'
    assert fix in str(error.value), what


@pytest.mark.parametrize('name', ['cstl', 'gaitgs'])
def test_square_silhouettes_need_a_size(name):
  config = FORMS[name][next(iter(FORMS[name]))]
  x = jnp.zeros((1, 3, 16, 16, 1))
  model = models.create(name, rngs=nnx.Rngs(0), **config)
  with pytest.raises(ValueError, match=r'cuts 64x64 to 64x44'):
    model(x)
  model = models.create(name, rngs=nnx.Rngs(0), size=(16, 16), **config)
  assert jax.eval_shape(model, x).embedding.shape[0] == 1


@every_form
def test_padding_is_exact(name, form):
  model, (x, mask) = create(name, form), batch(name, form)
  padded = arrays(jitted()(model, poison(x, mask), mask))
  for row, kept in enumerate(MASK):
    alone = jitted()(model, rows(x, slice(row, row + 1), kept), None)
    for a, b in zip(padded, arrays(alone), strict=True):
      np.testing.assert_allclose(a[row : row + 1], b, rtol=0, atol=1e-5)


@pytest.mark.parametrize('name', FORMS)
def test_one_program_takes_walks_of_any_length(name):
  form = next(iter(FORMS[name]))
  model, one = create(name, form), inputs(name, form, n=1, s=1)
  n, s = export.symbolic_shape(
    'n, 16*k', constraints=('n >= 1', 'k >= 1', 'k <= 60')
  )
  x, mask = jax.tree.map(
    lambda x: jax.ShapeDtypeStruct((n, s, *x.shape[2:]), x.dtype),
    (one, jnp.ones((1, 1), bool)),
  )

  def embed(x, mask):
    return model(jax.tree.map(lambda x: x[None], x), mask[None]).embedding[0]

  assert jax.eval_shape(jax.vmap(embed), x, mask).shape[0] == n


@every_form
def test_what_padded_frames_hold_does_not_matter_in_training(name, form):
  x, _ = batch(name, form)
  step, key = stepped(name, form), jax.random.key(0)
  clean = step(x, key)
  poisoned = step(poison(x, jnp.asarray(TRAIN_MASK)), key)
  jax.tree.map(np.testing.assert_array_equal, clean, poisoned)
  assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(clean))


@every_form
def test_the_order_of_the_batch_does_not_matter(name, form):
  model, (x, mask) = create(name, form), batch(name, form)
  order = np.array([2, 0, 3, 1])
  plain = jitted()(model, x, mask)
  mixed = jitted()(model, rows(x, order), mask[order])
  for a, b in zip(arrays(plain), arrays(mixed), strict=True):
    np.testing.assert_allclose(a[order], b, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
  ('name', 'form'),
  [
    pytest.param(name, form, marks=pytest.mark.xdist_group(f'{name} {form}'))
    for name, form in (
      ('gaitbase', 'residual'),
      ('gaitset', 'two scales'),
      ('gln', 'second phase'),
      ('parsinggait', 'both graphs'),
    )
  ],
)
def test_frames_of_a_set_have_no_order_and_no_number(name, form):
  model, (x, _) = create(name, form), batch(name, form)
  once = jnp.asarray(np.broadcast_to(np.arange(10) < 5, (len(x), 10)))
  right = jitted()(model, x, once)
  order = np.array([3, 1, 4, 0, 2, 2, 0, 1, 3, 4])
  found = jitted()(model, x[:, order], jnp.ones_like(once))
  for a, b in zip(arrays(found), arrays(right), strict=True):
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)


@every_form
def test_every_parameter_gets_a_gradient(name, form):
  grads, _ = stepped(name, form)(batch(name, form)[0], jax.random.key(1))
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


@pytest.mark.parametrize(
  ('name', 'form'),
  [
    pytest.param(name, form, marks=pytest.mark.xdist_group(f'{name} {form}'))
    for name, form in (
      ('cstl', 'a row a part'),
      ('gaitgs', 'three widths'),
    )
  ],
)
def test_recomputing_changes_nothing(name, form):
  x, key = batch(name, form)[0], jax.random.key(1)
  plain, again = stepped(name, form), stepped(name, form, 'all')
  if name == 'cstl':  # It compiles in a quarter of the time.
    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4),
      again(x, key),
      plain(x, key),
    )
  stem = stepped(name, form, 'stem')
  blocks = [
    str(step.func.trace(*step.args, x, key).jaxpr).count('remat2[')
    for step in (plain, stem, again)
  ]
  assert 0 == blocks[0] < blocks[1] <= blocks[2]


def test_an_unknown_level_of_remat_is_told():
  with (
    pytest.raises(ValueError, match="no such remat 'some'; choose one of"),
    remat.recomputing('some'),
  ):
    pass


@every_form
def test_dropout_follows_its_key(name, form):
  model, (x, _) = create(name, form), batch(name, form)
  _, (first, _) = stepped(name, form)(x, jax.random.key(1))
  _, (again, _) = stepped(name, form)(x, jax.random.key(1))
  _, (other, _) = stepped(name, form)(x, jax.random.key(2))
  jax.tree.map(np.testing.assert_array_equal, first, again)
  fields = inspect.signature(type(model).__init__).parameters
  rates = [
    FORMS[name][form].get(rate, fields[rate].default)
    for rate in ('dropout', 'drop_path')
    if rate in fields
  ]
  change = max(np.abs(a - b).max() for a, b in zip(first, other, strict=True))
  assert (change > 1e-4) == any(rates)


@every_form
def test_bfloat16_is_close(name, form):
  x, mask = batch(name, form)
  wide = jitted()(create(name, form), x, mask).embedding
  narrow = jitted()(create(name, form, dtype='bfloat16'), x, mask).embedding
  assert narrow.dtype == jnp.float32
  error, scale = np.abs(narrow - wide), np.abs(wide).max()
  # Where a model chooses a frame, rounding may choose another.
  assert 0 < error.mean() < 0.01 * scale
  assert np.mean(error < 0.05 * scale) > 0.95


@every_form
def test_float32_multiplies_as_float32_wherever_it_runs(name, form):
  step = stepped(name, form)
  x, key = batch(name, form)[0], jax.random.key(0)
  found = lowered.products(step.func.lower(*step.args, x, key))
  assert found
  assert all(dtypes == {'f32'} and highest for dtypes, highest in found)


@every_form
def test_bfloat16_multiplies_as_such_but_where_it_chooses(name, form):
  model = create(name, form, dtype='bfloat16')
  found = lowered.products(jitted().lower(model, *batch(name, form)))
  narrow = [highest for dtypes, highest in found if dtypes == {'bf16'}]
  assert len(narrow) > len(found) / 2
  assert not any(narrow)
  # Scores, view logits and heads.
  assert all(highest for dtypes, highest in found if 'f32' in dtypes)


@every_form
def test_padding_is_exact_to_rounding_in_bfloat16(name, form):
  model = create(name, form, dtype='bfloat16')
  x, mask = batch(name, form)
  padded = jitted()(model, poison(x, mask), mask).embedding
  row, kept = 2, MASK[2]
  alone = jitted()(model, rows(x, slice(row, row + 1), kept), None).embedding
  error = np.abs(padded[row] - alone[0]) / np.std(padded)
  # docs/porting.md: 2e-2 was seen; a frame may be chosen by rounding.
  assert np.mean(error) < 0.02
  assert np.mean(error < 0.1) > 0.95


@every_form
def test_parameters_stay_float32_under_bfloat16(name, form):
  state = nnx.state(create(name, form, dtype='bfloat16'), nnx.Param)
  assert {leaf.dtype for leaf in jax.tree.leaves(state)} == {
    jnp.dtype('float32')
  }


@every_form
def test_torch_names_round_trip(name, form, tmp_path, monkeypatch):
  model, config = create(name, form), FORMS[name][form]
  state_dict = to_torch(name, model, **config)
  # The weights show the rest.
  config = {k: v for k, v in config.items() if k not in models.FACTS}
  assert to_torch(name, model, **config).keys() == state_dict.keys()
  file = tmp_path / 'model.safetensors'
  torch_file.write_checkpoint(file, state_dict)
  library = types.SimpleNamespace(hf_hub_download=lambda *_, **__: str(file))
  errors = types.SimpleNamespace(HfHubHTTPError=OSError)
  monkeypatch.setattr(hub, '_library', lambda: [library, errors])
  state_dict = torch_file.read_checkpoint(f'hf://owner/models/{name}.pt')
  again = from_torch(name, state_dict, **config)
  jax.tree.map(
    np.testing.assert_array_equal, nnx.state(model), nnx.state(again)
  )


def test_an_unknown_model_is_told():
  with pytest.raises(ValueError, match="no model 'gaitgsx'; choose one of"):
    models.create('gaitgsx', rngs=nnx.Rngs(0))
