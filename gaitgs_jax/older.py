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
  'published.size': (
    'config.published.inputs says what the model sees, such as'
    ' dict(silhouettes=(64, 44)); common.claim of configs/common.py fills it'
  ),
}


# Rules for frames that `batch.sampler` once named.
_RULES = ('fixed', 'unfixed', 'all')
# How many frames of a sequence a batch of an evaluation counted for.
_FRAMES_PER_ROW = 100


def upgraded(config: dict[str, Any]) -> dict[str, Any]:
  """Returns the fields of a run's config.json as this version calls them."""
  config = {
    name: dict(value) if isinstance(value, dict) else value
    for name, value in config.items()
  }
  none: dict[str, Any] = {}
  dataset, batch, evaluation, published = (
    section if isinstance(section := config.get(name), dict) else none
    for name in ('dataset', 'batch', 'evaluation', 'published')
  )
  if 'inputs' not in config and 'size' in dataset:
    size = dataset.pop('size')
    name = _modality(size)
    config['inputs'] = {name: {} if name == 'keypoints' else {'size': size}}
  if 'inputs' not in published and 'size' in published:
    size = published.pop('size')
    published['inputs'] = {_modality(size): size}
  if batch.get('sampler') in _RULES and 'frames_rule' not in batch:
    batch |= {'sampler': 'pk', 'frames_rule': batch['sampler']}
  rows = evaluation.get('batch_size')
  if isinstance(rows, int) and 'batch_frames' not in evaluation:
    del evaluation['batch_size']
    evaluation |= {'batch_frames': _FRAMES_PER_ROW * rows, 'frames_max': 0}
  if dataset:
    dataset.setdefault('pair', 'exact')
  if evaluation:
    evaluation.setdefault('verification', False)
  return config


def _modality(size: Any) -> str:
  """Returns what had a size when there were silhouettes and skeletons only."""
  pose = isinstance(size, list) and len(size) == 2 and size[1] == 3
  return 'keypoints' if pose else 'silhouettes'
