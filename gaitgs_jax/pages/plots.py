"""Plots as SVG inside a page, in the page's own colours, light and dark.

Only numbers are drawn; names, which may come from a file of somebody else, are
text of the page (`Plot.keys`).
"""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Series = tuple[np.ndarray, np.ndarray]

_MOST_POINTS = 300
# Larger numbers are drawn no more than NaN: differences would overflow.
_LAST_STEP, _LARGEST = 1e12, 1e30
# Stand-ins for colours of the page's style, which `_themed` puts in.
_COLOURS = ('#010001', '#020002', '#030003', '#040004')
_SOFT, _RULE = '#050005', '#060006'
_VARIABLES = {
  **{colour: f'var(--c{place})' for place, colour in enumerate(_COLOURS)},
  _SOFT: 'var(--soft)',
  _RULE: 'var(--rule)',
}
_LINES = ('-', (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
_MARKERS = {'o': '\N{BLACK CIRCLE}', '^': '\N{BLACK UP-POINTING TRIANGLE}'}
_MARKERS |= {'s': '\N{BLACK SQUARE}'}
# How many people a map tells apart.
_PEOPLE = len(_COLOURS) * len(_MARKERS)
_STYLE: dict[Any, Any] = {
  'svg.fonttype': 'none',
  'text.parse_math': False,
  'font.family': 'sans-serif',
  'font.size': 8,
  'axes.edgecolor': _RULE,
  'axes.labelcolor': _SOFT,
  'axes.spines.right': False,
  'axes.spines.top': False,
  'axes.grid': True,
  'axes.axisbelow': True,
  'axes.unicode_minus': False,
  'grid.color': _RULE,
  'grid.linewidth': 0.6,
  'xtick.color': _SOFT,
  'ytick.color': _SOFT,
}


class Plot(NamedTuple):
  """A plot.

  Attributes:
    title: the caption.
    svg: the picture.
    keys: (kind of line or place of colour, sign, name) of each curve.
  """

  title: str
  svg: Markup
  keys: list[tuple[int, str, str]]


def curves(
  title: str,
  series: Mapping[str, Series],
  *,
  x: str = 'step',
  y: str = '',
  scale: tuple[str, str] = ('linear', 'linear'),
) -> Plot | None:
  """Returns curves; None with nothing to draw.

  Args:
    title: the caption.
    series: name -> (x [k], y [k]); what is not finite is left out.
    x: what the axis shows.
    y: what the other one shows.
    scale: of both axes, 'linear' or 'log'.
  """
  every = {name: thin(*_finite(*each)) for name, each in series.items()}
  every = {name: each for name, each in every.items() if len(each[0])}
  if not every:
    return None

  def draw(axes: Axes) -> None:
    axes.set(xlabel=x, ylabel=y, xscale=scale[0], yscale=scale[1])
    _label(axes, scale)
    for place, each in enumerate(every.values()):
      # Few points stand far apart: show where they are.
      axes.plot(
        *each,
        color=_COLOURS[place % 4],
        linestyle=_LINES[place % 4],
        linewidth=1.5,
        marker='o' if len(each[0]) <= 20 else '',
        markersize=3,
      )
    low, high = axes.get_ylim()
    if scale[1] == 'linear' and 0 < low < high / 2:
      axes.set_ylim(bottom=0)

  keys = [(place % 4, '', name) for place, name in enumerate(every)]
  return Plot(title, _drawn(draw, title), keys if len(keys) > 1 else [])


def _label(axes: Axes, scale: tuple[str, str]) -> None:
  """Writes numbers as a page does: whole steps, and 0.01 for 10 to the -2."""
  for axis, kind in zip((axes.xaxis, axes.yaxis), scale, strict=True):
    if kind == 'log':
      axis.set_major_formatter(ticker.FuncFormatter(lambda v, _: f'{v:g}'))
      axis.set_minor_formatter(ticker.NullFormatter())
    elif axis is axes.xaxis:
      axis.set_major_locator(ticker.MaxNLocator(6, integer=True))


def histograms(
  title: str, distances: np.ndarray, threshold: float | None
) -> Plot | None:
  """Returns how far genuine pairs and impostors are apart.

  Args:
    title: the caption.
    distances: [3,k]: middles of bins, percent of the genuine, of the impostors.
    threshold: to accept within, None if there is none.
  """
  distances = np.asarray(distances)
  if distances.ndim != 2 or len(distances) != 3 or distances.shape[1] < 2:
    return None
  if not (np.abs(distances) <= _LARGEST).all():
    return None
  middles, *shares = distances

  def draw(axes: Axes) -> None:
    axes.set(xlabel='distance', ylabel='% of pairs')
    for place, share in enumerate(shares):
      axes.fill_between(
        middles, share, step='mid', alpha=0.25, color=_COLOURS[place], lw=0
      )
      axes.step(
        middles,
        share,
        where='mid',
        color=_COLOURS[place],
        linestyle=_LINES[place],
      )
    if threshold is not None and np.isfinite(threshold):
      axes.axvline(threshold, color=_SOFT, linewidth=1)
    axes.set_ylim(bottom=0)

  names = ('same person', 'different people')
  keys = [(place, '', name) for place, name in enumerate(names)]
  return Plot(title, _drawn(draw, title), keys)


def embedding_map(
  title: str, points: np.ndarray, subjects: Sequence[str]
) -> Plot:
  """Returns walks as points, the first people told apart.

  Args:
    title: the caption.
    points: [n,2].
    subjects: of each point [n].
  """
  names = list(dict.fromkeys(subjects))
  groups = [np.array([each == name for each in subjects]) for name in names]
  signs = [(sign, place) for sign in _MARKERS for place in range(4)]

  def draw(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    for group in groups[_PEOPLE:]:
      x, y = points[group].T
      axes.scatter(x, y, s=5, color=_RULE)
    for group, (sign, place) in zip(groups, signs, strict=False):
      x, y = points[group].T
      axes.scatter(x, y, s=9, color=_COLOURS[place], marker=sign)

  keys = [
    (place, _MARKERS[sign], name)
    for name, (sign, place) in zip(names, signs, strict=False)
  ]
  return Plot(title, _drawn(draw, title, (5.6, 3.6)), keys)


def _drawn(
  draw: Callable[[Axes], None],
  title: str,
  inches: tuple[float, float] = (3.7, 2.2),
) -> Markup:
  # Of the names of shapes, which must differ within a page.
  with matplotlib.rc_context({**_STYLE, 'svg.hashsalt': title}):
    figure = Figure(figsize=inches, layout='constrained')
    draw(figure.add_subplot())
    file = io.StringIO()
    nothing = dict.fromkeys(('Date', 'Creator', 'Format', 'Type'))
    figure.savefig(file, format='svg', transparent=True, metadata=nothing)
  return Markup(_themed(file.getvalue()))


def _themed(text: str) -> str:
  """Returns an SVG file as part of a page."""
  text = text[text.index('<svg') :]
  # Its style would be that of the whole page.
  text = re.sub(r'<(metadata|style)\b.*?</\1>', '', text, flags=re.DOTALL)
  text = re.sub(r" font-family: '[^;]*;", '', text)
  text = re.sub(r' xmlns(?::xlink)?="[^"]*"', '', text)
  text = text.replace('xlink:href', 'href')
  text = re.sub(r'<g id="[^"]*"', '<g', text)
  text = re.sub(r' (?:width|height)="[\d.]+pt"', '', text, count=2)
  text = text.replace('<svg ', '<svg aria-hidden="true" ', 1)
  for colour, variable in _VARIABLES.items():
    text = text.replace(colour, variable)
  return text


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
