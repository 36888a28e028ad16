"""Published results, to be printed beside ours on the real datasets.

Percentages under the protocols of the same name in `protocols`; the keys are
those of `evaluate`. Sources: the papers of GaitGS,
https://arxiv.org/abs/2305.19700, CSTL (ICCV 2021) and GaitGraph2,
https://arxiv.org/abs/2204.07855; for the other models
OpenGait's model zoo, https://github.com/ShiqiYu/OpenGait, which trained each
anew.
"""

from collections.abc import Sequence

import numpy as np

# (dataset, model, height of the frames) -> NM, BG, CL.
_CASIA_B = {
  ('gaitgs', 64): (97.9, 94.6, 86.9),
  ('gaitgs', 128): (98.2, 96.5, 89.7),
  ('cstl', 64): (97.8, 93.6, 84.2),
  ('cstl', 128): (98.0, 95.4, 87.0),
  ('gaitset', 64): (95.8, 90.0, 75.4),
  ('gaitpart', 64): (96.1, 90.7, 78.7),
  ('gaitgl', 64): (97.4, 94.5, 83.8),
  ('gaitbase', 64): (97.6, 94.0, 77.4),
}

# Skeletons of 17 joints, GaitGraph2's protocol.
_CASIA_B_POSE = {('gaitgraph2', 17): (82.0, 73.2, 63.6)}

# Probe views 000 to 180 by 18.
_CASIA_B_BY_VIEW = {
  ('gaitgs', 64): {
    'NM': (97.5, 99.0, 99.0, 98.1, 96.8, 96.3, 98.1, 98.7, 99.4, 98.7, 95.4),
    'CL': (80.4, 90.9, 93.2, 90.8, 86.5, 83.0, 85.8, 89.3, 90.0, 88.5, 77.0),
  },
}

# Probes without a gallery item count as errors, except in GaitGS's number.
_OUMVLP = {
  ('gaitgs', 64): {'NM/rank1_excluding_invalid': 97.6},
  ('cstl', 128): {'NM/rank1': 90.2},
  ('gaitset', 64): {'NM/rank1': 87.2},
  ('gaitpart', 64): {'NM/rank1': 88.6},
  ('gaitgl', 64): {'NM/rank1': 89.9},
  ('gaitbase', 64): {'NM/rank1': 90.8},
  ('deepgaitv2', 64): {'NM/rank1': 92.0},
}


def published(
  protocol: str,
  dataset: str,
  model_name: str,
  size: Sequence[int],
  partition: str = '',
) -> dict[str, float | np.ndarray]:
  """Returns the published numbers of a model, or nothing where there are none.

  Args:
    protocol: numbers of another protocol are not comparable.
    dataset: 'casia_b', 'casia_b_pose' or 'oumvlp'; others, synthetic ones too,
      have none.
    model_name: such as 'gaitgs'.
    size: (height, width) of the model's frames, or (joints, 3).
    partition: of `config.dataset`; with a file of the user's own the people
      are others than the benchmark's, and nothing is comparable.

  Returns:
    Keys of `evaluate` that were published ('NM/rank1', ...), and
    'NM/rank1_by_probe_view' [views] where the paper has a row per view.
  """
  if '/' in partition or partition.endswith('.json'):
    return {}
  model = (model_name, int(size[0]))
  if (protocol, dataset) == ('oumvlp', 'oumvlp'):
    return dict(_OUMVLP.get(model, {}))
  tables = {'casia_b': _CASIA_B, 'casia_b_pose': _CASIA_B_POSE}
  table = tables.get(protocol, {}) if protocol == dataset else {}
  if model not in table:
    return {}
  names = ('NM', 'BG', 'CL')
  result: dict[str, float | np.ndarray] = {
    f'{name}/rank1': value
    for name, value in zip(names, table[model], strict=True)
  }
  for name, values in _CASIA_B_BY_VIEW.get(model, {}).items():
    result[f'{name}/rank1_by_probe_view'] = np.array(values)
  return result
