"""Time and memory of evaluating a test set of OU-MVLP's size.

Makes noisy embeddings in memory, runs the `oumvlp` protocol and prints what the
process held at its peak beyond the embeddings:

  python -m benchmarks.evaluation --probes=66500 --gallery=66500

The embeddings of [64,256] alone are 8.7 GB at that size; GaitBase's are of
[16,256]. Time grows with probes times gallery, memory hardly at all. With
--rerank all views are one gallery and distances are re-ranked, for which all
sequences are compared with all.
"""

import argparse
import dataclasses
import resource
import sys
import time

import jax
import numpy as np

from gaitgs_jax.evaluation import distance, evaluate
from gaitgs_jax.evaluation.protocols import PROTOCOLS, Protocol, Rerank

VIEWS = np.array([*range(0, 91, 15), *range(180, 271, 15)])
FULL = 66_500
GIB = 2**30


def simulate(
  options: argparse.Namespace,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
  """Makes one noisy embedding per (subject, view) and condition.

  Returns:
    Embeddings float32 [N,p,d], probes first, then N subjects, conditions and
    views.
  """
  place = np.concatenate(
    [np.arange(options.probes), np.arange(options.gallery)]
  )
  conditions = np.repeat(['00', '01'], [options.probes, options.gallery])
  subjects, views = place // len(VIEWS), VIEWS[place % len(VIEWS)]
  shape = (options.parts, options.features)
  embeddings = np.empty((len(place), *shape), np.float32)
  noise = np.random.default_rng(0)
  for row, subject in enumerate(subjects):
    centre = np.random.default_rng(subject)
    embeddings[row] = centre.standard_normal(shape, np.float32)
    embeddings[row] += options.noise * noise.standard_normal(shape, np.float32)
  names = np.char.zfill(views.astype(str), 3)
  return embeddings, subjects.astype(str), conditions, names


def protocol(rerank: bool) -> Protocol:
  """Returns OU-MVLP's protocol, or one that re-ranks."""
  if not rerank:
    return PROTOCOLS['oumvlp']
  return dataclasses.replace(
    PROTOCOLS['oumvlp_cross_view'], name='reranked', rerank=Rerank()
  )


def peak_bytes() -> int:
  """Returns the most memory this process has held so far."""
  unit = 1 if sys.platform == 'darwin' else 1024
  return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
  """Measures one size and prints a table of it."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--probes', type=int, default=4_000)
  parser.add_argument('--gallery', type=int, default=4_000)
  parser.add_argument('--parts', type=int, default=64)
  parser.add_argument('--features', type=int, default=256)
  parser.add_argument('--noise', type=float, default=8.0)
  parser.add_argument('--metric', choices=distance.METRICS, default='euclidean')
  parser.add_argument('--rerank', action='store_true')
  options = parser.parse_args()
  embeddings, *labels = simulate(options)
  before = peak_bytes()
  start, used = time.perf_counter(), time.process_time()
  result = evaluate(
    protocol(options.rerank), embeddings, *labels, metric=options.metric
  )
  seconds = time.perf_counter() - start
  used = time.process_time() - used
  pairs = options.probes * options.gallery
  if options.rerank:
    pairs += len(embeddings) ** 2
  full = FULL**2 / (options.probes * options.gallery)
  rate = 2 * pairs * options.parts * options.features / seconds
  table = {
    'device': jax.devices()[0].device_kind,
    'probes x gallery': f'{options.probes:,} x {options.gallery:,}',
    'embedding': f'{options.parts} x {options.features}, {options.metric}',
    'embeddings': f'{embeddings.nbytes / GIB:.2f} GiB',
    'peak beyond them': f'{(peak_bytes() - embeddings.nbytes) / GIB:.2f} GiB',
    'of that before the start': f'{(before - embeddings.nbytes) / GIB:.2f} GiB',
    'seconds': f'{seconds:.1f}',
    'of all processors': f'{used:.1f}',
    'pairs/s': f'{pairs / seconds:,.0f}',
    'GFLOP/s': f'{rate / 1e9:,.0f}',
    f'{FULL:,} x {FULL:,} at this rate': f'{full * seconds:,.0f} s',
    'NM/rank1': f'{result["NM/rank1"]:.1f} %',
  }
  for name, value in table.items():
    print(f'{name:32} {value}')


if __name__ == '__main__':
  main()
