"""What is known: documents, their passages, and search by meaning."""
