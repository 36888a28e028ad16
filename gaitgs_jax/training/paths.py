"""Names of the leaves of a tree of arrays, such as 'layers/0/kernel'."""

from collections.abc import Mapping
from typing import Any

import jax
from flax import traverse_util


def name(path: tuple[Any, ...]) -> str:
  """Returns a JAX tree path as words joined by slashes."""
  return jax.tree_util.keystr(path, simple=True, separator='/')


def flatten(tree: Any) -> dict[str, Any]:
  """Returns the leaves of a tree by name, in the tree's order."""
  leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
  return {name(path): leaf for path, leaf in leaves}


def nest(leaves: Mapping[str, Any]) -> dict[str, Any]:
  """Returns named leaves as nested dicts whose keys are all strings."""
  return traverse_util.unflatten_dict(dict(leaves), sep='/')


def fill(tree: Any, leaves: Mapping[str, Any]) -> Any:
  """Returns the tree with each leaf replaced by the one of its name."""
  return jax.tree_util.tree_map_with_path(
    lambda path, _: leaves[name(path)], tree
  )
