"""Seeing what the sequences do before they do it: replays over history.

Everything here works on throw-away copies and never sends.
"""
