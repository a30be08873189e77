"""Timetables, late changes, go/no-go, hotfixes and their merge-forward."""
