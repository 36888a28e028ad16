"""Measures the thresholds of a model of the package, for galleries.

  python -m benchmarks.thresholds --model=gaitgs_synthetic --root=runs/data \
      --out=thresholds.json

The protocols of walkers compare views with one another, and strangers who are
seen from one side come nearer than that. Here the two walks in usual clothes of
each person who is tested are compared within each view; a gallery takes the
smallest distance of all views for a rate.
"""

import argparse
import dataclasses
import pathlib

import numpy as np

from gaitgs_jax.apps import config_file, trained
from gaitgs_jax.evaluation import protocols, result_files, verification
from gaitgs_jax.training import setup

# The walk that is enrolled, and the one that is compared.
_WALKS = ('nm-01', 'nm-05')


def main() -> None:
  """Writes the file that `--evaluation` takes."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--model', required=True)
  parser.add_argument('--root', required=True)
  parser.add_argument('--out', required=True, type=pathlib.Path)
  args = parser.parse_args()
  config = config_file.load(args.model)
  config.dataset.root = args.root
  model = trained.restore(config, trained.find(config, args.model, ''))
  data = setup.open_data(config)
  index = data.index(data.test)
  rows = data.test[np.isin(index.condition, _WALKS)]
  embeddings = model.embed(data.source, rows, config.evaluation.batch_frames)
  index = data.index(rows)
  protocol = protocols.get_protocol('casia_b')
  protocol = dataclasses.replace(protocol, dropped=())
  found: protocols.Result = {}
  for view in np.unique(index.view).tolist():
    seen = index.view == view
    labels = (index.subject, index.condition, index.view)
    result = verification.verify(
      protocol,
      embeddings[seen],
      *(each[seen] for each in labels),
      metric=config.evaluation.metric,
    )
    found |= {
      f'{view}/{name.partition("/")[2]}': result[name]
      for name in ('NM/thresholds', 'NM/EER', 'NM/TAR@1e-2')
    }
    print(f'{view}: EER {result["NM/EER"]:.1f} %')
  dataset = f'{config.dataset.name}, within views'
  metric = config.evaluation.metric
  result_files.save(found, args.out, metric=metric, dataset=dataset)


if __name__ == '__main__':
  main()
