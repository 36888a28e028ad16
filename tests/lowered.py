"""The products of a lowered program: their operands' dtypes and precision."""

import re

_PRODUCT = re.compile(
  r'stablehlo\.(?:dot_general|convolution)\b.*'
  r' : \(tensor<[^>]*?(\w+)>, tensor<[^>]*?(\w+)>\)'
)


def products(lowered):
  """Returns (dtypes, whether the precision is the highest) of each product."""
  found = []
  for line in lowered.as_text().splitlines():
    if match := _PRODUCT.search(line):
      dtypes = {kind.rpartition('x')[2] for kind in match.groups()}
      found.append((dtypes, 'HIGHEST' in line and 'DEFAULT' not in line))
  return found
