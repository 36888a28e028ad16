"""Pieces of a page about a run: HTML and SVG strings of results and curves.

Everything is text and vectors, so a page needs no other file, no script and no
network, reads aloud, prints, and follows the reader's light or dark theme.
"""

import html
import math
from collections.abc import Mapping, Sequence

import numpy as np

from gaitgs_jax.evaluation import report

Series = tuple[np.ndarray, np.ndarray]

_WIDTH, _HEIGHT = 360, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 12, 24
_MOST_POINTS = 300


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


def definition_list(pairs: Sequence[tuple[str, str]], kind: str = '') -> str:
  """Returns (word, text) pairs as a definition list."""
  items = ''.join(
    f'<div><dt>{html.escape(word)}</dt><dd>{html.escape(text)}</dd></div>'
    for word, text in pairs
  )
  return f'<dl class="{kind}">{items}</dl>'


def accuracy_table(
  results: Mapping[str, report.Result],
  protocol: str,
  published: report.Result | None = None,
) -> str:
  """Returns one row per label and one column per number, the best in bold."""
  columns = report.rows(results, protocol)
  best = {
    key: max((report.number(r.get(key)) for r in results.values()), key=_value)
    for key, _, _ in columns
  }
  heads = ''.join(
    f'<th scope="col">{html.escape(name)} <small>{html.escape(what)}</small>'
    '</th>'
    for _, name, what in columns
  )
  every = {**results, 'published': published} if published else dict(results)
  lines = []
  for label, result in every.items():
    cells = ''
    for key, _, _ in columns:
      text = report.number(result.get(key))
      ours = label != 'published' and text != '-'
      kind = 'best' if ours and text == best[key] else ''
      cells += (
        f'<td class="{kind}" style="--share:{max(_value(text), 0):.1f}%">'
        f'{text}</td>'
      )
    name = html.escape(label_name(label))
    row = ' class="published"' if label == 'published' else ''
    lines.append(f'<tr{row}><th scope="row">{name}</th>{cells}</tr>')
  return (
    '<div class="scroll"><table class="accuracy"><thead><tr>'
    f'<th scope="col"><small>percent</small></th>{heads}</tr></thead>'
    f'<tbody>{"".join(lines)}</tbody></table></div>'
  )


def _value(text: str) -> float:
  return -1.0 if text == '-' else float(text)


def heat_map(matrix: np.ndarray, views: Sequence[str], caption: str) -> str:
  """Returns a [probe view, gallery view] matrix of percentages as a table."""
  heads = ''.join(f'<th scope="col">{html.escape(v)}</th>' for v in views)
  lines = []
  for row, view in enumerate(views):
    cells = ''
    for column, other in enumerate(views):
      value = float(matrix[row, column])
      if math.isnan(value):
        cells += '<td class="empty" title="no sequence">&ndash;</td>'
        continue
      kind = 'dark' if value > 72 else ''
      kind += ' same' if row == column else ''
      title = f'probe {view}, gallery {other}: {value:.1f} %'
      cells += (
        f'<td class="{kind.strip()}" style="--heat:{value / 100:.2f}" '
        f'title="{html.escape(title)}">{value:.0f}</td>'
      )
    lines.append(f'<tr><th scope="row">{html.escape(view)}</th>{cells}</tr>')
  return (
    f'<figure class="heat"><figcaption>{html.escape(caption)}</figcaption>'
    '<div class="scroll"><table><thead><tr><th aria-label="probe view"></th>'
    f'{heads}</tr></thead><tbody>{"".join(lines)}</tbody></table></div></figure>'
  )


def chart(title: str, series: Mapping[str, Series]) -> str:
  """Returns curves over steps as an SVG figure, or '' with nothing to draw.

  Args:
    title: the figure's caption.
    series: name -> (steps [k], values [k]); what is not finite is left out.
  """
  curves = {name: thin(*_finite(*curve)) for name, curve in series.items()}
  curves = {name: curve for name, curve in curves.items() if len(curve[0])}
  if not curves:
    return ''
  steps = np.concatenate([curve[0] for curve in curves.values()])
  values = np.concatenate([curve[1] for curve in curves.values()])
  x_ticks = ticks(float(steps.min()), float(steps.max()), 4)
  y_ticks = ticks(*_range(values), 4)
  x_range = (float(steps.min()), max(float(steps.max()), steps.min() + 1))
  y_range = (min(y_ticks[0], values.min()), max(y_ticks[-1], values.max()))
  lines = ''.join(
    f'<line class="rule" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" '
    f'y1="{y}" y2="{y}"/>'
    f'<text x="{_LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{tick:g}</text>'
    for tick in y_ticks
    for y in [_place(tick, y_range, _HEIGHT - _BOTTOM, _TOP)]
  )
  lines += ''.join(
    f'<text x="{_place(tick, x_range, _LEFT, _WIDTH - _RIGHT)}" '
    f'y="{_HEIGHT - 6}" text-anchor="middle">{tick:g}</text>'
    for tick in x_ticks
    if x_range[0] <= tick <= x_range[1]
  )
  for number, curve in enumerate(curves.values()):
    lines += _curve(curve, x_range, y_range, number)
  text = html.escape(title)
  return (
    f'<figure class="chart"><figcaption>{text}{_legend(curves)}</figcaption>'
    f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
    f'aria-label="{text} over steps">{lines}</svg></figure>'
  )


def _legend(curves: Mapping[str, Series]) -> str:
  if len(curves) < 2:
    return ''
  keys = ''.join(
    f'<span class="key line{number % 4}">{html.escape(name)}</span>'
    for number, name in enumerate(curves)
  )
  return f'<div>{keys}</div>'


def _curve(
  curve: Series,
  x_range: tuple[float, float],
  y_range: tuple[float, float],
  number: int,
) -> str:
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
  return f'<polyline class="{kind}" points="{text}"/>' + ''.join(
    f'<circle class="{kind}" cx="{x}" cy="{y}" r="2.5"/>' for x, y in dots
  )


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
  good = np.isfinite(values)
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


def page(title: str, subtitle: str, sections: Sequence[str], foot: str) -> str:
  """Returns the whole page; title, subtitle and foot are plain text."""
  return (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    f'<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>'
    f'<header><h1>{html.escape(title)}</h1><p>{html.escape(subtitle)}</p>'
    f'</header><main>{"".join(sections)}</main>'
    f'<footer><p>{html.escape(foot)}</p></footer></body></html>\n'
  )


def section(title: str, *content: str) -> str:
  """Returns a section of the page, or '' where there is nothing in it."""
  body = ''.join(content)
  return body and f'<section><h2>{html.escape(title)}</h2>{body}</section>'


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
