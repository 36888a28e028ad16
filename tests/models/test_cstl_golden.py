"""CSTL against the numbers of the released PyTorch network."""

import functools

import golden_checks
import golden_numbers
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaitgs_jax import losses
from gaitgs_jax.interop import from_torch, to_torch

FILES = {'cstl_64': dict(parts=32), 'cstl_128': dict(parts=64)}
LENGTHS = (1, 7, 30)
LOSSES = losses.create(
  dict(triplet=dict(margin=0.2), identity=dict(scale=1.0, smoothing=0.0))
)

every_file = golden_checks.each('name', FILES)


@functools.cache
def load(name):
  golden = golden_numbers.load(name)
  state = golden_numbers.state_dict(golden)
  return golden, from_torch('cstl', state, **FILES[name])


@functools.cache
def forward():
  return jax.jit(lambda model, x, mask: model(x, mask))


@functools.cache
def embed_padded(name):
  golden, model = load(name)
  return forward()(model, *golden_checks.padded_batch(golden, LENGTHS))


def check(golden, length, output, rows):
  for ours, theirs in (('embedding', 'emb'), ('logits', 'logits')):
    np.testing.assert_allclose(
      getattr(output, ours)[rows],
      golden[f'eval_{theirs}_{length}'],
      rtol=0,
      atol=1e-4,
    )


@every_file
@pytest.mark.parametrize('length', LENGTHS)
def test_padded_batch_gives_the_published_embeddings(name, length):
  first = 2 * LENGTHS.index(length)
  check(load(name)[0], length, embed_padded(name), slice(first, first + 2))


@every_file
def test_a_sequence_by_itself_gives_the_published_embedding(name):
  golden, model = load(name)
  x = golden_checks.silhouettes(golden['eval_in_7'])
  check(golden, 7, forward()(model, x, None), slice(None))


@functools.cache
def train_pass(name):
  golden, model = load(name)
  return golden_checks.train_pass(
    model,
    golden_checks.silhouettes(golden['train_in']),
    {'subject': jnp.asarray(golden['train_labels'])},
    loss_fn=LOSSES,
  )


@every_file
def test_losses(name):
  golden, _ = load(name)
  total, terms, output, *_ = train_pass(name)
  for ours, theirs in (
    (total, 'total'),
    (terms['triplet'], 'triplet'),
    (terms['identity'], 'softmax'),
  ):
    np.testing.assert_allclose(ours, golden[f'train_{theirs}'], rtol=1e-4)
  golden_checks.check_triplet(golden, output.features, margin=0.2)
  for ours, theirs in ((output.features, 'emb'), (output.logits, 'logits')):
    np.testing.assert_allclose(
      ours, golden[f'train_{theirs}'], rtol=0, atol=1e-4
    )


@every_file
def test_every_gradient(name):
  golden, model = load(name)
  *_, grads, _ = train_pass(name)
  model = golden_checks.with_state(model, grads)
  golden_checks.check_gradients(golden, to_torch('cstl', model, **FILES[name]))


@every_file
def test_running_statistics(name):
  golden, model = load(name)
  *_, stats = train_pass(name)
  model = golden_checks.with_state(model, stats)
  named = to_torch('cstl', model, **FILES[name])
  names = [str(each) for each in golden['bn_names']]
  for kind in ('mean', 'var'):
    norms = [np.linalg.norm(named[f'{each}.running_{kind}']) for each in names]
    np.testing.assert_allclose(norms, golden[f'bn_{kind}_l2_after'], rtol=1e-4)
    for i in golden['bn_full_idx']:
      np.testing.assert_allclose(
        named[f'{names[i]}.running_{kind}'],
        golden[f'bn_running_{kind}_after_{i}'],
        rtol=1e-4,
        atol=1e-5,
      )
