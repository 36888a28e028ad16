"""`python -m gaitgs_jax iou`: masks next to true ones, frame by frame."""

import argparse
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gaitgs_jax import bar, cloud
from gaitgs_jax.apps import options
from gaitgs_jax.errors import UserError, listed
from gaitgs_jax.evaluation import metrics, report, segmentation
from gaitgs_jax.input import tree_files, tree_frames, trees
from gaitgs_jax.input.images import Frames
from gaitgs_jax.input.trees import Tree, TreeSequence
from gaitgs_jax.modalities import shown_size

# Sequences with the lowest overlap that are named.
_LOWEST = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Declares the command's options."""
  for name, whose in (
    ('--source', 'masks that were found'),
    ('--truth', 'true masks'),
  ):
    parser.add_argument(
      name,
      required=True,
      metavar='TREE',
      help=f'{whose}: a tree of images or of pickles',
    )
  options.add_layout(parser)


def run(args: argparse.Namespace) -> None:
  """Prints the intersection over union by condition.

  Raises:
    UserError: a tree cannot be read, or the two differ in their sequences,
      frames or sizes.
  """
  found, true = (
    trees.open_tree(cloud.local_copy(path), args.layout)
    for path in (args.source, args.truth)
  )
  pairs = _pairs(found, true)
  calls = (_overlaps(one, other) for one, other in pairs)
  overlaps = [*bar.create('iou', 'sequences', len(pairs), calls)]
  print(
    f'protocol  segmentation, IoU ({segmentation.NAME},'
    f' {segmentation.FINGERPRINT})\n'
    'counted   intersection over union of each frame, 0 where nobody is in'
    ' either; mean over frames\n'
  )
  print('\n'.join(report.aligned(_grid([one for one, _ in pairs], overlaps))))
  order = np.argsort([each.mean() for each in overlaps], kind='stable')
  print()
  for place in order[:_LOWEST].tolist():
    name, number = pairs[place][0].name, 100 * overlaps[place].mean()
    print(f'lowest: {name}: {number:.1f}')


def _grid(
  sequences: Sequence[TreeSequence], overlaps: Sequence[np.ndarray]
) -> list[list[str]]:
  """Returns a row for each condition, and one for all."""
  conditions = sorted({each.condition for each in sequences})
  grid = [['condition', 'frames', 'mIoU', '95 %']]
  for name in [*conditions, ''] if len(conditions) > 1 else ['']:
    some = [
      (each.subject, values)
      for each, values in zip(sequences, overlaps, strict=True)
      if name in ('', each.condition)
    ]
    subjects = [np.full(len(values), subject) for subject, values in some]
    result = segmentation.count(
      np.concatenate([values for _, values in some]), np.concatenate(subjects)
    )
    ends = report.interval(result, 'mIoU')
    frames = f'{int(result["frames"]):,}'
    grid.append([name or 'all', frames, report.number(result['mIoU']), ends])
  return grid


def _pairs(found: Tree, true: Tree) -> list[tuple[TreeSequence, TreeSequence]]:
  """Returns the sequences of two trees.

  Raises:
    UserError: one of them has some that the other lacks.
  """
  every = [
    {each.name: each for each in tree.sequences} for tree in (found, true)
  ]
  for tree, own, others in zip((found, true), every, every[::-1], strict=True):
    if lacking := sorted(others.keys() - own.keys()):
      raise UserError(
        f'{tree.root}: lacks {len(lacking)} of the {len(others)} sequences of'
        f' the other tree ({listed(lacking)})'
      )
  return [(each, every[1][name]) for name, each in every[0].items()]


def _overlaps(found: TreeSequence, true: TreeSequence) -> np.ndarray:
  """Returns the intersection over union of each frame, [s].

  Raises:
    UserError: frames are missing, or of other sizes.
  """
  sides = found, true
  names = [_frame_names(each) for each in sides]
  frames = [tree_frames.read_frames(each.folder) for each in sides]
  _check_frames(sides, names, frames)
  values = []
  for number, (one, other) in enumerate(zip(*map(_masks, frames), strict=True)):
    if one.shape != other.shape:
      raise UserError(
        f'{found.folder}: frame {names[0][number] if names[0] else number} is'
        f' {shown_size(one.shape)}, and {shown_size(other.shape)} in'
        f' {true.folder}; masks must be of one size'
      )
    values.append(float(metrics.overlap(one[None], other[None])[0]))
  if not values:
    raise UserError(f'{found.folder}: holds no frames')
  return np.array(values)


def _masks(frames: np.ndarray | Frames) -> Iterator[np.ndarray]:
  """Yields bool [h,w]: what is more than half as bright as the brightest."""
  if isinstance(frames, np.ndarray):
    yield from frames > frames.max(initial=0) // 2
    return
  for frame in frames:
    yield frame > 0


def _frame_names(sequence: TreeSequence) -> list[str]:
  """Returns the number in the name of each frame, or the name; [] without."""
  paths = tree_files.sequence_files(sequence.folder)
  if paths and paths[0].suffix.lower() == tree_files.PICKLE:
    stems = tree_files.frame_names(Path(paths[0])) or []
  else:
    stems = [Path(path).stem for path in paths]
  return [
    (re.findall(r'\d+', stem) or [stem])[-1].lstrip('0') or '0'
    for stem in stems
  ]


def _check_frames(
  sides: Sequence[TreeSequence],
  names: Sequence[list[str]],
  frames: Sequence[np.ndarray | Frames],
) -> None:
  """Raises UserError where two sequences have other frames."""
  lengths = [len(each) for each in frames]
  if all(names) and names[0] != names[1]:
    apart = sorted({*names[0]} ^ {*names[1]})
    which = f' (frame {apart[0]} is in one alone)' if apart else ''
    raise UserError(
      f'{sides[0].folder}: has {lengths[0]} frames, and {sides[1].folder}'
      f' {lengths[1]} with other numbers{which}; each needs its true mask'
    )
  if lengths[0] != lengths[1]:
    raise UserError(
      f'{sides[0].folder}: has {lengths[0]} frames, and {sides[1].folder}'
      f' {lengths[1]}; each needs its true mask'
    )
