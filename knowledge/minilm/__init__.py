"""The local embedding model: its graph, its files and the script that builds the graph."""
