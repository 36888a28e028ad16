"""What pages show of results, and the pages themselves.

Every text is text: what a name in somebody else's file holds is escaped, and
nothing on a page runs or loads anything.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jinja2
import numpy as np
from markupsafe import Markup

from gaitgs_jax.errors import printable
from gaitgs_jax.evaluation import protocols, report, verification
from gaitgs_jax.evaluation.protocols import Protocol

# Percent from which a cell of a heat map has light letters.
_DARK = 72
# Longest text of one place on a page, in characters.
_LONGEST = 2000
_KNOWN = {
  'untrained': 'Untrained network',
  'gait_energy': 'Gait energy image, no network',
  'mean_skeleton': 'Mean skeleton, no network',
}


class Cell(NamedTuple):
  """A number of a table.

  Attributes:
    text: the number.
    interval: within what 95 % lie, or ''.
    is_best: whether no other row has more.
    share: of the bar below it, in percent.
  """

  text: str
  interval: str
  is_best: bool
  share: float


class Row(NamedTuple):
  """A row of a table."""

  name: str
  cells: list[Cell]
  is_published: bool


class Table(NamedTuple):
  """A table of numbers; each column has the probes and what is counted."""

  columns: list[tuple[str, str]]
  rows: list[Row]


class HeatMap(NamedTuple):
  """A view x view matrix: rows of (probe view, cells).

  A cell is its text, kind, heat from 0 to 1 and what it says in full.
  """

  caption: str
  views: list[str]
  rows: list[tuple[str, list[tuple[str, str, float, str]]]]


def label_name(label: str) -> str:
  """Returns what a saved evaluation's label means to a reader."""
  if label.startswith('step_') and label[5:].isdigit():
    return f'Trained, step {int(label[5:]):,}'
  return _KNOWN.get(label, label)


def accuracy(
  results: Mapping[str, protocols.Result],
  protocol: str | Protocol,
  published: protocols.Result | None = None,
) -> Table:
  """Returns a row per label and a column per number of the protocol."""
  columns = [
    each
    for each in report.rows(results, protocol)
    if each[2] not in verification.METRICS
  ]
  best = {
    key: max((report.number(r.get(key)) for r in results.values()), key=_value)
    for key, _, _ in columns
  }
  rows = []
  for label, result in results.items():
    cells = [_cell(result, key, best[key]) for key, _, _ in columns]
    rows.append(Row(label_name(label), cells, False))
  if published:
    cells = [_cell(published, key) for key, _, _ in columns]
    rows.append(Row('Published', cells, True))
  return Table([(name, what) for _, name, what in columns], rows)


def errors(result: protocols.Result, protocol: str | Protocol) -> Table | None:
  """Returns a row per number of verification and a column for each probes."""
  rules = protocols.get_protocol(protocol)
  metrics = [
    *verification.METRICS,
    *(f'threshold@{rate}' for rate in verification.RATES),
  ]
  rows = []
  for metric in metrics:
    keys = [protocols.key(name, metric) for name in rules.probes]
    cells = [_cell(result, key) for key in keys]
    # Too few impostors for a rate are NaN.
    if all(cell.text == '-' for cell in cells):
      continue
    if metric.startswith('threshold'):
      texts = [
        old.text if old.text == '-' else f'{float(result[key]):.4g}'
        for old, key in zip(cells, keys, strict=True)
      ]
      cells = [Cell(text, '', False, 0) for text in texts]
    rows.append(Row(metric, cells, False))
  return Table([(name, '') for name in rules.probes], rows) if rows else None


def _cell(result: protocols.Result, key: str, best: str = '') -> Cell:
  text = report.number(result.get(key))
  share = min(max(_value(text), 0), 100)
  is_best = text == best and text != '-'
  return Cell(text, report.interval(result, key), is_best, share)


def _value(text: str) -> float:
  return -1.0 if text == '-' else float(text)


def heat_map(matrix: np.ndarray, views: Sequence[str], caption: str) -> HeatMap:
  """Returns a [probe view, gallery view] matrix of percentages."""
  rows = [
    (view, [_heat(float(matrix[i, j]), view, other, i == j)
            for j, other in enumerate(views)])
    for i, view in enumerate(views)
  ]  # fmt: skip
  return HeatMap(caption, list(views), rows)


def _heat(
  value: float, view: str, other: str, same: bool
) -> tuple[str, str, float, str]:
  if math.isnan(value):
    return '\N{EN DASH}', 'empty', 0, 'no sequence'
  kind = ' '.join(['dark'] * (value > _DARK) + ['same'] * same)
  what = f'probe {view}, gallery {other}: {value:.1f} %'
  return f'{value:.0f}', kind, value / 100, what


def there(items: Iterable[Any]) -> list[Any]:
  """Returns the items that are not None."""
  return [each for each in items if each is not None]


def render(template: str, **context: Any) -> str:
  """Returns a page.

  Args:
    template: its file in `templates`.
    **context: what it shows.
  """
  environment = jinja2.Environment(
    loader=jinja2.PackageLoader('gaitgs_jax.pages'),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    finalize=_shown,
  )
  return environment.get_template(template).render(**context)


def _shown(value: Any) -> Any:
  if isinstance(value, Markup):
    return value
  return printable(value, _LONGEST)
