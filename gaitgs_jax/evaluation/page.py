"""Pieces of a page about a run: elements of results and curves.

Everything is text and vectors, so a page needs no other file, no script and no
network, reads aloud, prints, and follows the reader's light or dark theme.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from gaitgs_jax.evaluation import report
from gaitgs_jax.evaluation.markup import Element, document, element
from gaitgs_jax.evaluation.protocols import Protocol

Series = tuple[np.ndarray, np.ndarray]

_WIDTH, _HEIGHT = 360, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 12, 24
_MOST_POINTS = 300
# Larger numbers are drawn no more than NaN: differences would overflow.
_LAST_STEP, _LARGEST = 1e12, 1e30
# Percent from which a cell of a heat map has light letters.
_DARK = 72


def label_name(label: str) -> str:
  """Returns what a saved evaluation's label means to a reader."""
  known = {
    'untrained': 'Untrained network',
    'gait_energy': 'Gait energy image, no network',
    'mean_skeleton': 'Mean skeleton, no network',
    'published': 'Published',
  }
  if label.startswith('step_') and label[5:].isdigit():
    return f'Trained, step {int(label[5:]):,}'
  return known.get(label, label)


def definition_list(
  pairs: Sequence[tuple[str, str]], kind: str = ''
) -> Element:
  """Returns (word, text) pairs as a definition list."""
  items = [
    element('div', element('dt', word), element('dd', text))
    for word, text in pairs
  ]
  return element('dl', *items, class_=kind)


def accuracy_table(
  results: Mapping[str, report.Result],
  protocol: str | Protocol,
  published: report.Result | None = None,
) -> Element:
  """Returns one row per label and one column per number, the best in bold."""
  columns = report.rows(results, protocol)
  best = {
    key: max((report.number(r.get(key)) for r in results.values()), key=_value)
    for key, _, _ in columns
  }
  heads = [
    _head(f'{name} ', element('small', what)) for _, name, what in columns
  ]
  every = {**results, 'published': published} if published else dict(results)
  lines = []
  for label, result in every.items():
    ours = label != 'published'
    cells = []
    for key, _, _ in columns:
      text = report.number(result.get(key))
      kind = 'best' if ours and text != '-' and text == best[key] else ''
      share = min(max(_value(text), 0), 100)
      cells.append(
        element('td', text, class_=kind, style=f'--share:{share:.1f}%')
      )
    name = element('th', label_name(label), scope='row')
    kind = '' if ours else 'published'
    lines.append(element('tr', name, *cells, class_=kind))
  first = element('tr', _head(element('small', 'percent')), *heads)
  return _scrolled(
    element(
      'table',
      element('thead', first),
      element('tbody', *lines),
      class_='accuracy',
    )
  )


def _head(*content: Element | str) -> Element:
  return element('th', *content, scope='col')


def _scrolled(content: Element) -> Element:
  return element('div', content, class_='scroll')


def _value(text: str) -> float:
  return -1.0 if text == '-' else float(text)


def heat_map(matrix: np.ndarray, views: Sequence[str], caption: str) -> Element:
  """Returns a [probe view, gallery view] matrix of percentages as a table."""
  lines = []
  for row, view in enumerate(views):
    cells = [
      _heat(float(matrix[row, column]), view, other, row == column)
      for column, other in enumerate(views)
    ]
    lines.append(element('tr', element('th', view, scope='row'), *cells))
  corner = element('th', aria_label='probe view')
  first = element('tr', corner, *map(_head, views))
  table = element('table', element('thead', first), element('tbody', *lines))
  return element(
    'figure', element('figcaption', caption), _scrolled(table), class_='heat'
  )


def _heat(value: float, view: str, other: str, same: bool) -> Element:
  """Returns the cell of a probe view and another view of the gallery."""
  if math.isnan(value):
    return element('td', '\N{EN DASH}', class_='empty', title='no sequence')
  kinds = ['dark'] * (value > _DARK) + ['same'] * same
  return element(
    'td',
    f'{value:.0f}',
    class_=' '.join(kinds),
    style=f'--heat:{value / 100:.2f}',
    title=f'probe {view}, gallery {other}: {value:.1f} %',
  )


def chart(title: str, series: Mapping[str, Series]) -> Element | None:
  """Returns curves over steps as an SVG figure, None with nothing to draw.

  Args:
    title: the figure's caption.
    series: name -> (steps [k], values [k]); what is not finite is left out.
  """
  curves = {name: thin(*_finite(*curve)) for name, curve in series.items()}
  curves = {name: curve for name, curve in curves.items() if len(curve[0])}
  if not curves:
    return None
  steps = np.concatenate([curve[0] for curve in curves.values()])
  values = np.concatenate([curve[1] for curve in curves.values()])
  x_ticks = ticks(float(steps.min()), float(steps.max()), 4)
  y_ticks = ticks(*_range(values), 4)
  x_range = (float(steps.min()), max(float(steps.max()), steps.min() + 1))
  y_range = (min(y_ticks[0], values.min()), max(y_ticks[-1], values.max()))
  lines = _y_axis(y_ticks, y_range)
  lines += [
    element(
      'text',
      f'{tick:g}',
      x=f'{_place(tick, x_range, _LEFT, _WIDTH - _RIGHT)}',
      y=f'{_HEIGHT - 6}',
      text_anchor='middle',
    )
    for tick in x_ticks
    if x_range[0] <= tick <= x_range[1]
  ]
  for number, curve in enumerate(curves.values()):
    lines += _curve(curve, x_range, y_range, number)
  return element(
    'figure',
    element('figcaption', title, _legend(curves)),
    element(
      'svg',
      *lines,
      viewBox=f'0 0 {_WIDTH} {_HEIGHT}',
      role='img',
      aria_label=f'{title} over steps',
    ),
    class_='chart',
  )


def _y_axis(
  y_ticks: Sequence[float], y_range: tuple[float, float]
) -> list[Element]:
  lines = []
  for tick in y_ticks:
    y = _place(tick, y_range, _HEIGHT - _BOTTOM, _TOP)
    lines += [
      element(
        'line',
        class_='rule',
        x1=f'{_LEFT}',
        x2=f'{_WIDTH - _RIGHT}',
        y1=f'{y}',
        y2=f'{y}',
      ),
      element(
        'text',
        f'{tick:g}',
        x=f'{_LEFT - 6}',
        y=f'{y + 3.5:.1f}',
        text_anchor='end',
      ),
    ]
  return lines


def _legend(curves: Mapping[str, Series]) -> Element | None:
  if len(curves) < 2:
    return None
  keys = [
    element('span', name, class_=f'key line{number % 4}')
    for number, name in enumerate(curves)
  ]
  return element('div', *keys)


def _curve(
  curve: Series,
  x_range: tuple[float, float],
  y_range: tuple[float, float],
  number: int,
) -> list[Element]:
  points = [
    (
      _place(step, x_range, _LEFT, _WIDTH - _RIGHT),
      _place(value, y_range, _HEIGHT - _BOTTOM, _TOP),
    )
    for step, value in zip(*curve, strict=True)
  ]
  text = ' '.join(f'{x},{y}' for x, y in points)
  kind = f'line{number % 4}'
  # Few points stand far apart: show where they are.
  dots = points if len(points) <= 20 else points[-1:]
  return [
    element('polyline', class_=kind, points=text),
    *(
      element('circle', class_=kind, cx=f'{x}', cy=f'{y}', r='2.5')
      for x, y in dots
    ),
  ]


def _place(
  value: float, limits: tuple[float, float], start: float, end: float
) -> float:
  share = (value - limits[0]) / (limits[1] - limits[0])
  return round(float(start + share * (end - start)), 1)


def _range(values: np.ndarray) -> tuple[float, float]:
  """Returns the limits of an axis, from zero unless that hides the curve."""
  low, high = float(values.min()), float(values.max())
  if 0 <= low <= high / 2:
    low = 0.0
  if low == high:
    low, high = min(low, 0.0), max(high, 0.0)
  return (low, high) if low < high else (0.0, 1.0)


def _finite(steps: np.ndarray, values: np.ndarray) -> Series:
  # Also false for NaN.
  good = (np.abs(values) <= _LARGEST) & (np.abs(steps) <= _LAST_STEP)
  return np.asarray(steps)[good], np.asarray(values)[good]


def thin(steps: np.ndarray, values: np.ndarray) -> Series:
  """Returns at most 300 points, each the mean of its neighbours."""
  if len(steps) <= _MOST_POINTS:
    return steps, values
  edges = np.linspace(0, len(steps), _MOST_POINTS + 1).astype(int)[:-1]
  sizes = np.diff([*edges, len(steps)])
  return (
    np.add.reduceat(np.asarray(steps, float), edges) / sizes,
    np.add.reduceat(np.asarray(values, float), edges) / sizes,
  )


def ticks(low: float, high: float, count: int) -> list[float]:
  """Returns about `count` round numbers that span low to high."""
  rough = max(high - low, 1e-12) / count
  scale = 10 ** math.floor(math.log10(rough))
  step = next(m * scale for m in (1, 2, 5, 10) if m * scale >= rough * 0.999)
  first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
  return [round(n * step, 12) for n in range(first, max(last, first + 1) + 1)]


def page(
  title: str, subtitle: str, sections: Sequence[Element | None], foot: str
) -> str:
  """Returns the whole page."""
  header = element('header', element('h1', title), element('p', subtitle))
  footer = element('footer', element('p', foot))
  return document(title, _STYLE, header, element('main', *sections), footer)


def section(title: str, *content: Element | None) -> Element | None:
  """Returns a section of the page, None where there is nothing in it."""
  there = [each for each in content if each is not None]
  return element('section', element('h2', title), *there) if there else None


def grid(content: Sequence[Element | None]) -> Element | None:
  """Returns figures side by side, None where there are none."""
  there = [each for each in content if each is not None]
  return element('div', *there, class_='grid') if there else None


def note(text: str) -> Element:
  """Returns a paragraph of small print."""
  return element('p', text, class_='note')


def folded(title: str, *content: Element) -> Element:
  """Returns what is shown once its title is clicked."""
  return element('details', element('summary', title), *content)


_STYLE = """
:root { color-scheme: light dark; --paper: #fbfbf9; --card: #fff;
  --ink: #1d2327; --soft: #5b666d; --rule: #e2e4e1; --heat-rgb: 13 84 140;
  --c0: #0b6aa8; --c1: #b35a00; --c2: #007a5a; --c3: #9a3d7a; --bar: #d5e6f2; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14181b; --card: #1c2226; --ink: #e8ebed; --soft: #9aa6ad;
    --rule: #2f383d; --heat-rgb: 40 118 186; --c0: #62b0e8; --c1: #f0a35c;
    --c2: #4fc79f; --c3: #e08cc0; --bar: #24445b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
header, main, footer { max-width: 76rem; margin: auto; padding: 0 1.25rem; }
header { padding-top: 2.5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0; }
header p, footer p { color: var(--soft); margin: .35rem 0 0; }
section { background: var(--card); border: 1px solid var(--rule);
  border-radius: .75rem; padding: 1.1rem 1.4rem 1.4rem; margin-top: 1.25rem; }
h2 { font-size: 1.15rem; margin: 0 0 .8rem; }
footer { padding-top: 1.25rem; padding-bottom: 3rem; font-size: .9rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
small { display: block; color: var(--soft); font-size: .8rem;
  font-weight: 400; }
.accuracy { width: 100%; }
.accuracy th, .accuracy td { padding: .5rem .9rem; text-align: left;
  border-bottom: 1px solid var(--rule); }
.accuracy th:first-child { font-weight: 500; padding-left: 0; }
.accuracy td { font-size: 1.1rem; min-width: 7rem; background:
  linear-gradient(var(--bar), var(--bar)) 0 100% / var(--share) 4px no-repeat
  content-box; }
.accuracy .best { font-weight: 700; }
.accuracy .published { color: var(--soft); }
dl { margin: 1rem 0 0; color: var(--soft); font-size: .9rem; }
dl div { display: grid; grid-template-columns: 6rem 1fr; gap: .5rem; }
dd { margin: 0; color: var(--ink); overflow-wrap: anywhere; }
dl.facts { display: grid; gap: .9rem; margin: 0; font-size: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); }
dl.facts div { display: block; }
dl.facts dt { font-size: .8rem; }
dl.long div { grid-template-columns: 18rem 1fr; }
.grid { display: grid; gap: 1.25rem;
  grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); }
figure { margin: 0; min-width: 0; }
figcaption { font-weight: 600; font-size: .95rem; margin-bottom: .4rem; }
.heat table { font-size: .78rem; table-layout: fixed; width: 100%;
  max-width: 34rem; min-width: 19rem; }
.heat th { color: var(--soft); font-weight: 400; padding: .2rem 0; }
.heat td { text-align: center; padding: .34rem 0; border: 1px solid var(--card);
  background: rgb(var(--heat-rgb) / var(--heat)); }
.heat td.dark { color: #fff; }
.heat td.same { outline: 1px dashed; outline-offset: -2px; }
.heat td.empty { color: var(--soft); }
.note { color: var(--soft); font-size: .9rem; margin: 0 0 .9rem; }
section > .note:last-child { margin: 0; }
.walkers { width: 100%; min-width: 40rem; display: block; }
.ink { mix-blend-mode: multiply; }
@media (prefers-color-scheme: dark) {
  .ink { filter: invert(1); mix-blend-mode: screen; opacity: .85; } }
.chart svg { width: 100%; height: auto; display: block; }
.chart text { fill: var(--soft); font-size: 10.5px; }
.rule { stroke: var(--rule); }
polyline { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.line0 { stroke: var(--c0); } .line1 { stroke: var(--c1);
  stroke-dasharray: 7 3; } .line2 { stroke: var(--c2); stroke-dasharray: 2 3; }
.line3 { stroke: var(--c3); stroke-dasharray: 9 3 2 3; }
circle.line0 { fill: var(--c0); } circle.line1 { fill: var(--c1); }
circle.line2 { fill: var(--c2); } circle.line3 { fill: var(--c3); }
circle { stroke: none; }
.key { font-weight: 400; font-size: .85rem; margin-right: 1rem;
  white-space: nowrap; }
.key::before { content: ''; display: inline-block; width: 1.4em;
  border-top: 2.5px solid; margin-right: .35em; vertical-align: .25em; }
.key.line0::before { border-color: var(--c0); }
.key.line1::before { border-color: var(--c1); border-top-style: dashed; }
.key.line2::before { border-color: var(--c2); border-top-style: dotted; }
.key.line3::before { border-color: var(--c3); border-top-style: dashed; }
details { margin-top: 1rem; } summary { cursor: pointer; color: var(--soft); }
details[open] summary { margin-bottom: .8rem; }
@media (max-width: 40rem) { .accuracy th, .accuracy td { padding: .45rem .4rem;
  min-width: 0; } section { padding: 1rem; }
  dl.long div { grid-template-columns: 1fr; gap: 0; } }
"""
