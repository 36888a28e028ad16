"""Measures frames/s of `prepare` and `pretreat` from raw images.

  python -m benchmarks.prepare [--sequences=320] [--workers=2] [--root=FOLDER]

Draws raw silhouettes of synthetic walkers, 240 x 320 PNG in CASIA-B's layout,
into a temporary folder (or takes those in --root). Each row is a program of its
own: decoding alone in one process, `pretreat`, `prepare`. It prints wall time,
processor time of the program and its helpers, and frames/s on two processors:
2 x frames / processor time, where wall time depends on what else the machine
does. Processor time for starting is measured on a tree of one sequence, and
left out of that rate.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2

from gaitgs_jax import __main__, synthetic
from gaitgs_jax.input import images, trees

# Of its conditions, views and subjects none must be there.
DATASET = 'd_gait'
FRAMES, VIEWS = 60, 11
PROCESSORS = 2
WORKS = ('decode', 'pretreat', 'prepare')


def write_tree(root: Path, sequences: int) -> None:
  """Writes raw silhouettes as subject/condition/view/*.png."""
  for number in range(sequences):
    subject, place = divmod(number, VIEWS)
    view = f'{18 * place:03d}'
    walk = synthetic.walk(0, subject, 'nm-01', view, frames=FRAMES)
    folder = root / f'{1 + subject:03d}' / 'nm-01' / view
    folder.mkdir(parents=True)
    for frame, image in enumerate(walk.silhouettes, 1):
      name = f'{1 + subject:03d}-nm-01-{view}-{frame:03d}.png'
      cv2.imwrite(str(folder / name), image)


def count(root: Path) -> int:
  """Returns how many frames a tree holds."""
  return sum(1 for _ in root.rglob('*.png'))


def work(name: str, root: Path, out: Path, workers: int) -> None:
  """Does what one row measures."""
  if name == 'decode':
    for sequence in trees.open_tree(root).sequences:
      for path in sorted(Path(sequence.folder).iterdir()):
        images.read(path)
    return
  options = [f'--source={root}', f'--workers={workers}']
  if name == 'pretreat':
    options.append(f'--out={out}')
  else:
    options += [f'--dataset={DATASET}', f'--root={out}']
  status = __main__.main([name, *options])
  if status:
    sys.exit(status)


def measure(
  name: str, root: Path, out: Path, workers: int
) -> tuple[float, float]:
  """Runs one row's program; returns seconds and those of processors."""
  command = [
    sys.executable, '-m', 'benchmarks.prepare', f'--work={name}',
    f'--root={root}', f'--out={out}', f'--workers={workers}',
  ]  # fmt: skip
  before, start = _processor_time(), time.perf_counter()
  subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
  return time.perf_counter() - start, _processor_time() - before


def _processor_time() -> float:
  used = resource.getrusage(resource.RUSAGE_CHILDREN)
  return used.ru_utime + used.ru_stime


def report(root: Path, folder: Path, workers: int) -> None:
  """Measures every row and prints it."""
  one = folder / 'one'
  write_tree(one, 1)
  frames = count(root) - FRAMES
  print(f'{count(root):,} frames, {workers} helpers')
  for name in WORKS:
    start = measure(name, one, folder / f'{name}-one', workers)
    whole = measure(name, root, folder / name, workers)
    used = whole[1] - start[1]
    print(
      f'{name:10} {whole[0]:6.1f} s, {whole[1]:6.1f} s of processors,'
      f' {PROCESSORS * frames / used:6,.0f} frames/s on {PROCESSORS}'
      f' (to start takes {start[1]:.1f} s)',
      flush=True,
    )


def main() -> None:
  """Draws the tree and prints the table."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--sequences', type=int, default=320)
  parser.add_argument('--workers', type=int, default=PROCESSORS)
  parser.add_argument('--root', help='a tree of raw images to read instead')
  parser.add_argument('--work', choices=WORKS, help='do only this')
  parser.add_argument('--out', help='where to, of --work')
  options = parser.parse_args()
  if options.work:
    work(options.work, Path(options.root), Path(options.out), options.workers)
    return
  with tempfile.TemporaryDirectory() as folder:
    root = Path(options.root or f'{folder}/raw')
    if not root.exists():
      write_tree(root, options.sequences)
    report(root, Path(folder), options.workers)


if __name__ == '__main__':
  main()
