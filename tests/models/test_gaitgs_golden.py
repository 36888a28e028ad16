"""GaitGS against the numbers of the released PyTorch network."""

import functools

import golden_numbers
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from gaitgs_jax import losses
from gaitgs_jax.interop import from_torch, to_torch

FILES = tuple(golden_numbers.GAITGS)
LENGTHS = (1, 2, 7, 30, 83)


@functools.cache
def load(name):
  golden = golden_numbers.load(name)
  state = golden_numbers.state_dict(golden)
  return golden, from_torch('gaitgs', state, **golden_numbers.GAITGS[name])


def silhouettes(array):
  return jnp.asarray(array, jnp.float32)[..., None] / 255


@functools.cache
def embed_padded(name):
  """Embeds every golden sequence of 1 to 30 frames in one padded batch."""
  golden, model = load(name)
  frames, mask = [], []
  for length in LENGTHS[:-1]:
    x = golden[f'eval_in_{length}']
    # What the padded frames hold must not matter.
    frames.append(np.pad(x, ((0, 0), (0, 30 - length), (0, 0), (0, 0)), 'wrap'))
    mask.append(np.broadcast_to(np.arange(30) < length, (len(x), 30)))
  forward = jax.jit(lambda model, x, mask: model(x, mask))
  x = silhouettes(np.concatenate(frames))
  return forward(model, x, jnp.asarray(np.concatenate(mask)))


def check(golden, length, output, rows):
  embedding = np.swapaxes(output.embedding[rows], 1, 2)
  np.testing.assert_allclose(
    embedding, golden[f'eval_emb_{length}'], rtol=0, atol=1e-4
  )
  np.testing.assert_allclose(
    output.extras['view_logits'][rows],
    golden[f'eval_view_{length}'],
    rtol=0,
    atol=1e-4,
  )
  if f'eval_logits_{length}' in golden:
    # The file holds [n,k,p], the first 8 parts.
    logits = np.swapaxes(output.logits[rows], 1, 2)[:, :, :8]
    np.testing.assert_allclose(
      logits, golden[f'eval_logits_{length}'], rtol=0, atol=1e-4
    )


@pytest.mark.parametrize('name', FILES)
@pytest.mark.parametrize('length', LENGTHS[:-1])
def test_padded_batch_gives_the_published_embeddings(name, length):
  rows = slice(2 * LENGTHS.index(length), 2 * LENGTHS.index(length) + 2)
  check(load(name)[0], length, embed_padded(name), rows)


@pytest.mark.parametrize('name', FILES)
def test_long_sequence_gives_the_published_embedding(name):
  golden, model = load(name)
  output = jax.jit(lambda model, x: model(x))(
    model, silhouettes(golden['eval_in_83'])
  )
  check(golden, 83, output, slice(None))


def objective(params, graphdef, stats, batch, x):
  """Returns the published total loss and everything it came from."""
  model = nnx.merge(graphdef, params, stats, copy=True)
  output = model(x, train=True)
  config = dict(triplet=dict(margin=0.25), view=dict(weight=0.2))
  if output.logits is not None:
    config['identity'] = dict(scale=16.0, smoothing=0.1)
  total, terms = losses.create(config)(output, batch)
  return total, (terms, output, nnx.state(model, nnx.BatchStat))


def train_batch(golden):
  return {
    'subject': jnp.asarray(golden['train_labels']),
    'view': jnp.asarray(golden['train_view_idx']),
  }


@functools.cache
def train_pass(name):
  golden, model = load(name)
  graphdef, params, stats = nnx.split(model, nnx.Param, nnx.BatchStat)
  grad = jax.jit(
    jax.value_and_grad(objective, has_aux=True), static_argnums=(1,)
  )
  (total, rest), grads = grad(
    params,
    graphdef,
    stats,
    train_batch(golden),
    silhouettes(golden['train_in']),
  )
  return total, *rest, grads


@pytest.mark.parametrize('name', FILES)
def test_losses(name):
  golden, _ = load(name)
  total, terms, output, _, _ = train_pass(name)
  expected = {
    'triplet': golden['train_triplet'],
    'view': golden['train_view_ce'],
    'view_accuracy': golden['train_view_acc'],
  }
  if 'train_softmax_ce' in golden:
    expected['identity'] = golden['train_softmax_ce']
    expected['identity_accuracy'] = golden['train_softmax_acc']
  np.testing.assert_allclose(total, golden['train_total'], rtol=1e-4)
  for key, value in expected.items():
    np.testing.assert_allclose(terms[key], value, rtol=1e-4, atol=1e-6)
  parts = losses.triplet_parts(
    output.features, jnp.asarray(golden['train_labels']), margin=0.25
  )
  for ours, theirs, tolerance in (
    ('loss', 'loss', 1e-4),
    ('hard', 'hard_loss', 1e-3),
    ('distance', 'mean_dist', 1e-2),
  ):
    np.testing.assert_allclose(
      parts[ours], golden[f'train_triplet_{theirs}'], atol=tolerance
    )
  idle = golden['train_triplet_loss_num'] == 0
  assert np.all(parts['loss'][idle] == 0)
  assert idle.any() == (name != 'gaitgs_small')


@pytest.mark.parametrize('name', FILES)
def test_every_gradient(name):
  golden, model = load(name)
  *_, stats, grads = train_pass(name)
  nnx.update(model := nnx.clone(model), grads)
  named = to_torch('gaitgs', model, **golden_numbers.GAITGS[name])
  for key, norm, first in zip(
    golden['grad_names'],
    golden['grad_l2'],
    golden['grad_first16'],
    strict=True,
  ):
    grad = named[str(key)]
    assert np.all(np.isfinite(grad)), key
    assert np.linalg.norm(grad) == pytest.approx(norm, rel=1e-2, abs=1e-6), key
    start = np.zeros(16)
    start[: min(16, grad.size)] = grad.ravel()[:16]
    np.testing.assert_allclose(
      start, first, rtol=1e-2, atol=1e-6 + 1e-3 * norm, err_msg=str(key)
    )
  if name == 'gaitgs_oumvlp':
    np.testing.assert_allclose(
      stats['norm']['mean'][...], golden['bn_running_mean_after'], atol=1e-5
    )
    np.testing.assert_allclose(
      stats['norm']['variance'][...],
      golden['bn_running_var_after'],
      rtol=1e-4,
    )
