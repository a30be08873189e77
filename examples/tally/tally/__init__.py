"""Tally counts votes: a small real service that Headway's demo and tests take to production and back."""
