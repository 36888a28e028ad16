"""Names of the leaves of a tree of arrays, such as 'layers/0/kernel'."""

from collections.abc import Mapping
from typing import Any

import jax


def _part(entry: Any) -> str:
  for attribute in ('key', 'name', 'idx'):
    if hasattr(entry, attribute):
      return str(getattr(entry, attribute))
  raise TypeError(f'no name for the path entry {entry!r}')


def name(path: tuple[Any, ...]) -> str:
  """Returns a JAX tree path as words joined by slashes."""
  return '/'.join(map(_part, path))


def flatten(tree: Any) -> dict[str, Any]:
  """Returns the leaves of a tree by name, in the tree's order."""
  leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
  return {name(path): leaf for path, leaf in leaves}


def nest(leaves: Mapping[str, Any]) -> dict[str, Any]:
  """Returns named leaves as nested dicts whose keys are all strings."""
  tree: dict[str, Any] = {}
  for key, leaf in leaves.items():
    *folders, last = key.split('/')
    branch = tree
    for folder in folders:
      branch = branch.setdefault(folder, {})
    branch[last] = leaf
  return tree


def fill(tree: Any, leaves: Mapping[str, Any]) -> Any:
  """Returns the tree with each leaf replaced by the one of its name."""
  return jax.tree_util.tree_map_with_path(
    lambda path, _: leaves[name(path)], tree
  )
