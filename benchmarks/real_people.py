"""Finds real people again with a trained model and without one.

  python -m benchmarks.real_people --model=runs/demo --tracks=DIR
  python -m benchmarks.real_people --model=runs/demo \
      --gallery=DIR --probe=DIR --same=004:001,003:002

A track is a folder with the masks, or a pickle with the skeletons, of one
person; names of files sort in time. Of --tracks the first part of each is
enrolled and the last part looked up, and the other way round: halves, and
quarters with half of the walk between them. Of --gallery and --probe each
walk, and each quarter of a probe against each half of the gallery; --same names
the probe, then the gallery's walk of the same person.

Prints Rank-1 as counts: of a few people a percentage would say too much.
"""

import argparse
import pathlib
from collections.abc import Callable, Sequence

import numpy as np

import gaitgs_jax
from gaitgs_jax import modalities
from gaitgs_jax.apps.embedder import Embedder
from gaitgs_jax.evaluation import baseline, distance
from gaitgs_jax.modalities import Arrays

Embed = Callable[[Sequence[Arrays]], np.ndarray]


def found(
  gallery: np.ndarray,
  probes: np.ndarray,
  answers: np.ndarray,
  metric: str = 'euclidean',
) -> int:
  """Returns how many probes have an answer as their nearest neighbour.

  Args:
    gallery: embeddings [n,p,d].
    probes: embeddings [m,p,d].
    answers: bool [m,n], which of the gallery is the probe's person.
    metric: of `evaluation.distance`.
  """
  apart = np.asarray(distance.pairwise(probes, gallery, metric=metric))
  return int(answers[np.arange(len(probes)), apart.argmin(1)].sum())


def part(walk: Arrays, start: float, stop: float) -> Arrays:
  """Returns the frames of a walk between two shares of its length."""
  count = len(next(iter(walk.values())))
  kept = slice(round(start * count), round(stop * count))
  return {name: frames[kept] for name, frames in walk.items()}


def clips(walks: list[Arrays], count: int) -> list[Arrays]:
  """Returns each walk in so many clips of the same length."""
  return [
    part(walk, i / count, (i + 1) / count)
    for walk in walks
    for i in range(count)
  ]


def of_tracks(walks: list[Arrays], embed: Embed, metric: str) -> str:
  """Returns the row of tracks that are looked up in themselves."""
  cells = []
  for share in (1 / 2, 1 / 4):
    first = embed([part(walk, 0, share) for walk in walks])
    last = embed([part(walk, 1 - share, 1) for walk in walks])
    own = np.eye(len(walks), dtype=bool)
    both = [found(first, last, own, metric), found(last, first, own, metric)]
    cells.append(f'{both[0]} and {both[1]} of {len(walks)}')
  return f'halves {cells[0]}; quarters {cells[1]}'


def of_walks(
  gallery: list[Arrays],
  probes: list[Arrays],
  answers: np.ndarray,
  embed: Embed,
  metric: str,
) -> str:
  """Returns the row of probes that are looked up in a gallery."""
  whole = found(embed(gallery), embed(probes), answers, metric)
  cut = [clips(gallery, 2), clips(probes, 4)]
  wide = answers.repeat(4, axis=0).repeat(2, axis=1)
  right = found(embed(cut[0]), embed(cut[1]), wide, metric)
  return f'walks {whole} of {len(probes)}; clips {right} of {len(cut[1])}'


def methods(model: Embedder) -> dict[str, tuple[Embed, str]]:
  """Returns the model and its modality's baseline, each with its metric."""
  (modality,) = model.config.inputs.keys()
  name = modalities.get(modality).baseline
  plain = baseline.BASELINES[name]
  return {
    'network': (model.embed_arrays, model.metric),
    name: (
      lambda walks: np.stack([plain(walk[modality]) for walk in walks]),
      'euclidean',
    ),
  }


def named(model: Embedder, folder: pathlib.Path) -> dict[str, Arrays]:
  """Returns the walks of a folder by their path in it, without a suffix."""
  found = {}
  for place in model.find(folder):
    name = place.path.relative_to(folder.absolute()).with_suffix('')
    found[name.as_posix()] = model.read(place)
  return found


def main() -> None:
  """Prints a row for the model and one for the baseline."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--model', required=True)
  parser.add_argument('--config', default='')
  parser.add_argument('--tracks', type=pathlib.Path)
  parser.add_argument('--gallery', type=pathlib.Path)
  parser.add_argument('--probe', type=pathlib.Path)
  parser.add_argument('--same', default='')
  args = parser.parse_args()
  model = gaitgs_jax.load(args.model, config=args.config)
  if args.tracks:
    tracks = [*named(model, args.tracks).values()]
    for name, (embed, metric) in methods(model).items():
      print(f'{name}: tracks: {of_tracks(tracks, embed, metric)}')
  if args.gallery and args.probe:
    gallery, probes = named(model, args.gallery), named(model, args.probe)
    same = dict(pair.split(':') for pair in args.same.split(','))
    answers = np.array([[same[a] == b for b in gallery] for a in probes])
    walks = [*gallery.values()], [*probes.values()]
    for name, (embed, metric) in methods(model).items():
      print(f'{name}: labelled: {of_walks(*walks, answers, embed, metric)}')


if __name__ == '__main__':
  main()
