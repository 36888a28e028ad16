"""Gradients of a batch that is computed a part at a time.

Metric losses need the embeddings of the whole batch at once, so that the mean
over the losses of parts would be another loss. Here the parts are embedded
first, then the loss and its gradient at the embeddings are taken, then the
parts are embedded again to carry that gradient back (Gao et al.,
https://arxiv.org/abs/2101.06983): the same numbers for one more forward pass.
On CPU, XLA runs the convolutions of such a loop slowly.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

# (params, stats, rows, key) -> (output, stats)
Forward = Callable[[Any, Any, Any, jax.Array], tuple[Any, Any]]


def value_and_grad(
  forward: Forward, loss_fn: Callable[[Any], tuple[jax.Array, Any]], count: int
) -> Callable[..., tuple[tuple[jax.Array, tuple[Any, Any]], Any]]:
  """Returns (params, stats, rows, key) -> ((loss, (terms, stats)), gradient).

  The gradient is that of the loss of all rows. BatchNorm normalises each part
  by itself.

  Args:
    forward: computes an output, a tree of arrays with rows first, and the
      statistics after it.
    loss_fn: output of all rows -> (loss, terms).
    count: how many parts; it divides the rows.
  """

  def compute(
    params: Any, stats: Any, rows: Any, key: jax.Array
  ) -> tuple[tuple[jax.Array, tuple[Any, Any]], Any]:
    if count == 1:

      def objective(params: Any) -> tuple[jax.Array, Any]:
        output, after = forward(params, stats, rows, key)
        loss, terms = loss_fn(output)
        return loss, (terms, after)

      return jax.value_and_grad(objective, has_aux=True)(params)
    parts = jax.tree.map(lambda x: _cut(x, count), rows)
    parts = (parts, jax.random.split(key, count))

    def embed(_: None, part: tuple) -> tuple[None, Any]:
      return None, forward(params, stats, *part)[0]

    _, outputs = jax.lax.scan(embed, None, parts)
    (loss, terms), pulled = jax.value_and_grad(
      lambda outputs: loss_fn(jax.tree.map(_join, outputs)), has_aux=True
    )(outputs)

    def carry_back(carry: tuple, part: tuple) -> tuple[tuple, None]:
      (total, stats), ((rows, key), pull) = carry, part
      _, back, stats = jax.vjp(
        lambda params: forward(params, stats, rows, key), params, has_aux=True
      )
      return (jax.tree.map(jnp.add, total, back(pull)[0]), stats), None

    start = (jax.tree.map(jnp.zeros_like, params), stats)
    (grads, stats), _ = jax.lax.scan(carry_back, start, (parts, pulled))
    return (loss, (terms, stats)), grads

  return compute


def _cut(x: jax.Array, count: int) -> jax.Array:
  """Cuts rows [n,...] to parts [count,n/count,...]: every count-th row.

  Rows that are split over devices are so in each part as well.
  """
  return x.reshape(-1, count, *x.shape[1:]).swapaxes(0, 1)


def _join(x: jax.Array) -> jax.Array:
  """Joins parts [count,n/count,...] to the rows [n,...] they were cut from."""
  return x.swapaxes(0, 1).reshape(-1, *x.shape[2:])
