"""`python -m gaitgs_jax pretreat`: your own silhouettes to an OpenGait tree."""

import argparse
import os
import pickle
import shutil
from functools import partial
from pathlib import Path

from gaitgs_jax import bar, local
from gaitgs_jax.apps import options
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import trees
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
    help='made anew: TREE/subject/condition/view/view.pkl',
  )
  parser.add_argument(
    '--size',
    type=options.whole_number(2),
    default=64,
    help='height in pixels: 64 or 128',
  )
  parser.add_argument(
    '--layout',
    default='',
    help="the source's folders, for example '{condition}/{subject}'; found out"
    ' where it can be',
  )
  parser.add_argument(
    '--workers',
    type=options.whole_number(1),
    default=os.cpu_count() or 1,
    help='helper processes',
  )


def run(args: argparse.Namespace) -> None:
  """Pretreats one tree.

  Raises:
    UserError: the source or one of its images cannot be read, or `out` exists.
  """
  if args.size < 2 or args.size % 2:
    raise UserError(f'--size={args.size}: give an even number, 64 or 128')
  tree = trees.open_tree(args.source, args.layout)
  out = local.path(args.out)
  if out.exists():
    raise UserError(f'{out}: exists; delete it, or choose another --out')
  print(
    f'{tree.root}: {tree.layout}, {len(tree.sequences)} sequences', flush=True
  )
  # Renamed when it is whole, so that half a tree never looks like one.
  unfinished = out.with_name(out.name + '.unfinished')
  shutil.rmtree(unfinished, ignore_errors=True)
  made = _write(tree, unfinished, args.size, args.workers)
  if not any(length for length, _ in made.values()):
    shutil.rmtree(unfinished, ignore_errors=True)
    raise UserError(
      f'{tree.root}: nobody is to be seen in any frame; are these masks of one'
      ' person each?'
    )
  unfinished.rename(out)
  _print_summary(out, made, args.size)


def _write(
  tree: trees.Tree, out: Path, size: int, workers: int
) -> dict[str, tuple[int, list[str]]]:
  """Writes every sequence; returns frames and notes per sequence's name."""
  calls = [
    partial(_write_sequence, sequence, str(out), size)
    for sequence in tree.sequences
  ]
  with Workers(min(workers, len(calls))) as pool:
    made = bar.create('pretreat', 'sequences', len(calls), pool.map(calls))
    return {
      sequence.name: done
      for sequence, done in zip(tree.sequences, made, strict=True)
    }


def _write_sequence(
  sequence: trees.TreeSequence, out: str, size: int
) -> tuple[int, list[str]]:
  """Writes one sequence; returns its length and notes. Runs in a helper."""
  notes: list[str] = []
  frames = trees.read_pretreated(sequence.folder, size, notes)
  if len(frames):
    folder = Path(out, sequence.subject, sequence.condition, sequence.view)
    try:
      folder.mkdir(parents=True, exist_ok=True)
      # Protocol 4 tells the array's shape in the file's head.
      data = pickle.dumps(frames, protocol=4)
      folder.joinpath(f'{sequence.view}.pkl').write_bytes(data)
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
      print(f'left out: {name}: nobody is to be seen in it')
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
