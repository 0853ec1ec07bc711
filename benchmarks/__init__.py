"""Side-by-side measurements: fer-exp against what people would use instead, in one run, as ratios.

Machines are noisy, so nothing here is a test: each row runs its sides in turns and shows medians, their spread and how
often it measured. `make bench` runs all of them and writes one table; `python -m benchmarks NAME...` runs some.

sides.py     sides measured in turns, and rows of the table
subjects.py  which module measures what
table.py     rows as text, Markdown and JSON
machine.py   what it was measured on
setting.py   data and size of a run
bare.py      the baseline in plain Keras, as someone would write it without fer-exp
fakes.py     trials that train nothing, and campaigns to put around them
toy.py       a campaign of small networks on drawn faces
peers/       the same searches by other packages, each a script of its own
"""
