"""What the golden tests of the models share.

The released networks computed the golden numbers in float64, and float64 is
where they are compared: two programs then agree to the last digits of the
files, which hold float32, whatever the processor. What float32 rounds away
depends on the processor, its instructions and XLA's fusions. It is compared
with our own float64, within `Rounding`.
"""

import contextlib
import dataclasses
import functools
import operator
import os
import re
from typing import Any, NamedTuple

import golden_numbers
import jax
import jax.numpy as jnp
import lowered
import numpy as np
import pytest
from flax import nnx
from jax.interpreters import partial_eval

from gaitgs_jax import losses
from gaitgs_jax.interop import from_torch, to_torch
from gaitgs_jax.models import convolution
from gaitgs_jax.training import steps

# As users compile (the tests compile in a fifth of the time, see conftest.py).
OPTIMISED = {'xla_backend_optimization_level': 3}
if '--xla_cpu_use_fusion_emitters=false' in os.environ['XLA_FLAGS'].split():
  OPTIMISED['xla_cpu_use_fusion_emitters'] = True


DTYPES = ('float32', 'float64')
# Whether everything of every file is compared (`make test-golden`). Otherwise
# what another file or length shows of the same code is left out, as it takes
# minutes.
WHOLE = os.environ.get('GOLDEN') == 'whole'


@dataclasses.dataclass(frozen=True)
class Rounding:
  """The largest differences of float32 from float64 that a test allows.

  Each is at least five times the largest that was seen on a processor with
  AVX-512; the tests passed with AVX2 too.

  Attributes:
    spread: of embeddings and features, in standard deviations.
    loss: of the total, relative.
    gradient: of all gradients as one vector, relative to its length.
  """

  spread: float
  loss: float
  gradient: float


# The mean is over the non-zero triplets alone. A triplet of nearly zero that is
# one of them in float32, or is not, moves it by 3e-3 (few are non-zero here).
TRIPLET = Rounding(spread=2e-4, loss=2e-2, gradient=5e-2)
# A temperature of 0.01 enlarges what is rounded a hundred times, and the
# gradient jumps where an activation of nearly zero changes its sign.
CONTRASTIVE = Rounding(spread=2e-4, loss=1e-3, gradient=1e-1)


class Pass(NamedTuple):
  """A training step's results without the step, as NumPy arrays.

  `named` holds the gradients, and the statistics after the step, by torch's
  names.
  """

  total: np.ndarray
  terms: dict[str, np.ndarray]
  output: Any
  named: dict[str, np.ndarray]


def each(argument, names):
  """Parametrizes over golden files; one process runs the tests of a file.

  They follow one another (conftest.py) and share what is computed, see
  `shared`.
  """
  return pytest.mark.parametrize(
    argument,
    [pytest.param(n, marks=pytest.mark.xdist_group(n)) for n in names],
  )


# Keeps what a function of (name, dtype) returned for the present file: those of
# all would fill a small machine's memory.
shared = functools.lru_cache(maxsize=len(DTYPES))


@contextlib.contextmanager
def precision(dtype):
  """Computes in 'float32' or 'float64'; arrays of float64 stay within.

  Float32 convolves as users do, float64 by the form that compiles sooner: all
  are the same in float64 (test_convolution.py).
  """
  wide = dtype == 'float64'
  with jax.enable_x64(wide), convolution.lowered('frames' if wide else ''):
    yield


@functools.cache
def load(name):
  """Reads a golden file; of sequences to embed, the first of each length."""
  return {
    key: array[:1] if key.startswith('eval_') and not WHOLE else array
    for key, array in golden_numbers.load(name).items()
  }


def lengths(name, some):
  """Returns the lengths of the sequences to embed; all, or some of them."""
  found = [re.fullmatch(r'eval_in_(\d+)', key) for key in load(name)]
  every = sorted(int(match[1]) for match in found if match)
  return every if WHOLE else some


def model(name, golden, dtype, **config):
  """Builds a model whose weights and arithmetic are of a dtype."""
  state = golden_numbers.state_dict(golden)
  found = from_torch(name, state, dtype=dtype, **config)
  wide = jax.tree.map(lambda leaf: leaf.astype(dtype), nnx.state(found))
  nnx.update(found, wide)
  return found


def embed(name, golden, dtype, lengths, **config):
  """Embeds golden sequences in a padded batch; returns NumPy arrays.

  All of a file are too many for one batch: those of a length are one then.
  """
  walks = [inputs(golden[f'eval_in_{length}'], dtype) for length in lengths]
  with precision(dtype):
    network = model(name, golden, dtype, **config)
    call = jax.jit(lambda model, x, mask: model(x, mask))
    found = [
      jax.tree.map(np.asarray, call(network, *padded(batch)))
      for batch in ([[each] for each in walks] if WHOLE else [walks])
    ]
  return jax.tree.map(lambda *parts: np.concatenate(parts), *found)


def by_length(golden, lengths, output):
  """Yields each length and its sequences' part of a padded batch's output."""
  start = 0
  for length in lengths:
    stop = start + len(golden[f'eval_in_{length}'])
    yield length, jax.tree.map(operator.itemgetter(slice(start, stop)), output)
    start = stop


def inputs(array, dtype):
  """Returns what a model is given of an array `eval_in_*` or `train_in`."""
  if array.dtype == np.uint8:
    x = array[..., None, :, :] if array.ndim == 4 else array  # [n,s,c,h,w].
    # Labels of parts of the body, of which there are eleven, stay.
    x = np.moveaxis(x, 2, -1).astype(dtype) / (1 if x.max() < 12 else 255)
    # Square images of three channels are depth maps.
    if x.shape[-1] == 3 and x.shape[2] != x.shape[3]:
      return dict(heatmaps=x[..., :2], silhouettes=x[..., 2:])
    return x
  if array.shape[-1] == 1:  # GaitTR's [n,s,c,v,1], GaitGraph's [n,c,s,v,1].
    channels = 2 if array.shape[2] == 10 else 1
    return np.moveaxis(array[..., 0], channels, -1).astype(dtype)
  # The features of joints begin with x, y and confidence.
  return array[:, :, :, 0, :3].astype(dtype)


def padded(walks):
  """Joins arrays [n,s,...] of several lengths to one of them and a mask."""
  if isinstance(walks[0], dict):
    several = {key: padded([x[key] for x in walks]) for key in walks[0]}
    masks = [mask for _, mask in several.values()]
    return {key: frames for key, (frames, _) in several.items()}, masks[0]
  longest = max(x.shape[1] for x in walks) + WHOLE
  frames, mask = [], []
  for x in walks:
    n, s, *rest = x.shape
    # What the padded frames hold must not matter.
    tail = np.full((n, longest - s, *rest), np.nan, x.dtype)
    frames.append(np.concatenate([x, tail], axis=1))
    mask.append(np.broadcast_to(np.arange(longest) < s, (n, longest)))
  return jnp.asarray(np.concatenate(frames)), jnp.asarray(np.concatenate(mask))


class Gradient:
  """Losses and their gradient on the golden train batch, compiled once.

  Args:
    name: the model's.
    golden: the arrays of its file.
    dtype: of weights, inputs and arithmetic.
    loss_fn: of the output and the batch.
    copies: how many of each sequence follow one another in time in the file.
    frozen: first names of the paths of weights whose gradient, 0 instead, is
      not computed.
    **config: of the model.

  Attributes:
    params: the golden weights.
  """

  def __init__(
    self,
    name,
    golden,
    dtype,
    loss_fn,
    *,
    copies=1,
    frozen=(),
    **config,
  ):
    batch = {'subject': golden['train_labels']}
    for label, key in (
      ('view', 'train_view_idx'),
      ('condition', 'train_conditions'),
    ):
      if key in golden:
        batch[label] = golden[key]
    self._name, self._dtype, self._config = name, dtype, config
    with precision(dtype):
      start = model(name, golden, dtype, **config)
      x = jax.tree.map(jnp.asarray, inputs(golden['train_in'], dtype))
      if copies > 1:
        x = x.reshape(len(x), copies, -1, *x.shape[2:])
      self._x = x
      graphdef, self.params, stats = nnx.split(start, nnx.Param, nnx.BatchStat)

    def objective(params, x):
      params = _stopped(params, frozen)
      found = nnx.merge(graphdef, params, stats, copy=True)
      shape = jax.tree.leaves(x)[0].shape
      mask = jnp.ones(shape[: 2 if copies == 1 else 3], bool)
      output = steps.call(found, x, mask, train=True, key=None)
      total, terms = loss_fn(output, jax.tree.map(jnp.asarray, batch))
      return total, (terms, output, nnx.state(found, nnx.BatchStat))

    self._graphdef, self._stats = graphdef, stats
    self._grad = jax.jit(
      jax.value_and_grad(objective, has_aux=True),
      compiler_options=OPTIMISED if WHOLE and dtype == 'float32' else None,
    )

  def __call__(self, params):
    """Returns ((total, (terms, output, statistics after)), gradient)."""
    with precision(self._dtype):
      return self._grad(params, self._x)

  @functools.cached_property
  def first(self):
    """The results at the golden weights."""
    return self(self.params)

  def named(self, params, stats=None):
    """Returns weights, or their gradient, and statistics by torch's names."""
    found = nnx.merge(self._graphdef, params, stats or self._stats)
    return to_torch(self._name, found, **self._config)

  def train_pass(self):
    """Computes losses, gradients and statistics at the golden weights."""
    with precision(self._dtype):
      program = self._grad.trace(self.params, self._x).jaxpr.jaxpr
    # Such a gradient is lost where fused operations are rounded in another way
    # when they are computed again (docs/porting.md). Traced, they are computed
    # for constants too.
    used, _ = partial_eval.dce_jaxpr(program, [True] * len(program.outvars))
    assert not [*map(str, lowered.equalities(used))]
    (total, (terms, output, stats)), grads = self.first
    named = self.named(grads, stats)
    return jax.tree.map(np.asarray, Pass(total, terms, output, named))


def _stopped(params, frozen):
  """Lets no gradient through the weights of these first names."""
  leaves = {
    path: leaf.replace(jax.lax.stop_gradient(leaf[...]))
    if path[0] in frozen
    else leaf
    for path, leaf in nnx.to_flat_state(params)
  }
  return nnx.from_flat_state(leaves)


def train_pass(name, golden, dtype, loss_fn, **config):
  """Computes losses, gradients and statistics; arguments as of `Gradient`."""
  return Gradient(name, golden, dtype, loss_fn, **config).train_pass()


def check(found, right, *, err_msg=''):
  """Compares float64 with a golden array of float32."""
  right = np.asarray(right)
  assert found.dtype == np.float64
  np.testing.assert_allclose(
    found, right, rtol=1e-6, atol=1e-6 * right.std(), err_msg=err_msg
  )


def check_triplet(golden, features, margin):
  """Compares what the triplet loss computes of each part, and returns it."""
  with precision('float64'):
    parts = losses.triplet_parts(
      jnp.asarray(features), jnp.asarray(golden['train_labels']), margin=margin
    )
    parts = jax.tree.map(np.asarray, parts)
  # The released code takes a sample to be 1e-7 from itself, we 0.
  for ours, theirs in (('loss', 'loss'), ('distance', 'mean_dist')):
    np.testing.assert_allclose(
      parts[ours], golden[f'train_triplet_{theirs}'], rtol=1e-6, atol=1e-6
    )
  idle = golden['train_triplet_loss_num'] == 0
  assert np.all(parts['loss'][idle] == 0)
  return parts


def check_gradients(golden, named, without=()):
  """Compares the gradients, by torch's names, with the published ones.

  Args:
    golden: the arrays of a file.
    named: the gradients.
    without: how the names begin of those that are not compared.

  Some are zero but for rounding, hence the largest one enters the tolerance.
  """
  largest = golden['grad_l2'].max()
  for key, norm, first in zip(
    golden['grad_names'],
    golden['grad_l2'],
    golden['grad_first16'],
    strict=True,
  ):
    if str(key).startswith(tuple(without)):
      continue
    grad = named[str(key)]
    tolerance = 1e-6 * norm + 1e-7 * largest
    assert abs(np.linalg.norm(grad) - norm) < tolerance, key
    start = np.zeros(16)
    start[: min(16, grad.size)] = grad.ravel()[:16]
    np.testing.assert_allclose(
      start, first, rtol=0, atol=tolerance, err_msg=str(key)
    )


def check_statistics(golden, named):
  """Compares the running statistics after the train batch, by torch's names."""
  names = [str(each) for each in golden['bn_names']]
  for kind in ('mean', 'var'):
    found = [named[f'{each}.running_{kind}'] for each in names]
    norms = np.array([np.linalg.norm(array) for array in found])
    check(norms, golden[f'bn_{kind}_l2_after'])
    for i in golden['bn_full_idx']:
      check(found[i], golden[f'bn_running_{kind}_after_{i}'])


def check_rounding(golden, embedded, trained, rounding):
  """Compares float32 with float64.

  Args:
    golden: the arrays of a file.
    embedded: dtype -> the model's output in evaluation.
    trained: dtype -> its train pass.
    rounding: how large differences may be.
  """
  check_embedded(embedded, rounding.spread)
  single, double = (trained(dtype) for dtype in DTYPES)
  _check_spread(single.output.features, double.output.features, rounding.spread)
  np.testing.assert_allclose(single.total, double.total, rtol=rounding.loss)
  names = [str(name) for name in golden['grad_names']]
  single, double = (
    np.concatenate([each.named[name].ravel() for name in names])
    for each in (single, double)
  )
  error = np.linalg.norm(single - double) / np.linalg.norm(double)
  np.testing.assert_allclose(error, 0, atol=rounding.gradient)


def check_embedded(embedded, spread):
  """Compares embeddings in float32 with float64; arguments as above."""
  single, double = (embedded(dtype).embedding for dtype in DTYPES)
  _check_spread(single, double, spread)


def _check_spread(single, double, share):
  assert (single.dtype, double.dtype) == (np.float32, np.float64)
  np.testing.assert_allclose(single, double, rtol=0, atol=share * double.std())
