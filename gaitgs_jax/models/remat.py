"""Blocks whose insides are computed again in the backward pass.

What a block holds for its gradient is then no more than its inputs: less
memory for more arithmetic (https://arxiv.org/abs/1604.06174). Models mark their
blocks; the one who trains chooses which of them count.
"""

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator
from typing import Any

from flax import nnx

from gaitgs_jax.errors import BadValue

# What is computed again: nothing, the extractor's blocks, or every block.
LEVELS = ('none', 'stem', 'all')

_chosen: contextvars.ContextVar[str] = contextvars.ContextVar(
  'remat', default='none'
)


@contextlib.contextmanager
def recomputing(level: str) -> Iterator[None]:
  """Computes again the blocks of a level in the gradients of what is traced.

  Raises:
    ValueError: for an unknown level.
  """
  if level not in LEVELS:
    raise BadValue(f'no such remat {level!r}; choose one of {LEVELS}')
  token = _chosen.set(level)
  try:
    yield
  finally:
    _chosen.reset(token)


def block(level: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
  """Marks a module's method as a block of 'stem' or of 'all'.

  Positional arguments hold arrays; the others are constants.
  """

  def mark(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(module: nnx.Module, *arrays: Any, **constants: Any) -> Any:
      def function(module: nnx.Module, *arrays: Any) -> Any:
        return method(module, *arrays, **constants)

      if LEVELS.index(_chosen.get()) >= LEVELS.index(level):
        function = nnx.remat(function)
      return function(module, *arrays)

    return call

  return mark
