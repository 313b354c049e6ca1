"""Landing files written by this project's own processes: the collector and the mailbox.

Here belongs only how a row gets on disk for good; what rows mean is said by whoever writes them, and reading them is
the rest of `landing`.
"""
