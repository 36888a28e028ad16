"""Protocols: which sequences are gallery and probes, and what is counted."""

from gaitgs_jax.evaluation.protocols.benchmarks import PROTOCOLS
from gaitgs_jax.evaluation.protocols.counting import (
  Result,
  count,
  evaluate,
  mean_by_probe_view,
)
from gaitgs_jax.evaluation.protocols.evaluation import Evaluation
from gaitgs_jax.evaluation.protocols.named import (
  get_protocol,
  of_result,
)
from gaitgs_jax.evaluation.protocols.own import parse
from gaitgs_jax.evaluation.protocols.rules import (
  Protocol,
  Rerank,
  Rule,
  key,
  where,
)
from gaitgs_jax.evaluation.protocols.selection import (
  Selection,
  select,
  view_names,
)

__all__ = [
  'PROTOCOLS',
  'Evaluation',
  'Protocol',
  'Rerank',
  'Result',
  'Rule',
  'Selection',
  'count',
  'evaluate',
  'get_protocol',
  'key',
  'mean_by_probe_view',
  'of_result',
  'parse',
  'select',
  'view_names',
  'where',
]
