"""GaitBase against the numbers of the released PyTorch network."""

import functools

import golden_checks
import golden_numbers

from gaitgs_jax import losses

# Longer sequences cost much and are treated no differently.
LENGTHS = (1, 7)
LOSSES = losses.create(dict(triplet=dict(margin=0.2), identity=dict()))


@functools.cache
def load():
  return golden_numbers.load('gaitbase')


@functools.cache
def embed(dtype):
  return golden_checks.embed('gaitbase', load(), dtype, LENGTHS)


@functools.cache
def train_pass(dtype):
  return golden_checks.train_pass('gaitbase', load(), dtype, LOSSES)


def check_parts(found, right):
  """Compares [n,p,d] with the original's [n,d,p]."""
  golden_checks.check(found, right.swapaxes(1, 2))


def test_padded_batch_gives_the_published_embeddings():
  golden = load()
  for length, output in golden_checks.by_length(
    golden, LENGTHS, embed('float64')
  ):
    check_parts(output.embedding, golden[f'eval_emb_{length}'])
    check_parts(output.logits, golden[f'eval_logits_{length}'])


def test_losses():
  golden, found = load(), train_pass('float64')
  check_parts(found.output.features, golden['train_emb'])
  check_parts(found.output.logits, golden['train_logits'])
  golden_checks.check(found.total, golden['train_total'])
  golden_checks.check(found.terms['triplet'], golden['train_triplet'])
  golden_checks.check(found.terms['identity'], golden['train_softmax'])
  golden_checks.check_triplet(golden, found.output.features, margin=0.2)


def test_every_gradient():
  golden_checks.check_gradients(load(), train_pass('float64').named)


def test_running_statistics():
  golden_checks.check_statistics(load(), train_pass('float64').named)


def test_float32_differs_by_rounding_alone():
  golden_checks.check_rounding(load(), embed, train_pass, golden_checks.TRIPLET)
