"""The composition root: settings, environment, URLs and what looks at the whole."""
