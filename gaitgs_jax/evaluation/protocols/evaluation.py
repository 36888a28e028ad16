"""What is to be counted: embeddings, checked, and what a protocol selects."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Self

import jax.numpy as jnp
import numpy as np

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import distance, ranking, tiles
from gaitgs_jax.evaluation.protocols.named import get_protocol
from gaitgs_jax.evaluation.protocols.rules import Protocol
from gaitgs_jax.evaluation.protocols.selection import (
  Group,
  Labels,
  Selection,
  select,
)

# Squared differences of larger features would overflow float32.
LARGEST = 1e17


@dataclasses.dataclass(frozen=True)
class Evaluation:
  """Embeddings under a protocol.

  Attributes:
    rules: the protocol.
    embeddings: [N,p,d], finite.
    selection: its galleries and probes.
    metric: 'euclidean' or 'cosine'.
    reranked: what was made for each group that was re-ranked.
  """

  rules: Protocol
  embeddings: np.ndarray
  selection: Selection
  metric: str
  reranked: list[tuple[Group, ranking.Reranking]] = dataclasses.field(
    default_factory=list, repr=False
  )

  @classmethod
  def of(
    cls,
    protocol: str | Protocol,
    embeddings: np.ndarray,
    subjects: Labels,
    conditions: Labels,
    views: Labels,
    *,
    metric: str = 'euclidean',
    columns: Mapping[str, Labels] | None = None,
  ) -> Self:
    """Checks what is to be counted; `evaluate` has its arguments and errors."""
    rules = get_protocol(protocol)
    distance.check_metric(metric)
    embeddings = np.asarray(embeddings)
    if embeddings.ndim != 3 or 0 in embeddings.shape[1:]:
      raise UserError(
        f'embeddings have shape {embeddings.shape}; expected [N,p,d]: '
        'sequences, parts, features (one part: [N,1,d])'
      )
    shapes = [np.shape(labels) for labels in (subjects, conditions, views)]
    if any(shape != (len(embeddings),) for shape in shapes):
      raise UserError(
        f'{len(embeddings)} embeddings need as many subjects, conditions and '
        f'views, each a flat list; got shapes {", ".join(map(str, shapes))}'
      )
    selection = select(rules, subjects, conditions, views, columns)
    _check_embeddings(embeddings)
    return cls(rules, embeddings, selection, metric)

  def distance_blocks(self, group: Group) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (first probe, distances [some,m]), as the protocol re-ranks them.

    The neighbours of re-ranking are searched for once for each group.

    Args:
      group: whose probes and gallery.
    """
    given = self.embeddings, group.probe_rows(), group.gallery
    if self.rules.rerank is None:
      return ranking.distance_blocks(*given, metric=self.metric)
    for known, found in self.reranked:
      if known is group:
        return found.blocks()
    options = dataclasses.asdict(self.rules.rerank)
    made = ranking.Reranking(*given, metric=self.metric, **options)
    self.reranked.append((group, made))
    return made.blocks()


def _check_embeddings(embeddings: np.ndarray) -> None:
  # bfloat16 is a floating type to jax alone.
  real = (jnp.floating, jnp.integer)
  if not any(jnp.issubdtype(embeddings.dtype, kind) for kind in real):
    raise UserError(
      f'embeddings have type {embeddings.dtype}; expected real numbers'
    )
  largest = LARGEST
  if jnp.issubdtype(embeddings.dtype, jnp.floating):
    # Half precision cannot hold the limit itself.
    largest = min(LARGEST, float(jnp.finfo(embeddings.dtype).max))
  step = tiles.rows_per_tile(embeddings, len(embeddings), tiles.GALLERY_BYTES)
  for start in range(0, len(embeddings), step):
    # Also false for NaN.
    usable = np.abs(embeddings[start : start + step]) <= largest
    if not usable.all():
      row = start + int(np.argmin(usable.all((1, 2))))
      raise UserError(
        f'the embedding of sequence {row} holds NaN, infinity or a number '
        f'above {LARGEST:g}; the model that made it has diverged'
      )
