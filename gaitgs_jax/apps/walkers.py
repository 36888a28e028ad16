"""`python -m gaitgs_jax walkers`: a contact sheet of the synthetic walkers."""

import argparse

import numpy as np

from gaitgs_jax import atomic, local
from gaitgs_jax.apps import options
from gaitgs_jax.errors import UserError
from gaitgs_jax.synthetic import Walk, walk

CONDITIONS = ('nm-01', 'bg-01', 'cl-01')
CELL = (128, 88)
_PHASES = np.array([0.02, 0.15, 0.30, 0.45])
_GROUND, _PERSON, _TEXT = 24, 235, 150
_LABEL = 22  # Height of the line above a row.
_GAP = 2

# Pairs of COCO keypoints that are drawn as bones.
_BONES = (
  *((5, 6), (11, 12), (5, 11), (6, 12), (0, 1), (0, 2), (1, 3), (2, 4)),
  *((5, 7), (7, 9), (11, 13), (13, 15)),
  *((6, 8), (8, 10), (12, 14), (14, 16)),
)
_COLOURS = ((80, 170, 255), (255, 150, 60), (90, 220, 90))  # BGR.


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Adds the command's options."""
  parser.add_argument('--out', required=True, help='PNG file to write')
  parser.add_argument(
    '--subjects', type=options.whole_number(1, 1000), default=4
  )
  parser.add_argument(
    '--views', default='000,054,090,126,180', help='comma-separated'
  )
  parser.add_argument(
    '--conditions', default=','.join(CONDITIONS), help='comma-separated'
  )
  parser.add_argument(
    '--seed', type=options.whole_number(0, 2**32 - 1), default=0
  )
  parser.add_argument(
    '--keypoints', action='store_true', help='draw the COCO-17 keypoints too'
  )


def run(args: argparse.Namespace) -> None:
  """Writes the sheet."""
  import cv2

  out = local.path(args.out)
  if not out.parent.is_dir():
    raise UserError(f'no folder {out.parent} to write {out.name} into')
  atomic.check_writable(out)
  sheet = contact_sheet(
    args.seed,
    args.subjects,
    args.views.split(','),
    args.conditions.split(','),
    keypoints=args.keypoints,
  )
  atomic.write(out, cv2.imencode('.png', sheet)[1].tobytes())
  print(f'wrote {out}')


def contact_sheet(
  seed: int,
  subjects: int,
  views: list[str],
  conditions: list[str],
  *,
  keypoints: bool = False,
) -> np.ndarray:
  """Returns the sheet, uint8 [h, w, 3]: one row per subject and condition.

  Across go the views, and for each the same four moments of half a gait cycle
  from heel contact on.

  Raises:
    UserError: there is no subject, or a view or condition is unknown.
  """
  if subjects < 1:
    raise UserError(f'--subjects is {subjects}; it must be 1 or more')
  rows = []
  for subject in range(subjects):
    for condition in conditions:
      walks = [walk(seed, subject, condition, view) for view in views]
      cells = [_moments(one, keypoints) for one in walks]
      row = np.concatenate(cells, 1)
      rows.append(_label(row, f'subject {subject}  {condition}'))
  heading = _heading(views, rows[0].shape[1])
  return np.concatenate([heading, *rows])


def _moments(one: Walk, keypoints: bool) -> np.ndarray:
  """Returns one view's cells side by side, [h, w, 3]."""
  turns = one.phase / (2 * np.pi)
  first = np.ceil(turns[len(turns) // 3])
  cells = []
  for phase in _PHASES:
    frame = int(np.argmin(np.abs(turns - first - phase)))
    points = one.keypoints[frame] if keypoints else None
    cells.append(_cell(one.silhouettes[frame], points))
  gap = np.full((CELL[0] + _GAP, 3 * _GAP, 3), _GROUND, np.uint8)
  return np.concatenate([*cells, gap], 1)


def _cell(frame: np.ndarray, points: np.ndarray | None) -> np.ndarray:
  """Returns one person scaled to a cell with a border, [h, w, 3]."""
  import cv2

  height, width = CELL
  rows = np.flatnonzero(frame.any(1))
  columns = np.flatnonzero(frame.any(0))
  top, scale = rows[0], (height - 8) / (rows[-1] + 1 - rows[0])
  centre = (columns[0] + columns[-1]) / 2
  move = np.array(
    [[scale, 0, width / 2 - scale * centre], [0, scale, 4 - scale * top]]
  )
  cell = cv2.warpAffine(frame, move, (width, height))
  cell = np.repeat(cell[..., None] // 255 * np.uint8(_PERSON), 3, -1)
  if points is not None:
    _draw_bones(cell, points, move)
  border = ((0, _GAP), (0, _GAP), (0, 0))
  return np.pad(cell, border, constant_values=_GROUND)


def _draw_bones(cell: np.ndarray, points: np.ndarray, move: np.ndarray) -> None:
  import cv2

  places = points[:, :2] @ move[:, :2].T + move[:, 2]
  found = points[:, 2] > 0
  for a, b in _BONES:
    if found[a] and found[b]:
      # Left is odd and right is even in COCO's order; the rest is the middle.
      same = a % 2 == b % 2 and a > 0
      colour = _COLOURS[a % 2] if same else _COLOURS[2]
      ends = [tuple(round(x) for x in places[k]) for k in (a, b)]
      cv2.line(cell, ends[0], ends[1], colour, 1, cv2.LINE_AA)


def _text(image: np.ndarray, text: str, x: int) -> None:
  import cv2

  colour = (_TEXT,) * 3
  font = cv2.FONT_HERSHEY_SIMPLEX
  cv2.putText(image, text, (x, 15), font, 0.42, colour, 1, cv2.LINE_AA)


def _label(row: np.ndarray, text: str) -> np.ndarray:
  line = np.full((_LABEL, row.shape[1], 3), _GROUND, np.uint8)
  _text(line, text, 4)
  return np.concatenate([line, row])


def _heading(views: list[str], width: int) -> np.ndarray:
  line = np.full((_LABEL, width, 3), _GROUND, np.uint8)
  for i, view in enumerate(views):
    _text(line, f'view {view}', 4 + i * (width // len(views)))
  return line
