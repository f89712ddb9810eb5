"""Decisions over time: trends, thresholds, breakers, budgets. Pure: time and chance are arguments, nothing is kept here."""
