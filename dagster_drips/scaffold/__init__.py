"""Files to begin with: a project, a sequence, a segment, and the JSON Schemas that editors check such files by.

Valid as they stand, and commented for whoever writes the first one. Files that are there are never changed here.
"""
