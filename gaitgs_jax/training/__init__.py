"""From a config to a trained model: state, step, checkpoints, loop."""
