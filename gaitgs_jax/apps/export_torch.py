"""`python -m gaitgs_jax export-torch`: a run's model for the original code."""

import argparse

from gaitgs_jax import atomic, cloud
from gaitgs_jax.apps import trained
from gaitgs_jax.interop import container, safetensors, to_torch
from gaitgs_jax.interop.torch_file import write_checkpoint
from gaitgs_jax.training import states


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Declares the command's options."""
  trained.add_arguments(parser)
  parser.add_argument(
    '--out',
    required=True,
    metavar='FILE',
    help='the .pt or .safetensors file to write',
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
  config = trained.read_config(args)
  found = trained.find(config, args.workdir, args.checkpoint)
  model = trained.restore(config, found)
  name, options = config.model_name, model.config.model.to_dict()
  joined = states.join(model.graphdef, model.params, model.stats)
  state_dict = to_torch(name, joined, **options)
  key, prefix = container(name, **options)
  if out.suffix == safetensors.SUFFIX:
    key = ''
  write_checkpoint(out, state_dict, key, prefix)
  under = f'under {key!r}' if key else 'and nothing else'
  print(
    f'wrote {out}: {len(state_dict)} arrays of step {model.step}, {under}'
    + (f', {prefix!r} in front of every name' if prefix else '')
    + ".\nThe optimizer's state is not carried over."
  )
