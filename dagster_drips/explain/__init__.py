"""Why a person got each mail of each sequence, or did not.

Here belong asking for it, as of the last tick or an earlier one, and telling it with the person's own times. What does
not: reasons, values and sentences, which are SQL (`marts.explanations`).
"""
