"""Five steps of our Adam in float64 against the published network's."""

import golden_checks
import golden_numbers
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from gaitgs_jax import losses
from gaitgs_jax.interop import from_torch, to_torch
from gaitgs_jax.training import optimizer as optimizers


def test_adam_follows_the_published_trajectory():
  golden = golden_numbers.load('gaitgs_small')
  config = golden_numbers.GAITGS['gaitgs_small'] | {'dtype': 'float64'}
  weights = golden_numbers.state_dict(golden)
  # A triplet that crosses the hinge moves a float32 trajectory.
  with golden_checks.precision('float64'):
    model = from_torch('gaitgs', weights, **config)
    graphdef, params = nnx.split(model)
    params = jax.tree.map(lambda x: x.astype(jnp.float64), params)
    x = jnp.asarray(golden['train_in'], jnp.float64)[..., None] / 255
    batch = {
      'subject': jnp.asarray(golden['train_labels']),
      'view': jnp.asarray(golden['train_view_idx']),
    }
    loss_fn = losses.create(
      {'triplet': {'margin': 0.25}, 'view': {'weight': 0.2}}
    )
    adam = optimizers.adam(lambda count: 1e-4, weight_decay=5e-4)

    def objective(params):
      return loss_fn(nnx.merge(graphdef, params)(x, train=True), batch)

    @jax.jit
    def step(params, state):
      gradient = jax.value_and_grad(objective, has_aux=True)
      (total, terms), grads = gradient(params)
      updates, state = adam.update(grads, state, params)
      row = jnp.stack([total, terms['triplet'], terms['view']])
      return optax.apply_updates(params, updates), state, row

    state, rows = adam.init(params), []
    for _ in range(5):
      params, state, row = step(params, state)
      rows.append(row)
    final = nnx.merge(graphdef, params)
    rows.append(step(params, state)[2])
    named = to_torch('gaitgs', final, **config)
  np.testing.assert_allclose(rows, golden['traj'], rtol=1e-6, atol=1e-9)
  for name, norm, first in zip(
    golden['grad_names'],
    golden['traj_final_l2'],
    golden['traj_final_first16'],
    strict=True,
  ):
    array = named[str(name)]
    np.testing.assert_allclose(np.linalg.norm(array), norm, rtol=1e-6)
    start = array.ravel()[:16]
    np.testing.assert_allclose(start, first[: len(start)], atol=1e-6)
