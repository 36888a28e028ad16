"""The fixed fields of a config, and what each of them means."""

# Every field with a fixed name -> what it means; docs/config.md is made of it.
# The other fields of a section are options of what it names, or described where
# they are read (`choices.py` collects them).
MEANINGS: dict[str, str] = {
  'seed': 'Of the initial weights, the batches and everything else drawn.',
  'total_steps': 'Updates of the whole run.',
  'log_every': 'Steps between lines on the screen and rows of metrics.csv.',
  'tensorboard': 'Whether to write TensorBoard events too (needs clu).',
  'dataset.name': 'A dataset of `input/datasets.py`.',
  'dataset.variant': (
    "A variant of the dataset; '' takes that of the height of the frames, or "
    'the first one of skeletons.'
  ),
  'dataset.format': (
    "'tfds' (prepared), or 'opengait': a tree of pickles, read in place."
  ),
  'dataset.root': (
    "Folder of the prepared datasets ('' for the default of TFDS), or the tree."
  ),
  'dataset.pair': (
    "Of frames that not all of several modalities have: 'exact' refuses them, "
    "'intersect' takes those that all have."
  ),
  'dataset.cache': "'ram' keeps what was read; '' reads again.",
  'dataset.partition': (
    'Who trains and who is tested: a path to a JSON file or the name of a '
    "published partition; '' takes the dataset's own."
  ),
  'dataset.on_error': (
    "At a sequence that cannot be read: 'raise' ends the run, 'skip' goes on "
    'without it.'
  ),
  'gallery': (
    'What differs where the gallery of an evaluation is from, such as another '
    'sensor: `dataset` and `inputs`, with those of their fields.'
  ),
  'others': (
    'With `--mode=evaluate`: further data to evaluate on, a label of your own '
    '-> `dataset`, `inputs` and `protocol`, as far as they differ.'
  ),
  'mixture': (
    'Datasets to train on in place of `dataset`, which is then only evaluated: '
    'a label of your own -> fields as those of `dataset`, without `on_error`. '
    "With `name='own'` and no partition everybody trains."
  ),
  'inputs': (
    'What the model sees: modality -> `size`, of its frames; their table is '
    'below.'
  ),
  'accumulate': 'Parts that a batch is computed in, to save memory.',
  'remat': (
    'What is computed again in the backward pass, to save memory: '
    "'none', 'stem' or 'all'."
  ),
  'augment': (
    'Transforms of the inputs in training, in their order: '
    'dict(name=..., options); the table of them is below. A name with dots is '
    "a function of the user's own: it takes x [s,...], one sequence, then any "
    'of mask, key, nearest, width and skeleton, and its options after a *.'
  ),
  'model_name': (
    "A file of `gaitgs_jax/models`, or a module of one's own by dotted name."
  ),
  'model': 'Options of the model; see its table below.',
  'losses': (
    'Name in the log -> options, `weight` and `kind`; kind is one of the '
    "losses below, the name itself by default, or a function of one's own by "
    'dotted name.'
  ),
  'optimizer.name': 'An optimizer of the table below.',
  'optimizer.learning_rate': 'The base rate, which the schedule scales.',
  'schedule.name': 'A schedule of the table below.',
  'evaluation.protocol': (
    "A protocol of the table below, a JSON file of one's own, or a dotted "
    "name (docs/protocols.md); '' for none."
  ),
  'evaluation.metric': "Distance of embeddings: 'euclidean' or 'cosine'.",
  'evaluation.dtype': (
    'What the model computes in when it is evaluated, embeds or explains: '
    "'float32', 'bfloat16' or 'float16'."
  ),
  'evaluation.every_steps': 'Steps between evaluations.',
  'evaluation.batch_frames': (
    'Frames that are embedded at once, padding included; a longer sequence is '
    'a batch of its own.'
  ),
  'evaluation.frames_max': (
    'Only the first so many frames of a sequence are embedded; 0 for all.'
  ),
  'evaluation.untrained': 'Whether to evaluate the initial weights too.',
  'evaluation.baseline': 'Whether to evaluate a baseline without learning too.',
  'evaluation.verification': (
    'Whether to count errors of verification and of open sets too: EER, TAR, '
    'DIR, in docs/protocols.md.'
  ),
  'evaluation.transform': (
    'Transforms of the inputs in evaluation: those below that draw nothing.'
  ),
  'published.protocol': 'Protocol of the figures that this config claims.',
  'published.dataset': 'Their dataset.',
  'published.model_name': 'Their model.',
  'published.inputs': (
    'What their model sees: modality -> size. They are shown next to a run of '
    'the same.'
  ),
  'published.numbers': (
    'The figures in percent, named as in results: NM/rank1, '
    'NM/rank1_by_probe_view.'
  ),
  'average.start': (
    'Part of the run after which weights are averaged, 0 to 1; 1 is never.'
  ),
  'average.every': 'Steps between the weights that are averaged.',
  'average.statistics_steps': (
    "Batches at the end that renew BatchNorm's statistics for the average."
  ),
  'checkpoint.every_steps': 'Steps between checkpoints.',
  'mesh.data': 'Devices that share a batch; -1 takes all that remain.',
  'mesh.model': 'Devices that share the identity head.',
}
