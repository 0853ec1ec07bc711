"""Side-by-side measurements: fer-exp against what people would use instead, in one run, as ratios.

Machines are noisy, so nothing here is a test: each measurement runs both sides alternately and prints the medians,
their ratio and how many times it measured. `python -m benchmarks` runs all of them.
"""
