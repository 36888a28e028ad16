"""Results as text tables."""

import dataclasses
import re
from collections.abc import Mapping, Sequence

import numpy as np

from gaitgs_jax.evaluation import distance, protocols, verification
from gaitgs_jax.evaluation.protocols import Protocol, Result

DISTANCES = {
  'euclidean': 'mean over parts of the Euclidean distance',
  'cosine': '1 - mean over parts of the cosine',
}

_MEANS = {'views': 'probe views', 'probes': 'probes'}
_MOST_COLUMNS, _WIDEST = 7, 100
# Why a number is not defined.
_FEW = 'too few impostors'
_NOBODY = 'no probe has its subject in the gallery, less what is dropped'


def describe(
  protocol: str | Protocol,
  metric: str = 'euclidean',
  result: Result | None = None,
) -> list[tuple[str, str]]:
  """Returns what a number under this protocol means, as (word, text) pairs.

  With a result, the number of its probes and subjects is given too.
  """
  rules = protocols.get_protocol(protocol)
  distance.check_metric(metric)
  probes = '; '.join(
    f'{name} {rule}'.strip() + _sizes(name, result or {})
    for name, rule in rules.probes.items()
  )
  said = [
    ('protocol', f'{rules.title} ({rules.name}, {rules.fingerprint})'),
    ('probes', probes),
    ('counted', _counted(rules)),
  ]
  if not rules.classes:
    said.insert(1, ('gallery', _gallery(rules)))
    said.insert(3, ('distance', DISTANCES[metric] + _reranked(rules)))
  if rules.ignored:
    said.append(('ignored', str(rules.ignored)))
  return said


def _gallery(rules: Protocol) -> str:
  if isinstance(rules.gallery, protocols.Rule):
    return str(rules.gallery)
  return '; '.join(f'{name} {rule}' for name, rule in rules.gallery.items())


def _reranked(rules: Protocol) -> str:
  if rules.rerank is None:
    return ''
  values = dataclasses.asdict(rules.rerank)
  return f', re-ranked ({", ".join(f"{k} {v}" for k, v in values.items())})'


def _counted(rules: Protocol) -> str:
  """Returns in words what is dropped and what the mean is over."""
  if rules.classes:
    until = f' until {rules.truth_until!r}' if rules.truth_until else ''
    names = ', '.join(rules.classes)
    return f'{rules.truth}{until}: {names}; means over classes'
  if rules.submission:
    return 'nothing: the answers are withheld, and the ranking is a file'
  if rules.mean_over == 'cells':
    text = 'each gallery view by itself, ' + (
      'the identical one too; '
      if rules.identical
      else 'identical views excluded; '
    )
    text += 'mean over gallery views, then over probe views'
  else:
    text = 'one gallery of all views'
    if rules.dropped:
      text += f", less the probe's own {' in its own '.join(rules.dropped)}"
    text += f'; mean over {_MEANS[rules.mean_over]}'
  if rules.invalid == 'excluded':
    text += '; probes with nothing to find are left out'
  return text


def _sizes(name: str, result: Result) -> str:
  counts = [
    result.get(protocols.key(name, each)) for each in ('probes', 'subjects')
  ]
  if None in counts:
    return ''
  sequences, subjects = (int(count) for count in counts if count is not None)
  return f' ({sequences:,} sequences of {subjects:,} subjects)'


def rows(
  results: Mapping[str, Result], protocol: str | Protocol
) -> list[tuple[str, str, str]]:
  """Returns (key, probe name, what it is) for each number the results have.

  Such as ('NM/rank1', 'NM', 'rank-1'), in the protocol's order. A curve is no
  number.
  """
  rules = protocols.get_protocol(protocol)
  titles = {}
  for metric in rules.metrics:
    what, both = title(metric), rules.invalid == 'both'
    titles[metric] = what + ', invalid probes as errors' * both
    titles[f'{metric}_excluding_invalid'] = f'{what}, invalid probes excluded'
  titles |= {metric: metric for metric in verification.METRICS}
  return [
    (key, name, what)
    for name in rules.probes
    for metric, what in titles.items()
    if (key := protocols.key(name, metric))
    and any(np.ndim(result.get(key, ())) == 0 for result in results.values())
  ]


def title(metric: str) -> str:
  """Returns a metric's name to a reader: 'rank5' is 'rank-5'."""
  name = re.sub(r'^rank(\d+)', r'rank-\1', metric)
  return name.replace('_including_', ', with ').replace(
    'identical', 'identical views'
  )


def by_probe_view(
  result: Result, key: str, protocol: str | Protocol
) -> np.ndarray | None:
  """Returns the number `key` for each probe view, or None without them."""
  if f'{key}_by_view' in result:
    return protocols.mean_by_probe_view(
      np.asarray(result[f'{key}_by_view']),
      identical=protocols.get_protocol(protocol).identical
      or '_including_identical' in key,
    )
  if f'{key}_by_probe_view' in result:
    return np.asarray(result[f'{key}_by_probe_view'])
  return None


def table(
  results: Mapping[str, Result],
  protocol: str | Protocol,
  published: Result | None = None,
  *,
  metric: str = 'euclidean',
  views: Sequence[str] | None = None,
  described: bool = True,
) -> str:
  """Returns results as text, below what their protocol counts.

  One result is shown with a column per probe view, several side by side, or
  one below the other where they are many.

  Args:
    results: label -> result of `evaluate`; at least one.
    protocol: the protocol of all of them.
    published: published numbers of the same protocol, if there are any.
    metric: the metric of all of them.
    views: names of the probe views, in the order of the matrices.
    described: whether to say what is counted; False where it was said before.
  """
  lines = []
  if described:
    first = next(iter(results.values()))
    pairs = describe(protocol, metric, first)
    lines = [*(f'{word:9} {text}' for word, text in pairs), '']
  if len(results) == 1:
    grid = _grid_by_view(results, protocol, published or {}, views)
  else:
    grid = _grid_side_by_side(results, protocol, published or {})
    # Many evaluations of one run would not fit a terminal's width.
    if len(grid[0]) > _MOST_COLUMNS or len(aligned(grid)[-1]) > _WIDEST:
      grid = [list(line) for line in zip(*grid, strict=True)]
  notes = [*_one_view(results, protocol), *_undefined(results, protocol)]
  return '\n'.join([*lines, *aligned(grid), *notes])


def undefined(
  results: Mapping[str, Result], protocol: str | Protocol
) -> list[str]:
  """Returns why some numbers are dashes, a line for each reason."""
  one_view = ' '.join(' '.join(_one_view(results, protocol)).split())
  others = _undefined(results, protocol)[1:]
  return [one_view, *others] if one_view else others


def _one_view(
  results: Mapping[str, Result], protocol: str | Protocol
) -> list[str]:
  """Returns a note on probes whose gallery is all of their own view.

  Nothing is left of it where identical views are excluded; the number of the
  identical view is given in its place.
  """
  rules = protocols.get_protocol(protocol)
  lines = []
  for label, result in results.items():
    same = [
      f'{name} {number(np.nanmax(np.asarray(result[f"{key}_by_view"])))}'
      for name in rules.probes
      if _is_of_one_view(result, key := protocols.key(name, 'rank1'), rules)
    ]
    if same:
      lines.append(f'  {label}, identical views: {", ".join(same).strip()}')
  if not lines:
    return []
  return [
    '',
    'probes and gallery are seen from one view, so that no cell is left where',
    'identical views are excluded; rank-1 within that view is not comparable:',
    *lines,
  ]


def _is_of_one_view(result: Result, key: str, rules: Protocol) -> bool:
  """Returns whether a number has cells of identical views alone."""
  matrix = np.asarray(result.get(f'{key}_by_view', np.nan))
  return bool(
    _is_nan(result.get(key, 0.0))
    and not rules.identical
    and (matrix >= 0).any()
  )


def _is_nan(value: float | np.ndarray) -> bool:
  # A list in place of a number is none, see `rows`.
  return not np.ndim(value) and bool(np.isnan(value))


def _undefined(
  results: Mapping[str, Result], protocol: str | Protocol
) -> list[str]:
  """Returns notes on the other numbers for which there is a dash, and why."""
  rules = protocols.get_protocol(protocol)
  named: dict[str, list[str]] = {}
  for key, name, what in rows(results, rules):
    metric = key.rpartition('/')[2]
    dashes = [
      result
      for result in results.values()
      if _is_nan(result.get(key, 0.0))
      and not _is_of_one_view(result, key, rules)
    ]
    if dashes:
      reason = _FEW if metric in verification.METRICS else _NOBODY
      named.setdefault(reason, []).append(f'{name} {what}'.strip())
  lines = [f'{why}: {", ".join(names)}' for why, names in named.items()]
  return ['', *lines] if lines else []


def number(value: float | np.ndarray | None) -> str:
  """Returns a percentage to one decimal, or a dash where there is none."""
  if value is None or np.ndim(value) or np.isnan(value):
    return '-'
  return f'{float(value):.1f}'


def interval(result: Result, key: str) -> str:
  """Returns within what 95 % of a number lie, such as '81.2-86.4', or ''."""
  ends = result.get(f'{key}_interval')
  if ends is None or np.isnan(ends).any():
    return ''
  return '-'.join(map(number, np.asarray(ends)))


def with_interval(result: Result, key: str) -> str:
  """Returns a number, and its interval where that is known."""
  ends = interval(result, key)
  return number(result.get(key)) + (f' ({ends})' if ends else '')


def _grid_by_view(
  results: Mapping[str, Result],
  protocol: str | Protocol,
  published: Result,
  views: Sequence[str] | None,
) -> list[list[str]]:
  ((label, result),) = results.items()
  shown = [(key, name, what) for key, name, what in rows(results, protocol)]
  columns = [by_probe_view(result, key, protocol) for key, _, _ in shown]
  count = max((len(c) for c in columns if c is not None), default=0)
  names = list(views or [])
  if len(names) != count:
    names = [f'view {place + 1}' for place in range(count)]
  intervals = [interval(result, key) for key, _, _ in shown]
  last = ['95 %'] * any(intervals)
  grid = [[label, *names, 'mean', *last]]
  for (key, name, what), column, ends in zip(
    shown, columns, intervals, strict=True
  ):
    cells = [''] * count if column is None else [number(c) for c in column]
    row = f'{name} {what}'.strip()
    tail = [ends] * len(last)
    grid.append([row, *cells, number(result.get(key)), *tail])
    if key in published:
      column = by_probe_view(published, key, protocol)
      if column is None or len(column) != count:
        cells = [''] * count
      else:
        cells = [number(c) for c in column]
      tail = [''] * len(last)
      grid.append(['  published', *cells, number(published[key]), *tail])
  return grid


def _grid_side_by_side(
  results: Mapping[str, Result], protocol: str | Protocol, published: Result
) -> list[list[str]]:
  every = {**results, 'published': published} if published else results
  grid = [['%', *every]]
  for key, name, what in rows(results, protocol):
    cells = [with_interval(result, key) for result in every.values()]
    grid.append([f'{name} {what}'.strip(), *cells])
  return grid


def aligned(grid: list[list[str]]) -> list[str]:
  """Returns lines with the first column flush left and the others right."""
  widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
  return [
    '  '.join(
      cell.rjust(width) if place else cell.ljust(width)
      for place, (cell, width) in enumerate(zip(line, widths, strict=True))
    ).rstrip()
    for line in grid
  ]
