"""People known by their walks: who is stored, and who walks here."""

from gaitgs_jax.gallery.calibration import Calibration
from gaitgs_jax.gallery.identification import Answer, Candidate, identify
from gaitgs_jax.gallery.search import Backend, ExactTiles
from gaitgs_jax.gallery.store import Enrolled, Model, Store, Walk

__all__ = [
  'Answer',
  'Backend',
  'Calibration',
  'Candidate',
  'Enrolled',
  'ExactTiles',
  'Model',
  'Store',
  'Walk',
  'identify',
]
