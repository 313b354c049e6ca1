"""Files to begin with: a sequence, a segment. Valid as they stand, and commented for whoever writes the first one."""
