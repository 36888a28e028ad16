"""`python -m gaitgs_jax compare`: runs side by side, and how sure it is.

Each run counts with one evaluation, its newest of the protocol that all have.
Differences are paired: both runs on the same draws of test subjects.
"""

import argparse
import pathlib
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from gaitgs_jax import cloud
from gaitgs_jax.apps import report as reports
from gaitgs_jax.apps import workdir_files
from gaitgs_jax.errors import UserError, listed, printable
from gaitgs_jax.evaluation import outcomes, protocols, report
from gaitgs_jax.evaluation.outcomes import Outcomes
from gaitgs_jax.evaluation.protocols import Protocol

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
  groups: dict[tuple[str, str, str], reports.Group]
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


def run(args: argparse.Namespace) -> None:
  """Prints the tables.

  Raises:
    UserError: there is one run only, or no evaluation that all of them have.
  """
  if len(args.workdir) < 2:
    raise UserError('one run has nothing to be compared with; name two or more')
  if twice := sorted({n for n in args.workdir if args.workdir.count(n) > 1}):
    raise UserError(f'{twice[0]} is named twice; name each run once')
  runs = [_read(name) for name in args.workdir]
  for key in _common(runs):
    groups = [each.groups[key] for each in runs]
    labels = [_chosen(each, key, args.label) for each in runs]
    names = [
      f'{each.name} {printable(label)}'
      for each, label in zip(runs, labels, strict=True)
    ]
    rules = groups[0].protocol
    results = {
      name: group.results[label]
      for name, group, label in zip(names, groups, labels, strict=True)
    }
    print('\n'.join(_described(rules, key[2], results)), end='\n\n')
    print('\n'.join(report.aligned(_numbers(results, rules))), end='\n\n')
    added = [
      _outcomes(each.folder / f'{label}.npz')
      for each, label in zip(runs, labels, strict=True)
    ]
    grid = _differences(names, added, results, rules)
    print('\n'.join(report.aligned(grid)), end='\n\n')
  print('\n'.join(report.aligned(_fields(runs))))


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


def _described(
  rules: Protocol, metric: str, results: dict[str, protocols.Result]
) -> list[str]:
  first = next(iter(results.values()))
  pairs = report.describe(rules, metric, first)
  return [f'{word:9} {text}' for word, text in pairs]


def _numbers(
  results: dict[str, protocols.Result], rules: Protocol
) -> list[list[str]]:
  """Returns a row for each number, with intervals where they are known."""
  grid = [['%', *results]]
  for key, name, what in report.rows(results, rules):
    cells = []
    for result in results.values():
      ends = report.interval(result, key)
      cells.append(
        report.number(result.get(key)) + (f' ({ends})' if ends else '')
      )
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
      elif key in first and key in result:
        cells.append(f'{float(result[key]) - float(first[key]):+.1f}')
      else:
        cells.append('-')
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
