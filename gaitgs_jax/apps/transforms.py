"""`python -m gaitgs_jax transforms`: a contact sheet of every transform.

A row for each of a modality's transforms: two moments of a synthetic walk, then
the same moments as changed by other seeds. Those of time are in the first
block.
"""

import argparse
import inspect
from typing import Any

import numpy as np

from gaitgs_jax import local
from gaitgs_jax.apps import options
from gaitgs_jax.errors import UserError

# What is given for options without a default, and others that show more.
_OPTIONS: dict[str, dict[str, Any]] = {
  'reflect': {'frames': 8},
  'random_frames': {'frames': 2},
  'middle_frames': {'frames': 2},
  'joint_noise': {'scale': 4.0},
  'point_noise': {'scale': 3.0},
  'move': {'x': 8.0, 'y': 8.0},
}
# Their result is no longer a picture of the modality.
_UNSEEN = ('motion_and_bones', 'bones_and_angles', 'heights')
_SIZE, _WIDTH, _CELL, _LABEL, _GAP = 64, 44, 128, 20, 2
_FRAMES = (1, 4)  # The moments shown, of so many:
_COUNT = 6
_GROUND, _TEXT = 24, 170
# Colours of parsing labels and of parts of the body, from the head down.
_PARTS = np.array(
  [[0, 0, 0], [80, 170, 255], [255, 150, 60], [90, 220, 90], [230, 90, 200]],
  np.float32,
)
# Times the usual distance from the middle of a body, at which no joint is.
_FAR = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Adds the command's options."""
  parser.add_argument('--out', required=True, help='PNG file to write')
  parser.add_argument(
    '--modalities',
    default='silhouettes,parsing,rgb,keypoints,points',
    help='comma-separated',
  )
  parser.add_argument('--draws', type=options.whole_number(1, 100), default=4)
  parser.add_argument('--view', default='054')


def run(args: argparse.Namespace) -> None:
  """Writes the sheet."""
  import cv2

  out = local.path(args.out)
  if not out.parent.is_dir():
    raise UserError(f'no folder {out.parent} to write {out.name} into')
  drawn = contact_sheet(args.modalities.split(','), args.draws, args.view)
  if not cv2.imwrite(str(out), drawn[..., ::-1]):
    raise UserError(f'{out} could not be written; is its name a .png?')
  print(f'wrote {out}')


def contact_sheet(
  modalities: list[str], draws: int, view: str = '054'
) -> np.ndarray:
  """Returns the sheet, uint8 rgb [h,w,3].

  Args:
    modalities: of the inputs, one block of rows for each.
    draws: how many seeds.
    view: of the walk.

  Raises:
    UserError: an unknown modality or view.
  """
  from gaitgs_jax.errors import wrong_choice
  from gaitgs_jax.input.time_transforms import TIME
  from gaitgs_jax.input.transform_lists import TABLES

  for modality in modalities:
    if modality not in _KINDS:
      raise wrong_choice(
        f'--modalities has {modality!r}', modality, list(_KINDS)
      )
  inputs = _inputs(view)
  rows = [
    _row(modality, name, inputs[modality], draws)
    for modality in modalities
    for name in TABLES[modality]
    if name not in _UNSEEN and (name not in TIME or modality == modalities[0])
  ]
  return np.concatenate(rows)


def _inputs(view: str) -> dict[str, np.ndarray]:
  """Returns a walk in each modality, arrays [s,...]."""
  from gaitgs_jax.input import pretreatment
  from gaitgs_jax.synthetic import walk

  one = walk(0, 0, 'nm-01', view)
  start = len(one.phase) // 3
  shown = slice(start, start + 2 * _COUNT, 2)
  frames = pretreatment.pretreat(one.silhouettes[shown], _SIZE)
  body = frames[..., None].astype(np.float32) / 255
  # Four bands stand for the parts of a body.
  bands = np.repeat(np.arange(1, 5, dtype=np.float32), _SIZE // 4)
  labels = np.round(body) * bands[None, :, None, None]
  ramp = np.linspace(0.1, 0.3, _SIZE, dtype=np.float32)[None, :, None, None]
  rgb = np.where(body > 0.5, _PARTS[labels[..., 0].astype(int)] / 255, ramp)
  return {
    'silhouettes': body,
    'heatmaps': body,
    'depth': body * ramp * 3,
    'parsing': labels,
    'rgb': rgb.astype(np.float32),
    'keypoints': one.keypoints[shown],
    'points': _points(body[..., 0]),
  }


def _points(body: np.ndarray) -> np.ndarray:
  """Returns points [s,400,3] on a body: depth, sideways and up, in metres."""
  rng = np.random.default_rng(0)
  clouds = []
  for frame in body:
    row, column = np.nonzero(frame > 0.5)
    chosen = rng.integers(0, len(row), 400)
    y = (_SIZE / 2 - column[chosen]) / _SIZE * 1.7
    z = (_SIZE - row[chosen]) / _SIZE * 1.7
    clouds.append(np.stack([rng.normal(5, 0.1, 400), y, z], axis=-1))
  return np.asarray(clouds, np.float32)


def _row(modality: str, name: str, x: np.ndarray, draws: int) -> np.ndarray:
  """Returns a transform's row: the walk, and what `draws` seeds make of it."""
  import jax
  import jax.numpy as jnp

  from gaitgs_jax.input import augment
  from gaitgs_jax.input.transform_lists import TABLES

  entry = TABLES[modality][name]
  chosen: dict[str, Any] = {'name': name, **_OPTIONS.get(name, {})}
  if entry.probability is not None:
    chosen['probability'] = 1.0
  if entry.by_frame and (entry.draws or (entry.probability or 1) < 1):
    chosen['per'] = 'sequence'
  change = augment.create(
    (chosen,),
    skeleton='coco17' if modality == 'keypoints' else '',
    modalities=(modality,),
    width=_WIDTH,
  )
  mask = jnp.ones((draws, len(x)), bool)
  repeated = jnp.repeat(jnp.asarray(x)[None], draws, axis=0)
  changed, _ = change(repeated, mask, jax.random.key(0))
  sequences = [x, *np.asarray(changed)]
  if not entry.draws:
    sequences = sequences[:2]
  draw = _KINDS[modality]
  cells = [_cells(draw(each, x)) for each in sequences]
  width = (draws + 1) * cells[0].shape[1]
  row = np.full((_LABEL + _CELL + _GAP, width, 3), _GROUND, np.uint8)
  pictures = np.concatenate(cells, axis=1)
  row[_LABEL : _LABEL + _CELL, : pictures.shape[1]] = pictures
  words = ', '.join(f'{k}={v}' for k, v in _shown(entry.function, chosen))
  _write(row, f'{modality}: {name}({words})')
  return row


def _shown(function: Any, chosen: dict[str, Any]) -> list[tuple[str, Any]]:
  """Returns a transform's own options and their values."""
  defaults = {
    p.name: p.default
    for p in inspect.signature(function).parameters.values()
    if p.kind is p.KEYWORD_ONLY
  }
  return [(name, chosen.get(name, value)) for name, value in defaults.items()]


def _cells(pictures: np.ndarray) -> np.ndarray:
  """Puts pictures of uint8 [s,h,w,3] side by side, each in a cell."""
  cells = np.full((len(pictures), _CELL, _CELL, 3), _GROUND, np.uint8)
  for cell, picture in zip(cells, pictures, strict=True):
    left = (_CELL - picture.shape[1]) // 2
    cell[:, left : left + picture.shape[1]] = picture
  gap = np.full((_CELL, 4 * _GAP, 3), _GROUND, np.uint8)
  return np.concatenate([*cells, gap], axis=1)


def _moments(x: np.ndarray) -> np.ndarray:
  """Returns the frames that are shown; of a shorter sequence the first."""
  places = _FRAMES if len(x) > max(_FRAMES) else (0, 1)
  return x[list(places)]


def _maps(x: np.ndarray, before: np.ndarray) -> np.ndarray:
  """Draws maps, whose numbers are between those of `before` or 0..1."""
  del before
  frames = np.clip(_moments(x), 0, 1) * 255
  return _grown(np.broadcast_to(frames, (*frames.shape[:3], 3)))


def _rgb(x: np.ndarray, before: np.ndarray) -> np.ndarray:
  """Draws rgb; numbers outside 0..1 are scaled into it."""
  del before
  low, high = min(x.min(), 0.0), max(x.max(), 1.0)
  return _grown((_moments(x) - low) / (high - low) * 255)


def _parsing(x: np.ndarray, before: np.ndarray) -> np.ndarray:
  """Draws labels; one that is none of those before is white."""
  known = np.isin(x, before)
  colours = _PARTS[np.where(known, x, 0)[..., 0].astype(int)]
  return _grown(_moments(np.where(known, colours, 255)))


def _grown(frames: np.ndarray) -> np.ndarray:
  factor = _CELL // frames.shape[1]
  large = frames.repeat(factor, axis=1).repeat(factor, axis=2)
  return large.round().astype(np.uint8)


def _keypoints(x: np.ndarray, before: np.ndarray) -> np.ndarray:
  """Draws skeletons, left and right in two colours."""
  import cv2

  from gaitgs_jax import skeletons

  skeleton = skeletons.get('coco17')
  bones = skeleton.edges if x.shape[1] == len(skeleton.joints) else ()
  x, before = _moments(x), _moments(before)
  pictures = np.full((len(x), _CELL, _CELL, 3), 0, np.uint8)
  for picture, frame, old in zip(pictures, x, before, strict=True):
    # A missing joint is at the origin, or where that went, and not drawn.
    away = np.linalg.norm(
      frame[:, :2] - np.median(frame[:, :2], axis=0), axis=1
    )
    near = away <= _FAR * np.median(away)
    found = np.flatnonzero(frame[:, :2].any(axis=1) & near)
    seen = old[old[:, :2].any(axis=1), :2]
    spots = _placed(frame[found, :2], seen)
    places = dict(zip(found.tolist(), spots, strict=True))
    for a, b in bones:
      if a not in places or b not in places:
        continue
      side = skeleton.joints[b].split('_')[0]
      colour = _PARTS[{'left': 1, 'right': 2}.get(side, 3)].tolist()
      cv2.line(picture, places[a], places[b], colour, 1, cv2.LINE_AA)
    for place in spots:
      cv2.circle(picture, place, 2, (255, 255, 255), -1, cv2.LINE_AA)
  return pictures


def _clouds(x: np.ndarray, before: np.ndarray) -> np.ndarray:
  """Draws points from the front, the nearer the brighter."""
  import cv2

  x, before = _moments(x), _moments(before)
  pictures = np.full((len(x), _CELL, _CELL, 3), 0, np.uint8)
  for picture, frame, old in zip(pictures, x, before, strict=True):
    places = _placed(-frame[:, 1:3], -old[:, 1:3])
    for place in places:
      cv2.circle(picture, place, 1, (200, 220, 255), -1, cv2.LINE_AA)
  return pictures


def _placed(points: np.ndarray, before: np.ndarray) -> list[tuple[int, int]]:
  """Returns where points go in a cell, at the scale of those before.

  What has another scale altogether, or lies elsewhere, is fitted by itself.
  """
  extent = np.ptp(before, axis=0).max()
  other = np.ptp(points, axis=0).max()
  away = np.abs(points.mean(axis=0) - before.mean(axis=0)).max()
  if not 0.7 < other / extent < 1.4 or away > 0.5 * extent:
    before, extent = points, max(other, 1e-6)
  middle = (before.min(axis=0) + before.max(axis=0)) / 2
  places = (points - middle) / extent * 0.8 * _CELL + _CELL / 2
  return [(round(float(x)), round(float(y))) for x, y in places]


def _write(row: np.ndarray, text: str) -> None:
  import cv2

  font = cv2.FONT_HERSHEY_SIMPLEX
  cv2.putText(row, text, (4, 14), font, 0.42, (_TEXT,) * 3, 1, cv2.LINE_AA)


_KINDS = {
  'silhouettes': _maps,
  'heatmaps': _maps,
  'depth': _maps,
  'rgb': _rgb,
  'parsing': _parsing,
  'keypoints': _keypoints,
  'points': _clouds,
}
