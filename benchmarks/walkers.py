"""Measures how fast one core draws the synthetic walkers.

    python -m benchmarks.walkers [--subjects=3]

Prints raw 240 x 320 frames per second of processor time, per kind of walk.
"""

import argparse
import os

# One core: numpy's own threads would flatter the figure.
os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')

import time

from gaitgs_jax.synthetic import VIEWS, walk

CONDITIONS = ('nm-01', 'bg-01', 'cl-01')


def measure(subjects: int, condition: str) -> tuple[int, float]:
  """Returns how many frames were drawn and the processor's seconds."""
  start = time.process_time()
  frames = 0
  for subject in range(subjects):
    for view in VIEWS:
      frames += len(walk(0, subject, condition, view).silhouettes)
  return frames, time.process_time() - start


def main() -> None:
  """Prints the table."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--subjects', type=int, default=3)
  args = parser.parse_args()
  walk(0, 0, 'nm-01', '090')  # The first call also loads and warms up.
  print(f'{"walk":8}{"frames":>8}{"seconds":>9}{"frames/s":>10}')
  total_frames, total_seconds = 0, 0.0
  for condition in CONDITIONS:
    frames, seconds = measure(args.subjects, condition)
    total_frames, total_seconds = total_frames + frames, total_seconds + seconds
    print(f'{condition:8}{frames:8}{seconds:9.2f}{frames / seconds:10.0f}')
  print(
    f'{"all":8}{total_frames:8}{total_seconds:9.2f}'
    f'{total_frames / total_seconds:10.0f}'
  )


if __name__ == '__main__':
  main()
