"""Time of an identification in a gallery of many walks.

  python -m benchmarks.gallery --walks=100000 --parts=64 --features=256

With --file the walks pass through an SQLite file first, which is left there:
how long enrolling and loading them takes. The walks are noise around a
centre for each person, which changes no time.
"""

import argparse
import pathlib
import time
from collections.abc import Callable, Iterator

import numpy as np

from gaitgs_jax.gallery import (
  Calibration,
  Enrolled,
  ExactTiles,
  InMemory,
  Model,
  Store,
  Walk,
  identify,
)

OF_EACH = 10  # Walks of a person.
CALIBRATION = Calibration(np.array([1e-9, 1]), np.array([1.0, 99]), 'none')


def draw(walks: int, shape: tuple[int, int]) -> Iterator[np.ndarray]:
  """Yields the embeddings [10,p,d] of one person after another."""
  random = np.random.default_rng(0)
  noise = 0.3 * random.standard_normal((OF_EACH, *shape), np.float32)
  for _ in range(0, walks, OF_EACH):
    yield noise + random.standard_normal(shape, np.float32)


def in_memory(walks: int, shape: tuple[int, int]) -> Enrolled:
  """Returns a gallery that was never in a file."""
  embeddings = np.empty((walks, *shape), np.float32)
  for number, some in enumerate(draw(walks, shape)):
    embeddings[number * OF_EACH : (number + 1) * OF_EACH] = some
  person = np.arange(walks) // OF_EACH
  names = [f'person {number}' for number in range(walks // OF_EACH)]
  return Enrolled(names, person, [str(row) for row in range(walks)], embeddings)


def through_file(
  path: pathlib.Path, walks: int, shape: tuple[int, int]
) -> Enrolled:
  """Returns a gallery that was enrolled in a file, and prints the times."""
  model = Model('0' * 64, 'noise', 'euclidean')
  with Store(path, create=True) as store:
    spent = 0.0
    for number, some in enumerate(draw(walks, shape)):
      start = time.perf_counter()
      store.enroll(
        f'person {number}',
        model,
        [Walk(str(walk), 60, each) for walk, each in enumerate(some)],
      )
      spent += time.perf_counter() - start
    print(f'enrolled, {OF_EACH} walks at a time: {spent:.1f} s')
  start = time.perf_counter()
  with Store(path) as store:
    enrolled = store.load()
  print(f'loaded: {time.perf_counter() - start:.1f} s')
  return enrolled


def report(name: str, repeats: int, call: Callable[[], object]) -> None:
  """Prints the times of a call, wall and processor, least and median."""
  times = []
  for _ in range(repeats):
    start = time.perf_counter(), time.process_time()
    call()
    times.append(
      (time.perf_counter() - start[0], time.process_time() - start[1])
    )
  wall, used = np.array(times).T
  print(
    f'{name}: wall least {wall.min():.3f} s, median {np.median(wall):.3f} s;'
    f' processor least {used.min():.3f} s, median {np.median(used):.3f} s',
    flush=True,
  )


def main() -> None:
  """Prints times of loading and of identifying."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--walks', type=int, default=100_000)
  parser.add_argument('--parts', type=int, default=64)
  parser.add_argument('--features', type=int, default=256)
  parser.add_argument('--probes', type=int, default=1)
  parser.add_argument('--repeats', type=int, default=5)
  parser.add_argument('--file', type=pathlib.Path)
  args = parser.parse_args()
  shape = (args.parts, args.features)
  walks = args.walks // OF_EACH * OF_EACH
  if args.file:
    enrolled = through_file(args.file, walks, shape)
  else:
    enrolled = in_memory(walks, shape)
  print(f'{walks} walks, {enrolled.embeddings.nbytes / 2**30:.2f} GiB')
  index = ExactTiles(enrolled.embeddings, 'euclidean')
  report('once loaded', 1, index.prepare)
  backend = InMemory(enrolled, index)
  probes = enrolled.embeddings[: args.probes * OF_EACH : OF_EACH] + 0.01
  report(
    f'identify {args.probes}',
    args.repeats,
    lambda: identify(probes, backend, CALIBRATION, far=1e-2),
  )


if __name__ == '__main__':
  main()
