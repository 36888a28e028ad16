"""People known by their walks: who is stored, and who walks here."""

from gaitgs_jax.gallery.calibration import Calibration
from gaitgs_jax.gallery.identification import Answer, Candidate, identify
from gaitgs_jax.gallery.people import Backend, InMemory, Near
from gaitgs_jax.gallery.records import Enrolled, Model, Person, Walk
from gaitgs_jax.gallery.search import ExactTiles, Index
from gaitgs_jax.gallery.store import Store

__all__ = [
  'Answer',
  'Backend',
  'Calibration',
  'Candidate',
  'Enrolled',
  'ExactTiles',
  'InMemory',
  'Index',
  'Model',
  'Near',
  'Person',
  'Store',
  'Walk',
  'identify',
]
