"""Opening a trained run: the options, its config and its model."""

import argparse
import pathlib
from collections.abc import Iterator
from typing import NamedTuple, Self

import jax
import numpy as np
from flax import nnx
from jax.sharding import Mesh
from ml_collections import ConfigDict

from gaitgs_jax import cloud
from gaitgs_jax.apps import config_file, shipped
from gaitgs_jax.errors import UserError, one_line
from gaitgs_jax.input import datasets, pipeline
from gaitgs_jax.input.augment import Transform
from gaitgs_jax.input.sources import Source
from gaitgs_jax.interop import from_torch, torch_file
from gaitgs_jax.modalities import Shapes
from gaitgs_jax.training import (
  checkpoint,
  checks,
  compilation,
  embedding,
  facts,
  meshes,
  preprocessing,
  restoring,
  setup,
  states,
)
from gaitgs_jax.training.states import Arrays


class Trained(NamedTuple):
  """A trained model.

  Attributes:
    config: of its run, with the facts that it was built with.
    step: number of updates made.
    mesh: where it computes.
    graphdef: its static part, of `states.split`.
    params: its weights.
    stats: its statistics.
    sizes: of the frames that it sees, see `input.augment.inputs`.
    transform: what happens to them, of `input.augment.create`.
  """

  config: ConfigDict
  step: int
  mesh: Mesh
  graphdef: nnx.GraphDef
  params: Arrays
  stats: Arrays
  sizes: Shapes
  transform: Transform

  @classmethod
  def of(
    cls,
    config: ConfigDict,
    step: int,
    mesh: Mesh,
    graphdef: nnx.GraphDef,
    params: Arrays,
    stats: Arrays,
  ) -> Self:
    """Returns a model that sees what its config says."""
    sizes = preprocessing.input_sizes(config)
    transform = preprocessing.create_transform(config)
    return cls(config, step, mesh, graphdef, params, stats, sizes, transform)

  def batches(
    self, source: Source, rows: np.ndarray, batch_frames: int
  ) -> Iterator[pipeline.Batch]:
    """Yields sequences of a source, see `pipeline.evaluation_batches`."""
    return pipeline.evaluation_batches(
      source,
      rows,
      batch_frames,
      dataset=datasets.get(self.config.dataset.name),
      # A run's own config may be older than the field.
      frames_max=self.config.evaluation.get('frames_max', 0),
    )

  def embed(
    self, source: Source, rows: np.ndarray, batch_frames: int
  ) -> np.ndarray:
    """Returns the embeddings float32 [N,p,d] of sequences of a source.

    Args:
      source: whose frames have the size that the run was trained on.
      rows: of its index [N].
      batch_frames: at a time, padding included.

    Raises:
      UserError: a sequence cannot be read.
    """
    embed_fn = embedding.make_embed(
      self.graphdef, sizes=self.sizes, transform=self.transform, mesh=self.mesh
    )
    batches = self.batches(source, rows, batch_frames)
    embeddings, found = embedding.embed(
      embed_fn, self.params, self.stats, batches, rows, mesh=self.mesh
    )
    assert found.all()
    return embeddings


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Declares the options that say which run."""
  parser.add_argument(
    '--workdir',
    required=True,
    metavar='DIR',
    help='of the trained run, or the name of a model of the package',
  )
  parser.add_argument(
    '--config',
    default='',
    metavar='FILE',
    help="the run's config (default: the one that its workdir keeps)",
  )
  parser.add_argument(
    '--checkpoint',
    default='',
    metavar='PATH',
    help='a path, or best: the best evaluated one of the workdir (default: its'
    ' latest)',
  )


def read_config(args: argparse.Namespace) -> ConfigDict:
  """Returns the config that the options name, checked.

  Raises:
    UserError: there is none, or a field that using the model takes is wrong.
  """
  config = config_file.of_run(args.workdir, args.config)
  checks.check_model(config)
  return config


def note_synthetic(config: ConfigDict) -> None:
  """Prints what a model that saw no real people is worth, if it is one."""
  learned = setup.trained_on(config)
  if learned.is_synthetic:
    print(
      f'note: this model was trained on {learned.title} alone; its distances'
      ' between real people say little about who they are'
    )


def find(config: ConfigDict, workdir: str, chosen: str) -> pathlib.Path:
  """Returns what `restore` takes: a checkpoint's folder, or a file.

  Args:
    config: of the run.
    workdir: of the run, or the name of a model of the package.
    chosen: see `checkpoint.choose`.

  Raises:
    UserError: there is no such checkpoint, or a model of the package has no
      others.
  """
  if not shipped.is_one(workdir):
    return checkpoint.choose(workdir, chosen)
  if chosen:
    raise UserError(
      f'--checkpoint={one_line(chosen)}: {workdir} comes with the package, with'
      ' one checkpoint; leave the option out'
    )
  return shipped.weights(workdir)


def restore(
  config: ConfigDict, folder: pathlib.Path, *, devices: int = -1
) -> Trained:
  """Returns the model in a checkpoint, or in a file of weights.

  Args:
    config: of the run.
    folder: of the checkpoint, or a PyTorch or safetensors file, see `find`.
    devices: how many compute; -1 for all.

  Raises:
    UserError: the checkpoint does not fit the config, or cannot be read.
  """
  compilation.keep()
  if not cloud.is_url(folder) and folder.is_file():
    return _of_file(config, folder, meshes.create(devices))
  compilation.check_machine()
  mesh = meshes.create(devices)
  config = facts.of_checkpoint(config, folder)
  graphdef, params, stats = setup.describe_model(config, mesh)
  step, params, stats = restoring.restore_model(folder, params, stats)
  return Trained.of(config, step, mesh, graphdef, params, stats)


def _of_file(config: ConfigDict, path: pathlib.Path, mesh: Mesh) -> Trained:
  model = from_torch(
    config.model_name,
    torch_file.read_checkpoint(str(path)),
    **config.model.to_dict(),
  )
  graphdef, params, stats = states.split(model)
  params, stats = jax.device_put((params, stats), meshes.replicated(mesh))
  return Trained.of(config, 0, mesh, graphdef, params, stats)
