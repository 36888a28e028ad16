from faults import kills


def test_a_run_that_was_killed_ends_as_a_whole_one(tmp_path):
  assert kills.run(tmp_path, kills=2, seed=0) == []
