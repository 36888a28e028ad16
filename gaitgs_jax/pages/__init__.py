"""HTML pages about runs: each is one file that needs no other, no network."""
