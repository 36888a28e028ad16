"""GaitGraph2 and GaitGraph against the numbers of the released networks."""

import contextlib
import functools
import importlib
from unittest import mock

import golden_checks
import golden_numbers
import jax
import jax.numpy as jnp
import numpy as np

from gaitgs_jax import losses, skeletons
from gaitgs_jax.interop import to_torch
from gaitgs_jax.models import gaitgraph2

OUMVLP = dict(skeleton='openpose18', blocks=(2, 3, 3), reduction=4)
# File -> model and config.model.
FILES = {
  'gaitgraph2_casia': ('gaitgraph2', dict(joined=True)),
  'gaitgraph2_casia_mb': ('gaitgraph2', dict()),
  'gaitgraph2_oumvlp': ('gaitgraph2', OUMVLP),
  'gaitgraph2_og_casia': ('gaitgraph2', dict(convention='opengait')),
  'gaitgraph2_og_oumvlp': ('gaitgraph2', dict(OUMVLP, convention='opengait')),
  'gaitgraph1': ('gaitgraph', dict(convention='opengait')),
}
# Longer ones are treated no differently.
LENGTHS = golden_checks.lengths('gaitgraph1', (1, 7))
# What trains in other conventions is the same network.
TRAINED = (
  tuple(FILES)
  if golden_checks.WHOLE
  else ('gaitgraph1', 'gaitgraph2_casia', 'gaitgraph2_oumvlp')
)
GAITGRAPH2 = tuple(name for name in FILES if name != 'gaitgraph1')
LOSSES = {
  'gaitgraph2': dict(temperature=0.01),
  'gaitgraph': dict(
    temperature=0.01, base_temperature=0.07, distance='dot', active_only=False
  ),
}

every_file = golden_checks.each('file', FILES)
every_trained_file = golden_checks.each('file', TRAINED)


@functools.cache
def load(file):
  return golden_numbers.load(file)


def model(file, dtype='float64'):
  name, config = FILES[file]
  return golden_checks.model(name, load(file), dtype, **config)


@golden_checks.shared
def embed(file, dtype):
  name, config = FILES[file]
  return golden_checks.embed(name, load(file), dtype, LENGTHS, **config)


@golden_checks.shared
def train_pass(file, dtype):
  golden, (name, config) = load(file), FILES[file]
  loss_fn = losses.create({'supervised_contrastive': LOSSES[name]})

  def features(*_):
    return jnp.asarray(golden['train_in'], dtype)

  # OpenGait's were computed before the keypoints were rounded for the file.
  branches = mock.patch.object(gaitgraph2.GaitGraph2, 'branches', features)
  opengait = config.get('convention') == 'opengait'
  with branches if opengait else contextlib.nullcontext():
    copies = 2 if name == 'gaitgraph' else 1
    return golden_checks.train_pass(
      name, golden, dtype, loss_fn, copies=copies, **config
    )


@every_file
def test_the_state_dict_is_the_published_one(file):
  golden = load(file)
  name, config = FILES[file]
  ours = {*to_torch(name, model(file, 'float32'), **config)}
  theirs = {str(name) for name in golden['names']}
  assert ours >= {name for name in theirs if not name.endswith('_tracked')}
  assert ours <= theirs
  module = importlib.import_module(f'gaitgs_jax.models.{name}')
  constants = dict(module.torch_constants(**config))
  assert {*constants} == {name for name in theirs if name.endswith('A')}
  for array in constants.values():
    np.testing.assert_array_equal(array, golden['graph_A'])


@every_file
def test_padded_batch_gives_the_published_embeddings(file):
  golden = load(file)
  for length, output in golden_checks.by_length(
    golden, LENGTHS, embed(file, 'float64')
  ):
    expected = golden[f'eval_emb_{length}'].reshape(2, 1, -1)
    golden_checks.check(output.embedding, expected)
    if f'eval_emb_notta_{length}' in golden:
      golden_checks.check(
        output.features[:, 0], golden[f'eval_emb_notta_{length}']
      )


@golden_checks.each('file', GAITGRAPH2)
def test_features_of_joints(file):
  golden = load(file)
  with golden_checks.precision('float64'):
    network = model(file)
    swap = np.array(skeletons.get(network.skeleton).swap)
    walks = {
      key: golden_checks.inputs(golden[key], 'float64')
      for key in ('eval_in_1', 'eval_in_7', 'eval_in_30')
    }
    walk = walks['eval_in_7']
    walks['eval_in_flip_7'] = walk[:, ::-1]
    walks['eval_in_lr_7'] = walk[:, :, swap]
    found = jax.jit(type(network).branches)(
      network, *golden_checks.padded([*walks.values()])
    )
    found = np.asarray(found)
  for i, (key, walk) in enumerate(walks.items()):
    if key in golden:
      np.testing.assert_allclose(
        found[2 * i : 2 * i + 2, : walk.shape[1]],
        golden[key],
        rtol=1e-6,
        # The angle of a short bone moves more than the rounded keypoints.
        atol=1e-4,
      )


@golden_checks.each('file', ('gaitgraph2_casia_mb', 'gaitgraph1'))
def test_the_network_inside(file):
  golden = load(file)
  x = golden['eval_in_7'].astype('float64')
  if file == 'gaitgraph1':
    x = golden_checks.inputs(golden['eval_in_7'], 'float64')[:, :, :, None]
  with golden_checks.precision('float64'):
    network = model(file).network
    branch, maps = jax.tree.map(np.asarray, inside(network, jnp.asarray(x)))
  names = ('input_branches', 'main_stream')
  if FILES[file][1].get('convention') == 'opengait':
    names = ('ResGCN.head', 'ResGCN.backbone')
  last = len(network.main) - 1
  compare(golden, f'inter_{names[0]}.0.0', branch)
  compare(golden, f'inter_{names[1]}.{last}.0', maps)


@jax.jit
def inside(network, x):
  mask = jnp.ones(x.shape[:2], bool)
  branch = network.branches[0](x[..., 0, :], mask, train=False, dtype=x.dtype)
  return branch, network.maps(x, mask, train=False)[0]


def compare(golden, name, ours):
  """Compares [n,s,v,c] with samples of [n',c,s,v], n' >= n."""
  ours = ours.transpose(0, 3, 1, 2)
  assert ours.shape[1:] == tuple(golden[f'{name}_shape'][1:])
  index, values = golden[f'{name}_idx'], golden[f'{name}_val']
  # Walks changed for the test time follow in the file.
  here = index < ours.size
  assert here.sum() > 10
  golden_checks.check(ours.ravel()[index[here]], values[here])


@every_trained_file
def test_losses(file):
  golden, found = load(file), train_pass(file, 'float64')
  expected = golden['train_emb']
  golden_checks.check(found.output.features.reshape(expected.shape), expected)
  golden_checks.check(found.total, golden['train_total'])


@every_trained_file
def test_every_gradient(file):
  golden, named = load(file), train_pass(file, 'float64').named
  golden_checks.check_gradients(golden, named)
  edges = [grad for name, grad in named.items() if name.endswith('edge')]
  assert edges
  # The published factors reach one distance farther than the network.
  assert not any(np.any(grad[3]) for grad in edges)


@every_trained_file
def test_statistics_after_a_step(file):
  named = train_pass(file, 'float64').named
  golden_checks.check_statistics(load(file), named)


@golden_checks.each('file', ['gaitgraph1'])
def test_embeddings_in_float32_differ_by_rounding_alone(file):
  spread = golden_checks.CONTRASTIVE.spread
  golden_checks.check_embedded(functools.partial(embed, file), spread)


@golden_checks.each(
  'file', ['gaitgraph2_casia'] + ['gaitgraph1'] * golden_checks.WHOLE
)
def test_float32_differs_by_rounding_alone(file):
  golden_checks.check_rounding(
    load(file),
    functools.partial(embed, file),
    functools.partial(train_pass, file),
    golden_checks.CONTRASTIVE,
  )
