"""Measures training batches per source and a plain memory-mapped read.

  python -m benchmarks.input [--subjects=8] [--sequences=16] [--seconds=5]

Writes a data set of random walks (silhouette-like, 64 x 64, about 90 frames)
into a temporary folder in every form that can be read, and prints sequences/s
of P x K x 30 frames for each, all files in the page cache. The last line is
the least that any pipeline must do: copying the same frames of the same
sequences from one memory-mapped file into a batch, in one thread.
"""

import argparse
import itertools
import os
import pickle
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gaitgs_jax.input import (
  datasets,
  index,
  pipeline,
  prepared,
  prepared_index,
  sampling,
  sources,
)

SIZE = (64, 64)
FRAMES = {'silhouettes': SIZE}
CONDITIONS = ('nm-01', 'nm-02')
VIEWS = tuple(f'{18 * i:03d}' for i in range(11))


def walk(row: int) -> np.ndarray:
  """Draws one walk uint8 [s,64,64]: a swinging blob with a ragged border."""
  rng = np.random.default_rng(row)
  length = int(rng.integers(70, 111))
  y, x = np.mgrid[-1:1:64j, -1:1:64j]
  swing = 0.3 + 0.15 * np.sin(np.arange(length) / 4 + rng.random())
  radius = (x / swing[:, None, None]) ** 2 + y**2
  noise = rng.normal(0, 0.05, radius.shape)
  return (np.clip((1 - radius) * 4 + noise, 0, 1) * 255).astype(np.uint8)


def names(subjects: int) -> list[tuple[str, str, str]]:
  """Returns (subject, condition, view) of every sequence."""
  ids = [f'{i:03d}' for i in range(subjects)]
  return list(itertools.product(ids, CONDITIONS, VIEWS))


def write_prepared(root: Path, rows: list[tuple[str, str, str]]) -> Path:
  """Writes a prepared dataset as its builders do; returns its folder."""
  import tensorflow_datasets as tfds

  class Walks(tfds.core.GeneratorBasedBuilder):
    """Random walks."""

    VERSION = tfds.core.Version('1.0.0')

    def _info(self) -> Any:
      return tfds.core.DatasetInfo(
        builder=self,
        features=prepared.features(FRAMES),
        disable_shuffling=True,
      )

    def _split_generators(self, dl_manager: Any) -> Any:
      return {'train': self._generate_examples()}

    def _generate_examples(self) -> Iterator[tuple[int, dict[str, Any]]]:
      for row, (subject, condition, view) in enumerate(rows):
        yield (
          prepared.record_key(row, len(rows)),
          {
            'silhouettes': walk(row),
            'subject': subject,
            'condition': condition,
            'view': view,
          },
        )

  builder = Walks(data_dir=root, file_format=prepared.FORMAT)
  builder.download_and_prepare()
  lengths = [len(walk(row)) for row in range(len(rows))]
  train = index.make(
    (*name, length) for name, length in zip(rows, lengths, strict=True)
  )
  folder = Path(builder.data_dir)
  prepared_index.write(folder, {'train': train}, FRAMES)
  return folder


def write_tree(root: Path, rows: list[tuple[str, str, str]]) -> Path:
  """Writes a tree of pickles; returns its root."""
  for row, name in enumerate(rows):
    folder = root.joinpath(*name)
    folder.mkdir(parents=True)
    with (folder / 'walk.pkl').open('wb') as file:
      pickle.dump(walk(row), file)
  return root


def write_flat(path: Path, source: sources.Source) -> Path:
  """Writes all frames of a source one after another, as plain bytes."""
  with path.open('wb') as file:
    for row in range(len(source.index)):
      file.write(source.read(row)['silhouettes'].tobytes())
  return path


def plain_reads(
  path: Path, source: sources.Source, batch: dict[str, int]
) -> Iterator[np.ndarray]:
  """Yields the frames of each training batch, copied from one mapped file."""
  frames = np.memmap(path, np.uint8, 'r').reshape(-1, *SIZE)
  starts = np.cumsum(source.index.length) - source.index.length
  rows = np.arange(len(source.index))
  spec = sampling.batch_spec(batch)
  picker = sampling.Picker(source.index, rows, spec, 0)
  # Drawn beforehand: what remains is the read.
  picks = [picker.pick(step, np.arange(spec.rows)) for step in range(50)]
  for pick in itertools.cycle(picks):
    out = np.empty((spec.rows, spec.frames.frames, *SIZE), np.uint8)
    for i, (row, (chosen,)) in enumerate(
      zip(pick.sequence, pick.windows, strict=True)
    ):
      frames.take(starts[row] + chosen, axis=0, out=out[i], mode='clip')
    yield out


def rate(batches: Iterator[Any], size: int, seconds: float) -> float:
  """Returns sequences/s of a stream, its start left out."""
  for _ in range(5):
    next(batches)
  start, count = time.perf_counter(), 0
  while time.perf_counter() - start < seconds:
    next(batches)
    count += 1
  return size * count / (time.perf_counter() - start)


def main() -> None:
  """Writes the data, measures each source and prints the table."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--subjects', type=int, default=8)
  parser.add_argument('--sequences', type=int, default=16)
  parser.add_argument('--seconds', type=float, default=5.0)
  options = parser.parse_args()
  batch = {
    'subjects': options.subjects,
    'sequences': options.sequences,
    'frames': 30,
  }
  size = options.subjects * options.sequences
  with tempfile.TemporaryDirectory() as folder:
    rows = names(max(40, options.subjects))
    root = Path(folder)
    made = sources.PreparedSource(write_prepared(root / 'prepared', rows))
    tree = sources.OpenGaitSource(write_tree(root / 'tree', rows))
    cached = sources.CachedSource(made)
    for row in range(len(rows)):
      cached.read(row)
    flat = write_flat(root / 'flat', cached)

    def stream(source: sources.Source, backend: str) -> Iterator[Any]:
      return pipeline.train_batches(
        source,
        np.arange(len(rows)),
        batch,
        dataset=datasets.get('casia_b'),
        seed=0,
        backend=backend,
      )

    print(
      f'{len(rows)} sequences, batches of {options.subjects} x'
      f' {options.sequences} x 30 frames, {os.cpu_count()} cores,'
      f' load {os.getloadavg()[0]:.1f}'
    )
    print(f'{"source":28}{"tensorflow":>12}{"threads":>12}  sequences/s')
    for label, source in (
      ('prepared (ArrayRecord)', made),
      ('OpenGait tree', tree),
      ("prepared, cache='ram'", cached),
    ):
      found = [
        rate(stream(source, backend), size, options.seconds)
        for backend in ('tensorflow', 'threads')
      ]
      print(f'{label:28}' + ''.join(f'{value:12,.0f}' for value in found))
    plain = rate(plain_reads(flat, made, batch), size, options.seconds)
    print(f'{"plain memory-mapped read":28}{plain:12,.0f}')


if __name__ == '__main__':
  main()
