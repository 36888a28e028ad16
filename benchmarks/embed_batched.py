"""Measures embedding in batches and one sequence at a time.

  python -m benchmarks.embed_batched [--config=configs/demo.py] [--sequences=96]

Takes the model of a config with its initial weights and sequences of many
lengths (noise: a network's time does not depend on the pixels), and prints
sequences/s with and without the compilations, which every new length costs
(without: the best of several turns).
One at a time is what the published PyTorch code does on each GPU.
"""

import argparse
import time
from collections.abc import Callable, Iterator

import jax
import numpy as np
from ml_collections import ConfigDict

from gaitgs_jax.apps import config_file
from gaitgs_jax.input import datasets, pipeline
from gaitgs_jax.input.sources import ArraySource
from gaitgs_jax.training import (
  embedding,
  facts,
  meshes,
  preprocessing,
  setup,
  states,
)

Batch = dict[str, np.ndarray]


def make_source(
  sequences: int, lengths: tuple[int, int], size: tuple[int, int]
) -> ArraySource:
  """Returns sequences of noise with lengths drawn between two numbers."""
  random = np.random.default_rng(0)
  count = random.integers(lengths[0], lengths[1] + 1, sequences)
  frames = [random.integers(0, 256, (s, *size), np.uint8) for s in count]
  names = [f'{i:03d}' for i in range(sequences)]
  labels = (names, ['nm-01'] * sequences, ['000'] * sequences)
  return ArraySource({'silhouettes': frames}, *labels)


def alone(source: ArraySource) -> Iterator[Batch]:
  """Yields every sequence by itself, unpadded."""
  for row, arrays in pipeline.read_whole(source, np.arange(len(source.index))):
    yield {
      'silhouettes': arrays['silhouettes'][None],
      'mask': np.ones((1, source.index.length[row]), bool),
      'sequence': np.array([row], np.int32),
    }


def in_batches(source: ArraySource, batch_frames: int) -> Iterator[Batch]:
  """Yields batches as an evaluation does."""
  rows = np.arange(len(source.index))
  return pipeline.evaluation_batches(
    source, rows, batch_frames, dataset=datasets.get('casia_b')
  )


def prepare(
  batches: Callable[[], Iterator[Batch]],
  config: ConfigDict,
  source: ArraySource,
  devices: int,
) -> Callable[[], float]:
  """Returns a function that embeds everything and returns the seconds."""
  mesh = meshes.create(devices)
  graphdef, params, stats = states.split(setup.create_model(config))
  params, stats = jax.device_put((params, stats), meshes.replicated(mesh))
  sizes = preprocessing.input_sizes(config)
  embed_fn = embedding.make_embed(graphdef, sizes=sizes, mesh=mesh)
  rows = np.arange(len(source.index))

  def run() -> float:
    start = time.perf_counter()
    embedding.embed(embed_fn, params, stats, batches(), rows, mesh=mesh)
    return time.perf_counter() - start

  return run


def main() -> None:
  """Prints the table."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--config', default='configs/demo.py')
  parser.add_argument('--sequences', type=int, default=96)
  parser.add_argument('--batch-frames', type=int, default=600)
  parser.add_argument('--shortest', type=int, default=40)
  parser.add_argument('--longest', type=int, default=110)
  parser.add_argument('--devices', type=int, default=-1)
  parser.add_argument('--turns', type=int, default=3)
  options = parser.parse_args()

  config = facts.of_dataset(config_file.load(options.config))
  lengths = (options.shortest, options.longest)
  source = make_source(
    options.sequences, lengths, config.inputs.silhouettes.size
  )
  print(
    f'{config.model_name} of {options.config}, {options.sequences} sequences '
    f'of {options.shortest} to {options.longest} frames, '
    f'{jax.devices()[0].device_kind}; sequences/s'
  )
  ways = {
    'one at a time': (lambda: alone(source), 1),
    f'{options.batch_frames} frames': (
      lambda: in_batches(source, options.batch_frames),
      options.devices,
    ),
  }
  runs = {
    name: prepare(batches, config, source, devices)
    for name, (batches, devices) in ways.items()
  }
  first = {name: run() for name, run in runs.items()}
  # In turns, as a machine's pace changes.
  turns = [
    {name: run() for name, run in runs.items()} for _ in range(options.turns)
  ]
  print(
    f'{"":18}{"shapes":>8}{"padding":>9}{"with compiling":>17}{"after":>10}'
  )
  for name, (batches, _) in ways.items():
    shapes = [batch['mask'].shape for batch in batches()]
    waste = 1 - source.index.length.sum() / sum(n * s for n, s in shapes)
    best = min(turn[name] for turn in turns)
    print(
      f'{name:18}{len(set(shapes)):>8}{100 * waste:>8.1f}%'
      f'{options.sequences / first[name]:>17.2f}'
      f'{options.sequences / best:>10.2f}'
    )


if __name__ == '__main__':
  main()
