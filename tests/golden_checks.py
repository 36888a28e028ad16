"""What the golden tests of the models share."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from gaitgs_jax import losses


def each(argument, names):
  """Parametrizes over golden files; one process runs the tests of a file.

  They share what they compile, which takes most of the time.
  """
  return pytest.mark.parametrize(
    argument,
    [pytest.param(n, marks=pytest.mark.xdist_group(n)) for n in names],
  )


def silhouettes(array):
  return jnp.asarray(array, jnp.float32)[..., None] / 255


def padded_batch(golden, lengths):
  """Joins golden sequences of several lengths to silhouettes and a mask."""
  frames, mask, longest = [], [], max(lengths)
  for length in lengths:
    x = golden[f'eval_in_{length}']
    # What the padded frames hold must not matter.
    padding = ((0, 0), (0, longest - length), (0, 0), (0, 0))
    frames.append(np.pad(x, padding, 'wrap'))
    mask.append(np.broadcast_to(np.arange(longest) < length, (len(x), longest)))
  return silhouettes(np.concatenate(frames)), jnp.concatenate(mask)


# As users compile: fused operations that are rounded in another way where they
# are computed again have cost a maximum its gradient (docs/porting.md).
OPTIMISED = {'xla_backend_optimization_level': 3}


def train_pass(model, x, batch, *, loss_fn):
  """Returns total, terms, output, the gradients and the running statistics."""
  graphdef, params, stats = nnx.split(model, nnx.Param, nnx.BatchStat)

  def objective(params):
    model = nnx.merge(graphdef, params, stats, copy=True)
    output = model(x, train=True)
    total, terms = loss_fn(output, batch)
    return total, (terms, output, nnx.state(model, nnx.BatchStat))

  grad = jax.value_and_grad(objective, has_aux=True)
  jitted = jax.jit(grad, compiler_options=OPTIMISED)
  (total, (terms, output, stats)), grads = jitted(params)
  return total, terms, output, grads, stats


def with_state(model, state):
  """Returns a copy of the model that holds other numbers."""
  nnx.update(model := nnx.clone(model), state)
  return model


def check_triplet(golden, features, margin):
  """Compares what the triplet loss computes of each part, and returns it."""
  parts = losses.triplet_parts(
    features, jnp.asarray(golden['train_labels']), margin=margin
  )
  for ours, theirs, tolerance in (
    ('loss', 'loss', 1e-4),
    ('distance', 'mean_dist', 1e-2),
  ):
    np.testing.assert_allclose(
      parts[ours], golden[f'train_triplet_{theirs}'], atol=tolerance
    )
  idle = golden['train_triplet_loss_num'] == 0
  assert np.all(parts['loss'][idle] == 0)
  return parts


def check_gradients(golden, named):
  """Compares the gradients, by torch's names, with the published ones."""
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
