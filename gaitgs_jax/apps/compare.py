"""`python -m gaitgs_jax compare`: runs side by side, and how sure it is.

Each run counts with one evaluation, its newest of the protocol that all have.
Differences are paired: both runs on the same draws of test subjects.
"""

import argparse
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gaitgs_jax import atomic, cloud
from gaitgs_jax.apps import report as reports
from gaitgs_jax.apps import workdir_files
from gaitgs_jax.errors import UserError, listed, printable
from gaitgs_jax.evaluation import outcomes, protocols, report, walks
from gaitgs_jax.evaluation.outcomes import Outcomes
from gaitgs_jax.evaluation.protocols import Protocol
from gaitgs_jax.pages import page, plots
from gaitgs_jax.pages import results as shows

# Columns of metrics.csv that say how training went.
_WATCHED = ('loss', 'triplet_active', 'triplet_distance')
_STEP = re.compile(r'step_(\d+)$')


class Compared(NamedTuple):
  """One run: its name, config, and the evaluation that counts.

  Attributes:
    name: as the table says it.
    config: field -> value, flat.
    groups: its evaluations by what may be compared.
    folder: where they lie.
  """

  name: str
  config: dict[str, Any]
  groups: dict[tuple[str, str, str], shows.Group]
  folder: pathlib.Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Adds this command's flags."""
  parser.add_argument(
    'workdir', nargs='+', help='two runs or more; the first is compared with'
  )
  parser.add_argument(
    '--label',
    default='',
    help='the evaluation to compare, such as step_000300 (default: the newest)',
  )

  parser.add_argument(
    '--out', default='', metavar='FILE', help='write an HTML page of it too'
  )


def run(args: argparse.Namespace) -> None:
  """Prints the tables, and writes them as a page if asked.

  Raises:
    UserError: there is one run only, or no evaluation that all of them have.
  """
  if len(args.workdir) < 2:
    raise UserError('one run has nothing to be compared with; name two or more')
  if twice := sorted({n for n in args.workdir if args.workdir.count(n) > 1}):
    raise UserError(f'{twice[0]} is named twice; name each run once')
  runs = [_read(name) for name in args.workdir]
  groups = [_compare(runs, key, args.label) for key in _common(runs)]
  fields = _fields(runs)
  for group in groups:
    print('\n'.join(f'{word:9} {text}' for word, text in group['rules']))
    for grid in (group['numbers'], group['differences']):
      print('\n' + '\n'.join(report.aligned(grid)))
    print()
  print('\n'.join(report.aligned(fields)))
  if args.out:
    out = cloud.folder(args.out)
    atomic.write(out, _page(runs, groups, fields), follow=True)
    print(f'\npage: {printable(out)}')


def _compare(
  runs: Sequence[Compared], key: tuple[str, str, str], wanted: str
) -> dict[str, Any]:
  """Returns the tables and plots of evaluations that may be compared."""
  groups = [each.groups[key] for each in runs]
  labels = [_chosen(each, key, wanted) for each in runs]
  names = [
    f'{each.name} {printable(label)}'
    for each, label in zip(runs, labels, strict=True)
  ]
  rules = groups[0].protocol
  results = {
    name: group.results[label]
    for name, group, label in zip(names, groups, labels, strict=True)
  }
  stems = [
    each.folder / label for each, label in zip(runs, labels, strict=True)
  ]
  added = [_outcomes(stem.with_name(f'{stem.name}.npz')) for stem in stems]
  described = report.describe(rules, key[2], results[names[0]])
  described += [('undefined', why) for why in report.undefined(results, rules)]
  return {
    'title': described[0][1],
    'rules': described,
    'numbers': _numbers(results, rules),
    'differences': _differences(names, added, results, rules),
    'curves': _plots(rules, results, stems),
  }


def _plots(
  rules: Protocol,
  results: Mapping[str, protocols.Result],
  stems: Sequence[pathlib.Path],
) -> list[plots.Plot]:
  """Returns curves of ranks and errors of each name of probes, all runs'."""
  seen = {
    name: walks.curves(walks.load(path))
    for name, stem in zip(results, stems, strict=True)
    if (path := stem.with_name(f'{stem.name}.walks.npz')).exists()
  }
  found = []
  for name in rules.probes:
    ranks = {run: each[name] for run, each in seen.items() if name in each}
    title = f', {name}' if name else ''
    found.append(shows.ranks_plot(ranks, title))
    rates = {
      run: np.asarray(result[key])
      for run, result in results.items()
      if (key := protocols.key(name, 'ROC')) in result
    }
    found += shows.error_plots(rates, title)
  return page.there(found)


def _page(
  runs: Sequence[Compared],
  groups: Sequence[dict[str, Any]],
  fields: list[list[str]],
) -> str:
  columns = {
    each.name: workdir_files.read_columns(each.folder.parent / 'metrics.csv')
    for each in runs
  }
  shared = dict.fromkeys(
    name
    for each in columns.values()
    for name in each
    if name in _WATCHED or name.endswith('/rank1')
  )
  curves = [
    plots.curves(
      name, {run: each[name] for run, each in columns.items() if name in each}
    )
    for name in shared
  ]
  titles = [('accuracy1', 'Accuracy'), ('configs', 'Configs')]
  if curves:
    titles.insert(1, ('training', 'Training'))
  return page.render(
    'compare.html',
    title='Runs side by side',
    subtitle=', '.join(each.name for each in runs),
    sections=titles,
    foot=reports.FOOT,
    first=runs[0].name,
    groups=groups,
    curves=page.there(curves),
    fields=fields,
  )


def _read(name: str) -> Compared:
  workdir = cloud.folder(name)
  if not workdir.is_dir():
    raise UserError(f'no run at {workdir}: it is not a folder')
  config = workdir_files.read_config(workdir / 'config.json')
  groups = {
    (each.protocol.name, each.protocol.fingerprint, each.metric): each
    for each in reports.read_groups(workdir, config)
  }
  flat = dict(workdir_files.flatten(config))
  return Compared(printable(name), flat, groups, workdir / 'evaluation')


def _common(runs: Sequence[Compared]) -> list[tuple[str, str, str]]:
  """Returns what all runs were evaluated by: protocols and metrics.

  Raises:
    UserError: nothing.
  """
  common = [
    key for key in runs[0].groups if all(key in each.groups for each in runs)
  ]
  if not common:
    have = '; '.join(
      f'{each.name}: '
      + listed(
        f'{name} ({mark}), {metric}' for name, mark, metric in each.groups
      )
      for each in runs
    )
    raise UserError(
      'no evaluation of all runs is by one protocol and one metric: '
      f'{have or "there is none"}; evaluate them alike'
    )
  return common


def _chosen(each: Compared, key: tuple[str, str, str], wanted: str) -> str:
  """Returns the label of the evaluation to compare."""
  labels = [*each.groups[key].results]
  if wanted and wanted not in labels:
    raise UserError(
      f'{each.name} has no evaluation {wanted!r} by {key[0]}; it has '
      f'{listed(labels)}'
    )
  steps = [label for label in labels if _STEP.search(label)]
  return wanted or max(steps or labels, key=_step)


def _step(label: str) -> int:
  found = _STEP.search(label)
  return int(found[1]) if found else -1


def _numbers(
  results: dict[str, protocols.Result], rules: Protocol
) -> list[list[str]]:
  """Returns a row for each number, with intervals where they are known."""
  grid = [['%', *results]]
  for key, name, what in report.rows(results, rules):
    cells = [report.with_interval(each, key) for each in results.values()]
    grid.append([f'{name} {what}'.strip(), *cells])
  return grid


def _outcomes(path: pathlib.Path) -> dict[str, Outcomes]:
  """Returns what subjects add, nothing for an evaluation of before that."""
  return outcomes.load(path) if path.exists() else {}


def _differences(
  names: Sequence[str],
  added: Sequence[dict[str, Outcomes]],
  results: dict[str, protocols.Result],
  rules: Protocol,
) -> list[list[str]]:
  """Returns a row for each number: how much better than the first run.

  Without what subjects add there is no interval.
  """
  grid = [['difference, points', *names[1:]]]
  first = next(iter(results.values()))
  for key, name, what in report.rows(results, rules):
    cells = []
    for other, result in zip(added[1:], [*results.values()][1:], strict=True):
      if key in added[0] and key in other:
        apart, (low, high) = outcomes.difference(other[key], added[0][key])
        cells.append(f'{apart:+.1f} ({low:+.1f} to {high:+.1f})')
      else:
        # A number that an evaluation could not count is NaN.
        apart = float(result.get(key, np.nan)) - float(first.get(key, np.nan))
        cells.append('-' if np.isnan(apart) else f'{apart:+.1f}')
    grid.append([f'{name} {what}'.strip(), *cells])
  return grid


def _fields(runs: Sequence[Compared]) -> list[list[str]]:
  """Returns a row for each field of the configs that is not the same."""
  names = dict.fromkeys(name for each in runs for name in each.config)
  grid = [['config', *(each.name for each in runs)]]
  for name in names:
    values = [str(each.config.get(name, '-')) for each in runs]
    if len(set(values)) > 1:
      grid.append([name, *map(printable, values)])
  return grid if len(grid) > 1 else [['the configs are the same']]
