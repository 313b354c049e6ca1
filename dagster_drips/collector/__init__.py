"""Links that come back: signed tokens now, and the collector that reads them.

Nothing here opens the warehouse: a token says all that is needed to record what somebody did.
"""
