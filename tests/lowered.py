"""What traced and lowered programs compute."""

import re

import jax.numpy as jnp
from jax.extend import core

_PRODUCT = re.compile(
  r'stablehlo\.(?:dot_general|convolution)\b.*'
  r' : \(tensor<[^>]*?(\w+)>, tensor<[^>]*?(\w+)>\)'
)


def equalities(jaxpr):
  """Yields each place where a program asks which of its floats are equal."""
  for step in jaxpr.eqns:
    # None of them is written in the program, as inf is in softplus's gradient.
    variables = all(isinstance(each, core.Var) for each in step.invars)
    if step.primitive.name == 'eq' and variables:
      dtype = step.invars[0].aval.dtype
      if jnp.issubdtype(dtype, jnp.inexact):
        yield step.source_info.traceback
    for part in core.jaxprs_in_params(step.params):
      yield from equalities(part)


def products(lowered):
  """Returns the products of a lowered program.

  Of each the dtypes of its operands, and whether its precision is the highest.
  """
  found = []
  for line in lowered.as_text().splitlines():
    if match := _PRODUCT.search(line):
      dtypes = {kind.rpartition('x')[2] for kind in match.groups()}
      found.append((dtypes, 'HIGHEST' in line and 'DEFAULT' not in line))
  return found
