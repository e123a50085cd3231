"""Faults and horizons picked from predictions, and their scores against labels."""
