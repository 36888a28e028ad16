"""`python -m gaitgs_jax report`: a run as one HTML page.

The page stands alone: the accuracy of every saved evaluation side by side, the
view x view matrices, curves of ranks and errors, a map of the embeddings, the
hardest mistakes, the training curves and the config.
"""

import argparse
import base64
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from gaitgs_jax import atomic, cloud, models
from gaitgs_jax.apps import workdir_files
from gaitgs_jax.errors import UserError, printable
from gaitgs_jax.evaluation import protocols, report, result_files
from gaitgs_jax.evaluation.published import published
from gaitgs_jax.input import datasets
from gaitgs_jax.pages import page, plots, results
from gaitgs_jax.pages.results import Group

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
# Mistakes with pictures, and walks with what the model looks at.
_DRAWN, _LOOKS = 6, 2

FOOT = (
  'Gait is a biometric: it can tell who somebody is from afar and without '
  'their knowledge. Use these models for research, with the consent of the '
  'people in the data and within the law that protects them.'
)
_FOOT_SYNTHETIC = (
  ' Accuracy on synthetic walkers says nothing about real people.'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Adds this command's flags."""
  parser.add_argument('--workdir', required=True, help='the run to show')
  parser.add_argument(
    '--out', default='', help='the page to write (default: WORKDIR/report.html)'
  )
  parser.add_argument(
    '--walks',
    action='store_true',
    help='open the data and the model too, and draw the hardest mistakes and'
    ' what the model looks at; of real people, keep such a page to yourself',
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
  text = build(workdir, config, groups, args.walks)
  atomic.write(out, text, follow=bool(args.out))
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
  workdir: pathlib.Path,
  config: Mapping[str, Any],
  groups: Sequence[Group],
  pictures: bool = False,
) -> str:
  """Returns the page of a run.

  Args:
    workdir: of the run.
    config: of the run.
    groups: its evaluations.
    pictures: whether walks are drawn, for which the data and the model are
      opened.
  """
  dataset = str(config.get('dataset', {}).get('name', ''))
  model = str(config.get('model_name', 'run'))
  facts = datasets.DATASETS.get(dataset)
  synthetic = facts is not None and _SYNTHETIC in (facts.name, facts.people)
  names = [models.title(model), facts.title if facts else dataset]
  folder, several = workdir / 'evaluation', len(groups) > 1
  shown = [
    results.shown(each, _published(each, config), folder, several)
    for each in groups
  ]
  looks: list[tuple[str, str]] = []
  if pictures and (found := [each for each in shown if each['mistakes']]):
    looks = _draw(workdir, found[0]['mistakes'])
  context = {
    'groups': shown,
    'walkers': _walkers(workdir, dataset),
    'looks': looks,
    'curves': _curves(workdir / 'metrics.csv'),
    **_facts(workdir, config),
  }
  return page.render(
    'report.html',
    title=' on '.join(filter(None, names)),
    subtitle=f'Gait recognition, {workdir.name}',
    sections=_sections(context),
    foot=FOOT + (_FOOT_SYNTHETIC if synthetic else ''),
    **context,
  )


def _sections(context: Mapping[str, Any]) -> list[tuple[str, str]]:
  """Returns (id, title) of the sections that there are, for the links."""
  found: list[tuple[str, str]] = []
  parts = {
    'accuracy': 'accuracy',
    'maps': 'views',
    'ranks': 'errors',
    'map': 'map',
    'mistakes': 'mistakes',
  }
  titles = {'views': 'By view', 'errors': 'Ranks and errors', 'map': 'Map'}
  for key, name in parts.items():
    if any(each[key] for each in context['groups']):
      found.append((f'{name}1', titles.get(name, name.capitalize())))
  ends = {
    'looks': 'What it looks at',
    'curves': 'Training',
    'facts': 'This run',
  }
  ids = {'looks': 'looks', 'curves': 'training', 'facts': 'run'}
  found += [(ids[key], text) for key, text in ends.items() if context[key]]
  return found


def _draw(
  workdir: pathlib.Path, mistakes: list[list[tuple[str, str, str, str]]]
) -> list[tuple[str, str]]:
  """Puts pictures into mistakes; returns pictures of what the model sees."""
  # Data and model are opened by few reports.
  from gaitgs_jax.apps import walk_pictures

  drawn = walk_pictures.Pictures(workdir)
  for mistake in mistakes[:_DRAWN]:
    for place, (kind, name, distance, _) in enumerate(mistake):
      mistake[place] = (kind, name, distance, _data(drawn.strip(name)))
  probes = dict.fromkeys(mistake[0][1] for mistake in mistakes)
  return [
    (caption, _data(png))
    for caption, png in map(drawn.look, list(probes)[:_LOOKS])
  ]


def _data(png: bytes) -> Markup:
  # Not shortened, as texts are.
  return Markup(base64.b64encode(png).decode())


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


def _curves(path: pathlib.Path) -> list[plots.Plot]:
  """Returns the plots of metrics.csv."""
  columns = workdir_files.read_columns(path)
  found = []
  for suffix, title in _SCORES.items():
    names = [key for key in columns if key.split('/')[-1] == suffix]
    named = {key.rpartition('/')[0] or 'all': columns[key] for key in names}
    found.append(plots.curves(title, named))
  known = [key for key in _CURVES if key in columns]
  known_too = {*_CURVES, *_SCORES}
  other = [key for key in columns if key not in known_too and '/' not in key]
  for key in known + other:
    found.append(plots.curves(_CURVES.get(key, key), {key: columns[key]}))
  return page.there(found)


def _walkers(workdir: pathlib.Path, dataset: str) -> dict[str, str] | None:
  """Returns a picture of the data, except where it shows real people."""
  path = workdir / 'walkers.png'
  if path.exists():
    png, text, kind = workdir_files.picture(path), 'Silhouettes of walkers', ''
  elif dataset == _SYNTHETIC:
    png, kind = draw_walkers(), 'ink'
    text = 'One synthetic person, normal, with a bag and in a coat'
  else:
    return None
  return {'text': text, 'kind': kind, 'data': _data(png)}


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


def _facts(workdir: pathlib.Path, config: Mapping[str, Any]) -> dict[str, Any]:
  """Returns the config's main fields, and all of them to be folded."""
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
  versions = workdir_files.read_json(workdir / 'versions.json')
  folded = [
    (title, list(values.items()))
    for title, values in (
      ('The whole config', flat),
      ('Versions', workdir_files.flatten(versions)),
    )
    if values
  ]
  return {'facts': facts, 'folded': folded}
