"""Rankings as the files that benchmarks with withheld answers take."""

import csv
import io
import os
import pathlib
from collections.abc import Mapping

import numpy as np

from gaitgs_jax import atomic
from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import distance, ranking
from gaitgs_jax.evaluation.protocols import counting
from gaitgs_jax.evaluation.protocols.forms import FORMS, Form
from gaitgs_jax.evaluation.protocols.named import get_protocol
from gaitgs_jax.evaluation.protocols.rules import Protocol
from gaitgs_jax.evaluation.protocols.selection import Group, Labels


def submit(
  path: str | os.PathLike,
  protocol: str | Protocol,
  embeddings: np.ndarray,
  subjects: Labels,
  conditions: Labels,
  views: Labels,
  *,
  metric: str = 'euclidean',
  columns: Mapping[str, Labels] | None = None,
) -> None:
  """Writes the ranking of a protocol's probes as its benchmark takes it.

  Args:
    path: the CSV file to write.
    protocol: one with a `submission`.
    embeddings: as the other arguments, see `evaluate`.
    subjects: N names; those of the probes are not looked at.
    conditions: N names.
    views: N names, of the probes the names of their videos.
    metric: 'euclidean' or 'cosine'.
    columns: what else the protocol looks at.

  Raises:
    UserError: as `evaluate`; or the protocol has no submission, the gallery is
      smaller than the ranks that are asked for, or a subject is not a number
      where numbers are.
  """
  rules = get_protocol(protocol)
  distance.check_metric(metric)
  form = _form(rules)
  embeddings = np.asarray(embeddings)
  selection = counting.check(
    rules, embeddings, subjects, conditions, views, columns
  )
  text = io.StringIO()
  writer = csv.writer(text, lineterminator='\n')
  writer.writerow(form.header)
  for group in selection.groups:
    probes = group.probe_rows()
    order = _ranked(embeddings, group, rules, form, metric)
    found = selection.columns['subject'][order]
    videos = selection.columns['view'][probes]
    for video, nearest in zip(videos.tolist(), found.tolist(), strict=True):
      writer.writerow([video, *(_subject(each, form) for each in nearest)])
  atomic.write(pathlib.Path(path), text.getvalue())


def _form(rules: Protocol) -> Form:
  if not rules.submission:
    raise UserError(
      f'protocol {rules.name!r} has nothing to submit: `evaluate` counts it'
    )
  return FORMS[rules.submission]


def _ranked(
  embeddings: np.ndarray,
  group: Group,
  rules: Protocol,
  form: Form,
  metric: str,
) -> np.ndarray:
  """Returns the rows of the nearest of each probe, int [n, ranks]."""
  probes, gallery, count = (
    group.probe_rows(),
    group.gallery,
    len(form.header) - 1,
  )
  if len(gallery) < count:
    raise UserError(
      f'a submission of protocol {rules.name!r} ranks {count} sequences of the '
      f'gallery, and it has {len(gallery)}'
    )
  if rules.rerank is None:
    return ranking.nearest_rows(
      embeddings, probes, [gallery], count, metric=metric
    )[:, 0]
  blocks = counting.distance_blocks(embeddings, probes, gallery, rules, metric)
  return np.concatenate(
    [
      gallery[np.argsort(block, axis=1, kind='stable')[:, :count]]
      for _, block in blocks
    ]
  )


def _subject(name: str, form: Form) -> str:
  if not form.whole:
    return name
  if not name.isdecimal():
    raise UserError(
      f'subject {name!r} is not a number, and the submission takes numbers; '
      'name the subjects as the dataset does'
    )
  return str(int(name))
