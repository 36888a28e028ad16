import pytest
from faults import trials


@pytest.mark.parametrize(
  ('kind', 'seed'),
  [
    pytest.param(kind, seed, id=f'{kind.name} {seed}')
    for kind in trials.kinds()
    for seed in range(kind.short)
  ],
)
def test_a_fault_ends_as_it_should(tmp_path, kind, seed):
  kind.run(seed, tmp_path)
