"""The collector: the one server of a project, for links in messages, preferences, events and providers' webhooks.

Here belongs HTTP: what a request must be, what it means as rows, and how it is answered. Rows leave by the landing
folders (`landing.writer`); nothing here opens the warehouse, decides about leads, or imports what does.
"""
