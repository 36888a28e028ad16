"""GaitGS against the numbers of the released PyTorch network."""

import functools

import golden_checks
import golden_numbers
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaitgs_jax import losses
from gaitgs_jax.interop import from_torch, to_torch

FILES = tuple(golden_numbers.GAITGS)
LENGTHS = (1, 2, 7, 30, 83)


@functools.cache
def load(name):
  golden = golden_numbers.load(name)
  state = golden_numbers.state_dict(golden)
  return golden, from_torch('gaitgs', state, **golden_numbers.GAITGS[name])


@functools.cache
def embed_padded(name):
  """Embeds every golden sequence of 1 to 30 frames in one padded batch."""
  golden, model = load(name)
  forward = jax.jit(
    lambda model, x, mask: model(x, mask),
    compiler_options=golden_checks.OPTIMISED,
  )
  return forward(model, *golden_checks.padded_batch(golden, LENGTHS[:-1]))


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


@golden_checks.each('name', FILES)
@pytest.mark.parametrize('length', LENGTHS[:-1])
def test_padded_batch_gives_the_published_embeddings(name, length):
  rows = slice(2 * LENGTHS.index(length), 2 * LENGTHS.index(length) + 2)
  check(load(name)[0], length, embed_padded(name), rows)


@golden_checks.each('name', FILES)
def test_long_sequence_gives_the_published_embedding(name):
  golden, model = load(name)
  output = jax.jit(lambda model, x: model(x))(
    model, golden_checks.silhouettes(golden['eval_in_83'])
  )
  check(golden, 83, output, slice(None))


@functools.cache
def published_losses(identity):
  config = dict(triplet=dict(margin=0.25), view=dict(weight=0.2))
  if identity:
    config['identity'] = dict(scale=16.0, smoothing=0.1)
  return losses.create(config)


@functools.cache
def train_pass(name):
  golden, model = load(name)
  batch = {
    'subject': jnp.asarray(golden['train_labels']),
    'view': jnp.asarray(golden['train_view_idx']),
  }
  return golden_checks.train_pass(
    model,
    golden_checks.silhouettes(golden['train_in']),
    batch,
    loss_fn=published_losses(model.has_identity),
  )


@golden_checks.each('name', FILES)
def test_losses(name):
  golden, _ = load(name)
  total, terms, output, *_ = train_pass(name)
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
  parts = golden_checks.check_triplet(golden, output.features, margin=0.25)
  np.testing.assert_allclose(
    parts['hard'], golden['train_triplet_hard_loss'], atol=1e-3
  )
  idle = golden['train_triplet_loss_num'] == 0
  assert idle.any() == (name != 'gaitgs_small')


@golden_checks.each('name', FILES)
def test_every_gradient(name):
  golden, model = load(name)
  *_, grads, stats = train_pass(name)
  model = golden_checks.with_state(model, grads)
  named = to_torch('gaitgs', model, **golden_numbers.GAITGS[name])
  golden_checks.check_gradients(golden, named)
  if name == 'gaitgs_oumvlp':
    np.testing.assert_allclose(
      stats['norm']['mean'][...], golden['bn_running_mean_after'], atol=1e-5
    )
    np.testing.assert_allclose(
      stats['norm']['variance'][...],
      golden['bn_running_var_after'],
      rtol=1e-4,
    )
