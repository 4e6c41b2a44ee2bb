"""The benchmark of what goes past one machine: executors, key streams, inventories.

`scripts/bench-scale` runs it. A table is a function that takes the settings and gives a
`driver.report.Table`, in a file of its subject; `tables.py` names them all.
"""
