"""The published evaluation protocols, and `evaluate`, which runs them.

A number is comparable only under its protocol: which sequences are gallery,
which are probes, what is left out. Accuracies are percentages and nothing is
rounded; the published tools round every cell to two decimals first, and agree
within that. Of equally near gallery items the first in the gallery's order is
taken; the published tools' sorts are not stable and may take any.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import jax.numpy as jnp
import numpy as np

from gaitgs_jax.errors import UserError, listed, wrong_choice
from gaitgs_jax.evaluation import distance, ranking, tiles

# Squared differences of larger features would overflow float32.
LARGEST = 1e17


@dataclasses.dataclass(frozen=True)
class Protocol:
  """One way to count.

  Attributes:
    title: the benchmark's name and which of its tables this is.
    gallery: conditions of the gallery.
    probes: name in the results -> conditions of its probes.
    per_view: whether each gallery view is a gallery of its own; otherwise all
      views are one gallery, less the probe's own subject and view.
    identical: whether the gallery of the probe's own view is counted as well.
    invalid: whether to print a second number that leaves out the probes whose
      subject is not in the gallery of their cell.
  """

  title: str
  gallery: tuple[str, ...]
  probes: Mapping[str, tuple[str, ...]]
  per_view: bool = True
  identical: bool = False
  invalid: bool = False


_CASIA_B = Protocol(
  title='CASIA-B, per view',
  gallery=('nm-01', 'nm-02', 'nm-03', 'nm-04'),
  probes={
    'NM': ('nm-05', 'nm-06'),
    'BG': ('bg-01', 'bg-02'),
    'CL': ('cl-01', 'cl-02'),
  },
)

PROTOCOLS: dict[str, Protocol] = {
  'casia_b': _CASIA_B,
  'casia_b_cross_view': Protocol(
    title='CASIA-B, cross-view gallery',
    gallery=('nm-02', 'bg-02', 'cl-02'),
    probes={'NM': ('nm-01',), 'BG': ('bg-01',), 'CL': ('cl-01',)},
    per_view=False,
  ),
  'oumvlp': Protocol(
    title='OU-MVLP, per view',
    gallery=('01',),
    probes={'NM': ('00',)},
    invalid=True,
  ),
  'oumvlp_cross_view': Protocol(
    title='OU-MVLP, cross-view gallery',
    gallery=('01',),
    probes={'NM': ('00',)},
    per_view=False,
  ),
  # GaitGraph2's two. The distance of its first is that of the embeddings of
  # one part scaled to length 1, which ranks as the cosine distance does.
  'casia_b_pose': dataclasses.replace(
    _CASIA_B,
    title='CASIA-B skeletons, per view, as GaitGraph2',
  ),
  'oumvlp_pose': Protocol(
    title='OU-MVLP-Pose, all views, as GaitGraph2',
    gallery=('00',),
    probes={'NM': ('01',)},
    identical=True,
  ),
}


def get_protocol(name: str) -> Protocol:
  """Returns the protocol of that name, or raises `UserError`."""
  if name not in PROTOCOLS:
    raise wrong_choice(f'unknown protocol {name!r}', name, PROTOCOLS)
  return PROTOCOLS[name]


def view_names(views: Sequence[str] | np.ndarray) -> list[str]:
  """Returns the different views in the order of the result's matrices.

  By number where all are numbers ('000', '018', ...), else by name.
  """
  names = {str(view) for view in views}
  if all(name.isdecimal() for name in names):
    return sorted(names, key=lambda name: (int(name), name))
  return sorted(names)


def evaluate(
  protocol: str,
  embeddings: np.ndarray,
  subjects: Sequence[str] | np.ndarray,
  conditions: Sequence[str] | np.ndarray,
  views: Sequence[str] | np.ndarray,
  *,
  metric: str = 'euclidean',
) -> dict[str, float | np.ndarray]:
  """Counts how many probes find their subject, as one protocol wants it.

  Sequences of conditions that the protocol does not name are ignored, and any
  subset of views will do. A probe condition without a sequence is left out of
  the result. A cell without probes or without gallery is NaN and left out of
  the means; a mean over no cell at all (a single view) is NaN. In a cross-view
  gallery a probe with nothing to find is an error in rank-1, as published, and
  is left out of mAP.

  Args:
    protocol: one of `PROTOCOLS`.
    embeddings: [N,p,d], finite; only tiles of it are read, so that it may be
      memory-mapped.
    subjects: N strings.
    conditions: N strings, as the dataset names them ('nm-01', ...).
    views: N strings ('000', ...).
    metric: 'euclidean' or 'cosine'; see `distance`.

  Returns:
    For each probe name such as 'NM', in percent:

    - 'NM/rank1': the mean over probe views of the mean over other gallery
      views (over all of them where the protocol counts identical ones); in a
      cross-view gallery, the mean over probe views.
    - 'NM/rank1_by_view': matrix [probe view, gallery view], identical views
      too, in the order of `view_names(views)`; for a cross-view gallery
      'NM/rank1_by_probe_view', one number per probe view.
    - 'NM/mAP', 'NM/mAP_by_probe_view': for a cross-view gallery only.
    - 'NM/rank1_excluding_invalid' and '..._by_view': for OU-MVLP, without the
      probes whose subject is not in that cell's gallery. 'NM/rank1' counts
      those as errors.
    - 'NM/probes', 'NM/subjects': how many probe sequences there are, and of how
      many people.

  Raises:
    UserError: for an unknown protocol or metric, embeddings that are not
      finite [N,p,d], lengths that differ, or no gallery or no probe at all.
  """
  rules = get_protocol(protocol)
  distance.check_metric(metric)
  embeddings = np.asarray(embeddings)
  labels = _check_labels(embeddings, subjects, conditions, views)
  _check_embeddings(embeddings)
  subjects, conditions, views = labels
  names = view_names(views)
  order = {name: place for place, name in enumerate(names)}
  split = _Split(
    subjects=np.unique(subjects, return_inverse=True)[1],
    views=np.array([order[view] for view in views]),
    view_count=len(names),
    gallery=np.flatnonzero(np.isin(conditions, rules.gallery)),
    probes={
      name: np.flatnonzero(np.isin(conditions, wanted))
      for name, wanted in rules.probes.items()
    },
  )
  _check_split(split, rules, protocol, conditions)
  count = _count_per_view if rules.per_view else _count_cross_view
  return count(embeddings, split, rules, metric)


@dataclasses.dataclass(frozen=True)
class _Split:
  """Whose turn it is: rows of the gallery and of the probes by name."""

  subjects: np.ndarray
  views: np.ndarray
  view_count: int
  gallery: np.ndarray
  probes: dict[str, np.ndarray]

  def probe_rows(self) -> np.ndarray:
    return np.concatenate(list(self.probes.values()))

  def present(self) -> dict[str, np.ndarray]:
    return {name: rows for name, rows in self.probes.items() if len(rows)}


def _check_labels(
  embeddings: np.ndarray, *labels: Sequence[str] | np.ndarray
) -> list[np.ndarray]:
  if embeddings.ndim != 3 or 0 in embeddings.shape[1:]:
    raise UserError(
      f'embeddings have shape {embeddings.shape}; expected [N,p,d]: '
      'sequences, parts, features (one part: [N,1,d])'
    )
  arrays = [np.asarray(label).astype(str) for label in labels]
  shapes = [array.shape for array in arrays]
  if any(shape != (len(embeddings),) for shape in shapes):
    raise UserError(
      f'{len(embeddings)} embeddings need as many subjects, conditions and '
      f'views, each a flat list; got shapes {", ".join(map(str, shapes))}'
    )
  return arrays


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


def _check_split(
  split: _Split, rules: Protocol, protocol: str, conditions: np.ndarray
) -> None:
  wanted = [name for names in rules.probes.values() for name in names]
  for what, rows, names in (
    ('gallery', split.gallery, rules.gallery),
    ('probe', split.probe_rows(), wanted),
  ):
    if not len(rows):
      found = listed(sorted(set(conditions.tolist())), 12) or 'none'
      raise UserError(
        f'no {what} sequence for protocol {protocol!r}: it takes conditions '
        f'{", ".join(names)}; the sequences have {found}'
      )


def _count_per_view(
  embeddings: np.ndarray, split: _Split, rules: Protocol, metric: str
) -> dict[str, float | np.ndarray]:
  """Counts rank-1 with each gallery view as a gallery of its own."""
  galleries = [
    split.gallery[split.views[split.gallery] == view]
    for view in range(split.view_count)
  ]
  present = split.present()
  # All probes at once: every condition faces the same galleries.
  found = ranking.nearest_rows(
    embeddings, split.probe_rows(), galleries, metric=metric
  )
  ends = np.cumsum([len(rows) for rows in present.values()])
  result: dict[str, float | np.ndarray] = {}
  for (name, rows), nearest in zip(
    present.items(), np.split(found, ends[:-1]), strict=True
  ):
    subjects = split.subjects[rows]
    correct = split.subjects[nearest] == subjects[:, None]
    kinds = {'rank1': nearest >= 0}
    if rules.invalid:
      members = [np.isin(subjects, split.subjects[one]) for one in galleries]
      kinds['rank1_excluding_invalid'] = np.stack(members, axis=1)
    for key, counted in kinds.items():
      matrix = _cells(correct, counted, split.views[rows])
      by_view = mean_by_probe_view(matrix, identical=rules.identical)
      result[f'{name}/{key}'] = _mean(by_view)
      result[f'{name}/{key}_by_view'] = matrix
    result |= _sizes(name, split.subjects[rows])
  return result


def _sizes(name: str, subjects: np.ndarray) -> dict[str, float]:
  return {
    f'{name}/probes': float(len(subjects)),
    f'{name}/subjects': float(len(np.unique(subjects))),
  }


def _cells(
  correct: np.ndarray, counted: np.ndarray, views: np.ndarray
) -> np.ndarray:
  """Returns percentages [probe view, gallery view], NaN where none count.

  Args:
    correct: bool [n, gallery view].
    counted: bool [n, gallery view], which probes a cell is over.
    views: int [n], the view of each probe.
  """
  matrix = np.full((correct.shape[1],) * 2, np.nan)
  for view in np.unique(views):
    seen = views == view
    total = counted[seen].sum(0)
    right = (correct & counted)[seen].sum(0)
    np.divide(100.0 * right, total, out=matrix[view], where=total > 0)
  return matrix


def mean_by_probe_view(
  matrix: np.ndarray, *, identical: bool = False
) -> np.ndarray:
  """Returns each probe view's mean over gallery views, [views].

  Args:
    matrix: [probe view, gallery view]; NaN is left out.
    identical: whether the diagonal counts; it is left out otherwise.
  """
  if not identical:
    matrix = np.where(np.eye(len(matrix), dtype=bool), np.nan, matrix)
  return np.array([_mean(row) for row in matrix])


def _mean(values: np.ndarray) -> float:
  """Returns the mean of the numbers that are there, NaN if none is."""
  there = values[~np.isnan(values)]
  return float(np.mean(there)) if len(there) else float('nan')


def _count_cross_view(
  embeddings: np.ndarray, split: _Split, rules: Protocol, metric: str
) -> dict[str, float | np.ndarray]:
  """Counts rank-1 and mAP with all views in one gallery."""
  del rules  # One way to count: an absent subject is an error, without an AP.
  result: dict[str, float | np.ndarray] = {}
  for name, rows in split.present().items():
    correct, precision = ranking.rank_all(
      embeddings,
      rows,
      split.gallery,
      split.subjects,
      split.views,
      metric=metric,
    )
    for key, values in (('rank1', correct), ('mAP', precision)):
      by_view = np.array(
        [
          100 * _mean(values[split.views[rows] == view].astype(float))
          for view in range(split.view_count)
        ]
      )
      result[f'{name}/{key}'] = _mean(by_view)
      result[f'{name}/{key}_by_probe_view'] = by_view
    result |= _sizes(name, split.subjects[rows])
  return result
