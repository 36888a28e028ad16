"""Rankings as the files that benchmarks with withheld answers take."""

import csv
import io
import os
import pathlib
from collections.abc import Mapping

import numpy as np

from gaitgs_jax import atomic
from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import ranking
from gaitgs_jax.evaluation.protocols.evaluation import Evaluation
from gaitgs_jax.evaluation.protocols.forms import FORMS, Form
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
  evaluation = Evaluation.of(
    protocol,
    embeddings,
    subjects,
    conditions,
    views,
    metric=metric,
    columns=columns,
  )
  write(path, evaluation)


def write(path: str | os.PathLike, evaluation: Evaluation) -> None:
  """Writes what `submit` writes; see there."""
  form, selection = _form(evaluation.rules), evaluation.selection
  text = io.StringIO()
  writer = csv.writer(text, lineterminator='\n')
  writer.writerow(form.header)
  for group in selection.groups:
    probes = group.probe_rows()
    order = _ranked(evaluation, group, form)
    found = selection.columns['subject'][order]
    videos = _videos(selection.columns, probes)
    for video, nearest in zip(videos.tolist(), found.tolist(), strict=True):
      writer.writerow([video, *(_subject(each, form) for each in nearest)])
  atomic.write(pathlib.Path(path), text.getvalue())


def _videos(
  columns: Mapping[str, np.ndarray], probes: np.ndarray
) -> np.ndarray:
  """Returns the names of the probes' videos.

  They are the views, or, as OpenGait lays out HID 2022, the conditions where
  these differ and the views do not.
  """
  views, conditions = (columns[each][probes] for each in ('view', 'condition'))
  are_conditions = (
    len(np.unique(views)) < len(np.unique(conditions)) == len(probes)
  )
  return conditions if are_conditions else views


def _form(rules: Protocol) -> Form:
  if not rules.submission:
    raise UserError(
      f'protocol {rules.name!r} has nothing to submit: `evaluate` counts it'
    )
  return FORMS[rules.submission]


def _ranked(evaluation: Evaluation, group: Group, form: Form) -> np.ndarray:
  """Returns the rows of the nearest of each probe, int [n, ranks]."""
  gallery, count = group.gallery, len(form.header) - 1
  if len(gallery) < count:
    raise UserError(
      f'a submission of protocol {evaluation.rules.name!r} ranks {count} '
      f'sequences of the gallery, and it has {len(gallery)}'
    )
  if evaluation.rules.rerank is None:
    return ranking.nearest_rows(
      evaluation.embeddings,
      group.probe_rows(),
      [gallery],
      count,
      metric=evaluation.metric,
    )[:, 0]
  return np.concatenate(
    [
      gallery[np.argsort(block, axis=1, kind='stable')[:, :count]]
      for _, block in evaluation.distance_blocks(group)
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
