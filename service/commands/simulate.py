"""``faultline simulate``: history and incidents with known truth, from the seeded simulator."""
