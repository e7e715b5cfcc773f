"""The measured claims. Each benchmark brings its own instance, prints figures, and asserts nothing."""
