"""From a config to the parts of a run, one builder each."""

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax.sharding import Mesh

from gaitgs_jax import fields, losses, models
from gaitgs_jax.errors import UserError, wrong_choice
from gaitgs_jax.input import (
  datasets,
  mixture,
  opening,
  partitions,
  sizes,
  unreadable,
)
from gaitgs_jax.input.index import Index
from gaitgs_jax.input.unreadable import Unreadable
from gaitgs_jax.models import GaitOutput
from gaitgs_jax.training import (
  averaging,
  elsewhere,
  groups,
  initial,
  meshes,
  optimizers,
  preprocessing,
  settings,
  states,
  steps,
)
from gaitgs_jax.training.states import Arrays, TrainState


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
  unreadable: Unreadable | None = None
  columns: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

  def index(self, rows: np.ndarray) -> Index:
    """Returns what is known of some rows, from data and partition."""
    index = self.source.index.take(rows)
    added = {name: column[rows] for name, column in self.columns.items()}
    return dataclasses.replace(index, columns={**index.columns, **added})


def open_data(config: Any, *, training: bool = False) -> Data:
  """Opens config.dataset and splits it.

  Args:
    config: the run's.
    training: whether the training subjects must be there too.

  Raises:
    UserError: no such data, or it lacks subjects of the partition.
  """
  skipped = unreadable.create(config.dataset)
  source = opening.open_source(
    config.dataset,
    preprocessing.input_sizes(config),
    skipped,
    sizes.files(config.inputs, datasets.get(config.dataset.name)),
  )
  partition = partitions.load_partition(config.dataset)
  train, test = partitions.split(source.index, partition, training=training)
  columns = partitions.columns(source.index, partition)
  dataset = datasets.get(config.dataset.name)
  return Data(dataset, source, train, test, skipped, columns)


def open_gallery(config: Any) -> Data | None:
  """Opens what config.gallery says, None if the gallery is config.dataset's.

  Raises:
    UserError: as `open_data`.
  """
  changed = elsewhere.gallery(config)
  return None if changed is None else open_data(changed)


def open_training(config: Any) -> tuple[Data, Data | None]:
  """Opens what a run learns from, and what it is evaluated on.

  They are the same without config.mixture. The second is None where no protocol
  asks for it, and is not opened then.

  Raises:
    UserError: as `open_data`, or the datasets do not fit together.
  """
  if 'mixture' not in config:
    data = open_data(config, training=True)
    return data, data if config.evaluation.protocol else None
  tested = open_data(config) if config.evaluation.protocol else None
  skipped = tested.unreadable if tested else unreadable.create(config.dataset)
  source, train = mixture.open_sources(config.mixture, config.inputs, skipped)
  facts, nobody = mixture.facts(config.mixture), np.zeros(0, np.int64)
  return Data(facts, source, train, nobody, skipped), tested


def trained_on(config: Any) -> datasets.Dataset:
  """Returns the facts on what a run learns from."""
  if 'mixture' in config:
    return mixture.facts(config.mixture)
  return datasets.get(config.dataset.name)


def learned_labels(config: Any) -> set[str]:
  """Returns which labels of a sequence the config's losses read."""
  return set(losses.labels_of(config.losses).values())


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
  known = name in models.names() or '.' in name
  if known:
    with settings.in_section('config.model_name'):
      allowed = models.fields(name)
    fields.check(allowed, options, 'config.model')
  rngs, size = nnx.Rngs(config.seed), _model_size(config)
  try:
    with settings.in_section('config.model'):
      model = models.create(name, rngs=rngs, size=size, **options)
  except UserError as error:
    if known:
      raise
    what = f'config.model_name is {name!r}'
    raise wrong_choice(what, name, models.names()) from error
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
  found = list(preprocessing.input_sizes(config).values())
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
  return graphdef, _with_shardings(params, mesh), _with_shardings(stats, mesh)


def _describe(
  config: Any, *, training: bool
) -> tuple[nnx.GraphDef, Arrays, Arrays, GaitOutput]:
  """Returns a model's parts and its output on a small batch, all abstract."""
  change = (
    preprocessing.create_augmentation
    if training
    else preprocessing.create_transform
  )(config)
  abstract = nnx.eval_shape(lambda: create_model(config, training=training))
  _check_inputs(config)
  small = preprocessing.small_inputs(config, whole=change.crops)
  windows = preprocessing.windows(config) if training else 1
  graphdef, params, stats = states.split(abstract)

  def call(params: Arrays, stats: Arrays) -> GaitOutput:
    key = jax.random.key(0) if training else None
    inputs = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), small)
    mask = jnp.ones((preprocessing.ROWS, preprocessing.FRAMES), bool)
    model = states.join(graphdef, params, stats)
    changed = change(inputs, mask, key)
    if windows > 1:
      changed = jax.tree.map(lambda x: jnp.stack([x] * windows, 1), changed)
    return steps.call(model, *changed, train=training, key=key)

  seen = ', '.join(
    f'config.inputs.{name}.size={size}'
    for name, size in preprocessing.input_sizes(config).items()
  )
  with settings.in_section(f'config.model, at {seen}'):
    return graphdef, params, stats, jax.eval_shape(call, params, stats)


def _check_inputs(config: Any) -> None:
  """Raises UserError where a model is for other inputs than the config's."""
  name, given = config.model_name, [*config.inputs]
  wanted = models.inputs(name) if name in models.names() else ()
  if wanted and {*wanted} != {*given}:
    raise UserError(
      f'config.inputs is {", ".join(given)}, but {name} is for '
      f'{", ".join(wanted)}'
    )


def _with_shardings(tree: Any, mesh: Mesh) -> Any:
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
    with settings.in_section('config.teacher'):
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
  with settings.in_section('config.losses'):
    jax.eval_shape(
      create_losses(config), output, preprocessing.small_batch(config)
    )
  start = functools.partial(states.create, optimizer=optimizer)
  state = jax.eval_shape(start, params, stats)
  return graphdef, _with_shardings(state, mesh)


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


def create_losses(config: Any) -> losses.LossFn:
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
    with settings.in_section(where):
      function = losses.function(kind)
    fields.check(fields.keyword_only(function), given, where)
  with settings.in_section('config.losses'):
    return losses.create(config.losses.to_dict())
