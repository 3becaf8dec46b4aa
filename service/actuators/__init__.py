"""Hands that act on a system, behind the Actuator port."""
