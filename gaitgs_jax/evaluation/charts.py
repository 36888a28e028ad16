"""Curves over steps as an SVG figure of a page."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from gaitgs_jax.evaluation.markup import Element, element

Series = tuple[np.ndarray, np.ndarray]

_WIDTH, _HEIGHT = 360, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 12, 24
_MOST_POINTS = 300
# Larger numbers are drawn no more than NaN: differences would overflow.
_LAST_STEP, _LARGEST = 1e12, 1e30


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
      x=f'{_coordinate(tick, x_range, _LEFT, _WIDTH - _RIGHT)}',
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
    y = _coordinate(tick, y_range, _HEIGHT - _BOTTOM, _TOP)
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
      _coordinate(step, x_range, _LEFT, _WIDTH - _RIGHT),
      _coordinate(value, y_range, _HEIGHT - _BOTTOM, _TOP),
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


def _coordinate(
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
