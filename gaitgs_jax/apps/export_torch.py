"""`python -m gaitgs_jax export-torch`: a run's model for the original code."""

import argparse

from gaitgs_jax import atomic, cloud
from gaitgs_jax.apps import config_file
from gaitgs_jax.interop import container, to_torch
from gaitgs_jax.interop.torch_file import write_checkpoint
from gaitgs_jax.training import checkpoint, checks, facts, setup, state
from gaitgs_jax.training import mesh as meshes


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Declares the command's options."""
  parser.add_argument(
    '--workdir', required=True, metavar='DIR', help='of the trained run'
  )
  parser.add_argument(
    '--out', required=True, metavar='FILE', help='the .pt file to write'
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


def run(args: argparse.Namespace) -> None:
  """Writes a checkpoint's weights as the original repository saves them.

  The optimizer's state is not carried over.

  Raises:
    UserError: the run or its checkpoint is not there or does not fit, PyTorch
      is missing, or the file cannot be written.
  """
  out = cloud.folder(args.out)
  atomic.check_writable(out)
  config = config_file.of_run(args.workdir, args.config)
  checks.check_model(config)
  found = checkpoint.choose(args.workdir, args.checkpoint)
  config = facts.of_checkpoint(config, found)
  graphdef, params, stats = setup.describe_model(config, meshes.create())
  step, params, stats = checkpoint.restore_model(found, params, stats)
  name, options = config.model_name, config.model.to_dict()
  state_dict = to_torch(name, state.join(graphdef, params, stats), **options)
  key, prefix = container(name, **options)
  write_checkpoint(out, state_dict, key, prefix)
  under = f'under {key!r}' if key else 'and nothing else'
  print(
    f'wrote {out}: {len(state_dict)} arrays of step {step}, {under}'
    + (f', {prefix!r} in front of every name' if prefix else '')
    + ".\nThe optimizer's state is not carried over."
  )
