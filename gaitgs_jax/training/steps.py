"""The training step: one pure function of (state, batch, key)."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import optax
from flax import nnx

from gaitgs_jax import losses
from gaitgs_jax.input import augment as inputs_of
from gaitgs_jax.modalities import Shapes
from gaitgs_jax.models import GaitOutput, norms, remat
from gaitgs_jax.training import accumulation, averaging, states
from gaitgs_jax.training.states import TrainState

# As `input.pipeline.Batch`, on the devices.
DeviceBatch = dict[str, jax.Array]
Metrics = dict[str, jax.Array]
TrainStep = Callable[
  [TrainState, DeviceBatch, jax.Array], tuple[TrainState, Metrics]
]


def call(
  model: nnx.Module,
  inputs: Any,
  mask: jax.Array,
  *,
  train: bool,
  key: jax.Array | None,
) -> GaitOutput:
  """Calls a model, to which copies of a sequence are rows like others.

  Args:
    model: to call.
    inputs: [n,s,...], or [n,a,s,...] of a copies; of several modalities a dict
      of such arrays.
    mask: bool [n,s] or [n,a,s].
    train: as for the model.
    key: as for the model.

  Returns:
    The output, whose arrays are [n,...] or, of copies, [n,a,...].
  """
  if mask.ndim == 2:
    return model(inputs, mask, train=train, key=key)
  n, a = mask.shape[:2]
  joined = jax.tree.map(lambda x: x.reshape(n * a, *x.shape[2:]), inputs)
  output = model(joined, mask.reshape(n * a, -1), train=train, key=key)
  return jax.tree.map(lambda x: x.reshape(n, a, *x.shape[1:]), output)


def taught(output: GaitOutput, teacher: GaitOutput) -> GaitOutput:
  """Adds a teacher's output: what is 'features' there is 'teacher/features'.

  No gradient passes it.
  """
  others = jax.lax.stop_gradient(losses.arrays(teacher))
  named = {f'teacher/{name}': array for name, array in others.items()}
  extras = {**output.extras, **named}
  return dataclasses.replace(output, extras=extras)


def _forward(
  params: states.Arrays,
  stats: states.Arrays,
  rows: Any,
  key: jax.Array,
  *,
  graphdef: nnx.GraphDef,
  recompute: str,
  hold: Callable[[states.Arrays], states.Arrays],
  teacher: states.Arrays | None = None,
) -> tuple[GaitOutput, states.Arrays]:
  """Returns a model's output in training, a teacher's added, and statistics.

  See `make_train_step` for the arguments.
  """
  model = states.join(graphdef, hold(params), stats)
  with remat.recomputing(recompute):
    output = call(model, *rows, train=True, key=key)
  if teacher is not None:
    with remat.recomputing(recompute):
      other = states.join(graphdef, hold(teacher), stats)
      # With a draw of its own, as its own dropout.
      drop = jax.random.fold_in(key, 1)
      output = taught(output, call(other, *rows, train=True, key=drop))
  return output, states.statistics(model)


def make_train_step(
  graphdef: nnx.GraphDef,
  loss_fn: losses.LossFn,
  optimizer: optax.GradientTransformation,
  *,
  sizes: Shapes,
  augment: inputs_of.Transform = inputs_of.keep,
  shardings: TrainState | None = None,
  accumulate: int = 1,
  recompute: str = 'none',
  hold: Callable[[states.Arrays], states.Arrays] = lambda params: params,
) -> TrainStep:
  """Returns the jitted step (state, batch, key) -> (state, metrics).

  The state is donated: its arrays are gone after the call. The key is the
  run's; each step folds its own number in, so that a resumed run draws what an
  uninterrupted one would. The losses and BatchNorm see the global batch, but
  for BatchNorm where it is computed in parts.

  Args:
    graphdef: the model's static part, of `states.split`.
    loss_fn: (output, batch) -> (loss, terms by name).
    optimizer: an optax transformation.
    sizes: of the frames that the model sees, see `input.augment.inputs`.
    augment: what happens to them, of `input.augment.create`.
    shardings: where the state's arrays live (default: XLA's choice).
    accumulate: parts that a batch is computed in, see `accumulation`; it
      divides the rows.
    recompute: what is computed again in the backward pass, one of
      `models.remat.LEVELS`.
    hold: stops the gradient of frozen weights, see `groups.Groups`.
  """
  forward = functools.partial(
    _forward, graphdef=graphdef, recompute=recompute, hold=hold
  )

  def train_step(
    state: TrainState, batch: DeviceBatch, key: jax.Array
  ) -> tuple[TrainState, Metrics]:
    draw, drop = jax.random.split(jax.random.fold_in(key, state.step))
    inputs, mask = augment.of_batch(batch, sizes, draw)

    gradient = accumulation.value_and_grad(
      functools.partial(forward, teacher=averaging.teacher_of(state.opt_state)),
      lambda output: loss_fn(output, {**batch, 'mask': mask}),
      accumulate,
    )
    (loss, (terms, stats)), grads = gradient(
      state.params, state.stats, (inputs, mask), drop
    )
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    metrics = {'loss': loss, 'grad_norm': optax.tree.norm(grads), **terms}
    return TrainState(state.step + 1, params, stats, opt_state), metrics

  out = None if shardings is None else (shardings, None)
  return jax.jit(train_step, donate_argnums=0, out_shardings=out)


def make_refresh(
  graphdef: nnx.GraphDef,
  *,
  sizes: Shapes,
  augment: inputs_of.Transform = inputs_of.keep,
) -> Callable[[TrainState, DeviceBatch, jax.Array, Any], TrainState]:
  """Returns the jitted (state, batch, key, share) -> state of newer statistics.

  A training step without the update of the weights, for weights that were
  averaged. The batch weighs `share` in the statistics: 1, 1/2, 1/3, ... over
  successive batches give their mean.

  Args:
    graphdef: the model's static part, of `states.split`.
    sizes: as for `make_train_step`.
    augment: as for `make_train_step`.
  """

  @jax.jit
  def refresh(
    state: TrainState, batch: DeviceBatch, key: jax.Array, share: jax.Array
  ) -> TrainState:
    draw, drop = jax.random.split(key)
    inputs, mask = augment.of_batch(batch, sizes, draw)
    model = states.join(graphdef, state.params, state.stats)
    with norms.statistics_momentum(share):
      call(model, inputs, mask, train=True, key=drop)
    return state._replace(stats=states.statistics(model))

  return refresh
