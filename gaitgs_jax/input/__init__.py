"""From files to batches: sources, sampling, pipeline, augmentation."""
