"""What would happen if the working files went live: two trees of files lived forward over the same data, and compared.

What belongs here: the two trees, running each side, what differs for people and why, warnings, and how it is told. What
does not: ticks and replays (`pipeline`), rules (dbt).
"""
