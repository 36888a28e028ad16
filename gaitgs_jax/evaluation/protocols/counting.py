"""Numbers under a protocol: `evaluate`.

A number is comparable only under its protocol: which sequences are gallery,
which are probes, what is left out. Accuracies are percentages and nothing is
rounded; the published tools round every cell to two decimals first, and agree
within that. Of equally near gallery items the first in the gallery's order is
taken; the published tools' sorts are not stable and may take any.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from gaitgs_jax.errors import UserError, listed
from gaitgs_jax.evaluation import (
  metrics,
  outcomes,
  ranking,
)
from gaitgs_jax.evaluation.outcomes import Outcomes
from gaitgs_jax.evaluation.protocols.evaluation import Evaluation
from gaitgs_jax.evaluation.protocols.rules import (
  Protocol,
  counts_identical,
  key,
  rank_of,
)
from gaitgs_jax.evaluation.protocols.selection import (
  Group,
  Labels,
  Selection,
)

# Ranks of a CMC curve, where the gallery has as many.
LONGEST = 50

Result = dict[str, float | np.ndarray]


class Counted(NamedTuple):
  """What a protocol counts.

  Attributes:
    result: see `evaluate`.
    outcomes: of each number that has an interval, by its key.
  """

  result: Result
  outcomes: dict[str, Outcomes]

  def add(self, entry: str, found: Outcomes) -> None:
    """Adds a number and its interval."""
    self.outcomes[entry] = found
    self.result[entry] = found.number()
    self.result[f'{entry}_interval'] = found.interval()


def evaluate(
  protocol: str | Protocol,
  embeddings: np.ndarray,
  subjects: Labels,
  conditions: Labels,
  views: Labels,
  *,
  metric: str = 'euclidean',
  columns: Mapping[str, Labels] | None = None,
) -> Result:
  """Counts how many probes find their subject, as one protocol wants it.

  Sequences that the protocol does not name are ignored, and any subset of
  views will do. A name of probes without a sequence, or without a gallery, is
  left out of the result. A cell without probes or without gallery is NaN and
  left out of the means; a mean over no cell at all (a single view) is NaN. A
  probe with nothing to find is an error in rank-1, unless the protocol leaves
  it out, and has no part in mAP and mINP.

  Args:
    protocol: one of `PROTOCOLS`, the path of a JSON file, or a `Protocol`.
    embeddings: [N,p,d], finite; only tiles of it are read, so that it may be
      memory-mapped. Logits [N,p,k] for a protocol of classes.
    subjects: N strings.
    conditions: N strings, as the dataset names them ('nm-01', ...).
    views: N strings ('000', ...).
    metric: 'euclidean' or 'cosine'; see `distance`.
    columns: what else the protocol looks at, by name, N strings or bools each,
      such as 'probe' for Gait3D.

  Returns:
    For each name of probes, such as 'NM', in percent. Keys have no 'NM/' where
    all probes are alike.

    - 'NM/rank1' and other ranks: the mean over probe views of the mean over
      other gallery views (over all of them where the protocol counts identical
      ones); in a gallery of all views, the mean over probe views or probes.
    - 'NM/rank1_by_view': matrix [probe view, gallery view], identical views
      too, in the order of `Selection.view_names`; for means over probe views
      'NM/rank1_by_probe_view', one number per probe view.
    - 'NM/rank1_interval' [2], and of other numbers: within what 95 % lie
      when subjects are drawn again, see `outcomes`; NaN for one subject.
    - 'NM/mAP', 'NM/mINP', 'NM/CMC' [ranks]: for a gallery of all views only.
    - 'NM/rank1_excluding_invalid' and '..._by_view': for OU-MVLP, without the
      probes whose subject is not in that cell's gallery. 'NM/rank1' counts
      those as errors.
    - 'NM/accuracy', ...: of a protocol of classes, see
      `metrics.classification`; with intervals too.
    - 'NM/probes', 'NM/subjects': how many probe sequences there are, and of how
      many people. Nothing else for a submission.

  Raises:
    UserError: for an unknown protocol or metric, embeddings that are not
      finite [N,p,d], lengths that differ, a column that is missing, no gallery
      or no probe at all, or no probe that counts.
  """
  evaluation = Evaluation.of(
    protocol,
    embeddings,
    subjects,
    conditions,
    views,
    metric=metric,
    columns=columns,
  )
  return count(evaluation).result


def count(evaluation: Evaluation) -> Counted:
  """Returns what `evaluate` returns, and what each subject adds to it."""
  rules, selection = evaluation.rules, evaluation.selection
  counter = _count_cells if rules.mean_over == 'cells' else _count_ranks
  if rules.classes:
    counter = _count_classes
  result, found = Counted({}, {})
  for group in selection.groups:
    # Who the probes of a submission are is not known.
    if not rules.submission:
      some = counter(evaluation, group)
      result |= some.result
      found |= some.outcomes
    for name, rows in group.probes.items():
      people = len(np.unique(selection.subjects[rows]))
      result[key(name, 'probes')] = float(len(rows))
      result[key(name, 'subjects')] = float(people)
  if not (rules.classes or rules.submission):
    _check_counted(result, rules)
  return Counted(result, found)


def _count_cells(evaluation: Evaluation, group: Group) -> Counted:
  """Counts ranks with each gallery view as a gallery of its own."""
  rules, selection = evaluation.rules, evaluation.selection
  galleries = [
    group.gallery[selection.views[group.gallery] == view]
    for view in range(len(selection.view_names))
  ]
  # All probes at once: those of every name face the same galleries.
  probes = group.probe_rows()
  most = max(rank_of(name) or 1 for name in rules.metrics)
  most = min(most, max(map(len, galleries)))
  nearest = ranking.nearest_rows(
    evaluation.embeddings, probes, galleries, most, metric=evaluation.metric
  )
  subjects, there = selection.subjects, nearest >= 0
  right = there & (subjects[nearest] == subjects[probes][:, None, None])
  found = np.logical_or.accumulate(right, axis=-1)
  counted = there[..., 0]
  valid = np.stack(
    [np.isin(subjects[probes], subjects[rows]) for rows in galleries], axis=1
  )
  ways = _ways(rules, counted, valid)
  found_by = Counted({}, {})
  for name, rows in group.probes.items():
    chosen = np.searchsorted(probes, rows)
    for number in rules.metrics:
      within = found[chosen, :, min(rank_of(number) or 1, most) - 1]
      for way, counting in ways.items():
        entry = key(name, number + way)
        cells = _add_up(within, counting[chosen], selection, rows)
        found_by.result[f'{entry}_by_view'] = cells.cells()
        if not (rules.identical or counts_identical(number)):
          cells = cells.without_identical()
        found_by.add(entry, cells)
  return found_by


def _add_up(
  values: np.ndarray,
  counted: np.ndarray,
  selection: Selection,
  rows: np.ndarray,
) -> Outcomes:
  """Returns the outcomes of some rows, by probe view; see `outcomes.add_up`."""
  return outcomes.add_up(
    values,
    counted,
    selection.columns['subject'][rows],
    selection.views[rows],
    len(selection.view_names),
  )


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
  return outcomes.mean(matrix)


def _count_ranks(evaluation: Evaluation, group: Group) -> Counted:
  """Counts ranks, mAP and mINP with all views in one gallery."""
  rules, selection = evaluation.rules, evaluation.selection
  probes = group.probe_rows()
  every = ranking.rank_all(
    evaluation.distance_blocks(group),
    probes,
    group.gallery,
    selection.subjects,
    selection.same,
  )
  longest = min(LONGEST, len(group.gallery))
  counted_by = Counted({}, {})
  for name, rows in group.probes.items():
    chosen = np.searchsorted(probes, rows)
    ranks = ranking.Ranks(*(values[chosen] for values in every))
    valid = ranks.first > 0
    for way, counted in _ways(rules, np.ones_like(valid), valid).items():
      for number in rules.metrics:
        entry = key(name, number + way)
        if number == 'CMC':
          curve = metrics.cumulative_matches(ranks.first[counted], longest)
          counted_by.result[entry] = 100 * curve
          continue
        values = _values(number, ranks)
        there = (counted & ~np.isnan(values))[:, None]
        each = _add_up(values[:, None], there, selection, rows)
        if rules.mean_over == 'views':
          counted_by.result[f'{entry}_by_probe_view'] = each.by_probe_view()
        else:
          each = each.over_views()
        counted_by.add(entry, each)
  return counted_by


def _values(number: str, ranks: ranking.Ranks) -> np.ndarray:
  """Returns a metric of each probe, a fraction or NaN."""
  if k := rank_of(number):
    return ((ranks.first > 0) & (ranks.first <= k)).astype(float)
  return {'mAP': ranks.precision, 'mINP': ranks.penalty}[number]


def _ways(
  rules: Protocol, counted: np.ndarray, valid: np.ndarray
) -> dict[str, np.ndarray]:
  """Returns what counts, by what it adds to the name of a number.

  Args:
    rules: whose `invalid` decides.
    counted: bool, what there is to count.
    valid: bool, where there is something to find too.
  """
  if rules.invalid == 'both':
    return {'': counted, '_excluding_invalid': valid}
  return {'': valid if rules.invalid == 'excluded' else counted}


def _count_classes(evaluation: Evaluation, group: Group) -> Counted:
  """Counts how often the largest logit is that of the right class."""
  rules, embeddings = evaluation.rules, evaluation.embeddings
  count = embeddings.shape[2]
  if count != len(rules.classes):
    raise UserError(
      f'protocol {rules.name!r} has {len(rules.classes)} classes, and the '
      f'embeddings {count} features; it takes logits [N,p,{len(rules.classes)}]'
    )
  classes = {name.lower(): place for place, name in enumerate(rules.classes)}
  columns, found = evaluation.selection.columns, Counted({}, {})
  for name, rows in group.probes.items():
    labels = columns[rules.truth][rows].astype(str).tolist()
    if rules.truth_until:
      labels = [label.split(rules.truth_until)[0] for label in labels]
    if unknown := sorted({x for x in labels if x.lower() not in classes}):
      raise UserError(
        f'{rules.truth} {unknown[0]!r} is not a class of protocol '
        f'{rules.name!r}; its classes are {listed(rules.classes, 12)}'
      )
    logits = np.asarray(embeddings[rows], np.float32).mean(axis=1)
    truth = np.array([classes[label.lower()] for label in labels])
    predicted, subjects = logits.argmax(axis=1), columns['subject'][rows]
    _add_classes(found, rules, name, predicted, truth, subjects)
  return found


def _add_classes(
  found: Counted,
  rules: Protocol,
  name: str,
  predicted: np.ndarray,
  truth: np.ndarray,
  subjects: np.ndarray,
) -> None:
  """Adds the numbers of classes int [n], and their intervals over subjects."""
  people, who = np.unique(subjects, return_inverse=True)
  each = metrics.confusions(predicted, truth, who, len(rules.classes))
  numbers = metrics.of_confusions(each.sum(0))
  draws = metrics.of_confusions(outcomes.drawn(each))
  for number in rules.metrics:
    entry = key(name, number)
    found.result[entry] = float(100 * numbers[number])
    ends = outcomes.between(100 * draws[number])
    alone = np.full(2, np.nan)
    found.result[f'{entry}_interval'] = ends if len(people) > 1 else alone
  if 'accuracy' in rules.metrics:
    right, total = (
      np.asarray(x, float)
      for x in (np.trace(each, axis1=1, axis2=2), each.sum((1, 2)))
    )
    found.outcomes[key(name, 'accuracy')] = Outcomes(
      people, right[:, None, None], total[:, None, None]
    )


def _check_counted(result: Result, rules: Protocol) -> None:
  """Raises UserError where every probe is left out."""
  if rules.invalid != 'excluded' or rules.mean_over == 'cells':
    return
  heads = [result.get(key(name, rules.metrics[0])) for name in rules.probes]
  if all(head is None or np.isnan(head).all() for head in heads):
    raise UserError(
      f'no probe of protocol {rules.name!r} has its subject in the gallery '
      '(less what the protocol drops): there is nothing to find'
    )
