"""GaitTR against the numbers of the released PyTorch network."""

import functools

import golden_checks
import golden_numbers

from gaitgs_jax import losses
from gaitgs_jax.interop import to_torch

FILES = {
  'gaittr_coco': dict(dropout=0.0),
  'gaittr_oumvlp': dict(skeleton='openpose18', features=256, dropout=0.0),
}
# Longer sequences cost much and are treated no differently.
LENGTHS = (1, 7)
LOSSES = losses.create(dict(triplet=dict(margin=0.3)))

every_file = golden_checks.each('file', FILES)


@functools.cache
def load(file):
  return golden_numbers.load(file)


@functools.cache
def embed(file, dtype):
  return golden_checks.embed(
    'gaittr', load(file), dtype, LENGTHS, **FILES[file]
  )


@functools.cache
def train_pass(file, dtype):
  return golden_checks.train_pass(
    'gaittr', load(file), dtype, LOSSES, **FILES[file]
  )


@every_file
def test_the_state_dict_is_the_published_one(file):
  golden = load(file)
  # The weights show the skeleton.
  config = {k: v for k, v in FILES[file].items() if k != 'skeleton'}
  model = golden_checks.model('gaittr', golden, 'float32', **config)
  ours = to_torch('gaittr', model)
  assert ours.keys() == {*map(str, golden['names'])}
  for name, shape, ndim in zip(
    golden['names'], golden['shapes'], golden['ndim'], strict=True
  ):
    assert ours[str(name)].shape == tuple(shape[:ndim])


@every_file
def test_padded_batch_gives_the_published_embeddings(file):
  golden = load(file)
  for length, output in golden_checks.by_length(
    golden, LENGTHS, embed(file, 'float64')
  ):
    golden_checks.check(
      output.embedding.swapaxes(1, 2), golden[f'eval_emb_{length}']
    )


@every_file
def test_losses(file):
  golden, found = load(file), train_pass(file, 'float64')
  features = found.output.features
  golden_checks.check(features.swapaxes(1, 2), golden['train_emb'])
  golden_checks.check(found.total, golden['train_total'])
  golden_checks.check_triplet(golden, features, margin=0.3)


@every_file
def test_every_gradient(file):
  golden_checks.check_gradients(load(file), train_pass(file, 'float64').named)


@every_file
def test_running_statistics(file):
  golden_checks.check_statistics(load(file), train_pass(file, 'float64').named)


def test_float32_differs_by_rounding_alone():
  file = 'gaittr_coco'
  golden_checks.check_rounding(
    load(file),
    functools.partial(embed, file),
    functools.partial(train_pass, file),
    golden_checks.TRIPLET,
  )
