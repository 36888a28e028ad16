"""A closer look at the walks of an evaluation: what a page about it shows.

A map of the embeddings, the curve of ranks, and which walks were taken for
somebody else's. Of a large test set it is a sample, evenly spread.
"""

import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gaitgs_jax import atomic, npz
from gaitgs_jax.errors import UserError, one_line
from gaitgs_jax.evaluation import outcomes
from gaitgs_jax.evaluation.protocols.evaluation import Evaluation
from gaitgs_jax.evaluation.protocols.selection import Group

# Probes that are looked up, walks on the map, mistakes kept, ranks.
_PROBES, _POINTS, _MISTAKES, _RANKS = 2000, 600, 12, 20
# Bytes of a file, and the largest number in it.
_LARGEST, _FAR = 2**24, 1e20
_KINDS = dict(points='f', subjects='U', mistakes='U', distances='f', curves='f')
_KINDS |= dict(names='U', counts='i')


class Walks(NamedTuple):
  """What an evaluation shows of single walks.

  Attributes:
    points: float32 [n,2], embeddings on their first two principal axes.
    subjects: str [n], whose walks they are.
    mistakes: str [m,3], the hardest first: a probe's walk, the nearest one of
      somebody else and the nearest one of the same person.
    distances: float32 [m,2], of the probe to both.
    names: str [k], of the probes that the protocol tells apart.
    curves: float32 [k,r], percent of probes found within each rank.
    counts: int [2], probes looked up, of how many.
  """

  points: np.ndarray
  subjects: np.ndarray
  mistakes: np.ndarray
  distances: np.ndarray
  names: np.ndarray
  curves: np.ndarray
  counts: np.ndarray


def look(evaluation: Evaluation, name: Callable[[int], str]) -> Walks:
  """Looks at the walks of an evaluation of ranks.

  Args:
    evaluation: what is counted.
    name: gives the name of a row's walk.
  """
  chosen = evaluation.selection
  curves: dict[str, np.ndarray] = {}
  found = []
  counts = np.zeros(2, int)
  shown: list[np.ndarray] = []
  for group in chosen.groups:
    some = _sampled(group, evaluation)
    probes = some.probe_rows()
    counts += (len(probes), len(group.probe_rows()))
    shown += [probes, group.gallery]
    ranks = np.zeros((len(probes), _galleries(evaluation)), int)
    for start, block in evaluation.distance_blocks(some):
      rows = probes[start : start + len(block)]
      each = _Nearest.of(evaluation, block, rows, group.gallery)
      ranks[start : start + len(block)] = each.ranks
      found.append(each.mistakes(rows, group.gallery))
    for title, rows in some.probes.items():
      curve = _curve(evaluation, ranks[np.searchsorted(probes, rows)], rows)
      # Nothing counts where all are of one view, and identical ones are left
      # out.
      if np.isfinite(curve).all():
        curves[title] = curve
  rows, distances = (np.concatenate(each) for each in zip(*found, strict=True))
  worst = np.argsort(distances[:, 0] - distances[:, 1])[:_MISTAKES]
  points, at = _map(evaluation, np.unique(np.concatenate(shown)))
  names = [[name(int(row)) for row in each] for each in rows[worst]]
  return Walks(
    points,
    chosen.columns['subject'][at].astype(str),
    np.array(names, str).reshape(-1, 3),
    distances[worst].astype(np.float32),
    np.array([*curves], str),
    np.array([*curves.values()], np.float32).reshape(-1, _RANKS),
    counts,
  )


def _sampled(group: Group, evaluation: Evaluation) -> Group:
  # Re-ranked distances of some probes are not those of all.
  step = -(-len(group.probe_rows()) // _PROBES)
  if evaluation.rules.rerank is not None or step == 1:
    return group
  some = {title: rows[::step] for title, rows in group.probes.items()}
  return Group(group.gallery, some)


def _galleries(evaluation: Evaluation) -> int:
  """Returns how many galleries a probe faces."""
  cells = evaluation.rules.mean_over == 'cells'
  return len(evaluation.selection.view_names) if cells else 1


def _never(evaluation: Evaluation) -> int:
  """Returns the rank of what is never found, beyond that of any gallery."""
  return len(evaluation.selection.subjects) + 1


class _Nearest(NamedTuple):
  """Of some probes: places in the gallery [n], distances, ranks [n,views]."""

  own: np.ndarray
  other: np.ndarray
  own_distance: np.ndarray
  other_distance: np.ndarray
  ranks: np.ndarray

  @classmethod
  def of(
    cls,
    evaluation: Evaluation,
    block: np.ndarray,
    rows: np.ndarray,
    gallery: np.ndarray,
  ) -> '_Nearest':
    chosen, rules = evaluation.selection, evaluation.rules
    alike = chosen.subjects[rows][:, None] == chosen.subjects[gallery]
    apart = chosen.views[rows][:, None] != chosen.views[gallery]
    kept = np.ones_like(alike)
    if rules.mean_over == 'cells' and not rules.identical:
      kept = apart
    elif chosen.same is not None:
      kept = chosen.same[rows][:, None] != chosen.same[gallery]
    own = np.where(alike & kept, block, np.inf)
    other = np.where(~alike & kept, block, np.inf)
    ranks = []
    for view in range(_galleries(evaluation)):
      here = np.ones(len(gallery), bool)
      if rules.mean_over == 'cells':
        here = chosen.views[gallery] == view
      if not here.any():
        ranks.append(np.zeros(len(rows), int))
        continue
      best = own[:, here].min(1, keepdims=True)
      first = (other[:, here] < best).sum(1) + 1
      # Of a gallery without the subject: never found; of none: not counted.
      first = np.where(np.isfinite(best[:, 0]), first, _never(evaluation))
      ranks.append(np.where(kept[:, here].any(1), first, 0))
    return cls(
      own.argmin(1),
      other.argmin(1),
      own.min(1),
      other.min(1),
      np.stack(ranks, axis=1),
    )

  def mistakes(
    self, rows: np.ndarray, gallery: np.ndarray
  ) -> tuple[np.ndarray, np.ndarray]:
    """Returns rows [m,3] and distances [m,2], see `Walks`."""
    wrong = (self.other_distance < self.own_distance) & np.isfinite(
      self.own_distance
    )
    found = np.stack([rows, gallery[self.other], gallery[self.own]], axis=1)
    distances = np.stack([self.other_distance, self.own_distance], axis=1)
    return found[wrong], distances[wrong]


def _curve(
  evaluation: Evaluation, ranks: np.ndarray, rows: np.ndarray
) -> np.ndarray:
  """Returns the percentages of probes found within each rank, as averaged."""
  chosen, rules = evaluation.selection, evaluation.rules
  counted = ranks > 0
  if rules.invalid == 'excluded':
    counted &= ranks < _never(evaluation)
  curve = []
  for rank in range(1, _RANKS + 1):
    cells = outcomes.add_up(
      (ranks <= rank).astype(float),
      counted,
      chosen.columns['subject'][rows].astype(str),
      chosen.views[rows],
      len(chosen.view_names),
    )
    if rules.mean_over == 'probes':
      cells = cells.over_views()
    curve.append(cells.number())
  return np.array(curve)


def _map(
  evaluation: Evaluation, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Returns points [n,2] of at most so many rows, and the rows [n].

  All walks of a person are there or none: whole people are left out.
  """
  people = evaluation.selection.subjects[rows]
  every = np.unique(people)
  count = max(1, len(every) * _POINTS // max(len(rows), _POINTS))
  rows = rows[np.isin(people, every[:count])][:_POINTS]
  flat = np.asarray(evaluation.embeddings[rows], np.float32)
  flat = flat.reshape(len(rows), -1)
  centred = flat - flat.mean(0)
  left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
  points = np.zeros((len(rows), 2), np.float32)
  points[:, : min(2, len(sizes))] = (left * sizes)[:, :2]
  return points, rows


def save(walks: Walks, path: pathlib.Path) -> None:
  """Writes them, all or nothing.

  Raises:
    UserError: the file cannot be written.
  """
  with atomic.writing(path) as file:
    np.savez_compressed(file, allow_pickle=False, **walks._asdict())


def load(path: pathlib.Path) -> Walks:
  """Reads what `save` wrote.

  Raises:
    UserError: it cannot be read, or is something else.
  """
  try:
    arrays = dict(npz.read(path, _LARGEST))
    return _checked(Walks(*(arrays[name] for name in Walks._fields)))
  except OSError as error:
    raise UserError(f'cannot read {path}: {error.strerror or error}') from error
  except (ValueError, KeyError) as error:
    raise UserError(
      f'{path} does not hold walks of an evaluation ({one_line(error)}); '
      'delete it and evaluate again'
    ) from error


def _checked(walks: Walks) -> Walks:
  """Raises ValueError where the arrays are not those of `save`."""
  n, m, k = len(walks.subjects), len(walks.mistakes), len(walks.names)
  shapes = [(n, 2), (n,), (m, 3), (m, 2), (k, _RANKS), (k,), (2,)]
  order = ('points', 'subjects', 'mistakes', 'distances', 'curves', 'names')
  for name, shape in zip((*order, 'counts'), shapes, strict=True):
    array = getattr(walks, name)
    if array.dtype.kind != _KINDS[name] or array.shape != shape:
      raise ValueError(f'{name} is {array.dtype} {array.shape}')
    # Also false for NaN.
    if array.dtype.kind == 'f' and not (np.abs(array) <= _FAR).all():
      raise ValueError(f'{name} is not finite')
  return walks


def curves(walks: Walks) -> dict[str, tuple[np.ndarray, np.ndarray]]:
  """Returns the curve of ranks of each name of probes, as (ranks, percent)."""
  ranks = np.arange(1, _RANKS + 1, dtype=float)
  names = walks.names.tolist()
  return {
    name: (ranks, curve)
    for name, curve in zip(names, walks.curves, strict=True)
  }
