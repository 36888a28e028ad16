"""Compares the joints of real people with those of walkers drawn as small.

  python -m benchmarks.real_joints --tracks=DIR

A track is a folder with skeletons, as `gaitgs silhouettes` makes. Prints of
each joint, across and down, in percent of a person's height: its deviation
within a walk, how far the means of a walk's halves lie from their middle, and
how far the means of people differ. The faults of landmark networks in
`synthetic.wild_traits` are drawn by these.
"""

import argparse
import pathlib

import numpy as np

import gaitgs_jax
from benchmarks import real_people
from gaitgs_jax import skeletons
from gaitgs_jax.synthetic import wild_keypoints, wild_traits

# As over a square: people of these heights in pixels, seen from above.
_CAMERA = {
  'RATE': (10.0, 10.001),
  'HEIGHT': (55.0, 90.0),
  'DISTANCE': (12.0, 25.0),
  'ELEVATION': (15.0, 28.0),
  'ANGLE': 8.0,
}
_WALKERS = 162
_HIPS = [11, 12]


def facts(walks: list[np.ndarray]) -> np.ndarray:
  """Returns the three deviations [3,17,2] in percent of a person's height.

  Args:
    walks: keypoints [s,17,3]; frames with a missing joint are left out.
  """
  places = [_standard(walk) for walk in walks]
  means = np.array([each.mean(0) for each in places])
  within = np.mean([each.std(0) for each in places], axis=0)
  halves = np.array(
    [[half.mean(0) for half in np.array_split(each, 2)] for each in places]
  )
  apart = halves[:, 0] - halves[:, 1]
  between = np.sqrt((apart**2).mean(0) / 2)
  return 100 * np.array([within, between, means.std(0)])


def _standard(walk: np.ndarray) -> np.ndarray:
  """Returns joints [s,17,2] from between the hips, over the frame's height."""
  whole = walk[(walk[..., 2] > 0).all(axis=1), :, :2].astype(float)
  height = np.ptp(whole[..., 1], axis=1)[:, None, None]
  return (whole - whole[:, _HIPS].mean(axis=1, keepdims=True)) / height


def main() -> None:
  """Prints a line for each joint."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--tracks', type=pathlib.Path, required=True)
  args = parser.parse_args()
  model = gaitgs_jax.load('gaitgraph2_synthetic')
  tracks = real_people.named(model, args.tracks).values()
  for name, value in _CAMERA.items():
    setattr(wild_traits, name, value)
  drawn = [
    wild_keypoints(77, person, 'nm-01', ('054', '126')[person % 2], frames=120)
    for person in range(_WALKERS)
  ]
  real, own = facts([each['keypoints'] for each in tracks]), facts(drawn)
  print(f'{len(tracks)} tracks, {len(drawn)} walkers; each across and down')
  kinds = 'within a walk', 'between halves', 'between people'
  print('joint           ', *(f'{kind + " real, drawn":>32}' for kind in kinds))
  for joint, name in enumerate(skeletons.get('coco17').joints):
    cells = [
      ', '.join('{:6.1f} {:5.1f}'.format(*of[joint]) for of in both)
      for both in zip(real, own, strict=True)
    ]
    print(f'{name:16}', *(f'{cell:>32}' for cell in cells))


if __name__ == '__main__':
  main()
