"""No module of the package imports itself through others."""

import graphlib

from test_imports import ROOT, imported, modules


def test_no_modules_import_one_another_in_a_circle():
  paths = {
    '.'.join(path.relative_to(ROOT).with_suffix('').parts): path
    for path in modules('gaitgs_jax')
  }
  needs = {
    name: {
      each
      for found in imported(path, nested=False)
      for each in (found, found.rpartition('.')[0])
      if each in paths and each != name
    }
    for name, path in paths.items()
  }
  graphlib.TopologicalSorter(needs).prepare()
