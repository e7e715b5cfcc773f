"""The contract every endpoint keeps: problem+json errors, strict bodies and parameters, keyset lists."""
