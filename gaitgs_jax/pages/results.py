"""What a page shows of evaluations: tables, plots, mistakes."""

import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from gaitgs_jax.evaluation import protocols, report, walks
from gaitgs_jax.pages import page, plots

_ERRORS = (
  'EER: as many genuine pairs are refused as impostors accepted. TAR: genuine '
  'pairs accepted where 1 impostor in 100 (1e-2) or 1,000 is. DIR: probes that '
  'are found first and near enough, where 1 stranger in 100 is named. The line '
  'in the histograms is the threshold at 1e-2.'
)


class Group(NamedTuple):
  """Evaluations that may be compared: one protocol, one metric."""

  protocol: protocols.Protocol
  metric: str
  views: list[str]
  results: dict[str, protocols.Result]


def shown(
  group: Group, figures: protocols.Result, folder: pathlib.Path, several: bool
) -> dict[str, Any]:
  """Returns what a page shows of evaluations that may be compared.

  Args:
    group: the evaluations.
    figures: published numbers of the same protocol, or none.
    folder: of the evaluations' files.
    several: whether there are others, from which the title tells it apart.
  """
  label, newest = list(group.results.items())[-1]
  first = next(iter(group.results.values()))
  rules = report.describe(group.protocol, group.metric, first)
  dashes = report.undefined(group.results, group.protocol)
  rules += [('undefined', why) for why in dashes]
  maps = _heat_maps(group)
  path = folder / f'{label}.walks.npz'
  seen = walks.load(path) if path.exists() else None
  return {
    'title': f'Accuracy: {rules[0][1]}' if several else 'Accuracy',
    'accuracy': page.accuracy(group.results, group.protocol, figures),
    'rules': rules,
    'newest': page.label_name(label),
    'maps': maps,
    'maps_note': _maps_note(group, maps[0][0]) if maps else '',
    'errors': page.errors(newest, group.protocol),
    'errors_note': _ERRORS,
    'ranks': _ranks(group.protocol, newest, seen),
    'map': None,
    'map_count': 0,
    'mistakes': [],
    'mistakes_note': '',
    **(_of_walks(seen) if seen is not None else {}),
  }


def _ranks(
  protocol: protocols.Protocol,
  result: protocols.Result,
  seen: walks.Walks | None,
) -> list[plots.Plot]:
  """Returns the plots of ranks and errors that a result has numbers for."""

  def of(number: str) -> dict[str, np.ndarray]:
    keys = {name: protocols.key(name, number) for name in protocol.probes}
    return {
      name or 'all': np.asarray(result[key])
      for name, key in keys.items()
      if np.ndim(result.get(key, ())) == 2
    }

  ranks = walks.curves(seen) if seen is not None else {}
  thresholds = {
    name or 'all': result.get(protocols.key(name, 'threshold@1e-2'))
    for name in protocol.probes
  }
  found = [
    ranks_plot({name or 'all': each for name, each in ranks.items()}),
    *error_plots(of('ROC')),
    *(
      plots.histograms(f'Distances, {name}', bars, _number(thresholds[name]))
      for name, bars in of('distances').items()
    ),
  ]
  return page.there(found)


def ranks_plot(
  series: Mapping[str, plots.Series], title: str = ''
) -> plots.Plot | None:
  """Returns the plot of curves of ranks by name."""
  return plots.curves(
    f'Found within a rank (CMC){title}', series, x='rank', y='%'
  )


def error_plots(
  rates: Mapping[str, np.ndarray], title: str = ''
) -> list[plots.Plot | None]:
  """Returns ROC and DET of impostors and genuine pairs accepted [2,k]."""
  known = {
    name: each[:, each[0] > 0] for name, each in rates.items() if len(each) == 2
  }
  accepted = {name: (each[0], each[1]) for name, each in known.items()}
  refused = {name: (each[0], 100 - each[1]) for name, each in known.items()}
  both = {name: (x[y > 0], y[y > 0]) for name, (x, y) in refused.items()}
  x, log = 'impostors accepted, %', 'log'
  return [
    plots.curves(
      f'ROC{title}',
      accepted,
      x=x,
      y='genuine accepted, %',
      scale=(log, 'linear'),
    ),
    plots.curves(
      f'DET{title}', both, x=x, y='genuine refused, %', scale=(log, log)
    ),
  ]


def _number(value: Any) -> float | None:
  return None if value is None or np.ndim(value) else float(value)


def _of_walks(seen: walks.Walks) -> dict[str, Any]:
  looked, every = seen.counts.tolist()
  some = (
    ''
    if looked == every
    else f' {looked:,} of {every:,} probes were looked up.'
  )
  kinds = ('Probe', 'Taken for', 'Nearest of the same person')
  return {
    'map': plots.embedding_map('Map', seen.points, seen.subjects.tolist()),
    'map_count': len(seen.points),
    'mistakes': [
      [
        (kind, name, distance, '')
        for kind, name, distance in zip(
          kinds, names, ('', f'{other:.3f}', f'{own:.3f}'), strict=True
        )
      ]
      for names, (other, own) in zip(
        seen.mistakes.tolist(), seen.distances.tolist(), strict=True
      )
    ],
    'mistakes_note': (
      'A walk of somebody else is nearer than every one of the same person: by'
      f' how much, in descending order.{some}'
    ),
  }


def _heat_maps(group: Group) -> list[tuple[str, list[page.HeatMap]]]:
  """Returns the matrices of each label, those of the newest first."""
  maps = [
    (page.label_name(label), found)
    for label, result in reversed(group.results.items())
    if (found := _heat_maps_of(group, result))
  ]
  return maps[:1] + maps[:0:-1]


def _maps_note(group: Group, name: str) -> str:
  return (
    f'{name}. Rank-1 in percent; a row is a probe view, a column a gallery '
    'view. Dashed: identical views, which '
    + ('count too.' if group.protocol.identical else 'do not count.')
  )


def _heat_maps_of(group: Group, result: protocols.Result) -> list[page.HeatMap]:
  maps = []
  for key, name, what in report.rows({'': result}, group.protocol):
    if f'{key}_by_view' in result:
      matrix = np.asarray(result[f'{key}_by_view'])
      views = group.views
      if len(views) != len(matrix):
        views = [str(place + 1) for place in range(len(matrix))]
      caption = f'{name} {what}, mean {report.number(result[key])}'
      maps.append(page.heat_map(matrix, views, caption))
  return maps
