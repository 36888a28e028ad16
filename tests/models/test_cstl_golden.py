"""CSTL against the numbers of the released PyTorch network."""

import functools

import golden_checks

from gaitgs_jax import losses

FILES = {'cstl_64': dict(parts=32), 'cstl_128': dict(parts=64)}
# Long sequences where they cost little; no form treats them otherwise.
LENGTHS = {'cstl_64': (1, 7, 30), 'cstl_128': (1, 7)}
LOSSES = losses.create(
  dict(triplet=dict(margin=0.2), identity=dict(scale=1.0, smoothing=0.0))
)

every_file = golden_checks.each('name', FILES)
# The larger form has the same blocks.
every_trained_file = golden_checks.each(
  'name', FILES if golden_checks.WHOLE else ['cstl_64']
)


load = golden_checks.load


def lengths(name):
  return golden_checks.lengths(name, LENGTHS[name])


@golden_checks.shared
def embed(name, dtype):
  return golden_checks.embed(
    'cstl', load(name), dtype, lengths(name), **FILES[name]
  )


@golden_checks.shared
def train_pass(name, dtype):
  return golden_checks.train_pass(
    'cstl', load(name), dtype, LOSSES, **FILES[name]
  )


@every_file
def test_padded_batch_gives_the_published_embeddings(name):
  golden = load(name)
  for length, output in golden_checks.by_length(
    golden, lengths(name), embed(name, 'float64')
  ):
    for ours, theirs in (('embedding', 'emb'), ('logits', 'logits')):
      golden_checks.check(
        getattr(output, ours), golden[f'eval_{theirs}_{length}']
      )


@every_trained_file
def test_losses(name):
  golden, found = load(name), train_pass(name, 'float64')
  for ours, theirs in (
    (found.total, 'total'),
    (found.terms['triplet'], 'triplet'),
    (found.terms['identity'], 'softmax'),
    (found.output.features, 'emb'),
    (found.output.logits, 'logits'),
  ):
    golden_checks.check(ours, golden[f'train_{theirs}'])
  golden_checks.check_triplet(golden, found.output.features, margin=0.2)


@every_trained_file
def test_every_gradient(name):
  named = train_pass(name, 'float64').named
  golden_checks.check_gradients(load(name), named)


@every_trained_file
def test_running_statistics(name):
  named = train_pass(name, 'float64').named
  golden_checks.check_statistics(load(name), named)


@golden_checks.each('name', ('cstl_64',))
def test_float32_differs_by_rounding_alone(name):
  golden_checks.check_rounding(
    load(name),
    functools.partial(embed, name),
    functools.partial(train_pass, name),
    golden_checks.TRIPLET,
  )
