"""An index of walks in memory for many searches: usearch, then exactly."""

import numpy as np

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import sharing
from gaitgs_jax.evaluation.preselection import Preselection
from gaitgs_jax.evaluation.search import Found
from gaitgs_jax.gallery.search import ExactTiles

# Walks compared exactly, of each probe.
_CANDIDATES = 400


class Usearch:
  """Compares with the walks that a graph of short vectors finds likely.

  See `search.Index`. The graph (HNSW) holds the 128 numbers of
  `evaluation.preselection`, and distances are those of `evaluation.distance`.
  Making it takes minutes for millions of walks: it pays in a process that
  searches often.

  Args:
    embeddings: float32 [m,p,d].
    metric: 'euclidean' or 'cosine'.

  Raises:
    UserError: an embedding holds numbers that are not finite, or the package
      usearch is not installed.
  """

  def __init__(self, embeddings: np.ndarray, metric: str):
    try:
      from usearch.index import Index
    except ModuleNotFoundError as error:
      raise UserError(
        'this index needs the package usearch; install it:'
        " pip install 'gaitgs_jax[usearch]'"
      ) from error
    self._embeddings, self._metric = embeddings, metric
    self._preselection = Preselection.fit(embeddings, metric=metric)
    vectors = self._preselection.vectors[:, 0]
    self._index = Index(ndim=vectors.shape[1], metric='l2sq', dtype='f16')
    self._index.add(np.arange(len(vectors)), vectors)

  def nearest(self, probes: np.ndarray, k: int) -> Found:
    """Returns the k nearest of those that are likely; see `search.Index`."""
    count = min(len(self._embeddings), max(k, _CANDIDATES))
    mesh = sharing.local_mesh()
    vectors = self._preselection.vectors_of(probes, mesh)[:, 0]
    found = []
    for probe, vector in zip(probes, vectors, strict=True):
      # In their order, for equals.
      rows = np.sort(self._index.search(vector, count).keys).astype(np.int64)
      likely = ExactTiles(self._embeddings[rows], self._metric)
      (distances,), (places,) = likely.nearest(probe[None], k)
      found.append((distances, rows[places]))
    return Found(*map(np.stack, zip(*found, strict=True)))
