from typing import NamedTuple

from gaitgs_jax.training import paths


class Pair(NamedTuple):
  first: object
  second: object


TREE = Pair({'layers': {0: {'kernel': 1}, 1: {'kernel': 2}}}, [3, (), {'a': 4}])
NAMES = {
  'first/layers/0/kernel': 1,
  'first/layers/1/kernel': 2,
  'second/0': 3,
  'second/2/a': 4,
}


def test_flatten_names_every_kind_of_entry():
  assert paths.flatten(TREE) == NAMES


def test_nest_makes_string_keys():
  assert paths.nest(NAMES) == {
    'first': {'layers': {'0': {'kernel': 1}, '1': {'kernel': 2}}},
    'second': {'0': 3, '2': {'a': 4}},
  }


def test_fill_undoes_flatten_and_nest():
  empty = Pair(
    {'layers': {0: {'kernel': 0}, 1: {'kernel': 0}}}, [0, (), {'a': 0}]
  )
  assert paths.fill(empty, paths.flatten(paths.nest(NAMES))) == TREE
