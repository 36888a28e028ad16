"""Configs of earlier versions: fields that have moved, and where to."""

from typing import Any

# Field of an earlier version -> what to write now.
MOVED = {
  'evaluation.batch_size': (
    'config.evaluation.batch_frames bounds the frames of a batch, such as 2_000'
  ),
  'model.views': (
    "leave it out: dict(name='copies', count=2) in config.augment makes copies"
    ' of a sequence for any model'
  ),
  'dataset.size': (
    'config.inputs says what the model sees, such as config.inputs ='
    ' dict(silhouettes=dict(size=(64, 44))) or dict(keypoints=dict());'
    " in the shell: --config.inputs.silhouettes.size='(64, 44)'"
  ),
}


def upgraded(config: dict[str, Any]) -> dict[str, Any]:
  """Returns the fields of a run's config.json as this version calls them."""
  dataset = config.get('dataset')
  if 'inputs' in config or not isinstance(dataset, dict):
    return config
  if 'size' not in dataset:
    return config
  size = dataset['size']
  inputs: dict[str, Any] = {'silhouettes': {'size': size}}
  # Only skeletons were three wide, and their dataset knows the joints.
  if isinstance(size, list) and len(size) == 2 and size[1] == 3:
    inputs = {'keypoints': {}}
  kept = {name: value for name, value in dataset.items() if name != 'size'}
  return {**config, 'dataset': kept, 'inputs': inputs}
