"""From a config to the parts of a run, one builder each."""

import contextlib
import dataclasses
import functools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax.sharding import Mesh

from gaitgs_jax import fields, losses, modalities, models
from gaitgs_jax.errors import BadValue, UserError, wrong_choice
from gaitgs_jax.input import (
  augment,
  datasets,
  opening,
  partitions,
  samplers,
  sampling,
  sizes,
  transform_lists,
)
from gaitgs_jax.input import unreadable as unreadables
from gaitgs_jax.input.index import Index
from gaitgs_jax.models import GaitOutput
from gaitgs_jax.training import averaging, groups, initial, settings
from gaitgs_jax.training import mesh as meshes
from gaitgs_jax.training import optimizer as optimizers
from gaitgs_jax.training import state as states
from gaitgs_jax.training import step as steps
from gaitgs_jax.training.state import Arrays, TrainState
from gaitgs_jax.training.step import LossFn

# The batch on which a model and its losses are tried, without computing.
_ROWS, _FRAMES = 4, 6


@dataclasses.dataclass(frozen=True)
class Data:
  """A dataset and its partition.

  Attributes:
    dataset: what is published about it.
    source: see `input.sources.Source`.
    train: rows of the source's index to learn from.
    test: rows to evaluate on.
    unreadable: takes note of sequences to do without; None if there must be
      none.
    columns: what the partition says of each sequence, bool [N] by name.
  """

  dataset: datasets.Dataset
  source: Any
  train: np.ndarray
  test: np.ndarray
  unreadable: unreadables.Unreadable | None = None
  columns: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

  def index(self, rows: np.ndarray) -> Index:
    """Returns what is known of some rows, from data and partition."""
    index = self.source.index.take(rows)
    added = {name: column[rows] for name, column in self.columns.items()}
    return dataclasses.replace(index, columns={**index.columns, **added})


@contextlib.contextmanager
def in_section(section: str) -> Iterator[None]:
  """Puts a config's section in front of what is wrong with its values.

  Whatever else is raised is a fault in code, and keeps its traceback.

  Raises:
    UserError: a value of the section does not fit.
  """
  try:
    yield
  except BadValue as error:
    raise UserError(f'{section}: {error}') from error


def open_data(config: Any, *, training: bool = False) -> Data:
  """Opens config.dataset and splits it.

  Args:
    config: the run's.
    training: whether the training subjects must be there too.

  Raises:
    UserError: no such data, or it lacks subjects of the partition.
  """
  unreadable = unreadables.create(config.dataset)
  source = opening.open_source(
    config.dataset,
    input_sizes(config),
    unreadable,
    sizes.files(config.inputs),
  )
  partition = partitions.load_partition(config.dataset)
  train, test = partitions.split(source.index, partition, training=training)
  columns = partitions.columns(source.index, partition)
  dataset = datasets.get(config.dataset.name)
  return Data(dataset, source, train, test, unreadable, columns)


def input_sizes(config: Any) -> modalities.Shapes:
  """Returns the shape of the frames that the model sees, by modality.

  Raises:
    UserError: config.inputs is wrong.
  """
  return sizes.of(config.inputs, datasets.get(config.dataset.name))


def skeleton(config: Any) -> str:
  """Returns the skeleton of the keypoints that the model sees; '' of none."""
  facts = datasets.get(config.dataset.name)
  return sizes.skeleton(input_sizes(config), facts)


def check_training(config: Any, data: Data) -> None:
  """Checks that a model can learn from some data as configured.

  An evaluation asks for none of this.

  Raises:
    UserError: no batch holds a pair for the losses that compare pairs.
  """
  index = data.source.index.take(data.train)
  for name, labels in losses.pairs_in(config.losses).items():
    _check_pairs(config, f'config.losses.{name}', labels, index)


def learns_views(config: Any) -> bool:
  """Returns whether a loss of the config reads the view of a sequence."""
  return 'view' in losses.labels_of(config.losses).values()


def _check_pairs(config: Any, loss: str, labels: str, index: Index) -> None:
  """Raises UserError where no batch has a pair of equal labels and a third.

  Copies of a sequence are a pair too.
  """
  sampler = sampling.batch_spec(config.batch).sampler
  copies = _copies(config) or 1
  if labels == 'subject' and isinstance(sampler, samplers.PK):
    several = int((np.unique(index.subject, return_counts=True)[1] > 1).sum())
    alone = sampler.sequences < 2 or several < 2
    if sampler.subjects < 2 or (alone and copies < 2):
      raise UserError(
        f'{loss} compares two walks of a person with walks of others: a batch '
        'must hold two walks each of at least two people, but '
        f'config.batch.subjects is {sampler.subjects}, config.batch.sequences '
        f'is {sampler.sequences}, and {several} training subjects have two '
        'walks or more'
      )
    return
  # Which sequences are drawn does not depend on other labels.
  names = {
    'subject': index.subject,
    'view': index.view,
    'condition': index.condition,
  }
  values = names.get(labels, np.arange(len(index)))
  counts = np.unique(np.asarray(values), return_counts=True)[1]
  rows = sampler.rows
  alone = copies < 2 and (rows < 3 or counts.max() < 2)
  if rows < 2 or len(counts) < 2 or alone:
    raise UserError(
      f'{loss} compares rows of the same {labels} with rows of another, but '
      f'config.batch has {rows} rows and the training sequences have '
      f'{len(counts)} values of {labels}, {int((counts > 1).sum())} of them '
      'more than once: no batch holds a pair; copies of a sequence '
      "(config.augment with dict(name='copies', count=2)) are pairs"
    )


def _copies(config: Any) -> int | None:
  """Returns how many copies of a sequence a batch holds; None if it has none.

  Raises:
    UserError: both the sampler and config.augment make some.
  """
  windows, made = _windows(config), transform_lists.copies(config.augment)
  if windows > 1 and made is not None:
    raise UserError(
      f'config.batch.sampler is {config.batch.sampler!r}, whose {windows} '
      "windows of a sequence are copies already: leave 'copies' out of "
      'config.augment'
    )
  return windows if windows > 1 else made


def _windows(config: Any) -> int:
  """Returns how many windows of a sequence the sampler takes."""
  return sampling.batch_spec(config.batch).sampler.windows


def create_augmentation(config: Any) -> augment.Transform:
  """Returns what config.augment does to training inputs.

  Raises:
    UserError: an unknown name or option, or copies of a sampler's windows.
  """
  _copies(config)
  return _create(config, config.augment, 'config.augment')


def create_transform(config: Any) -> augment.Transform:
  """Returns what config.evaluation.transform does to the inputs.

  Raises:
    UserError: an unknown name or option, or a random one.
  """
  return _create(
    config,
    config.evaluation.transform,
    'config.evaluation.transform',
    random=False,
  )


def _create(
  config: Any, chosen: Any, where: str, *, random: bool = True
) -> augment.Transform:
  """Returns a transform that was tried on a small batch, without computing."""
  seen = input_sizes(config)
  transform = augment.create(
    chosen,
    skeleton=skeleton(config),
    modalities=tuple(seen),
    width={
      name: modalities.get(name).width(size) for name, size in seen.items()
    },
    where=where,
    random=random,
  )
  inputs = _small_inputs(config, whole=transform.crops)
  mask = jax.ShapeDtypeStruct((_ROWS, _FRAMES), jnp.bool_)
  with in_section(where):
    jax.eval_shape(transform, inputs, mask, jax.random.key(0))
  return transform


def _small_inputs(config: Any, *, whole: bool) -> Any:
  """Describes a small batch before its transforms.

  Args:
    config: the run's.
    whole: whether they cut the columns; then frames are about square.
  """
  found = {}
  for name, size in input_sizes(config).items():
    row = modalities.get(name)
    frame = row.input_frame(row.uncut(size) if whole else size)
    shape = (_ROWS, _FRAMES, *frame)
    found[name] = jax.ShapeDtypeStruct(shape, jnp.float32)
  return found if len(found) > 1 else next(iter(found.values()))


def _small_batch(config: Any) -> dict[str, jax.ShapeDtypeStruct]:
  """Describes a small batch as a loss may read it."""
  made = _copies(config)
  copies = () if made is None else (made,)
  label = jax.ShapeDtypeStruct((_ROWS,), jnp.int32)
  return {
    **dict.fromkeys(losses.LABELS, label),
    'mask': jax.ShapeDtypeStruct((_ROWS, *copies, _FRAMES), jnp.bool_),
  }


def create_model(config: Any, *, training: bool = True) -> nnx.Module:
  """Returns config.model_name's model with its initial weights.

  Args:
    config: the run's.
    training: whether it computes in config.model.dtype, otherwise in
      config.evaluation.dtype.

  Raises:
    UserError: no such model, or it does not take these fields.
  """
  name, options = config.model_name, config.model.to_dict()
  if not training:
    # A run's own config may be older than the field.
    options['dtype'] = config.evaluation.get('dtype', 'float32')
  if name in models.names() or '.' in name:
    with in_section('config.model_name'):
      allowed = models.fields(name)
    fields.check(allowed, options, 'config.model')
  with in_section('config.model'):
    try:
      model = models.create(
        name,
        rngs=nnx.Rngs(config.seed),
        size=_model_size(config),
        **options,
      )
    except BadValue:
      if name not in models.names() and '.' not in name:
        raise wrong_choice(
          f'config.model_name is {name!r}', name, models.names()
        ) from None
      raise
  if training:
    create_groups(config).hold_statistics(model)
  return model


def create_groups(config: Any) -> groups.Groups:
  """Returns config.optimizer.groups.

  Raises:
    UserError: a field of it is wrong.
  """
  return groups.read(config.optimizer.get('groups', {}))


def _model_size(config: Any) -> tuple[int, ...] | None:
  """Returns the size of the frames of a model that sees one modality."""
  found = list(input_sizes(config).values())
  return found[0] if len(found) == 1 else None


def describe_model(
  config: Any, mesh: Mesh
) -> tuple[nnx.GraphDef, Arrays, Arrays]:
  """Returns a model's static part and the shapes and places of its arrays.

  It is one to evaluate, and computes in config.evaluation.dtype.

  Raises:
    UserError: no such model, or it does not take these fields or frames.
  """
  graphdef, params, stats, _ = _describe(config, training=False)
  return graphdef, _place(params, mesh), _place(stats, mesh)


def _describe(
  config: Any, *, training: bool
) -> tuple[nnx.GraphDef, Arrays, Arrays, GaitOutput]:
  """Returns a model's parts and its output on a small batch, all abstract."""
  change = (create_augmentation if training else create_transform)(config)
  abstract = nnx.eval_shape(lambda: create_model(config, training=training))
  small = _small_inputs(config, whole=change.crops)
  windows = _windows(config) if training else 1
  graphdef, params, stats = states.split(abstract)

  def call(params: Arrays, stats: Arrays) -> GaitOutput:
    key = jax.random.key(0) if training else None
    inputs = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), small)
    mask = jnp.ones((_ROWS, _FRAMES), bool)
    model = states.join(graphdef, params, stats)
    changed = change(inputs, mask, key)
    if windows > 1:
      changed = jax.tree.map(lambda x: jnp.stack([x] * windows, 1), changed)
    return steps.call(model, *changed, train=training, key=key)

  seen = ', '.join(
    f'config.inputs.{name}.size={size}'
    for name, size in input_sizes(config).items()
  )
  with in_section(f'config.model, at {seen}'):
    return graphdef, params, stats, jax.eval_shape(call, params, stats)


def _place(tree: Any, mesh: Mesh) -> Any:
  """Returns a tree of shapes with the shardings that the rules give them."""
  return jax.tree.map(
    lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s),
    tree,
    meshes.shardings(tree, mesh),
  )


def create_optimizer(config: Any) -> tuple[Any, Any]:
  """Returns config.optimizer and its learning rate by update count.

  Where config.average starts within the run, the optimizer keeps the mean;
  with config.teacher, the weights of the teacher.

  Raises:
    UserError: a field of these sections is wrong.
  """
  optimizer, rate = optimizers.create(
    config.optimizer, config.schedule, config.total_steps
  )
  start, every = config.average.start, config.average.every
  if start > 1:
    raise UserError(
      f'config.average.start is {start}; it is a part of the run, 0 to 1'
    )
  if start < 1:
    # Not one step early where the product is just below a whole number; at
    # least the weights before the last update are counted.
    first = int(start * config.total_steps + 1e-6)
    first = min(first, config.total_steps - 1)
    optimizer = optax.chain(optimizer, averaging.average(first, every))
  if 'teacher' in config:
    with in_section('config.teacher'):
      teacher = averaging.teacher(**config.teacher)
    optimizer = optax.chain(optimizer, teacher)
  return optimizer, rate


def describe_state(config: Any, mesh: Mesh) -> tuple[nnx.GraphDef, TrainState]:
  """Returns a model's static part and the shapes and places of a run's state.

  Raises:
    UserError: the config's model, losses or optimizer is wrong.
  """
  optimizer, _ = create_optimizer(config)
  graphdef, params, stats, output = _describe(config, training=True)
  groups.check(create_groups(config), params, stats)
  if 'teacher' in config:
    output = steps.taught(output, output)
  with in_section('config.losses'):
    jax.eval_shape(create_losses(config), output, _small_batch(config))
  start = functools.partial(states.create, optimizer=optimizer)
  state = jax.eval_shape(start, params, stats)
  return graphdef, _place(state, mesh)


def create_state(
  config: Any, like: TrainState, taken: initial.Taken | None = None
) -> TrainState:
  """Returns the state of step 0, placed as `describe_state` says.

  Args:
    config: the run's.
    like: of `describe_state`.
    taken: weights that take the place of the seed's.
  """
  optimizer, _ = create_optimizer(config)
  _, params, stats = states.split(create_model(config))
  if taken is not None:
    params, stats = taken.fill(params, 'params/'), taken.fill(stats, 'stats/')
  state = states.create(params, stats, optimizer)
  return jax.device_put(state, shardings_of(like))


def shardings_of(state: Any) -> Any:
  """Returns where the arrays of a state live."""
  return jax.tree.map(lambda leaf: leaf.sharding, state)


def create_losses(config: Any) -> LossFn:
  """Returns the loss function of config.losses.

  Raises:
    UserError: an unknown loss or option.
  """
  for name, options in config.losses.items():
    kind = options.get('kind', name)
    if kind not in losses.LOSSES and '.' not in kind:
      raise wrong_choice(f'unknown loss {kind!r}', kind, losses.LOSSES)
    given, where = options.to_dict(), f'config.losses.{name}'
    given.pop('kind', None)
    weight = given.pop('weight', 1.0)
    if fields.problem(weight, float, -math.inf):
      raise UserError(f'{where}.weight is {weight!r}; it must be a number')
    with in_section(where):
      function = losses.function(kind)
    settings.check_options(function, given, where)
  with in_section('config.losses'):
    return losses.create(config.losses.to_dict())
