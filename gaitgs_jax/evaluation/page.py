"""Pieces of a page about a run: elements of results and curves.

Everything is text and vectors, so a page needs no other file, no script and no
network, reads aloud, prints, and follows the reader's light or dark theme.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from gaitgs_jax.evaluation import protocols, report
from gaitgs_jax.evaluation.markup import Element, document, element
from gaitgs_jax.evaluation.protocols import Protocol

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
  results: Mapping[str, protocols.Result],
  protocol: str | Protocol,
  published: protocols.Result | None = None,
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
