from faults import kills


def test_a_run_that_was_killed_ends_as_a_whole_one(tmp_path):
  # This seed's kill waits until a checkpoint is being written.
  assert kills.run(tmp_path, kills=1, seed=4) == []
