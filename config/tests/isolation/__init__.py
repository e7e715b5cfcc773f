"""That nobody's data reaches anybody else: a state machine over every endpoint."""
