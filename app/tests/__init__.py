"""Tests of the Business Planner."""
