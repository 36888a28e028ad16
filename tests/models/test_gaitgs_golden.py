"""GaitGS against the numbers of the released PyTorch network."""

import functools

import golden_checks
import golden_numbers
import jax
import numpy as np
import optax

from gaitgs_jax import losses
from gaitgs_jax.training import optimizers

FILES = golden_numbers.GAITGS
# Long sequences where they cost little; no form treats them otherwise.
LENGTHS = {
  'gaitgs_small': (1, 2, 7, 30),
  'gaitgs_casia': (1, 7),
  'gaitgs_oumvlp': (7,),
}
# Training takes most of the time. The CASIA-B form adds only wider maps to the
# small one, which shows the gradients of maps for OU-MVLP's too.
TRAINED, FROZEN = (
  (tuple(FILES), {})
  if golden_checks.WHOLE
  else (
    ('gaitgs_small', 'gaitgs_oumvlp'),
    {'gaitgs_oumvlp': dict(extractor='mgfe.')},
  )
)

# Of the trajectory's five.
STEPS = 5 if golden_checks.WHOLE else 3

every_file = golden_checks.each('name', FILES)
every_trained_file = golden_checks.each('name', TRAINED)
load = golden_checks.load


def lengths(name):
  return golden_checks.lengths(name, LENGTHS[name])


@golden_checks.shared
def embed(name, dtype):
  return golden_checks.embed(
    'gaitgs', load(name), dtype, lengths(name), **FILES[name]
  )


@every_file
def test_padded_batch_gives_the_published_embeddings(name):
  golden = load(name)
  for length, output in golden_checks.by_length(
    golden, lengths(name), embed(name, 'float64')
  ):
    golden_checks.check(
      output.embedding.swapaxes(1, 2), golden[f'eval_emb_{length}']
    )
    golden_checks.check(
      output.extras['view_logits'], golden[f'eval_view_{length}']
    )
    if output.logits is not None:
      # The file holds [n,k,p], the first 8 parts.
      logits = output.logits.swapaxes(1, 2)[:, :, :8]
      golden_checks.check(logits, golden[f'eval_logits_{length}'])


@golden_checks.shared
def gradient(name, dtype):
  config = dict(triplet=dict(margin=0.25), view=dict(weight=0.2))
  if 'num_classes' in FILES[name]:
    config['identity'] = dict(scale=16.0, smoothing=0.1)
  return golden_checks.Gradient(
    'gaitgs',
    load(name),
    dtype,
    losses.create(config),
    frozen=FROZEN.get(name, {}),
    **FILES[name],
  )


@golden_checks.shared
def train_pass(name, dtype):
  return gradient(name, dtype).train_pass()


@every_trained_file
def test_losses(name):
  golden, found = load(name), train_pass(name, 'float64')
  golden_checks.check(found.total, golden['train_total'])
  for ours, theirs in (
    ('triplet', 'triplet'),
    ('view', 'view_ce'),
    ('view_accuracy', 'view_acc'),
    ('identity', 'softmax_ce'),
    ('identity_accuracy', 'softmax_acc'),
  ):
    assert (ours in found.terms) == (f'train_{theirs}' in golden)
    if ours in found.terms:
      golden_checks.check(found.terms[ours], golden[f'train_{theirs}'])
  parts = golden_checks.check_triplet(
    golden, found.output.features, margin=0.25
  )
  np.testing.assert_allclose(
    parts['hard'], golden['train_triplet_hard_loss'], rtol=1e-6, atol=1e-6
  )
  idle = golden['train_triplet_loss_num'] == 0
  assert idle.any() == (name != 'gaitgs_small')


@every_trained_file
def test_every_gradient(name):
  golden, named = load(name), train_pass(name, 'float64').named
  without = FROZEN.get(name, {}).values()
  golden_checks.check_gradients(golden, named, without)
  if name == 'gaitgs_oumvlp':
    for kind in ('mean', 'var'):
      golden_checks.check(
        named[f'Bn.running_{kind}'], golden[f'bn_running_{kind}_after']
      )


@golden_checks.each('name', ('gaitgs_small',))
def test_float32_differs_by_rounding_alone(name):
  golden_checks.check_rounding(
    load(name),
    functools.partial(embed, name),
    functools.partial(train_pass, name),
    golden_checks.TRIPLET,
  )


@golden_checks.each('name', ('gaitgs_small',))
def test_adam_follows_the_published_trajectory(name):
  golden, grad = load(name), gradient(name, 'float64')
  adam = optimizers.adam(lambda count: 1e-4, None, weight_decay=5e-4)
  with golden_checks.precision('float64'):

    @jax.jit
    def update(grads, state, params):
      updates, state = adam.update(grads, state, params)
      return optax.apply_updates(params, updates), state

    params, rows = grad.params, []
    state = adam.init(params)
    for step in range(STEPS):
      (total, (terms, *_)), grads = grad(params) if step else grad.first
      rows.append([total, terms['triplet'], terms['view']])
      params, state = update(grads, state, params)
  np.testing.assert_allclose(rows, golden['traj'][:STEPS], rtol=1e-6, atol=1e-9)
  if not golden_checks.WHOLE:
    return
  named = grad.named(params)
  for key, norm, first in zip(
    golden['grad_names'],
    golden['traj_final_l2'],
    golden['traj_final_first16'],
    strict=True,
  ):
    array = named[str(key)]
    np.testing.assert_allclose(np.linalg.norm(array), norm, rtol=1e-6)
    start = array.ravel()[:16]
    np.testing.assert_allclose(start, first[: len(start)], atol=1e-6)
