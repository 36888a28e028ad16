"""What the published evaluators gave, from tests/golden/eval_*.npz."""

import dataclasses

import golden_numbers
import numpy as np

from gaitgs_jax.evaluation import evaluate, protocols

METRICS = {'euclidean': 'euc', 'cosine': 'cos'}
# The published tools round each cell to 2 decimals before they average.
ROUNDING = 0.005 + 1e-9


def load(name):
  data = golden_numbers.load(f'eval_{name}')
  # The published tools hold embeddings as [N,d,p].
  data['embeddings'] = data['embeddings'].swapaxes(1, 2)
  return data


def labels(data, rows=slice(None)):
  names = ('embeddings', 'labels', 'types', 'views')
  return [data[name][rows] for name in names]


def run(protocol, data, metric='euclidean', rows=slice(None), columns=None):
  return evaluate(protocol, *labels(data, rows), metric=metric, columns=columns)


def with_metrics(name, *metrics):
  return dataclasses.replace(protocols.PROTOCOLS[name], metrics=metrics)


def selected(protocol, data):
  return protocols.select(protocols.get_protocol(protocol), *labels(data)[1:])


def close(ours, published):
  np.testing.assert_allclose(ours, published, atol=ROUNDING)


def assert_same(one, other):
  """Compares two results, NaN being equal to NaN."""
  assert one.keys() == other.keys()
  for key, values in one.items():
    np.testing.assert_array_equal(values, other[key], key)
