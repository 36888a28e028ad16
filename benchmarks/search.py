"""Time, memory and recall of a search in a gallery larger than memory.

Nothing of the gallery is kept: each tile is drawn when it is read, in shards
of which any row can be had.

  python -m benchmarks.search --gallery=1000000 --probes=16 --candidates=0

The sequences of a subject lie around its centre, about 0.7 as far from one
another as from others, and both vary along few directions: 16 hold three
quarters of the variance and 64 nine tenths, as in the demo's embeddings of
unseen walkers.
"""

import argparse
import functools
import time

import jax
import numpy as np

from benchmarks.evaluation import GIB, peak_bytes
from gaitgs_jax.evaluation import distance, search

SEQUENCES = 14  # Of a subject, as OU-MVLP has views.
DIRECTIONS = 256
PATTERNS = 512  # Ways to walk; they come back with every 512th sequence.


class Simulated:
  """A shard of a gallery, or all of it: rows first..first + rows.

  Args:
    rows: how many.
    first: the first, counted over all shards.
    shape: (p, d).
  """

  drawing = 0.0  # Seconds spent on it, in all shards.

  def __init__(self, rows: int, first: int, shape: tuple[int, int]):
    self.shape, self._first = (rows, *shape), first

  def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
    start = time.perf_counter()
    place = np.arange(self.shape[0])[rows] + self._first
    drawn = draw(place // SEQUENCES, place, self.shape[1:])
    Simulated.drawing += time.perf_counter() - start
    return drawn


def draw(
  subjects: np.ndarray, patterns: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
  """Returns an embedding float32 [n,p,d] for each subject and way to walk."""
  directions, walks, table = _tables(shape)
  names, which = np.unique(subjects, return_inverse=True)
  # A subject's place along each direction: any can be had without the others.
  odd = 2 * np.arange(DIRECTIONS) + 1_000_003
  centres = table[names[:, None] * odd % len(table)] @ directions
  drawn = centres[which]
  drawn += walks[patterns % PATTERNS]
  return drawn.reshape(-1, *shape)


@functools.cache
def _tables(
  shape: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Returns directions [256,p*d], ways to walk [512,p*d], normal numbers."""
  rng = np.random.default_rng(0)
  size = shape[0] * shape[1]
  deviations = (1 + np.arange(DIRECTIONS, dtype=np.float32)) ** -0.6
  directions, others = (
    deviations[:, None] * rng.standard_normal((DIRECTIONS, size), np.float32)
    for _ in range(2)
  )
  walks = rng.standard_normal((PATTERNS, DIRECTIONS), np.float32) @ others
  return directions, walks, rng.standard_normal(2**20 - 3, np.float32)


def recall(found: np.ndarray, exact: np.ndarray) -> float:
  """Returns how many of the nearest rows [n,k] were found, in percent."""
  right = [np.isin(b, a) for a, b in zip(found, exact, strict=True)]
  return 100 * float(np.mean(right))


def read_options() -> argparse.Namespace:
  """Returns the options of the command line."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--gallery', type=int, default=20_000)
  parser.add_argument('--probes', type=int, default=64)
  parser.add_argument('--shard', type=int, default=10_000)
  parser.add_argument('--parts', type=int, default=64)
  parser.add_argument('--features', type=int, default=256)
  parser.add_argument('--metric', choices=distance.METRICS, default='euclidean')
  parser.add_argument('--k', type=int, default=10)
  parser.add_argument(
    '--candidates', type=int, default=1000, help='0: the exact search alone'
  )
  parser.add_argument('--components', type=int, default=128)
  return parser.parse_args()


def main() -> None:
  """Measures one size and prints a table of it."""
  options = read_options()
  shape = (options.parts, options.features)
  gallery = [
    Simulated(min(options.shard, options.gallery - first), first, shape)
    for first in range(0, options.gallery, options.shard)
  ]
  people = np.random.default_rng(1).integers(
    -(-options.gallery // SEQUENCES), size=options.probes
  )
  probes = draw(people, np.arange(options.probes) * 7 + 5, shape)
  before = peak_bytes()

  def timed(call: functools.partial) -> tuple:
    Simulated.drawing, start = 0.0, time.perf_counter()
    result = call()
    seconds = time.perf_counter() - start
    return result, f'{seconds:.1f}, drawing {Simulated.drawing:.1f} of them'

  def show(name: str, value: str) -> None:
    print(f'{name:32} {value}', flush=True)

  gib = options.gallery * options.parts * options.features * 4 / GIB
  show('devices', f'{jax.local_device_count()} {jax.devices()[0].device_kind}')
  show('probes x gallery', f'{options.probes:,} x {options.gallery:,}')
  show('embedding', f'{shape[0]} x {shape[1]}, {options.metric}')
  show('gallery, were it held', f'{gib:.2f} GiB')
  nearest = functools.partial(
    search.search, probes, gallery, metric=options.metric
  )
  exact, seconds = timed(functools.partial(nearest, options.k))
  show('exact: seconds', seconds)
  show(
    'exact: peak beyond the start', f'{(peak_bytes() - before) / GIB:.2f} GiB'
  )
  hit = np.mean(exact.rows[:, 0] // SEQUENCES == people)
  show('exact: rank-1', f'{100 * hit:.1f} %')
  if not options.candidates:
    return
  preselect, seconds = timed(
    functools.partial(
      search.Preselection.fit,
      gallery,
      features=options.components,
      metric=options.metric,
    )
  )
  show('preselection, made once: seconds', seconds)
  show('its vectors', f'{preselect.vectors.nbytes / GIB:.3f} GiB')
  near, seconds = timed(
    functools.partial(
      nearest, options.k, preselect=preselect, candidates=options.candidates
    )
  )
  show(f'best {options.candidates:,}: seconds', seconds)
  for k in sorted({1, options.k}):
    show(f'recall@{k}', f'{recall(near.rows[:, :k], exact.rows[:, :k]):.2f} %')
  show('peak beyond the start', f'{(peak_bytes() - before) / GIB:.2f} GiB')


if __name__ == '__main__':
  main()
