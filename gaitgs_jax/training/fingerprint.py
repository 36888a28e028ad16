"""Which model made an embedding: a digest of all that decides it."""

import hashlib
import json
from typing import Any

import numpy as np

from gaitgs_jax.training import paths, preprocessing
from gaitgs_jax.training.states import Arrays


def fingerprint(config: Any, params: Arrays, stats: Arrays) -> str:
  """Returns the SHA-256 of a model's weights and of how it sees its inputs.

  Args:
    config: of the run; what it says of the model, of the frames' sizes and of
      the transforms in evaluation counts.
    params: the model's.
    stats: the model's.
  """
  said = {
    'model_name': config.model_name,
    'model': config.model.to_dict(),
    'inputs': {
      name: list(size)
      for name, size in preprocessing.input_sizes(config).items()
    },
    'transform': [
      each.to_dict() if hasattr(each, 'to_dict') else each
      for each in config.evaluation.get('transform', ())
    ],
    'frames_max': config.evaluation.get('frames_max', 0),
  }
  digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
  leaves = paths.flatten({'params': params, 'stats': stats})
  for name, leaf in sorted(leaves.items()):
    array = np.asarray(leaf)
    digest.update(f'{name} {array.dtype} {array.shape}\n'.encode())
    digest.update(np.ascontiguousarray(array).tobytes())
  return digest.hexdigest()
