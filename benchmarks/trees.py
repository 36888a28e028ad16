"""Measures opening an OpenGait tree of many small sequences.

  python -m benchmarks.trees [--sequences=288596] [--root=FOLDER]

Writes a tree of OU-MVLP's size into a temporary folder (or takes the one in
--root, and leaves it there), opens it twice, each time in a process of its own
with an empty cache folder at first, and prints seconds and memory of both, next
to what listing the tree alone takes.
"""

import argparse
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from gaitgs_jax.input.sources import OpenGaitSource

# As many conditions and views as OU-MVLP has.
CONDITIONS, VIEWS = 2, 14


def write_tree(root: Path, sequences: int) -> None:
  """Writes a tree of `sequences` walks of one small frame or two each."""
  # As in every real pickle, the numbers go on after what is read as its head.
  frames = np.zeros((2, 24, 24), np.uint8)
  frames[:, 8:16] = 255
  data = [pickle.dumps(frames[: 1 + i]) for i in range(2)]
  for number in range(sequences):
    subject, rest = divmod(number, CONDITIONS * VIEWS)
    condition, view = divmod(rest, VIEWS)
    folder = root / f'{subject:05d}' / f'{condition:02d}' / f'{15 * view:03d}'
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f'{15 * view:03d}.pkl').write_bytes(data[number % 2])


def list_tree(root: str) -> int:
  """Returns how many files a tree holds; no less than any opening must do."""
  return sum(len(files) for _, _, files in os.walk(root))


def open_tree(root: str) -> int:
  """Returns how many sequences a tree holds."""
  return len(OpenGaitSource(root).index)


def measure(work: str, root: str) -> None:
  """Does one thing and prints its seconds and this process's memory."""
  start = time.perf_counter()
  count = {'list': list_tree, 'open': open_tree}[work](root)
  seconds, used = time.perf_counter() - start, time.process_time()
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
  print(
    f'{count:,} sequences, {seconds:.1f} s, {used:.1f} s of a processor, '
    f'{peak:.2f} GB'
  )


def main() -> None:
  """Writes the tree and prints the table."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--sequences', type=int, default=288_596)
  parser.add_argument('--root', help='a tree to open instead')
  parser.add_argument('--work', choices=('list', 'open'), help='do only this')
  options = parser.parse_args()
  if options.work:
    measure(options.work, options.root)
    return
  with tempfile.TemporaryDirectory() as folder:
    root = options.root or f'{folder}/tree'
    if not options.root:
      write_tree(Path(root), options.sequences)
    environment = {**os.environ, 'XDG_CACHE_HOME': f'{folder}/cache'}
    for name, work in (
      ('listing', 'list'),
      ('first opening', 'open'),
      ('second opening', 'open'),
    ):
      print(f'{name:16}', end='', flush=True)
      command = [sys.executable, '-m', 'benchmarks.trees']
      subprocess.run(
        [*command, f'--work={work}', f'--root={root}'],
        env=environment,
        check=True,
      )


if __name__ == '__main__':
  main()
