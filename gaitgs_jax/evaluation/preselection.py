"""Choosing whom to compare: one short vector per sequence of a gallery."""

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Self

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import distance, sharing, tiles
from gaitgs_jax.evaluation.sharing import Team
from gaitgs_jax.evaluation.tiles import Embeddings

# Sequences that principal components are taken from.
_SAMPLE = 1024


@dataclasses.dataclass(frozen=True)
class Preselection:
  """One short vector per sequence of a gallery, to choose whom to compare.

  The principal components of all parts together: of what we tried they keep
  the most neighbours for their size, see docs/scaling.md. For the cosine
  metric the parts are scaled to length 1 first. The vectors are float16,
  which loses nothing that could be measured.

  Attributes:
    basis: float32 [p*d,q].
    offset: float32 [q], of the mean sequence along the basis.
    vectors: float16 [m,1,q], in the gallery's order; may be memory-mapped.
    metric: 'euclidean' or 'cosine'.
  """

  basis: np.ndarray
  offset: np.ndarray
  vectors: Embeddings
  metric: str

  @classmethod
  def fit(
    cls,
    gallery: Embeddings | Sequence[Embeddings],
    *,
    features: int = 128,
    metric: str = 'euclidean',
    devices: Sequence[jax.Device] | None = None,
  ) -> Self:
    """Makes the vectors of a gallery in one pass over it.

    With the devices of several processes, each passes its own part, as for
    `search`, and keeps the vectors of that part; the basis is common.

    Args:
      gallery: as for `search`.
      features: q; more find more, and take more time and memory.
      metric: as for `search`.
      devices: as for `search`.

    Raises:
      UserError: a sequence of the gallery is not finite, or there is none.
    """
    distance.check_metric(metric)
    team, own = Team.of(devices), tiles.joined(gallery)
    basis, offset = _components(_sample(own, team), features, metric)
    part = cls(basis, offset, np.zeros((0, 1, basis.shape[1])), metric)
    return dataclasses.replace(part, vectors=part.vectors_of(own, team.mesh))

  def vectors_of(self, embeddings: Embeddings, mesh: Mesh) -> np.ndarray:
    """Returns the vectors float16 [n,1,q] of embeddings [n,p,d]."""
    rows = embeddings.shape[0]
    basis, offset = (
      sharing.replicated(each, mesh) for each in (self.basis, self.offset)
    )
    result = np.empty((rows, 1, basis.shape[1]), np.float16)
    size = mesh.size * sharing.rows_per_device(embeddings, rows, mesh)
    for start, count, tile in tiles.read(embeddings, size):
      placed = sharing.sharded(tile, mesh)
      vectors = _project(placed, basis, offset, metric=self.metric)
      result[start : start + count, 0] = np.asarray(vectors)[:count]
    return result

  def check(self, gallery: Embeddings, metric: str) -> None:
    """Raises UserError unless it was made of such a gallery."""
    made, given = self.vectors.shape[0], gallery.shape[0]
    if made != given or self.metric != metric:
      raise UserError(
        f'the preselection was made of {made} sequences for the '
        f'{self.metric} metric, and the gallery has {given}, to be searched '
        f'by the {metric} metric: make it again with Preselection.fit'
      )


def _sample(gallery: Embeddings, team: Team) -> np.ndarray:
  """Returns sequences from all over the gallery, float32 [about 1024,p,d]."""
  sizes = team.gather(np.array([gallery.shape[0]]))
  if not sizes.sum():
    raise UserError('the gallery has no sequence to preselect from')
  # As many of each process, some of them twice if need be: parts that differ
  # in length could not be gathered.
  count = math.ceil(_SAMPLE / len(sizes))
  sample = np.zeros((count, *gallery.shape[1:]), np.float32)
  if gallery.shape[0]:
    rows = np.linspace(0, gallery.shape[0] - 1, count).astype(int)
    sample[:] = gallery[rows]
  return team.gather(sample)[sizes[:, 0] > 0].reshape(-1, *sample.shape[1:])


def _components(
  sample: np.ndarray, features: int, metric: str
) -> tuple[np.ndarray, np.ndarray]:
  """Returns the first components [p*d,q], and the mean along them [q]."""
  if not np.isfinite(sample).all():
    raise UserError(
      'an embedding of the gallery holds NaN or infinity; the model that '
      'made it has diverged'
    )
  values = np.asarray(_flat(jnp.asarray(sample), metric))
  mean = values.mean(0)
  _, lengths, axes = np.linalg.svd(values - mean, full_matrices=False)
  # In units of the largest deviation, so that float16 can hold it all.
  scale = np.sqrt(len(values)) / max(lengths[0], 1e-30)
  basis = (scale * axes[:features].T).astype(np.float32)
  return basis, mean @ basis


def _flat(embeddings: jax.Array, metric: str) -> jax.Array:
  """Returns [n,p*d], whose squared distances go with those of the metric."""
  x = embeddings.astype(jnp.float32)
  if metric == 'cosine':
    x *= distance.inverse_length(jnp.sum(x * x, -1, keepdims=True))
  return x.reshape(len(x), -1)


@functools.partial(jax.jit, static_argnames='metric')
def _project(
  embeddings: jax.Array, basis: jax.Array, offset: jax.Array, *, metric: str
) -> jax.Array:
  """Returns [n,p,d] along the basis, float32 [n,q] within float16's range."""
  x = _flat(embeddings, metric)
  vectors = jnp.dot(x, basis, precision=jax.lax.Precision.HIGHEST)
  limit = float(jnp.finfo(jnp.float16).max)
  return jnp.clip(vectors - offset[None, :], -limit, limit)
