"""Enrolls until it is killed; prints a walk's source once it is enrolled."""

import itertools
import pathlib
import sys

import numpy as np

from gaitgs_jax.gallery import Model, Store, Walk, postgres

MODEL = Model('f' * 64, 'a model', 'euclidean')
SHAPE = (4, 16)

if __name__ == '__main__':
  given = sys.argv[1]
  place = given if postgres.is_url(given) else pathlib.Path(given)
  with Store(place, create=True) as store:
    for number in itertools.count():
      walk = Walk(str(number), 9, np.full(SHAPE, number, np.float32))
      store.enroll(f'person {number % 5}', MODEL, [walk])
      print(number, flush=True)
