"""Float32's rounding in each lowering of the convolutions of GaitGS.

  python -m benchmarks.rounding
  python -m benchmarks.rounding --embeddings --files=gaitgs_casia --json

Prints the largest error of one convolution of 64 channels and of its gradients,
in standard deviations of what is right, and of the golden embeddings, as they
are, with their standard deviation. Right is the plain convolution in float64,
and the released network in float64. Takes some ten minutes on two cores.
"""

import argparse
import importlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gaitgs_jax.interop import from_torch
from gaitgs_jax.models import convolution

FRAMES = (1, 7, 30)
LENGTHS = (1, 2, 7, 30, 83)  # Of the golden sequences.


def convolved(
  x: np.ndarray,
  kernel: np.ndarray,
  weight: np.ndarray,
  lowering: str,
  dtype: Any,
) -> tuple[jax.Array, ...]:
  """Returns a convolution and its gradients, weighted, at both operands.

  Args:
    x: [n,s,h,w,c].
    kernel: [t,i,j,c,d].
    weight: of each result, [n,s,h,w,d].
    lowering: of `convolution.LOWERINGS`.
    dtype: of the arithmetic.

  Returns:
    Arrays of the shapes of weight, x and kernel.
  """

  def convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return convolution.convolve(x, kernel, lowering=lowering)

  given = jnp.asarray(x, dtype), jnp.asarray(kernel, dtype)
  found, back = jax.vjp(convolve, *given)
  return (found, *back(jnp.asarray(weight, dtype)))


def show_convolutions() -> None:
  """Prints the errors of single convolutions."""
  rng = np.random.default_rng(0)
  print('frames,lowering,convolution,gradient at x,gradient at kernel')
  for frames in FRAMES:
    x = rng.normal(size=(2, frames, 16, 22, 64))
    kernel = 0.03 * rng.normal(size=(3, 3, 3, 64, 64))
    weight = rng.normal(size=x.shape)
    right = convolved(x, kernel, weight, 'native', jnp.float64)
    for lowering in convolution.LOWERINGS:
      found = convolved(x, kernel, weight, lowering, jnp.float32)
      errors = (
        float(jnp.abs(a - b).max() / b.std())
        for a, b in zip(found, right, strict=True)
      )
      print(frames, lowering, *(f'{error:.1e}' for error in errors), sep=',')


def embeddings(
  files: Sequence[str], lowerings: Sequence[str], lengths: Sequence[int]
) -> Iterator[dict[str, Any]]:
  """Yields the largest error of each golden file's embeddings.

  Args:
    files: golden files of GaitGS.
    lowerings: of `convolution.LOWERINGS`.
    lengths: of the golden sequences, in frames.
  """
  golden: Any = importlib.import_module('tests.golden_numbers')
  for name in files:
    numbers = golden.load(name)
    state_dict = golden.state_dict(numbers)
    for lowering in lowerings:
      for dtype in ('float32', 'bfloat16'):
        model = from_torch(
          'gaitgs', state_dict, **golden.GAITGS[name], dtype=dtype
        )
        # Traced again: JAX's cache does not distinguish lowerings.
        embed = jax.jit(lambda model, x: model(x).embedding)
        worst = 0.0
        for length in lengths:
          x = numbers[f'eval_in_{length}'].astype(np.float32)[..., None] / 255
          with convolution.lowered(lowering):
            found = np.swapaxes(embed(model, x), 1, 2)
          right = numbers[f'eval_emb_{length}']
          worst = max(worst, float(np.abs(found - right).max()))
        yield {
          'file': name,
          'lowering': lowering,
          'dtype': dtype,
          'largest error': worst,
          'standard deviation': float(numbers['eval_emb_30'].std()),
        }


def main() -> None:
  """Prints the errors of both."""
  golden: Any = importlib.import_module('tests.golden_numbers')
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--files', nargs='+', default=list(golden.GAITGS))
  parser.add_argument(
    '--lowerings', nargs='+', default=list(convolution.LOWERINGS)
  )
  parser.add_argument('--lengths', nargs='+', type=int, default=list(LENGTHS))
  parser.add_argument('--embeddings', action='store_true', help='and no more')
  parser.add_argument('--json', action='store_true')
  options = parser.parse_args()
  found = embeddings(options.files, options.lowerings, options.lengths)
  if options.json:
    print(json.dumps(list(found)))
    return
  print('file,lowering,dtype,largest error,standard deviation')
  for row in found:
    print(
      row['file'],
      row['lowering'],
      row['dtype'],
      f'{row["largest error"]:.1e}',
      f'{row["standard deviation"]:.2f}',
      sep=',',
      flush=True,
    )
  if options.embeddings:
    return
  jax.config.update('jax_enable_x64', True)
  show_convolutions()


if __name__ == '__main__':
  main()
