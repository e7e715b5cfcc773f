"""What tasks and documents have in common as resources: versions, a trash, an order of changes, lists, safe retries."""
