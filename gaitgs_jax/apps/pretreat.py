"""`python -m gaitgs_jax pretreat`: your own silhouettes to an OpenGait tree."""

import argparse
import pickle
from functools import partial
from pathlib import Path

from gaitgs_jax import atomic, bar, local
from gaitgs_jax.apps import options
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import tree_files, tree_frames, trees
from gaitgs_jax.input.pretreatment import SHORTEST
from gaitgs_jax.input.workers import Workers


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Declares the command's options."""
  parser.add_argument(
    '--source',
    required=True,
    metavar='DIR',
    help='a folder of images per sequence: one person on a plain background',
  )
  parser.add_argument(
    '--out',
    required=True,
    metavar='TREE',
    help='must not exist yet: TREE/subject/condition/view/view.pkl',
  )
  parser.add_argument(
    '--size',
    type=options.whole_number(2, 4096),
    default=64,
    help='height in pixels: 64 or 128',
  )
  options.add_layout(parser)
  parser.add_argument(
    '--frame-names',
    action='store_true',
    help='write the names of the images too, which pair the frames with those'
    ' of other modalities',
  )
  options.add_workers(parser)


def run(args: argparse.Namespace) -> None:
  """Pretreats one tree.

  Raises:
    UserError: the source or one of its images cannot be read, or `out` exists.
  """
  if args.size < 2 or args.size % 2:
    raise UserError(f'--size={args.size}: give an even number, 64 or 128')
  tree = trees.open_tree(args.source, args.layout)
  out = local.path(args.out).absolute()
  atomic.check_new(out)
  print(
    f'{tree.root}: {tree.layout}, {len(tree.sequences)} sequences', flush=True
  )
  with atomic.folder(out) as unfinished:
    made = _write(tree, unfinished, args)
    if not any(length for length, _ in made.values()):
      raise UserError(
        f'{tree.root}: no frame shows anybody; are these masks of one person '
        'each?'
      )
  _print_summary(out, made, args.size)


def _write(
  tree: trees.Tree, out: Path, args: argparse.Namespace
) -> dict[str, tuple[int, list[str]]]:
  """Writes every sequence; returns frames and notes per sequence's name."""
  calls = [
    partial(_write_sequence, sequence, str(out), args.size, args.frame_names)
    for sequence in tree.sequences
  ]
  with Workers(min(args.workers, len(calls))) as pool:
    made = bar.create('pretreat', 'sequences', len(calls), pool.map(calls))
    return {
      sequence.name: done
      for sequence, done in zip(tree.sequences, made, strict=True)
    }


def _write_sequence(
  sequence: trees.TreeSequence, out: str, size: int, named: bool = False
) -> tuple[int, list[str]]:
  """Writes one sequence; returns its length and notes. Runs in a helper."""
  notes: list[str] = []
  names: list[str] = []
  frames = tree_frames.read_pretreated(sequence.folder, size, notes, names)
  if len(frames):
    folder = Path(out)
    try:
      # Never `out` itself: once its process was killed, another may delete it.
      for name in (sequence.subject, sequence.condition, sequence.view):
        folder /= name
        folder.mkdir(exist_ok=True)
      # Names that differ in case only are one file on some systems.
      with folder.joinpath(f'{sequence.view}.pkl').open('xb') as file:
        # With protocol 4 the file's head says the array's shape.
        pickle.dump(frames, file, protocol=4)
      if named and names:
        text = folder / f'{sequence.view}{tree_files.FRAME_NAMES}'
        text.write_text(''.join(f'{name}\n' for name in names), 'utf-8')
    except OSError as error:
      raise UserError(
        f'{folder}: cannot be written ({error.strerror})'
      ) from error
  return len(frames), notes


def _print_summary(
  out: Path, made: dict[str, tuple[int, list[str]]], size: int
) -> None:
  lengths = {name: length for name, (length, _) in made.items()}
  for name, (length, notes) in made.items():
    if length == 0:
      print(f'left out: {name}: no frame shows anybody')
    elif length < SHORTEST:
      print(f'note: {name} has only {length} frames')
    for note in notes:
      print(f'note: {name}: {note}')
  count = sum(1 for length in lengths.values() if length)
  print(
    f'{out}: {count} sequences, {sum(lengths.values())} frames of'
    f' {size}x{size}; look them over with `python -m gaitgs_jax check'
    f' --source={out}`'
  )
