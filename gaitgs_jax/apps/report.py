"""`python -m gaitgs_jax report`: a run as one HTML page.

The page stands alone: the accuracy of every saved evaluation side by side, the
view x view matrices, the training curves and the config.
"""

import argparse
import base64
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gaitgs_jax import atomic, cloud, models
from gaitgs_jax.apps import workdir_files
from gaitgs_jax.errors import UserError, printable
from gaitgs_jax.evaluation import charts, page, protocols, report, result_files
from gaitgs_jax.evaluation.markup import Element, element
from gaitgs_jax.evaluation.published import published
from gaitgs_jax.input import datasets

_SYNTHETIC = 'synthetic_walkers'

_CURVES = {
  'loss': 'Loss',
  'triplet': 'Triplet loss',
  'view': 'View loss',
  'identity': 'Identity loss',
  'triplet_active': 'Active triplets',
  'learning_rate': 'Learning rate',
  'sequences_per_second': 'Sequences per second',
}
_SCORES = {
  'rank1': 'Rank-1 on the test subjects, %',
  'rank1_excluding_invalid': 'Rank-1 without invalid probes, %',
  'rank5': 'Rank-5 on the test subjects, %',
  'mAP': 'mAP on the test subjects, %',
  'mINP': 'mINP on the test subjects, %',
  'accuracy': 'Accuracy on the test subjects, %',
}

_LONGEST_PATH = 4096

_FOOT = (
  'Gait is a biometric: it can tell who somebody is from afar and without '
  'their knowledge. Use these models for research, with the consent of the '
  'people in the data and within the law that protects them.'
)
_FOOT_SYNTHETIC = (
  ' Accuracy on synthetic walkers says nothing about real people.'
)


class Group(NamedTuple):
  """Evaluations that may be compared: one protocol, one metric."""

  protocol: protocols.Protocol
  metric: str
  views: list[str]
  results: dict[str, protocols.Result]


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Adds this command's flags."""
  parser.add_argument('--workdir', required=True, help='the run to show')
  parser.add_argument(
    '--out', default='', help='the page to write (default: WORKDIR/report.html)'
  )


def run(args: argparse.Namespace) -> None:
  """Writes the page and prints the tables that are in it."""
  workdir = cloud.folder(args.workdir)
  out = cloud.folder(args.out) if args.out else workdir / 'report.html'
  if not args.out and not cloud.is_url(out):
    _check_own(out)
  if not workdir.is_dir():
    raise UserError(f'no run at {workdir}: it is not a folder')
  config = workdir_files.read_config(workdir / 'config.json')
  groups = read_groups(workdir, config)
  if not groups and not workdir_files.read_columns(workdir / 'metrics.csv'):
    raise UserError(
      f'{workdir} is not the workdir of a run that has begun: it has neither '
      'evaluation/*.json nor numbers in metrics.csv; pass the --workdir that '
      'training was given'
    )
  atomic.write(out, build(workdir, config, groups), follow=bool(args.out))
  for group in groups:
    print(_text_table(group, config), end='\n\n')
  if not groups:
    print('no evaluation in this run: the page shows its training alone')
  print(f'report: {printable(out, _LONGEST_PATH)}')


def _check_own(out: pathlib.Path) -> None:
  """Refuses to write where a link in the workdir leads.

  Raises:
    UserError: there is one, or something else that is not a file.
  """
  if out.is_symlink() or (out.exists() and not out.is_file()):
    raise UserError(
      f'cannot write {out}: it is not a file; remove it, or pass --out'
    )


def read_groups(
  workdir: pathlib.Path, config: Mapping[str, Any]
) -> list[Group]:
  """Reads workdir/evaluation/*.json, in groups that may be compared.

  Raises:
    UserError: one of them cannot be read.
  """
  paths = sorted((workdir / 'evaluation').glob('*.json'), key=_order)
  default = config.get('evaluation', {})
  groups: dict[tuple[str, ...], Group] = {}
  for path in paths:
    result, meta = result_files.load(path)
    protocol = protocols.of_result(meta, default.get('protocol', ''))
    if protocol is None:
      raise UserError(
        f'{path} does not say which protocol it was counted by: delete it, or '
        'evaluate again'
      )
    metric = meta.get('metric') or default.get('metric') or 'euclidean'
    group = groups.setdefault(
      (protocol.name, protocol.fingerprint, metric),
      Group(protocol, metric, meta.get('views', []), {}),
    )
    group.results[printable(path.stem)] = result
  return list(groups.values())


def _order(path: pathlib.Path) -> tuple[int, str]:
  known = ('gait_energy', 'mean_skeleton', 'untrained')
  place = known.index(path.stem) if path.stem in known else len(known)
  return (place, path.stem)


def build(
  workdir: pathlib.Path, config: Mapping[str, Any], groups: Sequence[Group]
) -> str:
  """Returns the page of a run."""
  dataset = str(config.get('dataset', {}).get('name', ''))
  model = str(config.get('model_name', 'run'))
  sections = []
  for group in groups:
    figures = _published(group, config)
    first = next(iter(group.results.values()))
    rules = report.describe(group.protocol, group.metric, first)
    sections.append(
      page.section(
        'Accuracy' if len(groups) == 1 else f'Accuracy: {rules[0][1]}',
        page.accuracy_table(group.results, group.protocol, figures),
        page.definition_list(rules),
      )
    )
  sections.append(page.section('Walkers', *_walkers(workdir, dataset)))
  sections += [page.section('By view', *_heat_maps(group)) for group in groups]
  sections.append(page.section('Training', _curves(workdir / 'metrics.csv')))
  sections.append(page.section('This run', *_facts(workdir, config)))
  facts = datasets.DATASETS.get(dataset)
  synthetic = facts is not None and _SYNTHETIC in (facts.name, facts.people)
  names = [models.title(model), facts.title if facts else dataset]
  return page.page(
    ' on '.join(filter(None, names)),
    f'Gait recognition, {workdir.name}',
    sections,
    _FOOT + (_FOOT_SYNTHETIC if synthetic else ''),
  )


def _published(group: Group, config: Mapping[str, Any]) -> protocols.Result:
  dataset = config.get('dataset', {})
  return published(
    config.get('published'),
    group.protocol,
    dataset=dataset.get('name', ''),
    model_name=config.get('model_name', ''),
    inputs=workdir_files.read_sizes(config),
    partition=dataset.get('partition') or '',
  )


def _text_table(group: Group, config: Mapping[str, Any]) -> str:
  return report.table(
    group.results,
    group.protocol,
    _published(group, config),
    metric=group.metric,
    views=group.views,
  )


def _heat_maps(group: Group) -> list[Element]:
  """Returns the last label's matrices, the others' folded below."""
  maps = {
    label: found
    for label, result in group.results.items()
    if (found := _heat_maps_of(group, result)) is not None
  }
  if not maps:
    return []
  last = list(maps)[-1]
  text = (
    f'{page.label_name(last)}. Rank-1 in percent; a row is a probe view, a '
    'column a gallery view. Dashed: identical views, which '
    + ('count too.' if group.protocol.identical else 'do not count.')
  )
  newest = maps.pop(last)
  others = [
    page.folded(page.label_name(label), found) for label, found in maps.items()
  ]
  return [page.note(text), newest, *others]


def _heat_maps_of(group: Group, result: protocols.Result) -> Element | None:
  maps = []
  for key, name, what in report.rows({'': result}, group.protocol):
    if f'{key}_by_view' in result:
      matrix = np.asarray(result[f'{key}_by_view'])
      views = group.views
      if len(views) != len(matrix):
        views = [str(place + 1) for place in range(len(matrix))]
      caption = f'{name} {what}, mean {report.number(result[key])}'
      maps.append(page.heat_map(matrix, views, caption))
  return page.grid(maps)


def _curves(path: pathlib.Path) -> Element | None:
  """Returns the charts of metrics.csv, None where there are none."""
  columns = workdir_files.read_columns(path)
  figures = []
  for suffix, title in _SCORES.items():
    names = [key for key in columns if key.split('/')[-1] == suffix]
    named = {key.rpartition('/')[0] or 'all': columns[key] for key in names}
    figures.append(charts.chart(title, named))
  known = [key for key in _CURVES if key in columns]
  known_too = {*_CURVES, *_SCORES}
  other = [key for key in columns if key not in known_too and '/' not in key]
  for key in known + other:
    figures.append(charts.chart(_CURVES.get(key, key), {key: columns[key]}))
  return page.grid(figures)


def _walkers(workdir: pathlib.Path, dataset: str) -> list[Element]:
  """Returns a picture of the data, except where it shows real people."""
  path = workdir / 'walkers.png'
  if path.exists():
    png, text, kind = workdir_files.picture(path), 'Silhouettes of walkers', ''
  elif dataset == _SYNTHETIC:
    png, kind = draw_walkers(), 'ink'
    text = 'One synthetic person, normal, with a bag and in a coat'
  else:
    return []
  data = base64.b64encode(png).decode()
  image = element(
    'img',
    class_=f'walkers {kind}'.strip(),
    alt=text,
    src=f'data:image/png;base64,{data}',
  )
  return [element('div', image, class_='scroll'), page.note(f'{text}.')]


def draw_walkers(frames: int = 6, width: int = 84) -> bytes:
  """Draws one synthetic person's walks as a strip; returns a PNG."""
  import cv2

  from gaitgs_jax import synthetic

  tiles: list[tuple[np.ndarray, int, int]] = []
  for condition in ('nm-01', 'bg-01', 'cl-01'):
    shape = synthetic.walk(0, 3, condition, '090', frames=60).silhouettes
    whole = [frame for frame in shape[::3] if frame.any()][:frames]
    if tiles:
      blank = np.zeros((len(whole[0]), width // 3), np.uint8)
      tiles.append((blank, *tiles[-1][1:]))
    for frame in whole:
      rows, columns = np.nonzero(frame)
      middle = int(np.median(columns))
      wide = np.pad(frame, ((0, 0), (width, width)))
      left = middle + width - width // 2
      cut = wide[:, left : left + width]
      tiles.append((cut, int(rows.min()), int(rows.max())))
  top = max(min(low for _, low, _ in tiles) - 8, 0)
  bottom = max(high for _, _, high in tiles) + 8
  strip = np.concatenate([tile[top:bottom] for tile, _, _ in tiles], axis=1)
  _, png = cv2.imencode('.png', 255 - strip)
  return png.tobytes()


def _facts(workdir: pathlib.Path, config: Mapping[str, Any]) -> list[Element]:
  """Returns the config's main fields, and all of them folded."""
  flat = workdir_files.flatten(config)
  batch = [
    flat[key]
    for key in ('batch.subjects', 'batch.sequences', 'batch.frames')
    if key in flat
  ]
  names = {
    'dataset.name': 'Dataset',
    'inputs.silhouettes.size': 'Frame size',
    'model_name': 'Model',
    'total_steps': 'Steps',
    'optimizer.name': 'Optimizer',
    'optimizer.learning_rate': 'Learning rate',
    'seed': 'Seed',
  }
  facts = [(name, flat[key]) for key, name in names.items() if key in flat]
  if len(batch) == 3:
    text = f'{batch[0]} subjects x {batch[1]} sequences x {batch[2]} frames'
    facts.append(('Batch', text))
  body = [page.definition_list(facts, 'facts')] if facts else []
  versions = workdir_files.read_json(workdir / 'versions.json')
  for title, values in (
    ('The whole config', flat),
    ('Versions', workdir_files.flatten(versions)),
  ):
    if values:
      rows = page.definition_list(list(values.items()), 'long')
      body.append(page.folded(title, rows))
  return body
