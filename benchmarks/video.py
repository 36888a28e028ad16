"""Measures `silhouettes` on rendered videos, whose people are known.

    python -m benchmarks.video [--videos=4] [--detector=motion|people|both]

Prints of each video intersection over union with the true masks, identity
switches, people that are missed, tracks that follow nobody, and frames per
second of processor time. With `people` or `both` the networks of `fetch-models`
find and cut out; MOG2 does both otherwise.
"""

import argparse
import time
from collections.abc import Iterator
from typing import Any, cast

import numpy as np

from gaitgs_jax.synthetic import scene
from gaitgs_jax.video import pipeline, switches
from gaitgs_jax.video.frames import Source
from gaitgs_jax.video.watching import Seen

_LEAST_PIXELS = 200


class Rendered(Source):
  """A scene as a source of frames."""

  def __init__(self, rendered: scene.Scene):
    self._frames = rendered.frames
    self.title = self.stem = 'rendered'
    self.rate, self.total = 25.0, len(rendered.frames)
    self.size = rendered.frames.shape[1:3]

  def frames(self) -> Iterator[np.ndarray]:
    """Yields the frames."""
    yield from self._frames


def overlaps(truth: np.ndarray, seen: list[Seen]) -> np.ndarray:
  """Returns intersection over union [p,n] of true masks [p,h,w] and those."""
  shared = np.zeros((len(truth), len(seen)))
  for j, one in enumerate(seen):
    found = np.zeros(truth.shape[1:], bool)
    height, width = one.mask.shape
    found[one.top : one.top + height, one.left : one.left + width] = one.mask
    for i, mask in enumerate(truth):
      union = max(int(np.count_nonzero(mask | found)), 1)
      shared[i, j] = np.count_nonzero(mask & found) / union
  return shared


def measure(
  rendered: scene.Scene, settings: pipeline.Settings
) -> tuple[switches.Counts, float]:
  """Returns what was right, and the processor's seconds."""
  source = Rendered(rendered)
  watcher = pipeline.create_watcher(source, settings)
  found: list[list[Seen]] = []
  start = time.process_time()
  pipeline.watch(source, settings, watcher, lambda _, seen: found.append(seen))
  seconds = time.process_time() - start
  shared, people, tracks = [], [], []
  for truth, seen in zip(rendered.masks, found, strict=True):
    who = np.flatnonzero(truth.sum((1, 2)) >= _LEAST_PIXELS)
    people.append(who)
    shared.append(overlaps(truth[who], seen))
    tracks.append(np.array([one.number for one in seen]))
  return switches.count(shared, people, tracks), seconds


def main() -> None:
  """Prints the table."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--videos', type=int, default=4)
  parser.add_argument('--people', type=int, default=2)
  parser.add_argument('--height', type=int, default=240)
  parser.add_argument(
    '--detector', default='motion', choices=pipeline.DETECTORS
  )
  args = parser.parse_args()
  settings = pipeline.Settings(
    detector=args.detector,
    segmenter='motion' if args.detector == 'motion' else 'pose',
    height=args.height // 5,
    detail=max(512, args.height * 4 // 3),
  )
  names = ('IoU', 'switches', 'missed', 'false', 'frames/s')
  print(f'{"video":8}' + ''.join(f'{name:>10}' for name in names))
  rows: list[Any] = []
  for seed in range(args.videos):
    size = args.height, args.height * 4 // 3
    rendered = scene.render(seed, args.people, frames=60, size=size)
    counts, seconds = measure(rendered, settings)
    shown = len(rendered.frames) * args.people
    rows.append(
      (
        counts.overlap,
        counts.switches,
        counts.missed / shown,
        counts.false / shown,
        len(rendered.frames) / seconds,
      )
    )
    _print(str(seed), rows[-1])
  _print('mean', cast(Any, np.mean(rows, 0)))


def _print(name: str, row: tuple[float, ...]) -> None:
  overlap, switched, missed, false, speed = row
  print(
    f'{name:8}{overlap:10.3f}{switched:10g}{100 * missed:9.1f}%'
    f'{100 * false:9.1f}%{speed:10.1f}',
    flush=True,
  )


if __name__ == '__main__':
  main()
