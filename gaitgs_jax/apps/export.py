"""`python -m gaitgs_jax export`: a program that embeds without this package."""

import argparse
import io
import json
import zipfile
from typing import Any

import jax
import numpy as np

from gaitgs_jax import atomic, cloud, exported, modalities
from gaitgs_jax.apps import trained
from gaitgs_jax.training import exporting, fingerprint


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Declares the command's options."""
  trained.add_arguments(parser)
  parser.add_argument(
    '--out', required=True, metavar='FILE', help='the file to write'
  )


def run(args: argparse.Namespace) -> None:
  """Writes a checkpoint as a file for `gaitgs_jax.exported`.

  Raises:
    UserError: the run or its checkpoint is not there or does not fit, or the
      file cannot be written.
  """
  out = cloud.folder(args.out)
  atomic.check_writable(out)
  config = trained.read_config(args)
  found = trained.find(config, args.workdir, args.checkpoint)
  model = trained.restore(config, found)
  data = packed(model)
  atomic.write(out, data)
  print(
    f'wrote {out}: {config.model_name} of step {model.step},'
    f' {len(data) / 1e6:.1f} MB, for {", ".join(exporting.PLATFORMS)}'
  )


def packed(model: trained.Trained) -> bytes:
  """Returns a model as the bytes of a file for `gaitgs_jax.exported`."""
  program = exporting.create(
    model.graphdef,
    model.params,
    model.stats,
    sizes=model.sizes,
    transform=model.transform,
  )
  buffer = io.BytesIO()
  weights = program.weights.values()
  with zipfile.ZipFile(buffer, 'w', zipfile.ZIP_STORED) as archive:
    for name, content in (
      (exported.FACTS, json.dumps(_facts(model, program), indent=1)),
      (exported.PROGRAM, bytes(program.exported.serialize())),
      (exported.WEIGHTS, b''.join(each.tobytes() for each in weights)),
    ):
      # Without a date.
      archive.writestr(zipfile.ZipInfo(name), content)
  return buffer.getvalue()


def _facts(
  model: trained.Trained, program: exporting.Program
) -> dict[str, Any]:
  """Returns what a file says of its model."""
  config = model.config
  return {
    'format': exported.FORMAT,
    'version': exported.VERSION,
    'model': config.model_name,
    'step': model.step,
    'fingerprint': fingerprint.fingerprint(config, model.params, model.stats),
    'metric': config.evaluation.metric,
    'inputs': {
      name: {
        'dtype': np.dtype(frame.dtype).name,
        'shape': frame.shape,
        'width': _width(name),
      }
      for name, frame in program.frames.items()
    },
    'frames_step': exporting.FRAMES_STEP,
    'frames_longest': exporting.FRAMES_LONGEST,
    'frames_max': config.evaluation.get('frames_max', 0),
    'platforms': exporting.PLATFORMS,
    'jax': jax.__version__,
    'weights': [
      (name, each.dtype.name, each.shape)
      for name, each in program.weights.items()
    ],
  }


def _width(modality: str) -> int | None:
  """Returns which axis of a frame is its width, if any."""
  axes = modalities.get(modality).axes
  return axes.index('w') if 'w' in axes else None
