"""GaitGraph2 and GaitGraph against the numbers of the released networks."""

import functools
import importlib

import golden_checks
import golden_numbers
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from gaitgs_jax import losses, skeletons
from gaitgs_jax.interop import from_torch, to_torch

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
GAITGRAPH2 = tuple(name for name in FILES if name != 'gaitgraph1')
LOSSES = {
  'gaitgraph2': dict(temperature=0.01),
  'gaitgraph': dict(
    temperature=0.01, base_temperature=0.07, distance='dot', active_only=False
  ),
}
# In float64 all gradients agree to 4e-6. In float32 a temperature of 0.01 makes
# those of the deeper networks noisy, in PyTorch too, and in few channels it
# shows if one activation near zero changes its sign.
NOISY = (
  'gaitgraph2_casia_mb',
  'gaitgraph2_oumvlp',
  'gaitgraph2_og_oumvlp',
  'gaitgraph1',
)

every_file = golden_checks.each('file', FILES)


@functools.cache
def load(file):
  golden = golden_numbers.load(file)
  name, config = FILES[file]
  state = golden_numbers.state_dict(golden)
  return golden, from_torch(name, state, **config)


@functools.cache
def jitted():
  return jax.jit(lambda model, x, mask: model(x, mask))


def lengths(golden):
  return [s for s in (1, 7, 30, 60) if f'eval_in_{s}' in golden]


def keypoints(array):
  """Returns x, y and confidence, which every input begins with."""
  if array.shape[1] == 3 and array.shape[-1] == 1:  # GaitGraph's [n,3,s,v,1].
    array = array.transpose(0, 2, 3, 4, 1)
  return jnp.asarray(array[:, :, :, 0, :3])


def check(golden, length, output):
  expected = golden[f'eval_emb_{length}'].reshape(2, 1, -1)
  scale = expected.std()
  np.testing.assert_allclose(
    output.embedding, expected, rtol=0, atol=2e-5 * scale
  )
  if f'eval_emb_notta_{length}' in golden:
    np.testing.assert_allclose(
      output.features[:, 0],
      golden[f'eval_emb_notta_{length}'],
      rtol=0,
      atol=2e-5 * scale,
    )


@every_file
def test_the_state_dict_is_the_published_one(file):
  golden, model = load(file)
  name, config = FILES[file]
  ours = {*to_torch(name, model, **config)}
  theirs = {str(name) for name in golden['names']}
  assert ours >= {name for name in theirs if not name.endswith('_tracked')}
  assert ours <= theirs
  module = importlib.import_module(f'gaitgs_jax.models.{name}')
  constants = dict(module.torch_constants(**config))
  assert {*constants} == {name for name in theirs if name.endswith('A')}
  for array in constants.values():
    np.testing.assert_allclose(array, golden['graph_A'], rtol=1e-6)


@every_file
def test_embeddings(file):
  golden, model = load(file)
  check(golden, 7, jitted()(model, keypoints(golden['eval_in_7']), None))


@every_file
def test_padded_batch_gives_the_published_embeddings(file):
  golden, model = load(file)
  frames, mask, size = [], [], lengths(golden)[-1]
  for length in lengths(golden):
    x = keypoints(golden[f'eval_in_{length}'])
    # What the padded frames hold must not matter.
    tail = ((0, 0), (0, size - length), (0, 0), (0, 0))
    frames.append(np.pad(x, tail, constant_values=np.nan))
    mask.append(np.broadcast_to(np.arange(size) < length, (len(x), size)))
  output = jitted()(
    model,
    jnp.asarray(np.concatenate(frames)),
    jnp.asarray(np.concatenate(mask)),
  )
  for i, length in enumerate(lengths(golden)):
    rows = slice(2 * i, 2 * i + 2)
    check(golden, length, jax.tree.map(lambda a, rows=rows: a[rows], output))


@functools.cache
def jitted_branches():
  return jax.jit(
    lambda model, x: model.branches(x, jnp.ones(x.shape[:2], bool))
  )


@golden_checks.each('file', GAITGRAPH2)
def test_features_of_joints(file):
  golden, model = load(file)
  for length in lengths(golden):
    expected = golden[f'eval_in_{length}']
    found = jitted_branches()(model, keypoints(expected))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@golden_checks.each('file', GAITGRAPH2[:3])
def test_features_of_joints_at_test_time(file):
  golden, model = load(file)
  x = keypoints(golden['eval_in_7'])
  swap = np.array(skeletons.get(model.skeleton).swap)
  for key, changed in (('flip', x[:, ::-1]), ('lr', x[:, :, swap])):
    found = jitted_branches()(model, changed)
    np.testing.assert_allclose(
      found, golden[f'eval_in_{key}_7'], rtol=0, atol=1e-4
    )


@every_file
def test_the_network_inside(file):
  golden, model = load(file)
  x = golden['eval_in_7']
  if file == 'gaitgraph1':
    x = np.asarray(keypoints(x))[:, :, :, None]

  @jax.jit
  def inside(network, x):
    mask = jnp.ones(x.shape[:2], bool)
    branch = network.branches[0](
      x[..., 0, :], mask, train=False, dtype=jnp.float32
    )
    return branch, network.maps(x, mask, train=False)[0]

  branch, maps = inside(model.network, x)
  names = ('input_branches', 'main_stream')
  if FILES[file][1].get('convention') == 'opengait':
    names = ('ResGCN.head', 'ResGCN.backbone')
  last = len(model.network.main) - 1
  compare(golden, f'inter_{names[0]}.0.0', branch)
  compare(golden, f'inter_{names[1]}.{last}.0', maps)


def compare(golden, name, ours):
  """Compares [n,s,v,c] with samples of [n',c,s,v], n' >= n."""
  ours = np.asarray(ours).transpose(0, 3, 1, 2)
  assert ours.shape[1:] == tuple(golden[f'{name}_shape'][1:])
  index, values = golden[f'{name}_idx'], golden[f'{name}_val']
  # Walks changed for the test time follow in the file.
  here = index < ours.size
  assert here.sum() > 10
  np.testing.assert_allclose(
    ours.ravel()[index[here]], values[here], rtol=1e-4, atol=1e-4
  )


@functools.cache
def train_pass(file):
  golden, model = load(file)
  config = LOSSES[FILES[file][0]]
  loss_fn = losses.create({'supervised_contrastive': config})
  graphdef, params, stats = nnx.split(model, nnx.Param, nnx.BatchStat)
  batch = {'subject': jnp.asarray(golden['train_labels'])}

  def objective(params, x):
    model = nnx.merge(graphdef, params, stats, copy=True)
    output = model(x, train=True)
    total, _ = loss_fn(output, batch)
    return total, (output, nnx.state(model, nnx.BatchStat))

  grad = jax.jit(jax.value_and_grad(objective, has_aux=True))
  return grad(params, keypoints(golden['train_in']))


@every_file
def test_losses(file):
  golden, _ = load(file)
  (total, (output, _)), _ = train_pass(file)
  expected = golden['train_emb']
  np.testing.assert_allclose(
    output.features.reshape(expected.shape),
    expected,
    rtol=0,
    atol=1e-4 * expected.std(),
  )
  np.testing.assert_allclose(total, golden['train_total'], rtol=1e-4)


@every_file
def test_every_gradient(file):
  golden, model = load(file)
  name, config = FILES[file]
  _, grads = train_pass(file)
  nnx.update(model := nnx.clone(model), grads)
  named = to_torch(name, model, **config)
  largest = golden['grad_l2'].max()
  near = 1e-1 if file in NOISY else 1e-2
  for key, norm, first in zip(
    golden['grad_names'],
    golden['grad_l2'],
    golden['grad_first16'],
    strict=True,
  ):
    grad = named[str(key)]
    assert np.all(np.isfinite(grad)), key
    assert np.linalg.norm(grad) == pytest.approx(
      norm, rel=near, abs=1e-6 * largest
    ), key
    start = np.zeros(16)
    start[: min(16, grad.size)] = grad.ravel()[:16]
    np.testing.assert_allclose(
      start, first, rtol=0, atol=1e-6 * largest + near * norm, err_msg=str(key)
    )
    if str(key).endswith('edge'):
      assert not np.any(grad[3])


@every_file
def test_statistics_after_a_step(file):
  golden, model = load(file)
  name, config = FILES[file]
  (_, (_, stats)), _ = train_pass(file)
  nnx.update(model := nnx.clone(model), stats)
  named = to_torch(name, model, **config)
  for i, layer in enumerate(map(str, golden['bn_names'])):
    for ours, theirs in (('running_mean', 'mean'), ('running_var', 'var')):
      found = named[f'{layer}.{ours}']
      assert np.linalg.norm(found) == pytest.approx(
        golden[f'bn_{theirs}_l2_after'][i], rel=1e-5
      )
      if i in golden['bn_full_idx']:
        np.testing.assert_allclose(
          found,
          golden[f'bn_{ours}_after_{i}'],
          rtol=1e-4,
          atol=1e-4 * np.abs(found).max(),
        )
