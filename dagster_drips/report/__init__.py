"""The weekly report: one mail that tells the project's own people what a week was like, against the week before.

Here belong its numbers (`numbers`, from what is published), charts, words, and sending it once a week (`weekly`).
Numbers of the warehouse are dbt's; how one message goes out is `delivery.single`'s.
"""
