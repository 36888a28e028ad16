"""From a config to the parts of a run, one builder each."""

import contextlib
import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax.sharding import Mesh

from gaitgs_jax import losses, models
from gaitgs_jax.errors import UserError, one_line, wrong_choice
from gaitgs_jax.input import augment, datasets, partitions, sources
from gaitgs_jax.input import unreadable as unreadables
from gaitgs_jax.input.index import Index
from gaitgs_jax.models import GaitOutput
from gaitgs_jax.training import averaging, settings
from gaitgs_jax.training import mesh as meshes
from gaitgs_jax.training import optimizer as optimizers
from gaitgs_jax.training import state as states
from gaitgs_jax.training.state import Arrays, TrainState
from gaitgs_jax.training.step import LossFn

# The batch on which a model and its losses are tried, without computing.
_ROWS, _FRAMES = 4, 6
# Losses that compare sequences of the batch with one another.
_OF_PAIRS = ('triplet', 'supervised_contrastive')


@dataclasses.dataclass(frozen=True)
class Data:
  """A dataset and its partition.

  Attributes:
    source: see `input.sources.Source`.
    train: rows of the source's index to learn from.
    test: rows to evaluate on.
    unreadable: takes note of sequences to do without; None if there must be
      none.
    columns: what the partition says of each sequence, bool [N] by name.
  """

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
def as_user_error(section: str) -> Iterator[None]:
  """Converts errors caused by bad config values into a UserError.

  Raises:
    UserError: the config's section does not fit.
  """
  try:
    yield
  except (
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
  ) as error:
    raise UserError(f'{section}: {one_line(error)}') from error


def open_data(config: Any, *, training: bool = False) -> Data:
  """Opens config.dataset and splits it.

  Args:
    config: the run's.
    training: whether the training subjects must be there too.

  Raises:
    UserError: no such data, or it lacks subjects of the partition.
  """
  unreadable = unreadables.create(config.dataset)
  source = sources.open_source(config.dataset, unreadable)
  partition = partitions.load_partition(config.dataset)
  train, test = partitions.split(source.index, partition, training=training)
  columns = partitions.columns(source.index, partition)
  return Data(source, train, test, unreadable, columns)


def check_training(config: Any, data: Data) -> None:
  """Checks that a model can learn from some data as configured.

  An evaluation asks for none of this.

  Raises:
    UserError: there are too few classes for the people or views, or no batch in
      which the losses find a pair.
  """
  index = data.source.index.take(data.train)
  needed = [('num_classes', len(np.unique(index.subject)), 'training subjects')]
  if learns_views(config):
    views = datasets.view_classes(config.dataset.name, index.view)
    needed.append(('num_views', len(views), 'views'))
  for field, count, what in needed:
    given = config.model.get(field)
    if given is not None and given < count:
      raise UserError(
        f'config.model.{field} is {given}, but {config.dataset.name} has '
        f'{count} {what}: set config.model.{field}={count}'
      )
  _check_pairs(config, index.subject)


def learns_views(config: Any) -> bool:
  """Returns whether a loss of the config reads the view of a sequence."""
  return 'view' in _kinds(config)


def _kinds(config: Any) -> list[str]:
  return [each.get('kind', name) for name, each in config.losses.items()]


def _check_pairs(config: Any, subjects: np.ndarray) -> None:
  """Raises UserError where no batch has two walks of a person and a stranger.

  The views of a sequence that `config.augment.views` makes are a pair too.
  """
  names = [kind for kind in _kinds(config) if kind in _OF_PAIRS]
  if not names:
    return
  batch = config.batch
  several = int((np.unique(subjects, return_counts=True)[1] > 1).sum())
  alone = batch.sequences < 2 or several < 2
  if batch.subjects < 2 or (alone and _augmented_views(config) < 2):
    raise UserError(
      f'the loss {names[0]} compares two walks of a person with walks of '
      'others: a batch must hold two walks each of at least two people, but '
      f'config.batch.subjects is {batch.subjects}, config.batch.sequences is '
      f'{batch.sequences}, and {several} training subjects have two walks or '
      'more'
    )


def _augmented_views(config: Any) -> int:
  """Returns how many views of a sequence config.augment makes."""
  return int(config.augment.get('views', {}).get('count', 1))


def create_augmentation(config: Any) -> augment.Transform:
  """Returns what config.augment does to training inputs.

  Raises:
    UserError: an unknown name or option.
  """
  with as_user_error('config.augment'):
    return _try_transform(
      config,
      augment.create(
        config.augment, skeleton=datasets.get(config.dataset.name).skeleton
      ),
    )


def create_transform(config: Any) -> augment.Transform:
  """Returns what config.evaluation.transform does to the inputs.

  Raises:
    UserError: an unknown name or option, or a random one.
  """
  with as_user_error('config.evaluation.transform'):
    return _try_transform(
      config,
      augment.create(
        config.evaluation.transform,
        skeleton=datasets.get(config.dataset.name).skeleton,
        where='config.evaluation.transform',
        random=False,
      ),
    )


def _try_transform(
  config: Any, transform: augment.Transform
) -> augment.Transform:
  """Applies a transform to a small batch, without computing; returns it."""
  inputs = jax.ShapeDtypeStruct(_input_shape(config), jnp.float32)
  mask = jax.ShapeDtypeStruct((_ROWS, _FRAMES), jnp.bool_)
  jax.eval_shape(transform, inputs, mask, jax.random.key(0))
  return transform


def _input_shape(config: Any) -> tuple[int, ...]:
  """Returns the shape of a small batch of a model's inputs."""
  is_skeleton = bool(datasets.get(config.dataset.name).skeleton)
  frame = (
    tuple(config.dataset.size) if is_skeleton else (*config.dataset.size, 1)
  )
  return (_ROWS, _FRAMES, *frame)


def create_model(config: Any, *, training: bool = True) -> nnx.Module:
  """Returns config.model_name's model with its initial weights.

  Args:
    config: the run's.
    training: whether it computes in config.model.dtype, otherwise in
      config.evaluation.dtype.

  Raises:
    UserError: no such model, or it does not take these fields.
  """
  name, fields = config.model_name, config.model.to_dict()
  if not training:
    # A run's own config may be older than the field.
    fields['dtype'] = config.evaluation.get('dtype', 'float32')
  with as_user_error('config.model'):
    try:
      return models.create(
        name,
        rngs=nnx.Rngs(config.seed),
        size=tuple(config.dataset.size),
        **fields,
      )
    except ValueError:
      if name not in models.names():
        raise wrong_choice(
          f'config.model_name is {name!r}', name, models.names()
        ) from None
      raise


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
  if training:
    _check_views(config, abstract)
  shape = _input_shape(config)
  graphdef, params, stats = states.split(abstract)

  def call(params: Arrays, stats: Arrays) -> GaitOutput:
    key = jax.random.key(0) if training else None
    inputs = jnp.zeros(shape)
    mask = jnp.ones((_ROWS, _FRAMES), bool)
    model = states.join(graphdef, params, stats)
    return model(*change(inputs, mask, key), train=training, key=key)

  size = tuple(config.dataset.size)
  with as_user_error(f'config.model, at config.dataset.size={size}'):
    return graphdef, params, stats, jax.eval_shape(call, params, stats)


def _check_views(config: Any, model: nnx.Module) -> None:
  """Raises UserError unless the model takes as many views as are made."""
  made, taken = _augmented_views(config), getattr(model, 'views', 1)
  # Layers of other models may be called so.
  if isinstance(taken, int) and made != taken:
    raise UserError(
      f'config.augment.views makes {made} of each sequence, but the model '
      f'takes {taken}: set config.augment.views.count to config.model.views, '
      'or take it out for a model without such a field'
    )


def _place(tree: Any, mesh: Mesh) -> Any:
  """Returns a tree of shapes with the shardings that the rules give them."""
  return jax.tree.map(
    lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s),
    tree,
    meshes.shardings(tree, mesh),
  )


def create_optimizer(config: Any) -> tuple[Any, Any]:
  """Returns config.optimizer and its learning rate by update count.

  Where config.average starts within the run, the optimizer keeps the mean.

  Raises:
    UserError: a field of these sections is wrong.
  """
  with as_user_error('config.optimizer and config.schedule'):
    optimizer, rate = optimizers.create(
      config.optimizer, config.schedule, config.total_steps
    )
  start, every = config.average.start, config.average.every
  statistics = config.average.statistics_steps
  with as_user_error('config.average'):
    wrong = not 0 <= start <= 1 or every < 1 or statistics < 0
  if wrong or not isinstance(statistics, int):
    raise UserError(
      f'config.average has start {start!r}, every {every!r} and '
      f'statistics_steps {statistics!r}: start is a part of the run, 0 to 1, '
      'every a number of steps, 1 or more, and statistics_steps 0 or more'
    )
  if start < 1:
    # Not one step early where the product is just below a whole number; at
    # least the weights before the last update are counted.
    first = int(start * config.total_steps + 1e-6)
    first = min(first, config.total_steps - 1)
    optimizer = optax.chain(optimizer, averaging.average(first, every))
  return optimizer, rate


def describe_state(config: Any, mesh: Mesh) -> tuple[nnx.GraphDef, TrainState]:
  """Returns a model's static part and the shapes and places of a run's state.

  Raises:
    UserError: the config's model, losses or optimizer is wrong.
  """
  optimizer, _ = create_optimizer(config)
  graphdef, params, stats, output = _describe(config, training=True)
  labels = jax.ShapeDtypeStruct((_ROWS,), jnp.int32)
  with as_user_error('config.losses'):
    batch = {'subject': labels, 'view': labels, 'condition': labels}
    jax.eval_shape(create_losses(config), output, batch)
  start = functools.partial(states.create, optimizer=optimizer)
  state = jax.eval_shape(start, params, stats)
  with as_user_error('config.optimizer and config.schedule'):
    jax.eval_shape(optimizer.update, params, state.opt_state, params)
  return graphdef, _place(state, mesh)


def create_state(config: Any, like: TrainState) -> TrainState:
  """Returns the state of step 0, placed as `describe_state` says."""
  optimizer, _ = create_optimizer(config)
  _, params, stats = states.split(create_model(config))
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
  with as_user_error('config.losses'):
    for name, options in config.losses.items():
      kind = options.get('kind', name)
      if kind not in losses.LOSSES:
        raise wrong_choice(f'unknown loss {kind!r}', kind, losses.LOSSES)
      settings.check_options(
        losses.LOSSES[kind],
        [key for key in options if key not in ('weight', 'kind')],
        f'config.losses.{name}',
      )
    return losses.create(config.losses.to_dict())
