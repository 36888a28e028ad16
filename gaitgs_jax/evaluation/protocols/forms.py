"""What the benchmarks with withheld answers take."""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Form:
  """What a benchmark takes: a row of each probe, with its nearest subjects.

  Attributes:
    header: names of the columns; the first is that of the probe's video, each
      of the others is one rank.
    whole: whether subjects are written as whole numbers.
  """

  header: tuple[str, ...]
  whole: bool = False


# The name of a video is the view of its sequence.
FORMS: Mapping[str, Form] = {
  'grew': Form(('videoId', *(f'rank{k}' for k in range(1, 21))), whole=True),
  'hid': Form(('videoID', 'label')),
  'mgr': Form(('videoID', 'label')),
}
