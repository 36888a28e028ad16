"""Numbers computed with the published PyTorch networks in float64.

The files hold numbers only. Weights are drawn again here, each from a seed that
is the checksum of its name.
"""

import pathlib
import zlib

import numpy as np

_FOLDER = pathlib.Path(__file__).parent / 'golden'

# File -> config.model; dropout is off in all of them.
GAITGS = {
  'gaitgs_small': dict(
    channels=(4, 8, 16), strips=8, heads=4, features=16, dropout=0.0
  ),
  'gaitgs_casia': dict(strips=8, dropout=0.0),
  'gaitgs_oumvlp': dict(
    channels=(32, 64, 128, 256),
    strips=2,
    num_views=14,
    num_classes=64,
    dropout=0.0,
  ),
}


def load(name: str) -> dict[str, np.ndarray]:
  """Reads every array of tests/golden/<name>.npz."""
  with np.load(_FOLDER / f'{name}.npz') as file:
    return dict(file)


def state_dict(golden: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
  """Returns the network's weights under their PyTorch names.

  They are drawn again, but for the adjacency of skeletons, which is in the
  file, and for the indices of places in windows, which are left out.
  """
  entries = zip(golden['names'], golden['shapes'], golden['ndim'], strict=True)
  gain = float(golden.get('weight_gain', 0.5))
  return {
    str(name): golden['graph_A']
    if str(name).rsplit('.', 1)[-1] == 'A'
    else _weight(str(name), tuple(shape[:ndim]), gain)
    for name, shape, ndim in entries
    if not str(name).endswith('relative_position_index')
  }


def _weight(name: str, shape: tuple[int, ...], gain: float) -> np.ndarray:
  seed = zlib.crc32(name.encode())
  z = np.random.RandomState(seed).standard_normal(shape)
  last = name.rsplit('.', 1)[-1]
  size = int(np.prod(shape))
  if last == 'P' or (last == 'p' and size == 1):
    z = np.full(shape, 6.5)
  elif last == 'num_batches_tracked':
    z = np.zeros(shape)
  elif last == 'running_mean':
    z = 0.1 * z
  elif last == 'running_var':
    z = 1 + 0.1 * np.abs(z)
  elif last == 'edge':
    z = 1 + 0.1 * z
  elif last == 'relative_position_bias_table':
    z = 0.2 * z
  elif last == 'fc_bin' or (last == 'fc' and len(shape) == 3):
    z = z * np.sqrt(gain / shape[1])
  elif last in ('bias', 'in_proj_bias'):
    z = 0.1 * z
  elif len(shape) == 1:
    z = 1 + 0.1 * z
  elif last not in ('cls_token', 'V_view'):
    z = z * np.sqrt(gain / np.prod(shape[1:]))
  return np.asarray(z, np.float32)
