"""`python -m gaitgs_jax import-torch`: a checkpoint of published weights."""

import argparse

from gaitgs_jax import cloud
from gaitgs_jax.apps import config_file
from gaitgs_jax.interop import from_torch
from gaitgs_jax.interop.torch_file import read_checkpoint
from gaitgs_jax.training import checkpoint, holding, settings, states, workdirs


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Declares the command's options."""
  parser.add_argument(
    '--config', required=True, metavar='FILE', help="the model's config"
  )
  parser.add_argument(
    '--checkpoint',
    required=True,
    metavar='FILE',
    help='the .pt or .safetensors file, or hf://owner/repository/path',
  )
  parser.add_argument(
    '--workdir', required=True, metavar='DIR', help='where the result goes'
  )


def run(args: argparse.Namespace) -> None:
  """Writes the file's weights as an Orbax checkpoint of step 0.

  The optimizer's state is not carried over.

  Raises:
    UserError: the config, the file or the workdir is wrong, or the weights do
      not fit the model.
  """
  config = config_file.load(args.config)
  settings.check(config)
  state_dict = read_checkpoint(args.checkpoint)
  model = from_torch(config.model_name, state_dict, **config.model.to_dict())
  folder = cloud.folder(args.workdir)
  with holding.hold(folder), workdirs.full_disk_as_user_error(folder):
    checkpoint.check_new(folder)
    workdirs.check_config(folder, config, step=0)
    _, params, stats = states.split(model)
    # The checkpoint comes last: without it, the same command goes on.
    workdirs.write_facts(folder, config, params)
    saved = checkpoint.save_model(folder, params, stats)
  print(
    f'wrote {saved}; evaluate it with: python -m gaitgs_jax '
    f'evaluate --config={args.config} --workdir={args.workdir}\n'
    "The optimizer's state is not carried over: training starts it again."
  )
