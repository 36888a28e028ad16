import pathlib
import re

import numpy as np

PAGE = pathlib.Path(__file__).parents[1] / 'docs/arrays.md'


def test_the_snippet_runs_as_it_stands(capsys):
  snippet = re.search(r'```python\n(.*?)```', PAGE.read_text(), re.DOTALL)
  values = {}
  exec(snippet.group(1), values)
  assert values['embeddings'].shape[0] == 4
  assert np.isfinite(values['embeddings']).all()
  assert values['table']['NM/rank1'] in (0, 50, 100)
  assert values['found'].rows.shape == (2, 1)
  rank1, found = capsys.readouterr().out.splitlines()[0], values['found']
  assert rank1 == str(values['table']['NM/rank1'])
  assert found.distances.shape == (2, 1)
