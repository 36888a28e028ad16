"""Video in, walks out: people are found, tracked, cut out and judged."""
