"""Tests that run before anything is built. They turn off the fault that tally/fault.py may hold."""
