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


# How many frames of a sequence a batch of an evaluation counted for.
_FRAMES_PER_ROW = 100


def upgraded(config: dict[str, Any]) -> dict[str, Any]:
  """Returns the fields of a run's config.json as this version calls them."""
  config = {
    name: dict(value) if isinstance(value, dict) else value
    for name, value in config.items()
  }
  none: dict[str, Any] = {}
  dataset, batch, evaluation = (
    section if isinstance(section := config.get(name), dict) else none
    for name in ('dataset', 'batch', 'evaluation')
  )
  if 'inputs' not in config and 'size' in dataset:
    size = dataset.pop('size')
    # Only skeletons were three wide, and their dataset knows the joints.
    pose = isinstance(size, list) and len(size) == 2 and size[1] == 3
    config['inputs'] = (
      {'keypoints': {}} if pose else {'silhouettes': {'size': size}}
    )
  if 'sampler' in batch and 'frames_rule' not in batch:
    batch |= {'sampler': 'pk', 'frames_rule': batch['sampler']}
  rows = evaluation.get('batch_size')
  if isinstance(rows, int) and 'batch_frames' not in evaluation:
    del evaluation['batch_size']
    evaluation |= {'batch_frames': _FRAMES_PER_ROW * rows, 'frames_max': 0}
  if evaluation:
    evaluation.setdefault('verification', False)
  return config
